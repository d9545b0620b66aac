# Names of this package, for type checkers and editors; __init__.py loads them when first used.
from .blocks import load_block as load_block
from .blocks import save_block as save_block
from .compare import compare_blocks as compare_blocks
from .compare import get_backend as get_backend
from .cost import estimated_pair_seconds as estimated_pair_seconds
from .engine import cross_distances as cross_distances
from .engine import pairwise_distances as pairwise_distances
from .matrix import DistanceMatrix as DistanceMatrix
from .tiles import Tile as Tile
from .tiles import block_digest as block_digest
from .tiles import gather_tiles as gather_tiles
