"""The collections of representations that all doors take, read one at a time."""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from shapemetrics.arrays import as_numeric, digest_of, in_order
from shapemetrics.metrics.base import Prepared
from shapemetrics.stimuli import StimulusOrder
from shapemetrics.store.reader import RepresentationStore

Arrays = Sequence[Any] | Mapping[str, Any] | RepresentationStore

#: Bytes that are copied at a time to compute a digest.
DIGESTED_BYTES = 2**20


class Networks:
    """Representations by name, read one at a time, their stimuli in one order.

    Parameters
    ----------
    arrays : sequence, mapping from name to array-like, or RepresentationStore
        Also an object of one's own with a length and items that are read when asked.
    what : str
        What messages call the collection.
    order : StimulusOrder, optional
        The order of stimuli that these share with others.

    Attributes
    ----------
    names : list of str
    """

    def __init__(
        self, arrays: Arrays, what: str = "arrays", order: StimulusOrder | None = None
    ) -> None:
        self.order = order or StimulusOrder()
        self._lock = threading.Lock()
        self._arrays: Any = arrays
        self._keys: list[Any] | None = None
        self._rows: np.ndarray | None = None  # of a store, where its stimuli are put elsewhere
        self._is_labelled = False
        in_memory = False
        if isinstance(arrays, RepresentationStore):
            self.names = arrays.ids
            self._is_labelled = arrays.stimuli is not None
        elif isinstance(arrays, Mapping):
            self._keys = list(arrays)
            self.names = [str(name) for name in arrays]
            in_memory = isinstance(arrays, dict)
        else:
            self._arrays = _sequence(arrays, what)
            self.names = [f"array {i}" for i in range(len(self._arrays))]
            in_memory = isinstance(self._arrays, list | tuple)
        if not self.names:
            raise ValueError(f"{what}: found no representations, expected at least one")
        if self._is_labelled:
            self._rows = self.order.rows(self._arrays.stimuli, f"{what} ({self._arrays.path.name})")
        if in_memory:  # labels that differ are told before anything is computed
            for name, X in zip(self.names, self.values()):
                if type(X).__module__.partition(".")[0] in ("pandas", "xarray"):
                    in_order(as_numeric(X, name), self.order, name)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def is_named(self) -> bool:
        """Whether the collection itself names its representations."""
        return self._keys is not None or isinstance(self._arrays, RepresentationStore)

    def values(self) -> list[Any]:
        """What the collection holds, as it holds it; of a store memory-mapped."""
        return [self.read(i) for i in range(len(self))]

    def read(self, i: int) -> Any:
        """What the collection holds at a position, as it holds it."""
        if isinstance(self._arrays, RepresentationStore):
            return self._arrays.load(self.names[i])
        return self._arrays[i if self._keys is None else self._keys[i]]

    def responses(self, i: int) -> Any:
        """Responses of the network at a position, its stimuli in the shared order.

        Returns
        -------
        NumericArray, tuple or Prepared
            A tuple (means and covariances) and a prepared network are handed on as they are.
        """
        X = self.read(i)
        if isinstance(X, tuple | Prepared):
            return X
        numeric = as_numeric(X, self.names[i])
        if self._is_labelled:
            values = numeric.values if self._rows is None else numeric.values[self._rows]
            return replace(numeric, values=values, labels=self.order.labels)
        with self._lock:
            return in_order(numeric, self.order, self.names[i])

    def size(self, i: int) -> int:
        """Numbers in the network at a position."""
        X = self.read(i)
        shape = getattr(X, "shape", None)
        if shape is None and not isinstance(X, tuple | Prepared):
            shape = as_numeric(X, self.names[i]).values.shape
        return math.prod(shape) if shape is not None else 0

    def digest(self, i: int) -> str:
        """Of the content: a store's index has it, other arrays are read through once."""
        if isinstance(self._arrays, RepresentationStore):
            content = str(self._arrays.index["sha256"].iloc[i])
            moved = self._rows is not None
            return f"{content} {digest_of(self.order.labels)}" if moved else content
        total = hashlib.sha256()
        X = self.responses(i)
        for part in X if isinstance(X, tuple) else (X,):
            values = as_numeric(part, self.names[i]).values
            total.update(repr((values.shape, values.dtype.str)).encode())
            rows = max(1, len(values) * DIGESTED_BYTES // max(1, values.nbytes))
            for start in range(0, len(values), rows):
                total.update(values[start : start + rows].tobytes())
        return total.hexdigest()

    def check_same(self, others: Networks, what: str) -> None:
        """ValueError unless `others` are as many networks, of the same names where both have any.

        Parameters
        ----------
        others : Networks
        what : str
            Their parameter, for the message.
        """
        if len(others) != len(self):
            raise ValueError(f"{what}: found {len(others)} networks, expected {len(self)}")
        if others.is_named and self.is_named and others.names != self.names:
            raise ValueError(
                f"{what}: found names that differ from those of the fitted networks, or their "
                "order, expected the same"
            )


def _sequence(arrays: Any, what: str) -> Any:
    """Something with a length and items; one line for what is no collection of arrays."""
    package = type(arrays).__module__.partition(".")[0]
    shape = getattr(arrays, "shape", None)
    if package == "pandas" or (shape is not None and len(shape) < 3):
        kind = type(arrays).__name__
        raise TypeError(
            f"{what}: found one {kind}{'' if shape is None else f' of shape {tuple(shape)}'}, "
            "expected several representations: a list, a mapping from names or a store"
        )
    # An object that has a length and items, but never raises IndexError, must not be iterated.
    if hasattr(arrays, "__len__") and hasattr(arrays, "__getitem__"):
        return arrays
    try:
        return list(arrays)
    except TypeError:
        raise TypeError(
            f"{what}: found {type(arrays).__name__}, expected a list of arrays, a mapping from "
            "names or a store"
        ) from None


def names_and_arrays(arrays: Arrays, what: str = "arrays") -> tuple[list[str], list[np.ndarray]]:
    """Names and NumPy arrays of any of the accepted collections, stimuli in one order."""
    networks = Networks(arrays, what)
    found = []
    for i in range(len(networks)):
        X = networks.responses(i)
        found.append(X if isinstance(X, tuple) else as_numeric(X, networks.names[i]).values)
    return networks.names, found
