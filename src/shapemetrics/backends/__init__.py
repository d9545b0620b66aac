"""Array libraries that metrics compute with: NumPy, and PyTorch for GPUs."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["Backend"],
        "choice": ["get_backend"],
        "numpy_backend": ["EXACT", "NumpyBackend"],
    },
)
