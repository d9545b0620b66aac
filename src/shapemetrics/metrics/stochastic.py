"""Shared base of the distances between noisy representations: one rotation for all stimuli."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from shapemetrics.arrays import as_array
from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Metric, Prepared, check_heldout_units
from shapemetrics.metrics.group_search import (
    GROUPS,
    Group,
    Problem,
    Search,
    project,
    search,
)
from shapemetrics.validation import check_choice, check_integer, check_number


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
        X = as_array(X).astype(np.float64, copy=False)
        if X.ndim < 2 or X.shape[-1] != n_units:
            raise ValueError(f"found shape {X.shape}, expected responses of {n_units} units last")
        return pad_units(X, len(self.rotation))


@dataclass(frozen=True, eq=False)
class PreparedStochastic(Prepared):
    """One network's distributions of responses, divided by ``2**origin.exponent``."""

    #: Orders networks by their content, in whatever order they are given.
    digest: str = field(repr=False)

    @property
    @abstractmethod
    def n_units(self) -> int:
        """Number of units."""


class StochasticMetric(Metric):
    """Base of the distances between response distributions, for one group of transformations.

    A subclass gives `prepare`, `problem` (the squared distance as a loss over the group), `starts`,
    and `loss_degree`.
    """

    #: Power of the data's scale by which squared distances grow.
    loss_degree: ClassVar[int] = 2

    axes = (3,)

    # Fields of the subclasses, which are dataclasses.
    group: Group
    n_starts: int
    max_iter: int
    tol: float
    seed: int

    def _check_search(self) -> None:
        check_choice(self.group, "group", GROUPS)
        for name, low in (("n_starts", 1), ("max_iter", 1), ("seed", 0)):
            check_integer(getattr(self, name), name, low)
        check_number(self.tol, "tol", low=0.0)

    @abstractmethod
    def problem(self, x: Any, y: Any, n: int, exponent: int) -> Problem:
        """Loss of a rotation Q (n, n) of `y` towards `x`, of data divided by ``2**exponent``."""

    @abstractmethod
    def starts(self, x: Any, y: Any, n: int) -> list[Array]:
        """Informed guesses at that rotation, before projection onto the group."""

    def check_pair(self, x: Any, y: Any) -> None:
        """ValueError where two networks cannot be compared: stimuli, or units without rotation."""
        super().check_pair(x, y)
        if self.group == "identity" and x.n_units != y.n_units:
            raise ValueError(
                f"{y.name!r}: found {y.n_units} units, expected {x.n_units} as in {x.name!r}, as "
                "group='identity' compares unit with unit"
            )

    @property
    def invariances(self) -> frozenset[str]:
        """What the group allows."""
        allowed: dict[str, frozenset[str]] = {
            "orth": frozenset({"rotation", "permutation"}),
            "perm": frozenset({"permutation"}),
            "identity": frozenset(),
        }
        return allowed[self.group]

    def prepare_heldout(self, item: Any, X: Any) -> Any:
        """Held-out responses of the same network, prepared."""
        other = self.prepare(X, name=item.name)
        check_heldout_units(other.n_units, item.n_units, item.name)
        return other

    def heldout_pairwise(
        self,
        stack_a: Sequence[Any],
        stack_b: Sequence[Any],
        heldout_a: Sequence[Any],
        heldout_b: Sequence[Any],
    ) -> Array:
        """Distances on held-out responses under the rotation fitted on others: (len a, len b)."""
        same = stack_a is stack_b
        D = np.zeros((len(stack_a), len(stack_b)))
        for i in range(len(stack_a)):
            for j in range(i + 1 if same else 0, len(stack_b)):
                x, y = heldout_a[i], heldout_b[j]
                self.check_pair(x, y)
                found, _ = self._fit(stack_a[i], stack_b[j])
                exponent = max(x.origin.exponent, y.origin.exponent)
                loss = self.problem(x, y, len(found.Q), exponent).residual(found.Q)
                D[i, j] = self._root(loss, exponent)
        return D + D.T if same else D

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
        x, y = self.ready_pair(X, Y)
        found, exponent = self._fit(x, y)
        return StochasticAlignment(
            found.Q,
            self._root(found.loss, exponent),
            np.ldexp(found.history, self.loss_degree * exponent),
            found.converged,
            (x.n_units, y.n_units),
        )

    def compare(self, x: Any, y: Any) -> float:
        """Distance between two prepared networks."""
        found, exponent = self._fit(x, y)
        return self._root(found.loss, exponent)

    def _fit(self, x: Any, y: Any) -> tuple[Search, int]:
        """Best Q of y towards x, that is x = Q y, its loss, which is the same for (y, x), and the
        power of two by which the data were divided."""
        # One order for both directions: local optima then cannot make the distance asymmetric.
        swapped = y.digest < x.digest
        first, second = (y, x) if swapped else (x, y)
        n = max(x.n_units, y.n_units)
        exponent = max(x.origin.exponent, y.origin.exponent)
        starts = [] if self.group == "identity" else self.starts(first, second, n)
        found = search(
            self.problem(first, second, n, exponent),
            self.group,
            [project(M[None], self.group)[0] for M in starts],
            n_starts=self.n_starts,
            max_iter=self.max_iter,
            tol=self.tol,
            seed=self.seed,
        )
        if swapped:
            found = found._replace(Q=found.Q.T.copy())
        return found, exponent

    def _root(self, squared: float, exponent: int) -> float:
        """The distance, in the data's units, of a squared one of data divided by a power of two."""
        power = self.loss_degree * exponent
        odd = power % 2
        return float(np.ldexp(np.sqrt(np.ldexp(max(squared, 0.0), odd)), (power - odd) // 2))


def pad_units(X: Array, n: int, axes: tuple[int, ...] = (-1,)) -> Array:
    """Append silent units, an isometry, until these axes have length n."""
    widths = [(0, 0)] * X.ndim
    for axis in axes:
        widths[axis] = (0, n - X.shape[axis])
    return np.pad(X, widths) if any(w != (0, 0) for w in widths) else X


def divided(array: Array, exponent: int) -> Array:
    """An array divided by a power of two; itself where that is one."""
    return array if exponent == 0 else np.ldexp(array, -exponent)


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
