"""Sources of representations; each turns its own data into a representation store."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "conformance": ["check_dataset"],
        "files": ["FilesDataset"],
        "protocol": ["Dataset", "Representation", "write_store"],
    },
)
