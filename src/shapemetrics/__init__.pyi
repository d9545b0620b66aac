# Names of this package, for type checkers and editors; __init__.py loads them when first used.
from . import (
    backends as backends,
)
from . import (
    datasets as datasets,
)
from . import (
    estimation as estimation,
)
from . import (
    explorer as explorer,
)
from . import (
    extract as extract,
)
from . import (
    figures as figures,
)
from . import (
    geometry as geometry,
)
from . import (
    learning as learning,
)
from . import (
    metrics as metrics,
)
from . import (
    pairwise as pairwise,
)
from . import (
    study as study,
)
from . import (
    testing as testing,
)
from .pairwise.engine import (
    cross_distances as cross_distances,
)
from .pairwise.engine import (
    pairwise_distances as pairwise_distances,
)
from .store.reader import RepresentationStore as RepresentationStore
from .store.writer import StoreWriter as StoreWriter

__version__: str
