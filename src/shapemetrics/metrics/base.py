"""What every metric is: prepared once a network, compared in pairs or whole blocks."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from shapemetrics.linalg import Array

Geometry = Literal["angular", "euclidean"]


class Metric(ABC):
    """A dissimilarity between representations.

    Concrete metrics are frozen dataclasses, whose fields are their parameters. A network is
    prepared by itself, so nothing about it depends on its partners and the work is done K times,
    not K^2 times.

    A subclass gives :meth:`prepare` and either ``_compare`` (two prepared networks) or a
    faster :meth:`pairwise` on whole blocks; :meth:`block` may gather what `pairwise` needs.
    """

    #: Whether symmetry, identity and the triangle inequality hold.
    is_metric: ClassVar[bool] = True
    #: Whether d(x, y) = d(y, x), so that one triangle of the matrix suffices.
    symmetric: ClassVar[bool] = True
    #: Array libraries with certified routes that :meth:`block` can put networks on.
    backends: ClassVar[tuple[str, ...]] = ()
    #: Numbers of array axes that `prepare` takes.
    axes: ClassVar[tuple[int, ...]] = (2,)

    @abstractmethod
    def prepare(self, X: Any, *, name: str = "X", dtype: Any = np.float64) -> Any:
        """Do everything that depends on one network only."""

    def distance(self, X: Any, Y: Any) -> float:
        """Distance between two representations, arrays or prepared ones."""
        x, y = self._ready(X, "X"), self._ready(Y, "Y")
        self.check_pair(x, y)
        return float(self._compare(x, y))

    def _compare(self, x: Any, y: Any) -> float:
        return float(self.pairwise(self.block([x]), self.block([y]))[0, 0])

    def check_pair(self, x: Any, y: Any) -> None:
        """ValueError where two prepared networks cannot be compared (numbers of stimuli)."""
        if x.n_samples != y.n_samples:
            raise ValueError(
                f"{x.name!r} has {x.n_samples} stimuli and {y.name!r} {y.n_samples}; "
                "the same stimuli are expected in the same order"
            )

    def block(self, prepared: Sequence[Any]) -> Any:
        """Gather prepared networks into what :meth:`pairwise` reads. By default a list."""
        return list(prepared)

    def pairwise(self, block_a: Any, block_b: Any) -> Array:
        """All distances between two blocks: an array of shape (len(a), len(b))."""
        return np.array([[self._compare(x, y) for y in block_b] for x in block_a], dtype=float)

    def parameters(self) -> dict[str, Any]:
        """Name and parameters, as JSON can hold them."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]
        return {"metric": type(self).__name__, "is_metric": self.is_metric, **fields}

    def _ready(self, X: Any, name: str) -> Any:
        if isinstance(X, np.ndarray) or np.isscalar(X) or isinstance(X, list | tuple):
            return self.prepare(X, name=name)
        return X


def check_array(
    X: Any, name: str, *, axes: tuple[int, ...] = (2,), min_stimuli: int = 2
) -> np.ndarray:
    """Return `X` as a real floating array, or raise one clear line.

    Parameters
    ----------
    X : array-like
        Responses, stimuli on the first axis.
    name : str
        Network's name, for the message.
    axes : tuple of int
        Allowed numbers of axes.
    min_stimuli : int
        Fewest stimuli.

    Returns
    -------
    ndarray
        float64, or the floating type that the array came in.

    Raises
    ------
    TypeError
        For complex, object, boolean, text and other dtypes.
    ValueError
        For a wrong number of axes, an empty array, too few stimuli, NaN or infinity.
    """
    try:
        X = np.asarray(X)
    except ValueError as error:
        raise ValueError(f"{name!r}: cannot be made an array ({error})") from None
    if np.issubdtype(X.dtype, np.integer):
        X = X.astype(np.float64)  # sums and products of small integer types would overflow
    if not np.issubdtype(X.dtype, np.floating):
        raise TypeError(f"{name!r}: found dtype {X.dtype}, expected real numbers")
    if X.ndim not in axes:
        layout = {
            2: "(stimuli, units)",
            3: "(stimuli, trials, units)",
            4: "(stimuli, height, width, channels)",
        }
        wanted = " or ".join(layout[a] for a in axes)
        hint = (
            "; flatten positions first (shapemetrics.store.flatten_positions)"
            if X.ndim == 4
            else ""
        )
        raise ValueError(f"{name!r}: found shape {X.shape}, expected {wanted}{hint}")
    if X.size == 0:
        raise ValueError(f"{name!r}: found shape {X.shape}, expected at least one unit")
    if len(X) < min_stimuli:
        raise ValueError(f"{name!r}: found {len(X)} stimuli, expected at least {min_stimuli}")
    bad = X.size - int(np.count_nonzero(np.isfinite(X)))
    if bad:
        raise ValueError(f"{name!r}: found {bad} values that are NaN or infinite, expected none")
    return X


def check_choice(value: Any, name: str, choices: Sequence[Any]) -> None:
    """ValueError unless `value` is one of `choices`."""
    if value not in choices:
        listed = ", ".join(repr(c) for c in choices)
        raise ValueError(f"{name}: found {value!r}, expected one of {listed}")


def check_fraction(value: Any, name: str, low: float = 0.0, high: float = 1.0) -> None:
    """ValueError unless `value` is a number in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{name}: found {value!r}, expected a number from {low:g} to {high:g}")
    if not low <= value <= high:
        raise ValueError(f"{name}: found {value!r}, expected a number from {low:g} to {high:g}")


def check_integer(value: Any, name: str, low: int, *, optional: bool = False) -> None:
    """ValueError unless `value` is an integer of at least `low` (or None, where optional)."""
    if value is None and optional:
        return
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low:
        other = " or None" if optional else ""
        raise ValueError(f"{name}: found {value!r}, expected an integer >= {low}{other}")


def check_variance(X: Array, norm: float, scale: float, name: str) -> None:
    """ValueError where what is left after centring is nothing but rounding."""
    if norm <= 8.0 * np.finfo(np.float64).eps * scale * np.sqrt(X.size):
        raise ValueError(
            f"{name!r}: found zero variance across stimuli, expected responses that differ"
        )


def check_heldout(norm: float, name: str) -> None:
    """ValueError where held-out responses, minus the fitted mean, are nothing."""
    if norm == 0.0:
        raise ValueError(f"{name!r}: held-out responses are all at the fitted mean")
