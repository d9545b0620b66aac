"""Shape metrics on neural representations: true distances between networks and brain regions.

The package has five floors, and imports only downwards: learning, geometry, pairwise, metrics,
and on the ground the representation store and linear algebra. Datasets stand on the store alone.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from shapemetrics.pairwise import cross_distances, pairwise_distances
from shapemetrics.store import RepresentationStore, StoreWriter

try:
    __version__ = version("shapemetrics")
except PackageNotFoundError:  # a bare source tree on sys.path
    __version__ = "0+unknown"

__all__ = [
    "RepresentationStore",
    "StoreWriter",
    "__version__",
    "cross_distances",
    "pairwise_distances",
]
