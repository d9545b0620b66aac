# Names of this package, for type checkers and editors; __init__.py loads them when first used.
from .choices import ColumnFilter as ColumnFilter
from .choices import Intervals as Intervals
from .choices import UnitColumns as UnitColumns
from .nwb import TrialCounts as TrialCounts
from .nwb import read_nwb as read_nwb
from .nwb_files import dandi_assets as dandi_assets
from .nwb_files import nwb_sessions as nwb_sessions
from .region_trials import nwb_region_trials as nwb_region_trials
from .trials import TrialRules as TrialRules
from .trials import session_responses as session_responses
