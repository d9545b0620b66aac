# Names of this package, for type checkers and editors; __init__.py loads them when first used.
from .extraction import Extracted as Extracted
from .extraction import extract as extract
from .extraction import list_layers as list_layers
from .stimuli import load_model as load_model
from .stimuli import read_stimuli as read_stimuli
