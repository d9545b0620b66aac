"""All pairs: each representation is prepared once, then compared in stacks."""

from __future__ import annotations

from shapemetrics.extras import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
