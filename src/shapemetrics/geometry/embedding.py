"""Euclidean embedding of a distance matrix: classical scaling and metric MDS (SMACOF)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shapemetrics.arrays import scaled
from shapemetrics.geometry.smacof import Run, smacof
from shapemetrics.pairwise.checks import (
    check_distances,
    check_seed,
    real_numbers,
    scale_exponent,
    squares_in_units,
    upper_triangle,
)
from shapemetrics.pairwise.threads import item_workers
from shapemetrics.validation import check_choice, check_integer, check_number

__all__ = ["Embedding", "Method", "embed", "principal_axes", "stress", "stress_between"]

Method = Literal["metric", "classical"]

# Eigenvalues below this share of the largest are rounding errors of a Euclidean matrix.
_RANK_TOLERANCE = 1e-10
# Width of the seeded jitter on axes that classical scaling leaves empty, as a share of the
# root mean square coordinate: SMACOF never leaves a subspace that it starts in.
_JITTER = 1e-2


@dataclass(frozen=True)
class Embedding:
    """Points in R^L whose distances approximate a distance matrix.

    Attributes
    ----------
    coordinates : ndarray of shape (K, L)
        Centred, on principal axes (decreasing variance), the entry of largest magnitude of
        each axis positive.
    method : {"metric", "classical"}
    stress : float
        sqrt(sum (d_hat - d)^2 / sum d^2) over pairs; 0 is exact.
    n_iter : int
        SMACOF iterations of the start that was kept; 0 for classical scaling.
    converged : bool
        Whether SMACOF stopped before `max_iter`.
    eigenvalues : ndarray of shape (K,)
        All eigenvalues of the doubly centred matrix -J D^2 J / 2, decreasing; negative ones
        measure how far D is from Euclidean. NaN, with a UserWarning, where squares of the
        distances leave the range of float64.
    variance : ndarray of shape (L,)
        Share of the embedding's variance on each axis; sums to 1.
    """

    coordinates: NDArray[np.float64]
    method: Method
    stress: float
    n_iter: int
    converged: bool
    eigenvalues: NDArray[np.float64]
    variance: NDArray[np.float64]

    @property
    def distances(self) -> NDArray[np.float64]:
        """Euclidean distances between the points, of the K (K - 1) / 2 pairs, row by row."""
        exponent = scale_exponent(self.coordinates)
        return np.ldexp(point_distances(scaled(self.coordinates, -exponent)), exponent)


def point_distances(X: NDArray) -> NDArray[np.float64]:
    """Return the Euclidean distances of the K (K - 1) / 2 pairs of points, row by row."""
    from scipy.spatial.distance import pdist

    return np.asarray(pdist(X), dtype=np.float64)


def principal_axes(X: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre points and rotate them to their principal axes, with deterministic signs.

    Parameters
    ----------
    X : array of shape (K, L)

    Returns
    -------
    coordinates : ndarray of shape (K, L)
        The same points: distances do not change. On each axis the entry of largest magnitude is
        positive.
    variance : ndarray of shape (L,)
        Share of the variance on each axis, decreasing (zeros if all points coincide).
    """
    points = real_numbers(X, "X")
    if points.ndim != 2:
        raise ValueError(f"X: found shape {points.shape}, expected a matrix of points")
    exponent = scale_exponent(points)
    centred = scaled(points, -exponent)
    centred -= centred.mean(axis=0)
    n_components = centred.shape[1]
    U, s, _ = np.linalg.svd(centred, full_matrices=False)
    coordinates = np.zeros_like(centred)
    coordinates[:, : len(s)] = U * s
    at = np.argmax(np.abs(coordinates), axis=0)
    signs = np.sign(coordinates[at, np.arange(n_components)])
    coordinates *= np.where(signs == 0, 1.0, signs)
    power = np.zeros(n_components)
    power[: len(s)] = s**2
    variance = power / power.sum() if power.sum() > 0 else power
    return np.ldexp(coordinates, exponent, out=coordinates), variance


def stress(D: NDArray, X: NDArray) -> float:
    """Return sqrt(sum (d_hat - d)^2 / sum d^2) over the pairs of a checked distance matrix."""
    return stress_between(upper_triangle(D), point_distances(X))


def stress_between(wanted: NDArray, found: NDArray) -> float:
    """Return sqrt(sum (d_hat - d)^2 / sum d^2) between two vectors of distances."""
    scale = np.sqrt(np.sum(wanted**2))
    return float(np.sqrt(np.sum((found - wanted) ** 2)) / scale) if scale > 0 else 0.0


