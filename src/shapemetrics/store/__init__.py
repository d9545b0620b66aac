"""The representation store: the one contract that datasets write and distances read.

A store is a folder with ``index.csv`` (one row a representation), one uncompressed ``.npy`` file
each, and ``dataset.json`` (source, stimuli, versions, whether the data are simulated).
"""

from __future__ import annotations

from shapemetrics.extras import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
