"""Distortion of a Euclidean embedding, and how it falls with the number of dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import pdist

from shapemetrics.geometry.embedding import (
    Method,
    check_embedding_options,
    classical_axes,
    fill_empty_axes,
    principal_axes,
    smacof,
    stress,
)
from shapemetrics.pairwise.checks import check_distances, upper_triangle
from shapemetrics.pairwise.threads import small_matrix_threads

__all__ = ["Distortion", "distortion", "distortion_between", "distortion_curve"]

# Distances below this share of the largest are between items equal in shape.
_ZERO = 1e-12


@dataclass(frozen=True)
class Distortion:
    """Distortion of an embedding over all pairs at different places.

    Attributes
    ----------
    max : float
        Largest max(s d_hat / d, d / (s d_hat)) over pairs, at the scale s = `scale_max` that
        makes it smallest; at least 1.
    mean : float
        Mean over pairs of the same ratio, at the scale s = `scale_mean` that makes the mean
        smallest; at least 1.
    scale_max, scale_mean : float
        The two best scales; nan where the distortion is infinite.
    n_pairs : int
        Pairs that enter.
    n_zero : int
        Pairs left out because d = 0.
    """

    max: float
    mean: float
    scale_max: float
    scale_mean: float
    n_pairs: int
    n_zero: int


def _best_mean(ratios: NDArray) -> tuple[float, float]:
    """Minimise mean(max(s r, 1 / (s r))) over s > 0 exactly; return the minimum and s.

    Between neighbouring breakpoints 1 / r the objective is s A + B / s with fixed A and B, and
    in log s it is convex: the best of the (clipped) minima of the pieces is the minimum.
    """
    r = np.sort(ratios)
    # Piece k holds the s at which the k smallest ratios stay below 1 / s.
    above = np.concatenate([np.cumsum(r[::-1])[::-1], [0.0]])
    below = np.concatenate([[0.0], np.cumsum(1.0 / r)])
    low = np.concatenate([1.0 / r, [0.0]])
    high = np.concatenate([[np.inf], 1.0 / r])
    with np.errstate(divide="ignore"):  # no ratio above: the piece falls up to its end
        s = np.clip(np.sqrt(below / above), low, high)
    value = (s * above + below / s) / len(r)
    best = int(np.argmin(value))
    return max(float(value[best]), 1.0), float(s[best])


def distortion_between(wanted: NDArray, found: NDArray) -> Distortion:
    """Distortion between two vectors of distances of the same pairs."""
    zero = wanted <= _ZERO * wanted.max()
    n_zero = int(zero.sum())
    n_pairs = len(wanted) - n_zero
    if n_pairs == 0:
        raise ValueError("every distance is zero: distortion has no meaning")
    ratios = found[~zero] / wanted[~zero]
    smallest, largest = float(ratios.min()), float(ratios.max())
    if smallest == 0:
        return Distortion(np.inf, np.inf, np.nan, np.nan, n_pairs, n_zero)
    mean, scale_mean = _best_mean(ratios)
    return Distortion(
        max=float(np.sqrt(largest / smallest)),
        mean=mean,
        scale_max=float(1.0 / np.sqrt(smallest * largest)),
        scale_mean=scale_mean,
        n_pairs=n_pairs,
        n_zero=n_zero,
    )


def distortion(D: ArrayLike, X: ArrayLike) -> Distortion:
    """Measure by how much an embedding stretches or shrinks distances, scale aside.

    Parameters
    ----------
    D : array of shape (K, K)
        Distances.
    X : array of shape (K, L)
        Points that embed them.

    Returns
    -------
    Distortion

    Raises
    ------
    ValueError
        If D does not hold distances, the sizes differ, or every distance is zero.

    Notes
    -----
    With r = d_hat / d for a pair, the distortion of the pair at scale s is max(s r, 1 / (s r)).
    Each statistic is taken at its own best scale: the maximum is smallest at
    s = 1 / sqrt(min r max r), where it is sqrt(max r / min r); the mean is convex in log s and is
    minimised exactly, piece by piece. Pairs with d = 0 (below 1e-12 of the largest) have no ratio
    and are left out and counted; a pair with d > 0 placed on one point makes both infinite.

    Examples
    --------
    >>> points = np.array([[0.0], [1.0], [3.0]])
    >>> D = np.abs(points - points.T)
    >>> distortion(D, 7 * points).max
    1.0
    """
    matrix, _ = check_distances(D)
    points = np.asarray(X, dtype=np.float64)
    if points.ndim != 2 or len(points) != len(matrix):
        raise ValueError(
            f"X must hold {len(matrix)} points as a matrix, like D, found shape {points.shape}"
        )
    return distortion_between(upper_triangle(matrix), pdist(points))


def distortion_curve(
    D: ArrayLike,
    dimensions: Iterable[int],
    *,
    seed: int = 0,
    methods: Sequence[Method] = ("classical", "metric"),
    max_iter: int = 500,
    eps: float = 1e-7,
) -> pd.DataFrame:
    """Tabulate distortion and stress against the number of dimensions.

    Parameters
    ----------
    D : array of shape (K, K)
        Distances.
    dimensions : iterable of int
        Numbers of dimensions, each from 1 to K; taken in increasing order, once each.
    seed : int
        Seed of the jitter on empty axes.
    methods : sequence of {"classical", "metric"}
    max_iter, eps : int, float
        Limits of SMACOF for each dimension, as in `embed`.

    Returns
    -------
    pandas.DataFrame
        One row a method and dimension: n_dimensions, method, max_distortion, mean_distortion,
        stress, n_iter.

    Raises
    ------
    ValueError
        If D does not hold distances or an option is out of range.

    Notes
    -----
    One eigendecomposition serves all dimensions. SMACOF in L dimensions runs from two starts, the
    classical solution and the fitted solution of the dimension before extended by classical axes;
    the lower final stress is kept, and that of the dimension before where neither beats it, so
    stress never rises with L.

    Examples
    --------
    >>> points = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0], [5.0, 5.0]])
    >>> D = np.linalg.norm(points[:, None] - points[None], axis=-1)
    >>> curve = distortion_curve(D, [1, 2], methods=["classical"])
    >>> curve["max_distortion"].round(6).tolist()[-1]
    1.0
    """
    matrix, _ = check_distances(D)
    wanted_dimensions = sorted(set(dimensions))
    for n_components in wanted_dimensions:
        check_embedding_options(n_components, len(matrix), max_iter, eps)
    unknown = set(methods) - {"metric", "classical"}
    if unknown:
        raise ValueError(f'methods must be "metric" or "classical", found {unknown.pop()!r}')

    wanted = upper_triangle(matrix)
    rows = []
    with small_matrix_threads(len(matrix)):
        axes, _ = classical_axes(matrix)
        for method in methods:
            previous = None
            for n_components in wanted_dimensions:
                points, n_iter = axes[:, :n_components], 0
                if method == "metric":
                    starts = _starts(matrix, axes, previous, n_components, seed)
                    fits = [smacof(matrix, start, max_iter=max_iter, eps=eps) for start in starts]
                    if previous is not None:  # never worse than with fewer dimensions
                        fits.append((_pad(previous, n_components), 0))
                    points, n_iter = min(fits, key=lambda fit: stress(matrix, fit[0]))
                    previous = points
                result = distortion_between(wanted, pdist(points))
                rows.append(
                    {
                        "n_dimensions": n_components,
                        "method": method,
                        "max_distortion": result.max,
                        "mean_distortion": result.mean,
                        "stress": stress(matrix, points),
                        "n_iter": n_iter,
                    }
                )
    return pd.DataFrame(rows)


def _pad(points: NDArray, n_components: int) -> NDArray:
    """Return points with columns of zeros added up to n_components."""
    return np.pad(points, ((0, 0), (0, n_components - points.shape[1])))


def _starts(
    D: NDArray, axes: NDArray, previous: NDArray | None, n_components: int, seed: int
) -> list[NDArray]:
    """Return the starts of SMACOF: the classical solution, and the previous one extended.

    The previous solution padded by zeros has the lowest stress of all starts but is a saddle,
    which SMACOF leaves very slowly: hence classical axes, and two starts.
    """
    starts = [fill_empty_axes(axes[:, :n_components], D, seed)]
    if previous is not None:
        rotated, _ = principal_axes(previous)
        extended = _pad(rotated, n_components)
        n_known = rotated.shape[1]
        extended[:, n_known:] = axes[:, n_known:n_components]
        starts.append(fill_empty_axes(extended, D, seed))
    return starts
