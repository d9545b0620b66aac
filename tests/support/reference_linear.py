"""References for the linear family and for convolutional layers: phi(X) itself, and its rotations.

The feature map is formed as the equation has it, ``C X (alpha I + (1 - alpha) (X'CX)^(-1/2))``
with an explicit centring matrix and the network's own axes, n of them, from Jacobi rotations.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.signal
from answers import Answer, Undefined, between
from extended import DOUBLE, Decomposition, Exact, centring, decompose, exact, norm


class Shape(NamedTuple):
    """phi(X), and ``phi = (X - mean) @ map``."""

    phi: np.ndarray  # (m, n)
    mean: np.ndarray  # (n,)
    map: np.ndarray  # (n, n)
    condition: float  # relative error of phi for one rounding error of the data in float64
    stretch: float  # largest factor by which the map stretches
    doubtful: bool  # whether rounding decides a rank
    refusable: bool = False  # whether the package may refuse the network

    @property
    def norm(self) -> np.longdouble:
        """Frobenius norm of phi."""
        return norm(self.phi)


def magnitude(X: np.ndarray) -> float:
    """What the rounding errors of a matrix amount to, in units of the machine precision."""
    return float(np.abs(X).max() * np.sqrt(Exact(X.size)))


def centred(X: np.ndarray, center: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Responses less each unit's mean, and the means; Undefined where nothing is left."""
    mean = X.mean(axis=0) if center else np.zeros_like(X[0])
    A = centring(len(X)) @ X if center else X
    if norm(A) <= 8 * DOUBLE * magnitude(X):
        raise Undefined("zero variance across stimuli")
    return A, mean


def rank_of(values: np.ndarray, tolerance: float, error: float) -> tuple[int, bool]:
    """Values above a fraction of the largest, and whether errors of that size could change that.

    Where the tolerance is hardly more than the error itself, values of exact low rank stay well
    below it in practice: what lies within a factor of six is in doubt, then, and no more.
    """
    relative = values / values[0]
    factor = 6.0 if tolerance < 100.0 * error else 1.001 + 10.0 * error / max(tolerance, 1e-300)
    near = (relative > tolerance / factor) & (relative < tolerance * factor)
    return int(np.count_nonzero(relative > tolerance)), bool(near.any())


def default_tolerance(m: int, n: int) -> float:
    """Relative size of a singular value that is rounding in float64."""
    return max(10, m, n) * DOUBLE


def shape(
    X: Any,
    *,
    alpha: float = 1.0,
    center: bool = True,
    n_components: int | None = None,
    preserve_variance: bool = True,
    scale_free: bool = False,
    rank_tolerance: float | None = None,
    truncation: float | None = None,
) -> Shape:
    """phi of one network, with the parameters of LinearMetric."""
    X = exact(X)
    m, n = X.shape
    A, mean = centred(X, center)
    axes = decompose(A)
    tolerance = default_tolerance(m, n) if rank_tolerance is None else rank_tolerance
    rounding = DOUBLE * magnitude(X)
    rank, doubtful = rank_of(axes.values, tolerance, float(rounding / axes.values[0]))
    # What lies below the tolerance changes a whitened network only.
    doubtful &= alpha < 1.0 or rank_tolerance is not None
    if n_components is None or n_components > rank:
        gap = Exact(np.inf)
    else:
        below = axes.values[n_components] if n_components < len(axes.values) else Exact(0)
        gap = axes.values[n_components - 1] - below
        rank = n_components
    if alpha == 0.0 and rank >= m - int(center):
        raise Undefined("the network spans all stimuli")
    V, s = axes.right[:, :rank], axes.values[:rank]
    unit = norm(s) / np.sqrt(Exact(rank)) if scale_free else Exact(1)
    identity = np.eye(n, dtype=Exact)
    whitening = alpha * identity + (1 - Exact(alpha)) * (V * (unit / s)) @ V.T
    kept = V @ V.T
    mapping = (kept @ whitening) / unit
    if preserve_variance:
        mapping = mapping * (norm(A @ kept) / unit / norm(A @ mapping))
    gains = np.sqrt(np.sum((A @ mapping @ V) ** 2, axis=0))  # descending, as s is
    if truncation is not None:
        left_out = np.sqrt(np.cumsum(gains[::-1] ** 2))[::-1] / norm(gains)
        error = float(rounding / s[-1])
        r, near = rank_of(left_out, truncation, error) if truncation > 0 else (rank, False)
        doubtful |= near
        V, s, gains = V[:, : max(1, r)], s[: max(1, r)], gains[: max(1, r)]
        mapping = mapping @ V @ V.T
    phi = A @ mapping
    errors = magnitude(X) * (gains / s / norm(gains))
    condition = float(errors.max() + magnitude(X) / gap)
    return Shape(phi, mean, mapping, condition, float((gains / s).max()), doubtful)


def linear_of(x: Shape, y: Shape, geometry: str) -> Answer:
    """Distance of two shapes under the best rotation: the nuclear norm of phi(X)' phi(Y)."""
    inner = decompose(x.phi.T @ y.phi).values.sum()
    answer = between(inner, x.norm, y.norm, geometry, errors=(x.condition, y.condition))
    answer = answer._replace(refusable=x.refusable or y.refusable)
    return answer.doubted() if x.doubtful or y.doubtful else answer


def linear(X: Any, Y: Any, *, geometry: str = "angular", **options: Any) -> Answer:
    """LinearMetric, with its parameters."""
    return linear_of(shape(X, **options), shape(Y, **options), geometry)


class Moved(NamedTuple):
    """Held-out responses under the map fitted on others."""

    phi: np.ndarray
    error: float  # relative, for one rounding error of the data in float64


