"""Metric multidimensional scaling by majorisation (SMACOF), in blocks of rows that fit a cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["smacof"]

# Points at one place are put so far apart, as in scikit-learn, before they are divided by;
# distances come in with the largest between 0.5 and 1.
_SMALLEST = 1e-5
# Numbers in a block of distances: a few of them fit into a core's second cache.
_BLOCK = 65_536
# Blocks start at multiples of so many rows, where products of matrices come out the same whether
# they are taken block by block or at once.
_ROWS = 32
# Blocks that a thread takes at a time.
_BLOCKS_PER_TASK = 8

Run = Callable[[Callable, Iterable[tuple]], list[Any]]


def _in_turn(function: Callable, items: Iterable[tuple]) -> list[Any]:
    return [function(*item) for item in items]


def smacof(
    D: NDArray, start: NDArray, *, max_iter: int, eps: float, run: Run = _in_turn
) -> tuple[NDArray[np.float64], int]:
    """Minimise the raw stress by majorisation from a given start.

    Parameters
    ----------
    D : ndarray of shape (K, K)
        Distances, symmetric, zero on the diagonal, of magnitude one.
    start : ndarray of shape (K, L)
        Points to start from; they are not changed.
    max_iter : int
        Most iterations.
    eps : float
        The iteration stops when the raw stress, divided by half the sum of squared embedded
        distances, falls by less than this.
    run : callable
        Calls a function for each of many arguments, in threads: see
        :func:`shapemetrics.pairwise.threads.item_workers`. By default one after another.

    Returns
    -------
    points : ndarray of shape (K, L)
    n_iter : int
        Iterations.

    Notes
    -----
    One iteration is the Guttman transform (de Leeuw 1977; Borg & Groenen 2005, eq. 8.28),

        x_i <- 1/K sum_j (D_ij / d_ij) (x_i - x_j),    d_ij = |x_i - x_j|.

    Arithmetic, stopping and the count of iterations are those of scikit-learn's
    ``MDS(metric="precomputed", normalized_stress=False)``, on one thread bit for bit in few
    dimensions and to rounding in many. That matters in one dimension, where neighbours are so
    near that the largest distortion is made of rounding errors. What differs is memory and time:
    distances, stress and the next points are computed in one pass over blocks of rows, none of
    which is kept, instead of a dozen passes over K x K matrices. Besides D a thread holds about
    1 MB. The blocks do not depend on the number of threads, and so neither does the result.
    """
    following, _, _ = _transformed(D, np.ascontiguousarray(start), run)
    previous = None
    points, n_iter = following, 0
    for n_iter in range(1, max_iter + 1):
        points = following
        if n_iter == max_iter:
            break
        following, raw, squares = _transformed(D, points, run)
        # Where all points fell on one place nothing is known of convergence.
        if previous is not None and squares > 0 and (previous - raw) / squares < eps:
            break
        previous = raw
    return points, n_iter


def _transformed(D: NDArray, X: NDArray, run: Run) -> tuple[NDArray[np.float64], float, float]:
    """Return the Guttman transform of points, their raw stress, and the sum of their squared
    distances, over unordered pairs."""
    n_items = len(X)
    rows = max(_ROWS, _BLOCK // n_items // _ROWS * _ROWS)
    step = rows * _BLOCKS_PER_TASK
    squared = np.einsum("ij,ij->i", X, X)[:, None]
    ones = np.ones((n_items, 1))
    work = _Pass(
        D=D,
        X=X,
        # Their products are |x_i|^2 - 2 x_i x_j + |x_j|^2, added in scikit-learn's order.
        left=np.hstack([-2.0 * X, squared, ones]),
        right=np.hstack([X, ones, squared]).T,
        transformed=np.empty(X.shape),
        rows=rows,
    )
    parts = run(work, [(first, min(first + step, n_items)) for first in range(0, n_items, step)])
    # Summed in the order of the rows, whichever thread was first.
    stress = sum(part for parts_of_task in parts for part in parts_of_task) / 2
    squares = n_items * float(squared.sum()) - float(np.sum(X.sum(axis=0) ** 2))
    return work.transformed, stress, squares


@dataclass(frozen=True)
class _Pass:
    """One pass over the pairs of points."""

    D: NDArray
    X: NDArray
    left: NDArray
    right: NDArray
    transformed: NDArray  # filled in
    rows: int

    def __call__(self, first: int, stop: int) -> list[float]:
        """Transform the points from `first` to `stop`; return the stress by block."""
        shape = (min(self.rows, stop - first), len(self.X))
        distances, error = np.empty(shape), np.empty(shape)
        blocks = [
            slice(begin, min(begin + self.rows, stop)) for begin in range(first, stop, self.rows)
        ]
        # Points at one place, or so near that rounding makes their squared distance negative,
        # are rare: they are seen by what they do to sums, and looked for only then.
        with np.errstate(divide="ignore", invalid="ignore"):
            return [self._block(some, distances, error) for some in blocks]

    def _block(self, some: slice, d: NDArray, error: NDArray) -> float:
        wanted = self.D[some]
        d, error = d[: len(wanted)], error[: len(wanted)]
        diagonal = d.reshape(-1)[some.start :: len(self.X) + 1]
        for careful in (False, True):
            np.dot(self.left[some], self.right, out=d)
            diagonal[:] = 0.0
            if careful:
                np.maximum(d, 0.0, out=d)
            np.sqrt(d, out=d)
            np.subtract(d, wanted, out=error)
            stress = float(np.vdot(error, error))
            diagonal[:] = _SMALLEST
            if careful:
                d[d == 0] = _SMALLEST
            total = np.divide(wanted, d, out=d).sum(axis=1)
            if np.isfinite(total).all():
                break
        diagonal[:] = -total
        np.multiply(np.dot(d, self.X), -1.0 / len(self.X), out=self.transformed[some])
        return stress
