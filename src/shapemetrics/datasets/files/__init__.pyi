# Names of this package, for type checkers and editors; __init__.py loads them when first used.
from .dataset import FilesDataset as FilesDataset
from .readers import read_array as read_array
