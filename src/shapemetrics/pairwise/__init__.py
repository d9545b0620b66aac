"""All pairs: each representation is prepared once, then compared in stacks."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "blocks": ["load_block", "save_block"],
        "compare": ["compare_blocks", "get_backend"],
        "cost": ["estimated_pair_seconds"],
        "engine": ["cross_distances", "pairwise_distances"],
        "matrix": ["DistanceMatrix"],
        "tiles": ["Tile", "block_digest", "gather_tiles"],
    },
)
