"""What the distances between noisy representations share: one rotation for all stimuli."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Metric, check_choice, check_integer
from shapemetrics.metrics.group_search import GROUPS, Group, Problem, Search, project, search


@dataclass(frozen=True, eq=False)
class StochasticAlignment:
    """The transformation that realises a stochastic distance, and how it was found.

    ``apply_x(X)`` and ``apply_y(Y)`` land in one space, in which stimulus by stimulus the response
    distributions are compared.
    """

    rotation: Array  # (n, n), n = max(n_x, n_y): turns the first network towards the second
    distance: float
    losses: Array = field(repr=False)  # squared distance along the last descent, never increasing
    converged: bool
    n_units: tuple[int, int]

    @property
    def n_iterations(self) -> int:
        """Steps of the last descent."""
        return len(self.losses) - 1

    def apply_x(self, X: Any) -> Array:
        """Pad and rotate responses (means or trials) of the first network: (..., n_x) to (..., n).

        Covariances become ``rotation.T @ padded @ rotation``.
        """
        return self._pad(X, self.n_units[0]) @ self.rotation

    def apply_y(self, Y: Any) -> Array:
        """Pad responses (means or trials) of the second network: (..., n_y) to (..., n)."""
        return self._pad(Y, self.n_units[1])

    def _pad(self, X: Any, n_units: int) -> Array:
        X = np.asarray(X, dtype=float)
        if X.ndim < 2 or X.shape[-1] != n_units:
            raise ValueError(f"found shape {X.shape}, expected responses of {n_units} units last")
        return pad_units(X, len(self.rotation))


@dataclass(frozen=True)
class StochasticMetric(Metric):
    """Base of the distances between response distributions, for one group of transformations.

    A subclass gives `prepare`, `_problem` (the squared distance as a loss over the group) and
    `_starts`. Prepared networks have `name`, `n_samples`, `n_units` and `digest`.
    """

    def _check_search(self) -> None:
        check_choice(self.group, "group", GROUPS)  # type: ignore[attr-defined]
        for name, low in (("n_starts", 1), ("max_iter", 1), ("seed", 0)):
            check_integer(getattr(self, name), name, low)
        tol = self.tol  # type: ignore[attr-defined]
        if isinstance(tol, bool) or not isinstance(tol, int | float | np.number) or not tol >= 0:
            raise ValueError(f"tol: found {tol!r}, expected a number >= 0")

    @abstractmethod
    def _problem(self, x: Any, y: Any, n: int) -> Problem:
        """Loss of a rotation Q (n, n) of `y` towards `x`."""

    @abstractmethod
    def _starts(self, x: Any, y: Any, n: int) -> list[Array]:
        """Informed guesses at that rotation, before projection onto the group."""

    def check_pair(self, x: Any, y: Any) -> None:
        """ValueError where two networks cannot be compared: stimuli, or units without rotation."""
        super().check_pair(x, y)
        if self.group == "identity" and x.n_units != y.n_units:  # type: ignore[attr-defined]
            raise ValueError(
                f"{x.name!r} has {x.n_units} units and {y.name!r} {y.n_units}; "
                "group='identity' compares unit with unit and expects equal numbers"
            )

    def pairwise(self, block_a: Sequence[Any], block_b: Sequence[Any]) -> Array:
        """All distances between two blocks, pair by pair (each half of a symmetric one once).

        Parameters
        ----------
        block_a, block_b : sequence of prepared networks

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        return _each_pair(block_a, block_b, lambda i, j: self._compare(block_a[i], block_b[j]))

    def heldout_block(self, prepared: Sequence[Any], heldout: Sequence[Any]) -> list[Any]:
        """Held-out responses of the same networks, prepared."""
        moved = []
        for item, X in zip(prepared, heldout, strict=True):
            other = self.prepare(X, name=item.name)
            if other.n_units != item.n_units:
                raise ValueError(
                    f"{item.name!r}: found {other.n_units} units in the held-out responses, "
                    f"expected {item.n_units}"
                )
            moved.append(other)
        return moved

    def heldout_pairwise(
        self,
        block_a: Sequence[Any],
        block_b: Sequence[Any],
        heldout_a: Sequence[Any],
        heldout_b: Sequence[Any],
    ) -> Array:
        """Distances on held-out responses under the rotation fitted on others: (len a, len b)."""

        def compare(i: int, j: int) -> float:
            x, y = heldout_a[i], heldout_b[j]
            self.check_pair(x, y)
            Q = self._fit(block_a[i], block_b[j]).Q
            return _root(self._problem(x, y, len(Q)).residual(Q))

        return _each_pair(block_a, block_b, compare)

    def align(self, X: Any, Y: Any) -> StochasticAlignment:
        """The transformation that realises the distance.

        Parameters
        ----------
        X, Y : array-like, tuple or prepared network
            What :meth:`prepare` takes.

        Returns
        -------
        StochasticAlignment
            Rotation, distance, the losses of the descent and whether it converged.
        """
        x, y = self._ready(X, "X"), self._ready(Y, "Y")
        self.check_pair(x, y)
        found = self._fit(x, y)
        return StochasticAlignment(
            found.Q, _root(found.loss), found.history, found.converged, (x.n_units, y.n_units)
        )

    def _compare(self, x: Any, y: Any) -> float:
        return _root(self._fit(x, y).loss)

    def _fit(self, x: Any, y: Any) -> Search:
        """Best Q of y towards x, that is x = Q y, and its loss, which is the same for (y, x)."""
        # One order for both directions: local optima then cannot make the distance asymmetric.
        swapped = y.digest < x.digest
        first, second = (y, x) if swapped else (x, y)
        n = max(x.n_units, y.n_units)
        group: Group = self.group  # type: ignore[attr-defined]
        starts = [] if group == "identity" else self._starts(first, second, n)
        found = search(
            self._problem(first, second, n),
            group,
            [project(M[None], group)[0] for M in starts],
            n_starts=self.n_starts,  # type: ignore[attr-defined]
            max_iter=self.max_iter,  # type: ignore[attr-defined]
            tol=self.tol,  # type: ignore[attr-defined]
            seed=self.seed,  # type: ignore[attr-defined]
        )
        return found._replace(Q=found.Q.T.copy()) if swapped else found


def _root(squared: float) -> float:
    return float(np.sqrt(max(squared, 0.0)))


def pad_units(X: Array, n: int, axes: tuple[int, ...] = (-1,)) -> Array:
    """Append silent units, an isometry, until these axes have length n."""
    widths = [(0, 0)] * X.ndim
    for axis in axes:
        widths[axis] = (0, n - X.shape[axis])
    return np.pad(X, widths) if any(w != (0, 0) for w in widths) else X


def content_digest(*arrays: Array) -> str:
    """Text that orders networks by what they contain, in whatever order they are given."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def evenly_spaced(m: int, limit: int) -> slice | np.ndarray:
    """Index of at most `limit` of m stimuli."""
    if m <= limit:
        return slice(None)
    return np.linspace(0, m - 1, limit).round().astype(int)


def _each_pair(
    block_a: Sequence[Any], block_b: Sequence[Any], compare: Callable[[int, int], float]
) -> Array:
    D = np.zeros((len(block_a), len(block_b)))
    same = block_a is block_b
    for i in range(len(block_a)):
        for j in range(i + 1 if same else 0, len(block_b)):
            D[i, j] = compare(i, j)
            if same:
                D[j, i] = D[i, j]
    return D
