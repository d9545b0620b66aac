"""Array libraries that metrics compute with: NumPy, and PyTorch for GPUs."""

from __future__ import annotations

from shapemetrics.extras import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