def moved_by(fitted: Shape, X: Any) -> Moved:
    """Held-out responses of one network."""
    X = exact(X)
    phi = (X - fitted.mean) @ fitted.map
    size = float(norm(phi))
    if size == 0.0:
        raise Undefined("held-out responses are all at the fitted mean")
    spread = max(magnitude(X), float(np.abs(fitted.mean).max()) * X.size**0.5)
    return Moved(phi, fitted.stretch * spread / size + fitted.condition)


def turned(
    x: Shape, y: Shape, test_x: Moved, test_y: Moved, geometry: str, axes: Decomposition
) -> Answer:
    """Distance on held-out responses under the rotation that aligned the fitted ones.

    Parameters
    ----------
    axes : Decomposition
        Of the fitted cross-covariance, whose polar factor U V' the rotation is.
    """
    rank, doubtful = rank_of(axes.values, 1e-13, DOUBLE)
    U, s, V = axes.left[:, :rank], axes.values[:rank], axes.right[:, :rank]
    T = test_x.phi.T @ test_y.phi
    norm_x, norm_y = norm(test_x.phi), norm(test_y.phi)
    inner = np.sum((U @ V.T) * T)
    # Rounding turns the pairs of axes (i, j) by delta / (s_i + s_j), and axes beside the rank by
    # delta / s_i; where there are such axes on both sides, any rotation of them is as good.
    T_kept, project_u, project_v = U.T @ T @ V, np.eye(len(U)) - U @ U.T, np.eye(len(V)) - V @ V.T
    beside_x, beside_y = U.T @ T @ project_v, project_u @ T @ V
    free = float(decompose(project_u @ T @ project_v).values.sum() / (norm_x * norm_y))
    turn = np.sum(np.abs(T_kept) / (s[:, None] + s))
    turn += np.sum(np.sqrt(np.sum(beside_x**2, axis=1)) / s)
    turn += np.sum(np.sqrt(np.sum(beside_y**2, axis=0)) / s)
    error = (x.condition + y.condition + 4.0) * x.norm * y.norm * DOUBLE
    slack = float(8 * error * turn / (norm_x * norm_y))
    errors = (test_x.error, test_y.error)
    answer = between(inner, norm_x, norm_y, geometry, errors=errors, slack=slack)
    answer = answer._replace(refusable=x.refusable or y.refusable)
    if free > 1e-10 or doubtful or x.doubtful or y.doubtful:
        return answer.doubted()
    return answer


def linear_heldout(
    X: Any, Y: Any, test_x: Any, test_y: Any, *, geometry: str = "angular", **options: Any
) -> Answer:
    """Held-out LinearMetric: alignment from (X, Y), distance between (test_x, test_y)."""
    x, y = shape(X, **options), shape(Y, **options)
    axes = decompose(x.phi.T @ y.phi)
    return turned(x, y, moved_by(x, test_x), moved_by(y, test_y), geometry, axes)


def regrid(X: Any, size: tuple[int, int] | None) -> np.ndarray:
    """A layer on another grid, by SciPy's Fourier resampling of rows, then of columns."""
    X = np.asarray(X).astype(np.float64)
    peak = float(np.abs(X).max()) or 1.0
    for axis, length in zip((1, 2), size or X.shape[1:3]):
        if X.shape[axis] != length:
            X = scipy.signal.resample(X / peak, length, axis=axis) * peak
    return X


def _flat(X: np.ndarray, shift: tuple[int, int] = (0, 0)) -> np.ndarray:
    """Every stimulus and position a sample, after a circular shift."""
    return np.roll(X, shift, axis=(1, 2)).reshape(-1, X.shape[-1])


def shift_map(
    X: Any,
    Y: Any,
    *,
    geometry: str = "angular",
    shifts: bool | str = True,
    resample: tuple[int, int] | None = None,
    **options: Any,
) -> dict[tuple[int, int], Answer]:
    """ConvolutionMetric at every shift (rows, columns) of X, one `np.roll` each."""
    X, Y = regrid(X, resample), regrid(Y, resample)
    x, y = shape(_flat(X), **options), shape(_flat(Y), **options)
    steps = np.ndindex(*X.shape[1:3]) if shifts else [(0, 0)]
    found = {}
    for step in steps:
        rolled = x._replace(phi=(exact(_flat(X, step)) - x.mean) @ x.map)
        found[step] = linear_of(rolled, y, geometry)
    return found


def convolution(X: Any, Y: Any, **options: Any) -> Answer:
    """ConvolutionMetric: the least over all shifts."""
    return min(shift_map(X, Y, **options).values(), key=lambda answer: answer.value)


def convolution_heldout(
    X: Any,
    Y: Any,
    test_x: Any,
    test_y: Any,
    *,
    geometry: str = "angular",
    shifts: bool | str = True,
    resample: tuple[int, int] | None = None,
    **options: Any,
) -> Answer:
    """Held-out ConvolutionMetric: shift and rotation from (X, Y)."""
    at = shift_map(X, Y, geometry="angular", shifts=shifts, resample=resample, **options)
    order = sorted(at, key=lambda step: at[step].value)
    best = order[0]
    X, Y, test_x, test_y = (regrid(Z, resample) for Z in (X, Y, test_x, test_y))
    rolled = _flat(X, best)
    x, y = shape(rolled, **options), shape(_flat(Y), **options)
    axes = decompose(x.phi.T @ y.phi)
    tests = moved_by(x, _flat(test_x, best)), moved_by(y, _flat(test_y))
    answer = turned(x, y, *tests, geometry, axes)
    tied = len(order) > 1 and at[order[1]].value - at[best].value < 1e-6
    return answer.doubted() if tied else answer
