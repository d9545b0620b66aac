"""References for distances between response distributions: the loss, and its least value.

The loss at a given rotation follows the equations with matrix square roots. Its minimum over a
group is found by trying everything: all permutations, the identity, and for at most two units all
rotations and reflections of the plane on a fine grid, then refined. For means alone it is the
Procrustes distance.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np
from answers import LAST_STEPS, Answer, Undefined
from extended import DOUBLE, SINGLE, Exact, decompose, eigen, exact, nuclear_norm, root

#: Angles of the grid over the plane's rotations.
GRID = 720


class Moments(NamedTuple):
    """Means (m, n), covariances (m, n, n), and their symmetric square roots."""

    means: np.ndarray
    covariances: np.ndarray
    roots: np.ndarray


def moments(X: Any, center: bool = False) -> Moments:
    """From trials (m, r, n), unbiased; or as they are given."""
    if isinstance(X, tuple):
        means, covariances = (exact(part) for part in X)
        for S in covariances:
            values, _ = eigen(S)
            if values.min() < -1e4 * len(S) * DOUBLE * np.abs(covariances).max():
                raise Undefined("a covariance with a negative eigenvalue")
    else:
        X = exact(X)
        if X.shape[1] < 2:
            raise Undefined("one trial per stimulus")
        means = X.mean(axis=1)
        noise = X - means[:, None, :]
        covariances = np.swapaxes(noise, 1, 2) @ noise / (X.shape[1] - 1)
    means = means - means.mean(axis=0) if center else means
    return Moments(means, covariances, np.array([root(S) for S in covariances]))


def _padded(X: np.ndarray, n: int, axes: tuple[int, ...]) -> np.ndarray:
    """Silent units, until these axes have length n."""
    widths = [(0, n - X.shape[axis]) if axis in axes else (0, 0) for axis in range(X.ndim)]
    return np.pad(X, widths)


def _pad_moments(x: Moments, n: int) -> Moments:
    matrices = (_padded(part, n, (1, 2)) for part in (x.covariances, x.roots))
    return Moments(_padded(x.means, n, (1,)), *matrices)


def gaussian_loss(x: Moments, y: Moments, Q: np.ndarray, alpha: float) -> np.longdouble:
    """Mean over stimuli of ``alpha |mu - Q nu|^2 + (2 - alpha) Bures^2``.

    The squared Bures distance is ``tr S + tr T - 2 tr (S^(1/2) T S^(1/2))^(1/2)``; its last term is
    the sum of singular values of ``S^(1/2) T^(1/2)``, which keeps more digits.
    """
    means = np.mean(np.sum((x.means - y.means @ Q.T) ** 2, axis=1))
    if alpha == 2.0:
        return 2 * means
    fidelity = np.mean([nuclear_norm(S @ Q @ T) for S, T in zip(x.roots, y.roots)])
    noise = np.maximum(_traces(x) + _traces(y) - 2 * fidelity, 0)
    return Exact(alpha) * means + (2 - Exact(alpha)) * noise


def _traces(x: Moments) -> np.longdouble:
    return np.trace(x.covariances, axis1=1, axis2=2).mean()


def _screened(x: Moments, y: Moments, Q: np.ndarray, alpha: float) -> np.ndarray:
    """The same for a stack of elements (k, n, n) up to a factor, in float64: a first look."""
    peak = max(np.abs(z.means).max() for z in (x, y)) + np.sqrt(_traces(x) + _traces(y))
    if peak == 0:
        return np.zeros(len(Q))
    (mu, S), (nu, T) = (
        ((z.means / peak).astype(float), (z.roots / peak).astype(float)) for z in (x, y)
    )
    means = np.mean(np.sum((mu - np.einsum("kab,mb->kma", Q, nu)) ** 2, axis=-1), axis=-1)
    products = S @ Q[:, None] @ T
    fidelity = np.linalg.svd(products, compute_uv=False).sum(axis=-1).mean(axis=-1)
    noise = float((_traces(x) + _traces(y)) / peak**2) - 2 * fidelity
    return alpha * means + (2 - alpha) * noise


def _plane_gaussian(x: Moments, y: Moments, Q: np.ndarray, alpha: float) -> np.ndarray:
    """The same for 2 x 2 matrices (k, 2, 2): ``tr sqrt(ST)^2 = tr ST + 2 sqrt(det S det T)``."""
    turned = np.einsum("kab,mb->kma", Q, y.means)
    means = np.mean(np.sum((x.means - turned) ** 2, axis=-1), axis=-1)
    T = np.einsum("kab,mbc,kdc->kmad", Q, y.covariances, Q)
    traces = np.trace(x.covariances, axis1=1, axis2=2) + np.trace(y.covariances, axis1=1, axis2=2)
    product = np.einsum("mab,kmba->km", x.covariances, T)
    dets = [S[:, 0, 0] * S[:, 1, 1] - S[:, 0, 1] ** 2 for S in (x.covariances, y.covariances)]
    dets = np.sqrt(np.maximum(dets[0] * dets[1], 0))
    noise = traces - 2 * np.sqrt(np.maximum(product + 2 * dets, 0))
    return Exact(alpha) * means + (2 - Exact(alpha)) * noise.mean(axis=-1)


def _mean_distance(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Mean distance between trials of each stimulus: (..., m, r, n), (..., m, q, n) to (..., m)."""
    difference = X[..., :, None, :] - Y[..., None, :, :]
    return np.sqrt(np.sum(difference * difference, axis=-1)).mean(axis=(-1, -2))


