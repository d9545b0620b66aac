"""The shift with the largest nuclear norm, by as few singular value problems as are needed."""

from __future__ import annotations

import numpy as np

from shapemetrics import linalg
from shapemetrics.linalg import Array

#: Singular value problems solved together before the bounds are looked at again.
BATCH = 8


def largest_nuclear_norm(C: Array) -> tuple[int, float]:
    r"""Index and value of the largest nuclear norm in a stack of matrices.

    Parameters
    ----------
    C : ndarray of shape (s, p, q)
        Cross-covariances, one a shift.

    Returns
    -------
    index : int
        Which matrix.
    value : float
        Its nuclear norm, from singular values in float64.

    Notes
    -----
    Exact: a matrix is passed over only where an upper bound on its nuclear norm lies below a value
    already found. With k = min(p, q), and any orthonormal :math:`v_1, v_2, \dots`, the bounds are

    .. math:: \|C\|_* \le \sqrt{k} \|C\|_F, \qquad
              \|C\|_* \le \sum_{j \le t} \|C v_j\|
                + \sqrt{\min(p, q - t)} \, \|C - \sum_{j \le t} C v_j v_j^T\|_F,

    since each :math:`C v_j v_j^T` has rank one. The v are the right singular vectors of the
    matrix with the largest Frobenius norm, a few of them first, then all; then its left ones in
    the same way. On trained networks they leave one or two matrices of 64.
    """
    k = min(C.shape[1:])
    squared = np.einsum("spq,spq->s", C, C)
    first = int(np.argmax(squared))
    U, values, Vt = np.linalg.svd(C[first].astype(np.float64, copy=False), full_matrices=False)
    best, index = float(values.sum()), first
    slack = _slack(C)
    left = np.flatnonzero(np.sqrt(k * squared) * (1.0 + slack) > best)
    left = left[left != first]
    bounds = np.full(len(left), np.inf)
    for transpose, basis, t in ((False, Vt.T, max(1, k // 4)), (False, Vt.T, k), (True, U, k)):
        if len(left) == 0:
            return index, best
        kept = C[left].swapaxes(1, 2) if transpose else C[left]
        bounds = _bounds(kept, basis[:, :t].astype(C.dtype, copy=False), squared[left])
        left, bounds = left[bounds > best], bounds[bounds > best]

    order = np.argsort(-bounds)
    left, bounds = left[order], bounds[order]
    for start in range(0, len(left), BATCH):
        if bounds[start] <= best:
            break
        batch = left[start : start + BATCH]
        norms = linalg.nuclear_norms(C[batch].astype(np.float64, copy=False))
        if norms.max() > best:
            best, index = float(norms.max()), int(batch[np.argmax(norms)])
    return index, best


def _bounds(C: Array, basis: Array, squared: Array) -> Array:
    """Upper bounds on nuclear norms: exact parts along a basis (q, t), and a rest of known norm."""
    p, q = C.shape[1:]
    t = basis.shape[1]
    along = C @ basis
    parts = np.einsum("spt,spt->st", along, along)
    slack = _slack(C)
    # The difference cancels where little is left: give it what rounding may have taken.
    rest = np.maximum(squared - parts.sum(axis=1), 0.0) + slack * squared
    return (np.sqrt(parts).sum(axis=1) + np.sqrt(min(p, q - t) * rest)) * (1.0 + slack)


def _slack(C: Array) -> float:
    """Relative rounding error that the bounds may carry."""
    return 16.0 * max(C.shape[1:]) * float(np.finfo(C.dtype).eps)
