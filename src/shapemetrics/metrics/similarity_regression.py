"""How badly one network's responses predict another's by linear regression."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from shapemetrics import linalg
from shapemetrics.linalg import Array
from shapemetrics.metrics.base import check_array, check_variance


@dataclass(frozen=True, eq=False)
class PreparedRegression:
    """One network, as a target and as a predictor.

    Stimuli stand in the order of the folds. For each fold in turn, `bases` holds an orthonormal
    basis of the training responses and `maps` what turns coefficients in it into predictions of
    the fold's stimuli: predictions are ``maps @ (bases.T @ targets)`` plus the training mean.
    """

    name: str
    features: Array = field(repr=False)  # (m, n), centred responses in the folds' order
    total: float  # their sum of squares
    bases: Array = field(repr=False)  # (sum of training sizes, r)
    maps: Array = field(repr=False)  # (m, r)

    @property
    def n_samples(self) -> int:
        """Number of stimuli."""
        return len(self.features)


class RegressionBlock(NamedTuple):
    """Prepared networks, their responses side by side."""

    items: list[PreparedRegression]
    stacked: Array  # (m, sum of n)
    starts: np.ndarray  # (k,)
    totals: Array  # (k,)


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
    """

    n_folds: int | None
    ridge: float
    seed: int

    def prepare(self, X: Any, *, name: str, dtype: Any) -> PreparedRegression:
        """Centre one network and decompose its training responses fold by fold."""
        X = check_array(X, name)
        tolerance = linalg.rounding_tolerance(X.dtype, X.shape)
        X = X.astype(np.float64)
        m, n = X.shape
        if self.n_folds is not None and m < self.n_folds:
            raise ValueError(f"{name!r}: found {m} stimuli, expected at least {self.n_folds} folds")
        if self.n_folds is not None and m - -(-m // self.n_folds) < 2:
            raise ValueError(f"{name!r}: found {m} stimuli, too few to train on at least 2")
        centred = X - X.mean(axis=0)
        total = float(np.vdot(centred, centred))
        check_variance(centred, np.sqrt(total), float(np.abs(X).max()), name)
        centred = centred[self._order(m)]
        bases, maps = [], []
        for fold in _folds(m, self.n_folds):
            train = np.concatenate([centred[part] for part in fold.train])
            mean = train.mean(axis=0)
            left, values, right = linalg.principal_basis(train - mean, tolerance=tolerance)
            penalty = self.ridge * float(np.sum(values**2)) / n
            bases.append(left)
            maps.append((centred[fold.test] - mean) @ (right * (values / (values**2 + penalty))))
        rank = max(1, *(basis.shape[1] for basis in bases))
        return PreparedRegression(
            name,
            np.ascontiguousarray(centred, dtype=dtype),
            total,
            _stacked(bases, rank, dtype),
            _stacked(maps, rank, dtype),
        )

    def block(self, prepared: Sequence[PreparedRegression]) -> RegressionBlock:
        """Put responses side by side, as targets."""
        items = list(prepared)
        widths = [item.features.shape[1] for item in items]
        return RegressionBlock(
            items,
            np.concatenate([item.features for item in items], axis=1),
            np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(int),
            np.array([item.total for item in items]),
        )

    def pairwise(self, block_a: RegressionBlock, block_b: RegressionBlock) -> Array:
        """All dissimilarities from the networks of one block to those of another."""
        Y = block_b.stacked
        errors = np.zeros((len(block_a.items), len(block_b.items)))
        for fold in _folds(len(Y), self.n_folds):
            parts = [Y[part] for part in fold.train]
            mean = sum(part.sum(axis=0) for part in parts) / sum(len(part) for part in parts)
            target = Y[fold.test] - mean
            for i, item in enumerate(block_a.items):
                coefficients = sum(item.bases[r].T @ part for r, part in zip(fold.rows, parts))
                residual = target - item.maps[fold.test] @ coefficients
                squares = np.einsum("ij,ij->j", residual, residual)
                errors[i] += np.add.reduceat(squares, block_b.starts)
        return errors / block_b.totals

    def _order(self, m: int) -> np.ndarray:
        if self.n_folds is None:
            return np.arange(m)
        return np.random.default_rng(self.seed).permutation(m)


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


def _stacked(parts: Sequence[Array], rank: int, dtype: Any) -> Array:
    """Matrices on top of each other, padded to a common number of columns."""
    padded = [np.pad(part, ((0, 0), (0, rank - part.shape[1]))) for part in parts]
    return np.concatenate(padded).astype(dtype)
