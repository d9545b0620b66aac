"""Distortion of a Euclidean embedding, and how it falls with the number of dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shapemetrics.arrays import scaled
from shapemetrics.geometry.embedding import (
    Method,
    check_embedding_options,
    classical_axes,
    fill_empty_axes,
    point_distances,
    principal_axes,
    stress_between,
)
from shapemetrics.geometry.smacof import smacof
from shapemetrics.pairwise.checks import (
    check_distances,
    check_seed,
    distinct_integers,
    real_numbers,
    scale_exponent,
    upper_triangle,
)
from shapemetrics.pairwise.threads import item_workers

if TYPE_CHECKING:
    import pandas as pd

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

    The ratios are sorted in place: with the arrays made here they are 40 bytes per pair.

    Between neighbouring breakpoints 1 / r the objective is s A + B / s with fixed A and B, and
    in log s it is convex: the best of the (clipped) minima of the pieces is the minimum.
    """
    ratios.sort()
    n_ratios = len(ratios)
    # Piece k holds the s at which the k smallest ratios stay below 1 / s. It ends at 1 / ratio k,
    # and begins at 1 / ratio k + 1.
    ends = 1.0 / ratios
    above, below = np.zeros(n_ratios + 1), np.zeros(n_ratios + 1)
    np.cumsum(ratios[::-1], out=above[-2::-1])
    np.cumsum(ends, out=below[1:])
    with np.errstate(divide="ignore"):  # no ratio above: the piece falls up to its end
        s = below / above
    np.sqrt(s, out=s)
    np.maximum(s[:-1], ends, out=s[:-1])
    np.minimum(s[1:], ends, out=s[1:])
    # The value of each piece, s above + below / s, over the number of ratios.
    above *= s
    below /= s
    above += below
    above /= n_ratios
    best = int(np.argmin(above))
    return max(float(above[best]), 1.0), float(s[best])


def distortion_between(wanted: NDArray, found: NDArray) -> Distortion:
    """Distortion between two vectors of distances of the same pairs."""
    zero = wanted <= _ZERO * wanted.max()
    n_zero = int(zero.sum())
    n_pairs = len(wanted) - n_zero
    if n_pairs == 0:
        raise ValueError("D: found no distance above 0, expected some, as distortion is a ratio")
    ratios = found[~zero] / wanted[~zero] if n_zero else found / wanted
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
    points = real_numbers(X, "X")
    if points.ndim != 2 or len(points) != len(matrix):
        raise ValueError(
            f"X: found shape {points.shape}, expected a matrix of {len(matrix)} points, as in D"
        )
    # Both of magnitude one: no square and no ratio then leaves the range of float64.
    to_d, to_x = scale_exponent(matrix), scale_exponent(points)
    np.ldexp(matrix, -to_d, out=matrix)
    found = distortion_between(upper_triangle(matrix), point_distances(scaled(points, -to_x)))
    return replace(
        found,
        scale_max=float(np.ldexp(found.scale_max, to_d - to_x)),
        scale_mean=float(np.ldexp(found.scale_mean, to_d - to_x)),
    )


def distortion_curve(
    D: ArrayLike,
    dimensions: Iterable[int],
    *,
    seed: int = 0,
    methods: Sequence[Method] = ("classical", "metric"),
    max_iter: int = 500,
    eps: float = 1e-7,
    n_jobs: int | None = None,
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
    n_jobs : int, optional
        Threads; -1 takes all cores. By default as many as the linear algebra may use, at most
        eight, and one for fewer than 700 items. The table does not depend on their number.

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

    Threads share the rows of each SMACOF iteration, then the dimensions to measure. Memory is about
    50 K^2 bytes for the eigendecomposition, thereafter 16 K^2 and 30 K^2 per thread (for K = 2,000
    and two threads 0.3 GB).

    In one dimension neighbours on the line are so near that the largest ratio is made of rounding
    errors: there `max_distortion` is an order of magnitude, and differs between machines.

    Examples
    --------
    >>> points = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0], [5.0, 5.0]])
    >>> D = np.linalg.norm(points[:, None] - points[None], axis=-1)
    >>> curve = distortion_curve(D, [1, 2], methods=["classical"])
    >>> curve["max_distortion"].round(6).tolist()[-1]
    1.0
    """
    import pandas as pd

    matrix, _ = check_distances(D)
    wanted_dimensions = distinct_integers(dimensions, "dimensions", 1, len(matrix))
    for n_components in wanted_dimensions:
        check_embedding_options(n_components, len(matrix), max_iter, eps)
    check_seed(seed)
    # Distances of magnitude one: their squares stay within float64, and no measure has units.
    np.ldexp(matrix, -scale_exponent(matrix), out=matrix)
    unknown = set(methods) - {"metric", "classical"}
    if unknown:
        raise ValueError(f"methods: found {unknown.pop()!r}, expected 'metric' or 'classical'")

    wanted = upper_triangle(matrix)
    with item_workers(len(matrix), n_jobs) as run:
        axes, _ = classical_axes(matrix)
        axes = axes[:, : max(wanted_dimensions, default=1)].copy()
        fits: list[tuple[str, NDArray, int]] = []
        for method in methods:
            if method == "classical":
                fits += [(method, axes[:, :size], 0) for size in wanted_dimensions]
            else:
                limits = {"max_iter": max_iter, "eps": eps, "run": run}
                least = _least_stress(matrix, wanted, axes, wanted_dimensions, seed, limits)
                fits += [(method, points, n_iter) for points, n_iter in least]
        measured = run(lambda points: _measured(wanted, points), [(fit[1],) for fit in fits])
    return pd.DataFrame(
        [
            {"n_dimensions": points.shape[1], "method": method} | found | {"n_iter": n_iter}
            for (method, points, n_iter), found in zip(fits, measured)
        ],
        columns=[
            *("n_dimensions", "method", "max_distortion", "mean_distortion", "stress", "n_iter")
        ],
    )


def _measured(wanted: NDArray, points: NDArray) -> dict[str, float]:
    """Return the measures of points that embed the distances of all pairs."""
    found = point_distances(points)
    result = distortion_between(wanted, found)
    return {
        "max_distortion": result.max,
        "mean_distortion": result.mean,
        "stress": stress_between(wanted, found),
    }


def _least_stress(
    D: NDArray,
    wanted: NDArray,
    axes: NDArray,
    dimensions: Sequence[int],
    seed: int,
    limits: dict[str, Any],
) -> list[tuple[NDArray[np.float64], int]]:
    """Return points and iterations of metric MDS for each number of dimensions, increasing."""
    best: list[tuple[NDArray[np.float64], int]] = []
    for n_components in dimensions:
        previous = best[-1][0] if best else None
        fits = [
            smacof(D, start, **limits) for start in _starts(D, axes, previous, n_components, seed)
        ]
        if previous is not None:  # never worse than with fewer dimensions
            fits.append((_pad(previous, n_components), 0))
        best.append(min(fits, key=lambda fit: stress_between(wanted, point_distances(fit[0]))))
    return best


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
