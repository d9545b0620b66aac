"""What the metrics share that match units one by one, so that single tuning curves count."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from shapemetrics import linalg
from shapemetrics.linalg import Array
from shapemetrics.metrics.alignment import Alignment
from shapemetrics.metrics.base import Metric, check_array, check_heldout, check_variance
from shapemetrics.metrics.linear import PreparedLinear
from shapemetrics.metrics.stacked import LinearBlock


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

    geometry: str
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
        X = check_array(X, name).astype(np.float64, copy=False)
        mean = X.mean(axis=0) if self.center else np.zeros(X.shape[1])
        centred = X - mean
        check_variance(centred, float(np.linalg.norm(centred)), float(np.abs(X).max()), name)
        return self._prepared(centred, mean, name, dtype)

    def block(self, prepared: Sequence[PreparedLinear]) -> LinearBlock:
        """Put prepared networks side by side."""
        items = list(prepared)
        return LinearBlock(
            items,
            np.concatenate([item.features for item in items], axis=1),
            np.cumsum([0, *(item.features.shape[1] for item in items)]),
            np.array([item.norm for item in items]),
        )

    def pairwise(self, block_a: LinearBlock, block_b: LinearBlock) -> Array:
        """All distances between two blocks: one matrix product, then a matching a pair.

        Parameters
        ----------
        block_a, block_b : LinearBlock
            From :meth:`block`. Given one block twice, each pair is matched once.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        distances = np.zeros((len(block_a.items), len(block_b.items)))
        same = block_a is block_b
        for i, j, C in _pairs(block_a, block_b, same):
            x, y = block_a.items[i], block_b.items[j]
            matching = self._match(C)
            distances[i, j] = self._measure(matching.inner(C), x, y, matching)
        return distances + distances.T if same else distances

    def heldout_block(
        self, prepared: Sequence[PreparedLinear], heldout: Sequence[Any]
    ) -> LinearBlock:
        """Held-out responses, minus the fitted mean of each unit."""
        moved = []
        for item, X in zip(prepared, heldout, strict=True):
            centred = item.apply(X)
            check_heldout(float(np.linalg.norm(centred)), item.name)
            moved.append(self._prepared(centred, item.mean, item.name, item.features.dtype))
            self.check_pair(moved[0], moved[-1])
        return self.block(moved)

    def heldout_pairwise(
        self,
        block_a: LinearBlock,
        block_b: LinearBlock,
        heldout_a: LinearBlock,
        heldout_b: LinearBlock,
    ) -> Array:
        """Distances on held-out stimuli under the matching fitted on others.

        Parameters
        ----------
        block_a, block_b : LinearBlock
            Networks as fitted.
        heldout_a, heldout_b : LinearBlock
            The same networks' held-out responses, from :meth:`heldout_block`.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        distances = np.zeros((len(block_a.items), len(block_b.items)))
        same = block_a is block_b
        fitted = _pairs(block_a, block_b, same)
        measured = _pairs(heldout_a, heldout_b, same)
        for (i, j, C), (_, _, T) in zip(fitted, measured, strict=True):
            x, y = heldout_a.items[i], heldout_b.items[j]
            matching = self._match(C)
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
        x, y = self._ready(X, "X"), self._ready(Y, "Y")
        self.check_pair(x, y)
        C = x.features.T @ y.features
        matching = self._match(C)
        map_x, map_y = _maps(matching, *C.shape)
        plan = np.zeros(C.shape)
        plan[matching.rows, matching.columns] = matching.weights
        return UnitAlignment(
            mean_x=x.mean,
            map_x=map_x if x.transform is None else x.transform @ map_x,
            mean_y=y.mean,
            map_y=map_y if y.transform is None else y.transform @ map_y,
            rotation=plan,
            distance=self._measure(matching.inner(C), x, y, matching),
        )

    @abstractmethod
    def _match(self, C: Array) -> Matching:
        """The matching with the largest inner product, given all units' inner products."""

    def _prepared(self, centred: Array, mean: Array, name: str, dtype: Any) -> PreparedLinear:
        norm = float(np.linalg.norm(centred))
        return PreparedLinear(name, np.ascontiguousarray(centred, dtype=dtype), norm, mean, None)

    def _measure(
        self, inner: float, x: PreparedLinear, y: PreparedLinear, matching: Matching
    ) -> float:
        """Distance under a matching; by its residual where the closed form loses digits."""
        cosine = np.float64(inner)
        angular = self.geometry == "angular"
        if not linalg.nearly_equal(cosine, x.norm, y.norm, np.finfo(x.features.dtype).eps):
            finish = linalg.angles if angular else linalg.chord_lengths
            return float(finish(cosine, x.norm, y.norm))
        map_x, map_y = _maps(matching, x.features.shape[1], y.features.shape[1])
        matched_x, matched_y = x.features @ map_x, y.features @ map_y
        if angular:
            return linalg.angle_between(matched_x, matched_y)
        return float(np.linalg.norm(matched_x - matched_y))


def _pairs(
    block_a: LinearBlock, block_b: LinearBlock, same: bool
) -> Iterator[tuple[int, int, Array]]:
    """Yield (i, j, C): units' inner products, in float64; of the same block twice only i < j."""
    product = block_a.stacked.T @ block_b.stacked
    for i in range(len(block_a.items)):
        for j in range(i + 1 if same else 0, len(block_b.items)):
            rows = slice(block_a.starts[i], block_a.starts[i + 1])
            columns = slice(block_b.starts[j], block_b.starts[j + 1])
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
