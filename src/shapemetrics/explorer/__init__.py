"""An interactive page of embeddings, dendrograms and distances that works offline."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
