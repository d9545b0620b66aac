"""The study as data: its configuration, its datasets and metrics, and its jobs."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
