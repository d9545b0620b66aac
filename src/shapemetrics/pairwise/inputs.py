"""The collections of representations that all pairs may be asked of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapemetrics.store.reader import RepresentationStore

Arrays = Sequence[Any] | Mapping[str, Any] | RepresentationStore


def named(arrays: Arrays) -> tuple[list[str], list[Any]]:
    """Names and arrays of any of the accepted collections."""
    if isinstance(arrays, RepresentationStore):
        names, values = arrays.ids, arrays.arrays()
    elif isinstance(arrays, Mapping):
        names, values = [str(name) for name in arrays], list(arrays.values())
    else:
        # An object that counts and reads but never says where it ends must not be iterated.
        counted = hasattr(arrays, "__len__") and hasattr(arrays, "__getitem__")
        values = [arrays[i] for i in range(len(arrays))] if counted else list(arrays)
        names = [f"array {i}" for i in range(len(values))]
    if not values:
        raise ValueError("found no representations, expected at least one")
    return names, values


@dataclass(frozen=True)
class Source:
    """Representations that are read one at a time, so that they need not fit into memory.

    Attributes
    ----------
    names : list of str
    arrays : sequence, mapping or RepresentationStore
        Anything of these kinds, such as an object of one's own that reads an array when asked.
    """

    names: list[str]
    arrays: Arrays

    @classmethod
    def of(cls, arrays: Arrays) -> Source:
        """A source of any of the accepted collections."""
        if isinstance(arrays, RepresentationStore):
            names = arrays.ids
        elif isinstance(arrays, Mapping):
            names = [str(name) for name in arrays]
            arrays = _Values(arrays, list(arrays))
        else:
            names = [f"array {i}" for i in range(len(arrays))]
        if not names:
            raise ValueError("found no representations, expected at least one")
        return cls(names, arrays)

    def __len__(self) -> int:
        return len(self.names)

    def read(self, i: int) -> Any:
        """The array at a position; of a store memory-mapped."""
        if isinstance(self.arrays, RepresentationStore):
            return self.arrays.load(self.names[i])
        return self.arrays[i]

    def digest(self, i: int) -> str:
        """Of the content: a store's index has it, other arrays are read through once."""
        if isinstance(self.arrays, RepresentationStore):
            return str(self.arrays.index["sha256"].iloc[i])
        X = np.asarray(self.read(i))
        total = hashlib.sha256(repr((X.shape, X.dtype.str)).encode())
        for row in X:
            total.update(np.ascontiguousarray(row).tobytes())
        return total.hexdigest()


@dataclass(frozen=True)
class _Values:
    """A mapping's values by their position."""

    mapping: Mapping[str, Any]
    keys: list[str]

    def __getitem__(self, i: int) -> Any:
        return self.mapping[self.keys[i]]
