"""References for kernels: Gram matrices from differences, their square roots, and CKA.

Landmarks and frequencies are drawn as the package documents it, from the seed alone: landmarks are
``default_rng(seed).choice(m, q, replace=False)``, frequencies ``default_rng(seed).normal(size=(n,
q / 2))`` over the bandwidth. What is made of them here shares no code with the package.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from answers import STEPS, Answer, Undefined, between
from extended import DOUBLE, Exact, centring, decompose, eigen, exact, norm
from reference_linear import Shape, centred, linear_of, magnitude, moved_by, rank_of, shape, turned

#: Spacing of float16 about 1: rounding to it makes no eigenvalue more negative than m times that.
HALF = 1e-3
#: Rounding errors of a squared distance, relative to itself, that count as one.
EXPANDED = 16.0


class Gram(NamedTuple):
    """A Gram matrix before centring, up to a constant, and the size of its rounding errors."""

    K: np.ndarray  # (m, m)
    error: np.longdouble  # of an entry, for one rounding error in float64
    bandwidth: np.longdouble | None


def _squared(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    difference = X[:, None, :] - Y[None, :, :]
    return np.sum(difference * difference, axis=-1)


def bandwidth_of(
    X: np.ndarray, bandwidth: float | None, median_fraction: float
) -> tuple[np.longdouble, float]:
    """The bandwidth, and the error of a kernel value for one rounding error in float64."""
    squared = _squared(X, X)[np.triu_indices(len(X), 1)]
    median = np.median(np.sqrt(squared))
    if bandwidth is None and median == 0:
        raise Undefined("the median distance between stimuli is 0")
    sigma = Exact(bandwidth) if bandwidth is not None else Exact(median_fraction) * median
    # A squared distance may be expanded as far as it keeps its digits but for a factor.
    exponents = squared / (2 * sigma * sigma)
    return sigma, float(EXPANDED * (exponents * np.exp(-exponents)).max())


def gram(
    X: Any,
    kernel: str,
    *,
    bandwidth: float | None = None,
    median_fraction: float = 1.0,
    center: bool = True,
) -> Gram:
    """The kernel of one network's stimuli."""
    X = exact(X)
    if kernel == "precomputed":
        if X.shape[0] != X.shape[1]:
            raise Undefined("not square")
        return Gram(X, np.abs(X).max(), None)
    A, _ = centred(X, center or kernel == "rbf")
    if kernel == "linear":
        return Gram(A @ A.T, magnitude(X) * norm(A), None)
    sigma, error = bandwidth_of(X, bandwidth, median_fraction)
    K = _values(X, X, sigma, center)
    return Gram(K, np.abs(K).max() + Exact(error), sigma)


def _values(X: np.ndarray, Y: np.ndarray, sigma: np.longdouble, center: bool = True) -> np.ndarray:
    """Kernel values, less one where centring takes that away: a wide kernel is one and little."""
    function = np.expm1 if center else np.exp
    return function(-_squared(X, Y) / (2 * sigma * sigma))


def _centred_gram(K: np.ndarray, center: bool = True) -> np.ndarray:
    C = centring(len(K))
    centred_K = C @ K @ C if center else K
    peak = np.abs(K).max()  # beyond the range of float64 where data are in small or large units
    if peak == 0 or norm(centred_K / peak) <= 8 * DOUBLE * magnitude(K / peak):
        raise Undefined("zero variance across stimuli")
    return centred_K


def cka(X: Any, Y: Any, *, kernel: str = "linear", center: bool = True, **options: Any) -> Answer:
    """AngularCKA, with its parameters."""
    grams = []
    for Z in (X, Y):
        found = gram(Z, kernel, center=center, **options)
        K = _centred_gram(found.K, center)
        grams.append((K, float(found.error * len(K) / norm(K))))
    (K, error_x), (L, error_y) = grams
    return between(np.sum(K * L), norm(K), norm(L), "angular", errors=(error_x, error_y))


class KernelShape(NamedTuple):
    """One network in feature space, and the columns that other responses have there."""

    shape: Shape
    columns: Callable[[Any], np.ndarray]


def _cutoff(m: int, alpha: float, rank_tolerance: float | None) -> float:
    """Relative size of singular values of the features that count as zero."""
    floor = np.sqrt(m * DOUBLE)
    if rank_tolerance is not None:
        return float(max(rank_tolerance, floor))
    return float(floor if alpha == 1.0 else max(floor, DOUBLE**0.25))


