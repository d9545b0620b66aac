"""Shape metrics on neural representations: true distances between networks and brain regions.

The package has floors, and imports only downwards: learning, geometry, estimation, pairwise,
metrics, backends, and on the ground the entrance for arrays, linear algebra and the representation
store. Datasets stand on the store alone.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from shapemetrics.extras import attach_stub

try:
    __version__ = version("shapemetrics")
except PackageNotFoundError:  # a bare source tree on sys.path
    __version__ = "0+unknown"

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
__all__ += ["__version__"]
