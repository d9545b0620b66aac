"""Sources of representations; each turns its own data into a representation store."""

from __future__ import annotations

from shapemetrics.extras import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
