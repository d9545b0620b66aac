# Names of this package, for type checkers and editors; __init__.py loads them when first used.
from .arrays import (
    Positions as Positions,
)
from .arrays import (
    check_representation as check_representation,
)
from .arrays import (
    flatten_positions as flatten_positions,
)
from .metadata import (
    DATASET as DATASET,
)
from .metadata import (
    INDEX as INDEX,
)
from .metadata import (
    OWN_COLUMNS as OWN_COLUMNS,
)
from .metadata import (
    read_metadata as read_metadata,
)
from .reader import RepresentationStore as RepresentationStore
from .writer import StoreWriter as StoreWriter
