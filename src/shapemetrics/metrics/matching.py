"""Shared base of the metrics that match individual units, so that single tuning curves count."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from shapemetrics import linalg
from shapemetrics.backends.base import Backend
from shapemetrics.linalg import Array
from shapemetrics.metrics.alignment import Alignment
from shapemetrics.metrics.base import Metric, centred, check_heldout
from shapemetrics.metrics.linear import PreparedLinear
from shapemetrics.metrics.stacked import LinearStack


class Matching(NamedTuple):
    """Which units of X are matched with which of Y, and with what weight."""

    rows: np.ndarray  # (k,), units of X
    columns: np.ndarray  # (k,), units of Y
    weights: Array  # (k,), positive

    def inner(self, C: Array) -> float:
        """Sum of the matched entries of a cross-covariance."""
        return float(self.weights @ C[self.rows, self.columns])


@dataclass(frozen=True, eq=False)
class UnitAlignment(Alignment):
    """The matching of units that realises a distance.

    ``apply_x(X)`` and ``apply_y(Y)`` bring matched units into the same column, and units without
    a match opposite zeros; the angle between the two, or the Frobenius norm of their difference,
    is `distance`.
    """

    @property
    def plan(self) -> Array:
        """Weight of each pair of units, (n_x, n_y)."""
        return self.rotation

    @property
    def permutation(self) -> np.ndarray:
        """The unit of Y with most of each X unit's weight, (n_x,); -1 where it has none."""
        return np.where(self.plan.any(axis=1), self.plan.argmax(axis=1), -1)


