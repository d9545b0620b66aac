# Names of this package, for type checkers and editors; __init__.py loads them when first used.
from .page import write_explorer as write_explorer
from .views import CellGraph as CellGraph
from .views import View as View