def _spread(X: np.ndarray, estimator: str) -> np.longdouble:
    """Mean distance between two trials of a stimulus, a trial with itself included or not."""
    r = X.shape[1]
    with_itself = _mean_distance(X, X).mean()
    return with_itself if estimator == "empirical" else with_itself * r / (r - 1)


def energy_loss(
    X: np.ndarray, Y: np.ndarray, Q: np.ndarray, estimator: str
) -> np.longdouble | np.ndarray:
    """Mean over stimuli of ``E|x - Q y|``, less half the spreads; for one Q or a stack of them."""
    turned = Y @ np.swapaxes(Q, -1, -2)[..., None, :, :]
    across = _mean_distance(X, turned).mean(axis=-1)
    return across - (_spread(X, estimator) + _spread(Y, estimator)) / 2


def _plane(angles: np.ndarray, flip: float) -> np.ndarray:
    c, s = np.cos(angles), np.sin(angles)
    return np.stack([np.stack([c, -flip * s], -1), np.stack([s, flip * c], -1)], -2)


def _least_in_plane(losses: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The rotation or reflection of the plane with the least loss.

    Each of the lowest points of a grid is looked at ever more closely, by a factor of five at a
    time: to the last digit where the loss has a kink, as where trials coincide.
    """
    grid = np.arange(GRID) * (2 * np.pi / GRID)
    found = []
    for flip in (1.0, -1.0):
        values = losses(_plane(exact(grid), flip))
        lowest = np.flatnonzero((values <= np.roll(values, 1)) & (values <= np.roll(values, -1)))
        for k in lowest[np.argsort(values[lowest])][:4]:
            angle, reach = Exact(grid[k]), Exact(2 * np.pi / GRID)
            while reach > 1e-18:
                near = angle + reach * np.linspace(-1, 1, 11, dtype=Exact)
                angle, reach = near[np.argmin(losses(_plane(near, flip)))], reach / 5
            Q = _plane(angle[None], flip)
            found.append((losses(Q)[0], Q[0]))
    return min(found, key=lambda pair: pair[0])[1]


def _elements(n: int, group: str) -> np.ndarray:
    """All permutations, or both reflections of a single unit."""
    if group == "orth":
        return np.array([np.eye(1), -np.eye(1)])
    return np.array([np.eye(n)[list(order)] for order in permutations(range(n))])


def _answer(squared: np.longdouble, size: float, error: float = 0.0) -> Answer:
    """The root of a squared distance whose terms are of this size, and its relative error."""
    if size == 0:
        return Answer(0.0, 0.0, 0.0)
    relative = np.maximum(squared / Exact(size), 0)
    value = np.sqrt(relative)
    scale = float(np.sqrt(Exact(size)))
    tolerances = []
    for unit in (DOUBLE, 100.0 * SINGLE):
        last = LAST_STEPS * unit + error
        tolerances.append(scale * min(last / max(float(value), 1e-300), last**0.5))
    return Answer(float(value) * scale, *tolerances, scale)


class Fit(NamedTuple):
    """The best element of the group for a pair, or none where there is no trying everything."""

    x: Any
    y: Any
    Q: np.ndarray | None
    loss: Callable[[Any, Any, np.ndarray], Any]
    size: np.longdouble
    least: np.longdouble | None = None  # the least loss, where it has a closed form
    tied: bool = False  # whether another element is as good but for rounding
    searched: bool = False  # whether descents that end before the optimum look for it


#: What a descent may leave of the squared distance when it ends, relative to its size.
UNFINISHED = 1e-8


def _fit(
    x: Any,
    y: Any,
    n: int,
    group: str,
    loss: Callable[[Any, Any, np.ndarray], Any],
    screened: Callable[[np.ndarray], np.ndarray],
    in_plane: Callable[[np.ndarray], np.ndarray],
    size: np.longdouble,
) -> Fit:
    if group == "identity":
        return Fit(x, y, np.eye(n), loss, size)
    if group == "perm" or n == 1:
        elements = _elements(n, group)
        rough = screened(elements)
        kept = elements[rough - rough.min() <= 1e-6 * np.abs(rough).max()]
        losses = np.array([loss(x, y, Q) for Q in kept])
        order = np.argsort(losses)
        tied = len(kept) > 1 and losses[order[1]] - losses[order[0]] < 1e-7 * size
        return Fit(x, y, kept[order[0]], loss, size, tied=bool(tied))
    Q = _least_in_plane(in_plane) if n == 2 else None
    return Fit(x, y, Q, loss, size, searched=True)


def fit_gaussian(
    X: Any, Y: Any, *, alpha: float = 1.0, group: str = "orth", center: bool = False
) -> Fit:
    """The best Q of Y towards X for GaussianStochasticMetric."""
    x, y = moments(X, center), moments(Y, center)
    n = max(x.means.shape[1], y.means.shape[1])
    if group == "identity" and x.means.shape[1] != y.means.shape[1]:
        raise Undefined("unequal numbers of units")
    x, y = _pad_moments(x, n), _pad_moments(y, n)
    squares = sum(np.mean(np.sum(z.means**2, axis=1)) for z in (x, y))
    size = Exact(alpha) * squares + (2 - Exact(alpha)) * (_traces(x) + _traces(y))

    def loss(a: Moments, b: Moments, Q: np.ndarray) -> np.longdouble:
        return gaussian_loss(a, b, Q, alpha)

    if alpha == 2.0 and group == "orth":
        C = x.means.T @ y.means
        axes = decompose(C)
        U, _, Vt = np.linalg.svd((C / np.abs(C).max()).astype(float))
        closed = 2 * (squares - 2 * axes.values.sum() / len(x.means))
        tied = bool(axes.values[-1] < 1e-6 * axes.values[0])
        return Fit(x, y, U @ Vt, loss, size, closed, tied)
    return _fit(
        *(x, y, n, group, loss),
        lambda Q: _screened(x, y, Q, alpha),
        lambda Q: _plane_gaussian(x, y, Q, alpha),
        size,
    )


def fit_energy(X: Any, Y: Any, *, group: str = "orth", estimator: str = "unbiased") -> Fit:
    """The best Q of Y towards X for EnergyStochasticMetric."""
    X, Y = exact(X), exact(Y)
    if min(X.shape[1], Y.shape[1]) < 2:
        raise Undefined("one trial per stimulus")
    if group == "identity" and X.shape[2] != Y.shape[2]:
        raise Undefined("unequal numbers of units")
    n = max(X.shape[2], Y.shape[2])
    X, Y = (_padded(Z, n, (2,)) for Z in (X, Y))
    size = (np.abs(X).max() + np.abs(Y).max()) * np.sqrt(Exact(n))

    def losses(Q: np.ndarray) -> np.ndarray:
        return energy_loss(X, Y, Q, estimator)

    return _fit(
        *(X, Y, n, group),
        lambda a, b, Q: energy_loss(a, b, Q, estimator),
        *(losses, losses, size),
    )


def least(fit: Fit) -> Answer:
    """The distance."""
    if fit.Q is None:
        raise NotImplementedError("rotations of more than two units are not tried one by one")
    squared = fit.loss(fit.x, fit.y, fit.Q) if fit.least is None else fit.least
    return _answer(squared, fit.size, UNFINISHED if fit.searched else 0.0)


def at_rotation(fit: Fit, Q: Any) -> Answer:
    """The root of the loss at a given element of the group, (n, n)."""
    return _answer(fit.loss(fit.x, fit.y, Q), fit.size)
