"""Array libraries that metrics compute with: NumPy, and PyTorch for GPUs."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
