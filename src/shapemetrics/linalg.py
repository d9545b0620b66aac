"""Numerical ground floor: nuclear norms, principal bases, angles that stay exact near zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]
#: One number, or an array of them.
Numbers = Array | float

#: Numbers of rows whose multiples conflict in a core's cache.
CACHE_ROWS = 512


class PrincipalBasis(NamedTuple):
    """Thin singular value decomposition ``X = left @ diag(values) @ right.T``, rank r."""

    left: Array  # (m, r)
    values: Array  # (r,), descending, positive
    right: Array  # (n, r)


def principal_basis(
    X: Array, *, tolerance: float, floor: float = 0.0, n_components: int | None = None
) -> PrincipalBasis:
    """Singular value decomposition without the directions that hold nothing but rounding.

    Parameters
    ----------
    X : ndarray of shape (m, n)
        Matrix, centred beforehand where that is wanted.
    tolerance : float
        Singular values at or below ``tolerance`` times the largest are dropped. The rule is
        relative, so the rank does not change with the units of the data.
    floor : float, default=0.0
        Singular values at or below this are dropped too: what rounding of the numbers that X was
        made from can hide.
    n_components : int, optional
        Keep at most so many leading directions.

    Returns
    -------
    PrincipalBasis
        Left vectors (m, r), singular values (r,), right vectors (n, r).
    """
    m, n = X.shape
    if m >= 4 * n:
        # A tall matrix: the small triangular factor has the same singular values.
        Q, R = np.linalg.qr(X)
        inner, values, right_t = np.linalg.svd(R, full_matrices=False)
        left = Q @ inner
    else:
        left, values, right_t = np.linalg.svd(X, full_matrices=False)
    least = max(tolerance * float(values[0]), floor)
    rank = int(np.count_nonzero(values > least)) if values[0] > 0 else 0
    if n_components is not None:
        rank = min(rank, n_components)
    return PrincipalBasis(left[:, :rank], values[:rank], right_t[:rank].T)


def rounding_tolerance(shape: Sequence[int]) -> float:
    """Relative size below which a singular value is rounding of the computation, in float64.

    Parameters
    ----------
    shape : sequence of int
        Shape of the matrix.

    Returns
    -------
    float
        Ten times the machine precision, or the error of the decomposition, which grows with the
        matrix, whichever is larger. The type that stored the data has no say: the same numbers
        have the same rank, whatever holds them.
    """
    return max(10, *shape) * float(np.finfo(np.float64).eps)


def rounding_level(norm: float, shape: Sequence[int], precision: float) -> float:
    r"""Size of singular values that rounding of the entries of a matrix can make or hide.

    Parameters
    ----------
    norm : float
        Frobenius norm of the matrix as it was stored, before centring.
    shape : sequence of int
        Its shape (m, n).
    precision : float
        Relative spacing of the stored numbers.

    Returns
    -------
    float
        :math:`u \, \mathrm{rms}(X) (\sqrt m + \sqrt n)`, about three times the norm of the
        matrix of rounding errors: independent errors of standard deviation s have a largest
        singular value of about :math:`s (\sqrt m + \sqrt n)`, and s is at most
        :math:`u / \sqrt{12}` times an entry.
    """
    m, n = shape
    return precision * norm / np.sqrt(m * n) * (np.sqrt(m) + np.sqrt(n))


def nuclear_norms(C: Array) -> Array:
    """Sums of singular values of a stack of matrices.

    Parameters
    ----------
    C : ndarray of shape (..., p, q)
        Matrices.

    Returns
    -------
    ndarray of shape (...)
        Nuclear norm of each, summed in float64.
    """
    if C.shape[-2] and C.shape[-2] % CACHE_ROWS == 0:
        # Rows of these numbers of bytes share cache lines; one row of zeros more parts them, and
        # changes no singular value. At 512 that is 1.4 times faster.
        C = np.concatenate([C, np.zeros((*C.shape[:-2], 1, C.shape[-1]), dtype=C.dtype)], axis=-2)
    return np.linalg.svd(C, compute_uv=False).sum(axis=-1, dtype=np.float64)


def frobenius_norm(X: Array) -> float:
    """Frobenius norm, summed in float64: in float32 large matrices lose two digits of theirs."""
    return float(np.linalg.norm(X.astype(np.float64, copy=False)))


def gram_nuclear_norms(C: Array) -> tuple[Array, Array]:
    r"""Nuclear norms from eigenvalues of Gram matrices, with bounds on their errors.

    Parameters
    ----------
    C : ndarray of shape (..., p, q)
        Matrices.

    Returns
    -------
    norms, bounds : ndarray of shape (...)
        The true nuclear norm lies within `bounds` of `norms`.

    Notes
    -----
    Squaring loses small singular values: with :math:`\epsilon` a bound on the error of an
    eigenvalue of :math:`C^T C`, a singular value is wrong by at most
    :math:`\min(\epsilon / \hat\sigma, \sqrt\epsilon)`, since
    :math:`|\sqrt a - \sqrt b| \le |a - b| / \max(\sqrt a, \sqrt b)` and
    :math:`|\sqrt a - \sqrt b| \le \sqrt{|a - b|}`. Weyl's inequality bounds :math:`\epsilon` by
    the rounding of the product, p u ||C||_F^2, and the backward error of the eigenvalue solver,
    taken as 10 q u ||C^T C||_F, u the unit roundoff. Each matrix is first brought to entries of
    about one by a power of two, which rounds nothing, so that no square leaves the range of the
    floating type: in float32 those of data in teslas would all be zero.
    """
    if C.shape[-2] < C.shape[-1]:
        C = np.swapaxes(C, -1, -2)
    p, q = C.shape[-2:]
    info = np.finfo(C.dtype)
    eps = float(info.eps)
    exponents = np.frexp(np.abs(C).max(axis=(-2, -1)))[1]
    exponents = np.maximum(exponents, info.minexp)  # its inverse must be a number, too
    C = C * np.ldexp(C.dtype.type(1.0), -exponents)[..., None, None]
    G = np.swapaxes(C, -1, -2) @ C
    eigenvalues = np.maximum(np.linalg.eigvalsh(G), 0.0).astype(np.float64, copy=False)
    squared = np.trace(G, axis1=-2, axis2=-1).astype(np.float64)[..., None]
    sizes = np.linalg.norm(G.astype(np.float64, copy=False), axis=(-2, -1))[..., None]
    error = eps * (p * squared + 10.0 * q * sizes)
    values = np.sqrt(eigenvalues)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.minimum(np.where(values > 0, error / values, np.inf), np.sqrt(error))
    norms = values.sum(axis=-1)
    bounds = each.sum(axis=-1) + q * eps * norms
    return np.ldexp(norms, exponents), np.ldexp(bounds, exponents)


def polar_factors(C: Array) -> Array:
    """Rotations (partial isometries) R = U V' that maximise <C, R>, for a stack of matrices.

    Parameters
    ----------
    C : ndarray of shape (..., p, q)
        Cross-covariances.

    Returns
    -------
    ndarray of shape (..., p, q)
        With orthonormal rows where p <= q and orthonormal columns where p >= q.
    """
    U, _, Vt = np.linalg.svd(C, full_matrices=False)
    return U @ Vt


def angles(inner: Numbers, norms_x: Numbers, norms_y: Numbers) -> Array:
    """Angles between vectors with these inner products and norms, clipped to [0, pi] radians."""
    return np.arccos(np.clip(inner / (norms_x * norms_y), -1.0, 1.0))


def chord_lengths(
    inner: Numbers,
    norms_x: Numbers,
    norms_y: Numbers,
    exponents_x: npt.NDArray[np.integer] | int = 0,
    exponents_y: npt.NDArray[np.integer] | int = 0,
) -> Array:
    """Euclidean distances between vectors with these inner products and norms.

    Vectors are given up to a power of two each, x times ``2**exponents_x``: no square then leaves
    the range of float64, whatever the data's units.
    """
    if np.array_equal(exponents_x, exponents_y) and np.ndim(exponents_x) == 0:
        common, left, right = exponents_x, norms_x, norms_y
    else:
        common = np.maximum(exponents_x, exponents_y)
        left = np.ldexp(norms_x, exponents_x - common)
        right = np.ldexp(norms_y, exponents_y - common)
        inner = np.ldexp(inner, exponents_x + exponents_y - 2 * common)
    chords = np.sqrt(np.maximum(left**2 + right**2 - 2.0 * inner, 0.0))
    return np.ldexp(chords, common)


def nearly_equal(
    inner: Numbers, norms_x: Numbers, norms_y: Numbers, eps: float
) -> npt.NDArray[np.bool_]:
    """Pairs so close that ``angles`` and ``chord_lengths`` lose digits to cancellation.

    The cosine carries a rounding error of order eps, hence the angle one of eps / angle: below
    ``10 sqrt(eps)`` of relative squared distance, measure the residual instead.
    """
    squared = norms_x**2 + norms_y**2 - 2.0 * inner
    total = norms_x**2 + norms_y**2
    cosine_gap = 1.0 - inner / (norms_x * norms_y)
    threshold = 10.0 * np.sqrt(eps)
    return (squared < threshold * total) | (cosine_gap < threshold)


def angle_between(A: Array, B: Array) -> float:
    """Angle between two arrays as vectors, accurate for small angles too, in radians.

    Notes
    -----
    ``2 atan2(||a - b||, ||a + b||)`` with a and b of unit norm (Kahan): no cancellation near
    zero, unlike the arc cosine, whose error there is the square root of machine precision.
    """
    a = A / np.linalg.norm(A)
    b = B / np.linalg.norm(B)
    return float(2.0 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b)))
