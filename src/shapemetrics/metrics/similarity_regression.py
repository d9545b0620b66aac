"""How badly one network's responses predict another's by linear regression."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from shapemetrics import linalg
from shapemetrics.arrays import as_responses
from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Doubt, Origin, Prepared, centred, doubt_of
from shapemetrics.metrics.cost import product_seconds


@dataclass(frozen=True, eq=False)
class PreparedRegression(Prepared):
    """One network, as a target and as a predictor.

    Stimuli stand in the order of the folds. For each fold in turn, `bases` holds an orthonormal
    basis of the training responses and `maps` what turns coefficients in it into predictions of
    the fold's stimuli: predictions are ``maps @ (bases.T @ targets)`` plus the training mean.
    """

    features: Array = field(repr=False)  # (m, n), centred responses in the folds' order
    total: float  # their sum of squares
    bases: Array = field(repr=False)  # (sum of training sizes, r)
    maps: Array = field(repr=False)  # (m, r)

    @property
    def n_samples(self) -> int:
        """Number of stimuli."""
        return len(self.features)

    @property
    def width(self) -> int:
        """Number of units."""
        return self.features.shape[1]


@dataclass(frozen=True, eq=False)
class RegressionStack:
    """Prepared networks, their responses side by side."""

    items: list[PreparedRegression]
    stacked: Array  # (m, sum of n)
    starts: np.ndarray  # (k,)
    totals: Array  # (k,)

    def __len__(self) -> int:
        return len(self.items)


class _Fold(NamedTuple):
    test: slice
    train: tuple[slice, slice]  # before and after the fold
    rows: tuple[slice, slice]  # the same stimuli's rows of `bases`


@dataclass(frozen=True)
class RegressionError:
    """One minus the cross-validated R^2 of predicting the second network from the first.

    Parameters
    ----------
    n_folds : int or None
        Folds of stimuli, drawn once by `seed` and the same for all networks. None measures on
        the stimuli that were fitted.
    ridge : float
        Penalty as a fraction of the mean eigenvalue of the training responses' X'X. With 0,
        ordinary least squares of minimum norm.
    seed : int
    rank_tolerance : float, optional
        Singular values of training responses below this fraction of the largest count as zero.
    """

    n_folds: int | None
    ridge: float
    seed: int
    rank_tolerance: float | None = None

    def prepare(self, X: Any, *, name: str, dtype: Any, metric: str) -> PreparedRegression:
        """Centre one network and decompose its training responses fold by fold."""
        responses = as_responses(X, name)
        m, n = responses.shape
        if self.n_folds is not None and m < self.n_folds:
            raise ValueError(
                f"{name!r}: found {m} stimuli, expected at least {self.n_folds}, one per fold"
            )
        if self.n_folds is not None and m - -(-m // self.n_folds) < 2:
            raise ValueError(f"{name!r}: found {m} stimuli, expected at least 2 to train on")
        found = centred(responses)
        total = float(np.vdot(found.values, found.values))
        values = found.values[self._order(m)]
        tolerance = self.rank_tolerance
        if tolerance is None:
            tolerance = linalg.rounding_tolerance((m, n))
        floor = found.rounding_level(4.0 * np.finfo(np.float64).eps)
        level = found.rounding_level(responses.precision)
        bases, maps, doubts = [], [], []
        for fold in _folds(m, self.n_folds):
            train = np.concatenate([values[part] for part in fold.train])
            mean = train.mean(axis=0)
            left, sizes, right = linalg.principal_basis(
                train - mean, tolerance=tolerance, floor=floor
            )
            penalty = self.ridge * float(np.sum(sizes**2)) / n
            bases.append(left)
            maps.append((values[fold.test] - mean) @ (right * (sizes / (sizes**2 + penalty))))
            # Degrees of freedom that each direction has in the fit.
            doubts.append(doubt_of(sizes**2 / (sizes**2 + penalty), sizes, level, responses))
        rank = max(1, *(basis.shape[1] for basis in bases))
        worst = max((d for d in doubts if d), key=_share, default=None)
        return PreparedRegression(
            Origin(name, responses.exponent, responses.stimuli, metric, worst),
            np.ascontiguousarray(values, dtype=dtype),
            total,
            _padded(bases, rank, dtype),
            _padded(maps, rank, dtype),
        )

    def stack(self, prepared: Sequence[PreparedRegression]) -> RegressionStack:
        """Put responses side by side, as targets."""
        items = list(prepared)
        widths = [item.features.shape[1] for item in items]
        return RegressionStack(
            items,
            np.concatenate([item.features for item in items], axis=1),
            np.cumsum([0, *widths[:-1]]),
            np.array([item.total for item in items]),
        )

    def pair_seconds(self, m: int, n: int) -> float:
        """Coefficients on each fold's training stimuli, then predictions of all stimuli."""
        return 1.15 * (self.n_folds or 2) * product_seconds(m, n, n)

    def pairwise(self, stack_a: RegressionStack, stack_b: RegressionStack) -> Array:
        """All dissimilarities from the networks of one stack to those of another."""
        Y = stack_b.stacked
        errors = np.zeros((len(stack_a), len(stack_b)))
        for fold in _folds(len(Y), self.n_folds):
            parts = [Y[part] for part in fold.train]
            mean = sum(part.sum(axis=0) for part in parts) / sum(len(part) for part in parts)
            target = Y[fold.test] - mean
            for i, item in enumerate(stack_a.items):
                coefficients = sum(item.bases[r].T @ part for r, part in zip(fold.rows, parts))
                residual = target - item.maps[fold.test] @ coefficients
                squares = np.einsum("ij,ij->j", residual, residual)
                errors[i] += np.add.reduceat(squares, stack_b.starts)
        return errors / stack_b.totals

    def _order(self, m: int) -> np.ndarray:
        if self.n_folds is None:
            return np.arange(m)
        return np.random.default_rng(self.seed).permutation(m)


def _share(doubt: Doubt) -> float:
    return doubt.share


def _folds(m: int, n_folds: int | None) -> Iterator[_Fold]:
    """Consecutive folds whose sizes differ by at most one, the larger first."""
    if n_folds is None:
        everything, nothing = slice(0, m), slice(m, m)
        yield _Fold(everything, (everything, nothing), (everything, nothing))
        return
    edges = np.concatenate([[0], np.cumsum([len(p) for p in np.array_split(range(m), n_folds)])])
    row = 0
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist()):
        end = row + m - (stop - start)
        rows = (slice(row, row + start), slice(row + start, end))
        yield _Fold(slice(start, stop), (slice(0, start), slice(stop, m)), rows)
        row = end


def _padded(parts: Sequence[Array], rank: int, dtype: Any) -> Array:
    """Matrices on top of each other, padded to a common number of columns."""
    padded = [np.pad(part, ((0, 0), (0, rank - part.shape[1]))) for part in parts]
    return np.concatenate(padded).astype(dtype)
