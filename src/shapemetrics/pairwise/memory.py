"""What all pairs take in memory, and whether that is free."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from shapemetrics.limits import available_memory, describe_free


def check_memory(arrays: Sequence[Any], n_pairs: int, dtype: np.dtype) -> None:
    """Refuse, before anything is computed, what cannot fit into the memory that is free.

    Most prepared networks take what their arrays do in the working precision, and every pair one
    number. What comes on top (a tile for each thread) is bounded. :func:`check_prepared` is for
    those that take more.

    Raises
    ------
    MemoryError
        With what is needed and what is free.
    """
    needed = sum(map(size_of, arrays)) * dtype.itemsize + n_pairs * 8
    _check_free(needed, f"{len(arrays)} representations and {n_pairs} distances")


def check_prepared(prepared: Any, array: Any, arrays: Sequence[Any]) -> None:
    """Refuse what cannot fit once prepared, told from the first network that is.

    Gram matrices and the like grow with the square of the number of stimuli.

    Raises
    ------
    MemoryError
        With what is needed and what is free.
    """
    if size_of(array):
        growth = prepared_bytes(prepared) / size_of(array)
        _check_free(growth * sum(map(size_of, arrays)), f"{len(arrays)} prepared representations")


def prepared_bytes(prepared: Any) -> int:
    """Bytes of all arrays of a prepared network."""
    values = (getattr(prepared, field.name) for field in dataclasses.fields(prepared))
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))


def size_of(array: Any) -> int:
    """Numbers in an array; 0 where it does not tell, as a list does not."""
    shape = getattr(array, "shape", None)
    return math.prod(shape) if shape else 0


def _check_free(needed: float, what: str) -> None:
    free = _free_memory()
    if free is not None and needed > free:
        raise MemoryError(
            f"{what} need {needed / 1e9:.1f} GB, "
            f"and {describe_free(free)}; give scratch=FOLDER to work out of core, or take "
            "fewer stimuli or units, n_components, or dtype='float32'"
        )


def _free_memory() -> int | None:
    return available_memory()