def _exact_shape(
    found: Gram,
    *,
    alpha: float,
    n_components: int | None,
    preserve_variance: bool,
    scale_free: bool,
    rank_tolerance: float | None,
    heldout: bool,
) -> Shape:
    """``g(K^(1/2))`` as a symmetric matrix: alpha K^(1/2), and a projection for the rest."""
    m, K = len(found.K), _centred_gram(found.K)
    values, vectors = eigen(K)
    error = DOUBLE * found.error * m
    largest, lowest = values.max(), values.min()
    if -lowest > HALF * m * np.abs(found.K).max():
        raise Undefined("a negative eigenvalue")
    cutoff = _cutoff(m, alpha, rank_tolerance)
    order = np.argsort(-values)
    values, vectors = values[order], vectors[:, order]
    rank, near = rank_of(values, cutoff**2, float(error / largest))
    doubtful = near and (alpha < 1.0 or rank_tolerance is not None or heldout)
    gap = Exact(np.inf)
    if n_components is not None and n_components <= rank:
        gap = values[n_components - 1] - (values[n_components] if n_components < m else 0)
        rank = n_components
    if alpha == 0.0 and rank >= m - 1:
        raise Undefined("the features span all stimuli")
    left_out = np.maximum(values[rank:], 0) if gap == np.inf else np.zeros(0)
    values, U = values[:rank], vectors[:, :rank]
    s = np.sqrt(values)
    unit = norm(s) / np.sqrt(Exact(rank)) if scale_free else Exact(1)
    gain = alpha * s / unit + (1 - Exact(alpha))
    if preserve_variance:
        gain = gain * (norm(s) / unit / norm(gain))
    moved = error * gain / values
    if alpha == 1.0:  # no direction moves by more than the root of the error
        moved = np.minimum(moved, np.sqrt(error) * (gain / s).max())
        extra = np.sqrt(error * m + left_out.sum()) * (gain / s).max()
        condition = float(np.sqrt(np.sum(moved**2) + extra**2) / norm(gain)) / STEPS
    else:
        condition = float(moved.max() / norm(gain))
    condition += float(error / gap)
    phi, mapping = (U * gain) @ U.T, (U * (gain / values)) @ U.T
    stretch = float((gain / values).max())
    return Shape(
        *(phi, found.K.mean(axis=0), mapping, condition / DOUBLE, stretch, bool(doubtful)),
        refusable=bool(-lowest > 1e2 * m * DOUBLE * largest),
    )