class UnitMatchingMetric(Metric):
    """A distance after the best matching of units: a subclass says what a matching is."""

    #: Fields of the subclasses, which are dataclasses.
    geometry: Any
    center: bool

    def prepare(self, X: Any, *, name: str = "X", dtype: Any = np.float64) -> PreparedLinear:
        """Centre one network.

        Parameters
        ----------
        X : array-like of shape (m, n)
            Responses of n units to m stimuli.
        name : str
            Network's name, for messages.
        dtype : dtype, default=float64
            Precision of the prepared features and of products; the matching is in float64.

        Returns
        -------
        PreparedLinear

        Raises
        ------
        TypeError, ValueError
            If X is not a finite real matrix with variance.
        """
        responses = self.read(X, name)
        found = centred(responses, center=self.center)
        values, length, scale, transform = self._scaled(
            found.values, found.mean, responses.exponent, name
        )
        values = np.ascontiguousarray(values, dtype=dtype)
        origin = self.origin_of(responses)
        return PreparedLinear(origin, values, length, scale, found.mean, transform)

    def stack(
        self, prepared: Sequence[PreparedLinear], *, backend: Backend | None = None
    ) -> LinearStack:
        """Put prepared networks side by side."""
        return LinearStack.of(prepared)

    def pairwise(self, stack_a: LinearStack, stack_b: LinearStack) -> Array:
        """All distances between two stacks: one matrix product, then a matching per pair.

        Parameters
        ----------
        stack_a, stack_b : LinearStack
            From :meth:`stack`. Given one stack twice, each pair is matched once.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        return self.heldout_pairwise(stack_a, stack_b, stack_a, stack_b)

    def prepare_heldout(self, item: PreparedLinear, X: Any) -> PreparedLinear:
        """Held-out responses, minus the fitted mean of each unit."""
        other = item.read_other(X)
        values = other.values - item.offset
        check_heldout(float(np.linalg.norm(values)), item.name)
        values, length, scale, transform = self._scaled(
            values, item.offset, item.origin.exponent, item.name
        )
        return replace(
            item,
            origin=replace(item.origin, stimuli=other.stimuli),
            values=np.ascontiguousarray(values, dtype=item.values.dtype),
            length=length,
            scale=scale,
            transform=transform,
        )

    def heldout_pairwise(
        self,
        stack_a: LinearStack,
        stack_b: LinearStack,
        heldout_a: LinearStack,
        heldout_b: LinearStack,
    ) -> Array:
        """Distances on held-out stimuli under the matching fitted on others.

        Parameters
        ----------
        stack_a, stack_b : LinearStack
            Networks as fitted.
        heldout_a, heldout_b : LinearStack
            The same networks' held-out responses.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        distances = np.zeros((len(stack_a), len(stack_b)))
        same = stack_a is stack_b
        fitted = _pairs(stack_a, stack_b, same)
        measured = fitted
        if heldout_a is not stack_a:
            measured = _pairs(heldout_a, heldout_b, same)
        pairs = ((p, p) for p in fitted) if measured is fitted else zip(fitted, measured)
        for (i, j, C), (_, _, T) in pairs:
            x, y = heldout_a.items[i], heldout_b.items[j]
            matching = self.match(C)
            distances[i, j] = self._measure(matching.inner(T), x, y, matching)
        return distances + distances.T if same else distances

    def align(self, X: Any, Y: Any) -> UnitAlignment:
        """The matching that realises the distance.

        Parameters
        ----------
        X : array-like of shape (m, n_x)
        Y : array-like of shape (m, n_y)

        Returns
        -------
        UnitAlignment
            ``plan`` and ``permutation``, maps into a common space, and the distance.
        """
        x, y = self.ready_pair(X, Y)
        C = (x.values.T @ y.values).astype(np.float64)
        matching = self.match(C)
        map_x, map_y = _maps(matching, *C.shape)
        plan = np.zeros(C.shape)
        plan[matching.rows, matching.columns] = matching.weights
        mean_x, map_x = x.map_of_data(map_x)
        mean_y, map_y = y.map_of_data(map_y)
        distance = self._measure(matching.inner(C), x, y, matching)
        return UnitAlignment(mean_x, map_x, mean_y, map_y, plan, distance)

    @abstractmethod
    def match(self, C: Array) -> Matching:
        """The matching with the largest inner product, given all units' inner products (p, q)."""

    def _scaled(
        self, values: Array, mean: Array, exponent: int, name: str
    ) -> tuple[Array, float, int, Array | None]:
        """Centred responses as they are compared: values, their norm as the geometry counts it,
        the power of two that they lack, and the map to them."""
        return values, float(np.linalg.norm(values)), exponent, None

    def _measure(
        self, inner: float, x: PreparedLinear, y: PreparedLinear, matching: Matching
    ) -> float:
        """Distance under a matching; by its residual where the closed form loses digits."""
        cosine = np.float64(inner)
        angular = self.geometry == "angular"
        if not linalg.nearly_equal(cosine, x.length, y.length, float(np.finfo(x.values.dtype).eps)):
            if angular:
                return float(linalg.angles(cosine, x.length, y.length))
            return float(linalg.chord_lengths(cosine, x.length, y.length, x.scale, y.scale))
        map_x, map_y = _maps(matching, x.width, y.width)
        matched_x, matched_y = x.values @ map_x, y.values @ map_y
        if angular:
            return linalg.angle_between(matched_x, matched_y)
        scale = max(x.scale, y.scale)
        matched_x = np.ldexp(matched_x, x.scale - scale)
        matched_y = np.ldexp(matched_y, y.scale - scale)
        return float(np.ldexp(np.linalg.norm(matched_x - matched_y), scale))


def _pairs(
    stack_a: LinearStack, stack_b: LinearStack, same: bool
) -> Iterator[tuple[int, int, Array]]:
    """Yield (i, j, C): units' inner products, in float64; of one stack given twice only i < j."""
    product = stack_a.stacked.T @ stack_b.stacked
    for i in range(len(stack_a.items)):
        for j in range(i + 1 if same else 0, len(stack_b.items)):
            rows = slice(stack_a.starts[i], stack_a.starts[i + 1])
            columns = slice(stack_b.starts[j], stack_b.starts[j + 1])
            yield i, j, product[rows, columns].astype(np.float64)


def _maps(matching: Matching, n_x: int, n_y: int) -> tuple[Array, Array]:
    """Selections of units, (n_x, k) and (n_y, k), that put matched units into one column."""
    alone_x = np.setdiff1d(np.arange(n_x), matching.rows)
    alone_y = np.setdiff1d(np.arange(n_y), matching.columns)
    k = len(matching.rows)
    map_x = np.zeros((n_x, k + len(alone_x) + len(alone_y)))
    map_y = np.zeros((n_y, map_x.shape[1]))
    weights = np.sqrt(matching.weights)
    map_x[matching.rows, np.arange(k)] = weights
    map_y[matching.columns, np.arange(k)] = weights
    map_x[alone_x, k + np.arange(len(alone_x))] = 1.0
    map_y[alone_y, k + len(alone_x) + np.arange(len(alone_y))] = 1.0
    return map_x, map_y
