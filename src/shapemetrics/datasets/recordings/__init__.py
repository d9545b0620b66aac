"""Recordings of any laboratory: NWB 2 files with units, regions and a table of intervals."""

from __future__ import annotations

from shapemetrics.extras import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