def _random_features(X: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    phase = X @ frequencies
    less_one = -2 * np.sin(phase / 2) ** 2
    return np.hstack([less_one, np.sin(phase)]) / np.sqrt(Exact(frequencies.shape[1]))


def _of_features(Z: np.ndarray, error: float, alpha: float, **options: Any) -> Shape:
    """A linear shape of features that carry errors of their own."""
    m = len(Z)
    chosen = options.pop("rank_tolerance")
    cutoff = _cutoff(m, alpha, chosen)
    # Without whitening the rank matters where it is asked for, or where it is a unit of size.
    plain = alpha == 1.0 and chosen is None and not options.get("scale_free")
    found = shape(Z, alpha=alpha, rank_tolerance=None if plain else cutoff, **options)
    further = error * found.stretch / float(found.norm)
    if alpha == 1.0:  # directions below the cutoff may be left out, or not
        further += np.sqrt(m) * cutoff / DOUBLE / STEPS
    return found._replace(condition=found.condition + further)


def kernel_shape(
    X: Any,
    *,
    kernel: str = "linear",
    alpha: float = 1.0,
    bandwidth: float | None = None,
    approximation: str = "exact",
    n_components: int | None = None,
    seed: int = 0,
    median_fraction: float = 1.0,
    heldout: bool = False,
    **options: Any,
) -> KernelShape:
    """One network in the feature space of KernelMetric, with its parameters.

    Held-out responses may lie in directions that hold nothing of those that were fitted, so that
    for them it matters which directions count as zero, without whitening too.
    """
    settings = {"preserve_variance": True, "scale_free": False, "rank_tolerance": None} | options
    if kernel == "linear":
        return KernelShape(shape(X, alpha=alpha, n_components=n_components, **settings), exact)
    width = {"bandwidth": bandwidth, "median_fraction": median_fraction}
    if approximation == "exact":
        found = gram(X, kernel, **width)
        settings |= {"alpha": alpha, "n_components": n_components, "heldout": heldout}
        made = _exact_shape(found, **settings)
        return KernelShape(made, _columns(exact(X), found.bandwidth))
    X = exact(X)
    m, n = X.shape
    centred(X)  # refuses what does not vary
    sigma, error = bandwidth_of(X, **width)
    if approximation == "random_features":
        half = -(-(n_components or 512) // 2)
        drawn = np.random.default_rng(seed).normal(size=(n, half))
        frequencies = exact(drawn) / sigma
        Z = _random_features(X, frequencies)
        phases = float((np.abs(X) @ np.abs(frequencies)).max())
        largest = float(np.abs(Z).max() * np.sqrt(Exact(half)))
        made = _of_features(Z, (largest + phases) * np.sqrt(Z.size), alpha, **settings)
        return KernelShape(made, lambda T: _random_features(exact(T), frequencies))
    q = n_components or min(m, 512)
    if q > m:
        raise Undefined("more landmarks than stimuli")
    points = X[np.sort(np.random.default_rng(seed).choice(m, q, replace=False))]
    near = _columns(points, sigma)
    # The span of the landmarks: their differences from their mean, and what else the mean holds.
    K = near(points)
    C = centring(q)
    values, vectors = eigen(C @ K @ C)
    cutoff = _cutoff(q, alpha, settings["rank_tolerance"]) ** 2
    moved = DOUBLE * q * float(np.abs(K).max() + Exact(error))
    rank, doubtful = rank_of(values, cutoff, moved / float(values[0]))
    values, basis = values[:rank], C @ vectors[:, :rank]
    weights = basis / np.sqrt(values)
    mean = np.full(q, Exact(1) / q)
    rest = mean - weights @ (weights.T @ K @ mean)
    squared = 1 + mean @ K @ mean - np.sum((weights.T @ K @ mean) ** 2)
    errors = np.minimum(moved / np.sqrt(values), np.sqrt(moved))
    if squared > cutoff:
        weights = np.column_stack([weights, rest / np.sqrt(squared)])
        errors = np.append(errors, min(moved / np.sqrt(squared), np.sqrt(moved)))
    made = _of_features(
        near(X) @ weights, float(norm(errors) * np.sqrt(Exact(m)) / DOUBLE), alpha, **settings
    )
    doubtful |= bool(cutoff / 6 < squared < 6 * cutoff)
    made = made._replace(doubtful=made.doubtful or (doubtful and (alpha < 1.0 or heldout)))
    return KernelShape(made, lambda T: near(T) @ weights)


def _columns(points: np.ndarray, sigma: np.longdouble | None) -> Callable[[Any], np.ndarray]:
    """Kernel values less one against points; of a precomputed kernel what is given."""
    if sigma is None:
        return exact
    return lambda T: _values(exact(T), points, sigma)


def kernel(X: Any, Y: Any, *, geometry: str = "angular", **options: Any) -> Answer:
    """KernelMetric, with its parameters."""
    x, y = (kernel_shape(Z, **options).shape for Z in (X, Y))
    return linear_of(x, y, geometry)


def _has_unseen(phi: np.ndarray) -> bool:
    """Whether some feature does not vary in what was fitted, but may in what is held out.

    Its rotation is anybody's choice then. Of more features than stimuli those that were fitted
    are kept, and nothing else.
    """
    values = np.linalg.svd(phi.astype(np.float64), compute_uv=False)
    return phi.shape[1] <= phi.shape[0] and bool(values[-1] < 1e-6 * values[0])


def kernel_heldout(
    X: Any, Y: Any, test_x: Any, test_y: Any, *, geometry: str = "angular", **options: Any
) -> Answer:
    """Held-out KernelMetric: features and rotation fitted on (X, Y)."""
    (x, columns_x), (y, columns_y) = (kernel_shape(Z, heldout=True, **options) for Z in (X, Y))
    axes = decompose(x.phi.T @ y.phi)
    moved = moved_by(x, columns_x(test_x)), moved_by(y, columns_y(test_y))
    answer = turned(x, y, *moved, geometry, axes)
    approximate = options.get("approximation", "exact") != "exact"
    return answer.doubted() if approximate and any(map(_has_unseen, (x.phi, y.phi))) else answer
