"""What all pairs take in memory, and whether that is free."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def check_memory(arrays: Sequence[Any], n_pairs: int, dtype: np.dtype) -> None:
    """Refuse, before anything is computed, what cannot fit into the memory that is free.

    Prepared networks take no more than their arrays do in the working precision, and every pair
    one number. What comes on top (a tile for each thread) is bounded.

    Raises
    ------
    MemoryError
        With what is needed and what is free.
    """
    sizes = [int(np.prod(shape)) for a in arrays if (shape := getattr(a, "shape", None))]
    needed = sum(sizes) * dtype.itemsize + n_pairs * 8
    free = _free_memory()
    if free is not None and needed > free:
        raise MemoryError(
            f"{len(arrays)} representations and {n_pairs} distances need {needed / 1e9:.1f} GB, "
            f"and {free / 1e9:.1f} GB are free; give scratch=FOLDER to work out of core, or take "
            "fewer stimuli or units, n_components, or dtype='float32'"
        )


def _free_memory() -> int | None:
    """Bytes that can be had without swapping; None where the system does not tell."""
    try:
        with open("/proc/meminfo", encoding="ascii") as stream:
            facts = dict(line.split(":", 1) for line in stream)
        return int(facts["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None
