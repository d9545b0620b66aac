# Names of this package, for type checkers and editors; __init__.py loads them when first used.
from .layers import layer_distances as layer_distances
from .limited_samples import MomentEstimate as MomentEstimate
from .limited_samples import moment_angle as moment_angle
from .noise import half_distances as half_distances
from .nulls import (
    DistanceDifference as DistanceDifference,
)
from .nulls import (
    distance_difference as distance_difference,
)
from .nulls import (
    null_distances as null_distances,
)
from .resampling import (
    bootstrap_distances as bootstrap_distances,
)
from .resampling import (
    distance_vs_samples as distance_vs_samples,
)
from .resampling import (
    split_half_floor as split_half_floor,
)
from .signal import SignalDistances as SignalDistances
from .signal import signal_distances as signal_distances
from .signal_checks import signal_bias as signal_bias
from .signal_checks import signal_identification as signal_identification
from .time_resolved import TimeResolvedDistances as TimeResolvedDistances
from .time_resolved import time_resolved_distances as time_resolved_distances
