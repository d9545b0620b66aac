# Names of this package, for type checkers and editors; __init__.py loads them when first used.
from .base import Backend as Backend
from .choice import get_backend as get_backend
from .numpy_backend import EXACT as EXACT
from .numpy_backend import NumpyBackend as NumpyBackend
