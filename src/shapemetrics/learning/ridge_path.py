"""Kernel ridge predictions of many targets under many ridges, from one reduction of the kernel."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapemetrics.learning.kernels import SPECTRUM_FLOOR

__all__ = ["RidgePath"]

# A kernel counts as positive definite when it stays so less this share of its norm: ten times
# the share below which eigenvalues are dropped, and far above rounding errors.
_CLEARLY_POSITIVE = 10 * SPECTRUM_FLOOR
# Training items from which solving a tridiagonal system for every ridge and target is faster than
# its eigenvectors, once for all.
_SOLVED_FROM = 400
# LAPACK's blocked routines work fastest with so many columns of workspace.
_WORK = 64


class RidgePath:
    """Predictions of test items as functions of the ridge.

    Parameters
    ----------
    kernel : ndarray of shape (n, n)
        Kernel of the training items, n at least 2. It is overwritten.
    across : ndarray of shape (n_test, n)
        Kernel of test items (rows) and training items.
    targets : ndarray of shape (n, n_targets)
        Targets of the training items, less their means.

    Notes
    -----
    The predictions are ``across @ f(kernel) @ targets``, where f takes an eigenvalue v to
    1 / (v + ridge), and to 0 where v is not above `SPECTRUM_FLOOR` of the largest one: see
    `positive_spectrum`. With Householder's kernel = Q T Q', T tridiagonal,

        across f(kernel) targets = (across Q) f(T) (Q' targets),

    and Q is applied to the few columns of test items and targets only: it is never formed, nor
    are the eigenvectors of the kernel. Where T is large and positive definite, as a factorisation
    shows, f(T) is solved for directly, in time n for each ridge and target. Elsewhere the
    eigenvectors of T are needed, for those eigenvalues that are kept.

    Time is 4/3 n^3 for Householder's reduction (LAPACK's dsytrd), up to as much again for the
    eigenvectors of T (dstevd), and n^2 per test item and target. Memory: at most four matrices of
    n x n, the kernel included.
    """

    def __init__(self, kernel: NDArray, across: NDArray, targets: NDArray) -> None:
        lapack: Any = import_module("scipy.linalg.lapack")  # its functions have no types
        n_items = len(kernel)
        # The transpose of a symmetric matrix is the matrix, in the order of LAPACK.
        reflectors, diagonal, beside, scales, _ = lapack.dsytrd(
            kernel.T, lower=1, lwork=_WORK * n_items, overwrite_a=1
        )
        columns = np.empty((n_items, targets.shape[1] + len(across)), order="F")
        columns[:, : targets.shape[1]] = targets
        columns[:, targets.shape[1] :] = across.T
        # Q leaves the first row as it is.
        columns[1:] = lapack.dormqr(
            *("L", "T", reflectors[1:, :-1], scales, columns[1:]), _WORK * columns.shape[1]
        )[0]
        self._values: NDArray | None = None
        if n_items < _SOLVED_FROM or not _is_clearly_positive(diagonal, beside):
            values, vectors, failed = lapack.dstevd(diagonal, beside)
            if failed:
                raise np.linalg.LinAlgError("eigenvalues of a kernel did not converge")
            # They increase, so those that are dropped come first.
            dropped = int(np.count_nonzero(values <= SPECTRUM_FLOOR * values[-1]))
            self._values = values[dropped:]
            columns = vectors[:, dropped:].T @ columns
        self._diagonal, self._beside = diagonal, beside
        self._targets = columns[:, : targets.shape[1]]
        self._tests = columns[:, targets.shape[1] :].T

    def predict(self, ridges: NDArray) -> NDArray[np.float64]:
        """Return predictions of every test item and target, shape (n_test, n_ridges, n_targets)."""
        solved = self._solve(ridges[:, None], self._targets[:, None, :])
        return (self._tests @ solved.reshape(len(solved), -1)).reshape(
            len(self._tests), *solved.shape[1:]
        )

    def predict_each(self, ridges: NDArray) -> NDArray[np.float64]:
        """Return predictions of every test item, each target with a ridge of its own.

        Parameters
        ----------
        ridges : ndarray of shape (n_targets,)

        Returns
        -------
        ndarray of shape (n_test, n_targets)
        """
        return self._tests @ self._solve(ridges, self._targets)

    def _solve(self, ridges: NDArray, targets: NDArray) -> NDArray[np.float64]:
        """Return f(T) targets, where ridges and each row of the targets broadcast."""
        if self._values is not None:
            gains = self._values.reshape(-1, *(1,) * ridges.ndim) + ridges
            return targets / gains
        # T + ridge = L diag(d) L' with ones on the diagonal of L and `below` beside it.
        unique, which = np.unique(ridges, return_inverse=True)
        factors = [_factor(self._diagonal + ridge, self._beside) for ridge in unique]
        d, below = (
            np.stack(part, axis=1)[:, which.reshape(ridges.shape)] for part in zip(*factors)
        )
        solved = np.empty(np.broadcast_shapes(targets.shape, d.shape))
        solved[:] = targets
        # All targets and ridges take a step together: LAPACK would take them one by one.
        step = np.empty(solved.shape[1:])
        for i in range(1, len(solved)):
            np.multiply(below[i - 1], solved[i - 1], out=step)
            solved[i] -= step
        solved /= d
        for i in range(len(solved) - 2, -1, -1):
            np.multiply(below[i], solved[i + 1], out=step)
            solved[i] -= step
        return solved


def _factor(diagonal: NDArray, beside: NDArray) -> tuple[NDArray, NDArray] | None:
    """Return the factors of a symmetric tridiagonal matrix, None if it is not positive definite."""
    lapack: Any = import_module("scipy.linalg.lapack")
    d, below, failed = lapack.dpttrf(diagonal, beside)
    return None if failed else (d, below)


def _is_clearly_positive(diagonal: NDArray, beside: NDArray) -> bool:
    """Whether every eigenvalue of a tridiagonal matrix is above `_CLEARLY_POSITIVE` of its norm."""
    padded = np.abs(np.concatenate([[0.0], beside, [0.0]]))
    # Gershgorin: no eigenvalue is larger.
    bound = float((np.abs(diagonal) + padded[:-1] + padded[1:]).max())
    return _factor(diagonal - _CLEARLY_POSITIVE * bound, beside) is not None
