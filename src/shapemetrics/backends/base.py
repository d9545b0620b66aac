"""What metrics ask of an array library, and certified routes to nuclear norms."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from shapemetrics.backends.largest_norm import largest_nuclear_norm
from shapemetrics.linalg import Array

#: From nuclear norms and bounds on their errors to bounds on the errors of distances.
ErrorOf = Callable[[Array, Array], Array]


class Backend(Protocol):
    """What a metric asks of an array library."""

    name: str
    tolerance: float | None

    @property
    def on_cpu(self) -> bool:
        """Whether it computes on the CPU, where several workers share the cores."""
        ...

    def asarray(self, X: Array) -> Any:
        """A NumPy array as an array of the library, on its device."""
        ...

    def to_numpy(self, X: Any) -> Array:
        """An array of the library as one of NumPy's, in its own precision."""
        ...

    def concatenate(self, parts: Sequence[Any]) -> Any:
        """Arrays of the library one after another along their first axis."""
        ...

    def nuclear_norms(self, C: Any, error_of: ErrorOf | None = None) -> Array:
        """Nuclear norms of a stack of the library's matrices, as a NumPy array in float64."""
        ...

    def largest_norms(
        self, C: Any, error_of: ErrorOf | None = None
    ) -> tuple[Array, npt.NDArray[np.intp]]:
        """Of each stack (..., s, p, q) the largest nuclear norm, and which matrix has it."""
        ...

    def polar_factors(self, C: Any) -> Any:
        """Rotations that maximise <C, R>, for a stack of the library's matrices."""
        ...


@dataclass
class CertifiedNorms:
    """The fast route to nuclear norms where its certificate holds, and the exact one elsewhere.

    For each shape of matrices the first batch says whether the fast route is worth trying: on
    trained networks cross-covariances are so ill-conditioned that certificates hardly ever hold,
    and then trying costs more than it saves.
    """

    tolerance: float | None = None
    _worth: dict[tuple[int, ...], bool] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def nuclear_norms(self, C: Any, error_of: ErrorOf | None = None) -> Array:
        """Nuclear norms of a stack of matrices (..., p, q)."""
        fast = self._certified(C, tuple(C.shape[-2:]), error_of, self._fast)
        if fast is None:
            return self._exact(C)
        values, held = fast
        if not held.all():
            values[~held] = self._exact(self._some(C, ~held))
        return values

    def largest_norms(
        self, C: Any, error_of: ErrorOf | None = None
    ) -> tuple[Array, npt.NDArray[np.intp]]:
        """Of each stack of matrices (..., s, p, q) the largest nuclear norm, and its matrix.

        Bounds on all norms of a stack bound its largest, so no singular values are needed to
        tell which one that is; where the bounds are too wide, exact ones prune the stack first.
        """
        chosen = np.zeros(tuple(C.shape[:-3]), dtype=np.intp)

        def fast_largest(C: Any) -> tuple[Array, Array]:
            norms, bounds = self._fast(C)
            with np.errstate(invalid="ignore"):  # bounds may be infinite
                low, high = (norms - bounds).max(axis=-1), (norms + bounds).max(axis=-1)
                chosen[...] = (norms - bounds).argmax(axis=-1)
                return 0.5 * (low + high), 0.5 * (high - low)

        fast = self._certified(C, tuple(C.shape[-3:]), error_of, fast_largest)
        if fast is None:
            return self._largest_exactly(C)
        values, held = fast
        if not held.all():
            values[~held], chosen[~held] = self._largest_exactly(self._some(C, ~held))
        return values, chosen

    def _certified(
        self,
        C: Any,
        shape: tuple[int, ...],
        error_of: ErrorOf | None,
        fast: Callable[[Any], tuple[Array, Array]],
    ) -> tuple[Array, npt.NDArray[np.bool_]] | None:
        """Values by the fast route and whether their certificate holds; None if not worth it."""
        tolerance = self._allowed(C)
        if tolerance is None or error_of is None or not self._worth.get(shape, True):
            return None
        values, bounds = fast(C)
        held = error_of(values, bounds) <= tolerance  # what is not a number fails
        with self._lock:
            self._worth.setdefault(shape, bool(held.mean() >= 0.5))
        return values, held

    def _largest_exactly(self, C: Any) -> tuple[Array, npt.NDArray[np.intp]]:
        shape = tuple(C.shape[:-3])
        stacks = self.to_numpy(C).reshape(-1, *C.shape[-3:])
        found = [largest_nuclear_norm(stack) for stack in stacks]
        chosen = np.array([index for index, _ in found], dtype=np.intp)
        return np.array([value for _, value in found]).reshape(shape), chosen.reshape(shape)

    def to_numpy(self, X: Any) -> Array:
        """An array of the library as one of NumPy's, in its own precision."""
        return X

    def _allowed(self, C: Any) -> float | None:
        return self.tolerance

    def _exact(self, C: Any) -> Array:
        raise NotImplementedError

    def _fast(self, C: Any) -> tuple[Array, Array]:
        """Nuclear norms and bounds on their errors."""
        raise NotImplementedError

    def _some(self, C: Any, chosen: np.ndarray) -> Any:
        """The matrices of a stack that are chosen."""
        return C[chosen]