def classical_axes(D: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return all K classical coordinates, zero where the eigenvalue is not positive, and the
    eigenvalues."""
    from sklearn.manifold import ClassicalMDS

    scaling = ClassicalMDS(n_components=len(D), metric="precomputed")
    with np.errstate(invalid="ignore"):  # roots of negative eigenvalues, set to zero below
        axes = scaling.fit_transform(D)
    eigenvalues = scaling.eigenvalues_
    kept = eigenvalues > _RANK_TOLERANCE * max(eigenvalues[0], 0.0)
    return np.where(kept, axes, 0.0), eigenvalues


def fill_empty_axes(X: NDArray, D: NDArray, seed: int) -> NDArray:
    """Add a small seeded jitter to axes that are zero, unless the embedding is exact already."""
    empty = ~X.any(axis=0)
    if not empty.any() or stress(D, X) < 1e-9:
        return X
    rng = np.random.default_rng(seed)
    width = _JITTER * np.sqrt(np.mean(X**2)) if X.any() else upper_triangle(D).mean()
    filled = X.copy()
    filled[:, empty] = width * rng.standard_normal((len(X), int(empty.sum())))
    return filled


def check_embedding_options(n_components: int, n_items: int, max_iter: int, eps: float) -> None:
    """Raise ValueError where an option of an embedding is out of range."""
    check_integer(n_components, "n_components", 1, n_items)
    check_integer(max_iter, "max_iter", 1)
    check_number(eps, "eps", low=0.0)


def embed(
    D: ArrayLike,
    n_components: int = 2,
    method: Method = "metric",
    *,
    seed: int = 0,
    n_init: int = 1,
    max_iter: int = 500,
    eps: float = 1e-7,
    n_jobs: int | None = None,
) -> Embedding:
    """Place K items in R^L so that Euclidean distances approximate a distance matrix.

    Parameters
    ----------
    D : array of shape (K, K)
        Distances: symmetric, non-negative, zero diagonal.
    n_components : int
        L, from 1 to K.
    method : {"metric", "classical"}
        Metric MDS by SMACOF, started at the classical solution, or classical scaling itself.
    seed : int
        Seed of the random starts and of the jitter described in the notes.
    n_init : int
        Starts of SMACOF: the classical solution first, then random ones; the lowest stress is
        kept.
    max_iter : int
        Most SMACOF iterations a start.
    eps : float
        SMACOF stops when the raw stress, divided by the sum of squared embedded distances,
        falls by less than this in an iteration.
    n_jobs : int, optional
        Threads; -1 takes all cores. By default as many as the linear algebra may use, at most
        eight, and one for fewer than 700 items. The result does not depend on their number.

    Returns
    -------
    Embedding

    Raises
    ------
    ValueError
        If D does not hold distances or an option is out of range.

    Notes
    -----
    Classical scaling (Torgerson 1952) takes the leading eigenvectors of -J D^2 J / 2 with
    J = I - 11'/K; axes whose eigenvalue is not positive are zero. SMACOF (de Leeuw 1977) lowers
    sum (d_hat - d)^2 over pairs monotonically by Guttman transforms. The first is scikit-learn's,
    the second equal to it, in blocks of rows on as many cores as there are threads. Memory is
    that of the eigendecomposition, about 50 K^2 bytes (200 MB for K = 2,000).
    SMACOF stays in the subspace it starts in, so axes that classical scaling leaves empty start
    from a small seeded jitter, unless the classical solution is exact.

    Examples
    --------
    >>> points = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    >>> D = np.linalg.norm(points[:, None] - points[None], axis=-1)
    >>> embed(D, 2, "classical").stress < 1e-12
    True
    """
    matrix, _ = check_distances(D)
    check_embedding_options(n_components, len(matrix), max_iter, eps)
    check_seed(seed)
    check_choice(method, "method", ("metric", "classical"))
    check_integer(n_init, "n_init", 1)

    # Distances of magnitude one: their squares stay within float64.
    exponent = scale_exponent(matrix)
    np.ldexp(matrix, -exponent, out=matrix)
    with item_workers(len(matrix), n_jobs) as run:
        axes, eigenvalues = classical_axes(matrix)
        points, n_iter, converged = axes[:, :n_components], 0, True
        if method == "metric":
            start = fill_empty_axes(points, matrix, seed)
            points, n_iter = _best_of_starts(matrix, start, seed, n_init, max_iter, eps, run)
            converged = n_iter < max_iter
    coordinates, variance = principal_axes(points)
    return Embedding(
        coordinates=np.ldexp(coordinates, exponent),
        method=method,
        stress=stress(matrix, coordinates),
        n_iter=n_iter,
        converged=converged,
        eigenvalues=squares_in_units(eigenvalues, exponent, "eigenvalues"),
        variance=variance,
    )


def _best_of_starts(
    D: NDArray, start: NDArray, seed: int, n_init: int, max_iter: int, eps: float, run: Run
) -> tuple[NDArray[np.float64], int]:
    """Run SMACOF from the given start and from n_init - 1 random ones; keep the lowest stress."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    width = upper_triangle(D).mean() / np.sqrt(2 * start.shape[1])
    best = smacof(D, start, max_iter=max_iter, eps=eps, run=run)
    for _ in range(n_init - 1):
        random = width * rng.standard_normal(start.shape)
        other = smacof(D, random, max_iter=max_iter, eps=eps, run=run)
        best = min(best, other, key=lambda fitted: stress(D, fitted[0]))
    return best
