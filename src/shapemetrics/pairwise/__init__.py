"""All pairs: representations prepared once, compared block by block."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "blocks": ["load_block", "save_block"],
        "engine": ["cross_distances", "pairwise_distances"],
        "matrix": ["DistanceMatrix"],
    },
)
