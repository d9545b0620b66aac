"""Recordings of any laboratory: NWB 2 files with units, regions and a table of intervals."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
