# Names of this package, for type checkers and editors; __init__.py loads them when first used.
from .conformance import check_dataset as check_dataset
from .files import FilesDataset as FilesDataset
from .models import ModelsDataset as ModelsDataset
from .protocol import (
    Dataset as Dataset,
)
from .protocol import (
    Representation as Representation,
)
from .protocol import (
    write_store as write_store,
)
