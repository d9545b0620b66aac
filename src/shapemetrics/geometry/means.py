"""Frechet means: the barycentre of networks under the alignment of a metric."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shapemetrics.metrics.base import Metric
from shapemetrics.metrics.linear import LinearMetric, PreparedLinear
from shapemetrics.metrics.permutation import PermutationMetric
from shapemetrics.pairwise.inputs import Arrays, Networks
from shapemetrics.pairwise.preparation import prepare_networks
from shapemetrics.validation import check_choice, check_integer, check_number

__all__ = ["FrechetMean", "Geometry", "Group", "frechet_mean"]

Group = Literal["orthogonal", "permutation"]
Geometry = Literal["euclidean", "angular"]


@dataclass(frozen=True)
class FrechetMean:
    """A barycentre and how it was reached.

    Attributes
    ----------
    mean : ndarray of shape (m, ..., n)
        Up to one common transformation, in which `aligned` shares.
    aligned : ndarray of shape (K, m, ..., n)
        The shapes as the metric prepares them (of unit norm, if angular), each turned towards the
        mean.
    distances : ndarray of shape (K,)
        From each shape to the mean, Euclidean or in radians.
    loss : float
        Weighted mean of squared Euclidean distances (chords, if angular) to the mean.
    history : ndarray of shape (n_iter + 1,)
        The loss at the start and after each iteration: it never rises.
    n_iter : int
    converged : bool
        Whether the loss stopped falling before `max_iter`.
    """

    mean: NDArray[np.floating]
    aligned: NDArray[np.floating] = field(repr=False)
    distances: NDArray[np.float64]
    loss: float
    history: NDArray[np.float64] = field(repr=False)
    n_iter: int
    converged: bool


def metric_of(metric: Metric | None, group: Group, geometry: Geometry, center: bool) -> Metric:
    """The metric itself, or the one that a group and a geometry stand for."""
    check_choice(group, "group", ("orthogonal", "permutation"))
    check_choice(geometry, "geometry", ("euclidean", "angular"))
    if metric is None:
        if group == "orthogonal":
            return LinearMetric(geometry=geometry, center=center)
        return PermutationMetric(geometry=geometry, center=center)
    if not isinstance(metric, Metric):
        raise TypeError(f"metric: found {metric!r}, expected an instance of a Metric")
    if not metric.has_barycentres:
        raise ValueError(
            f"metric: found {type(metric).__name__}, which has no barycentres, expected one that "
            "turns networks towards a mean, such as LinearMetric"
        )
    return metric


def prepared_points(arrays: Arrays, metric: Metric, *, given: bool) -> Any:
    """Points in which networks are turned and averaged.

    Parameters
    ----------
    arrays : sequence, mapping or RepresentationStore
        Representations, or prepared networks.
    metric : Metric
    given : bool
        Whether the metric was given. Where not, networks of any linear metric are taken as it
        prepared them.
    """
    networks = Networks(arrays, "shapes")
    items = networks.values() if not given else []
    if items and all(isinstance(item, PreparedLinear) for item in items):
        return metric.points(items)
    return metric.points(prepare_networks(networks, metric, "float64")[0])


def mean_of_points(
    points: Any, start: NDArray, metric: Metric, *, weights: NDArray, max_iter: int, tol: float
) -> FrechetMean:
    """Alternate alignment and averaging of points."""
    angular = getattr(metric, "geometry", "euclidean") == "angular"
    power = float(weights @ [np.sum(point**2) for point in points])
    mean = start
    turned, squared = metric.turn(points, mean)
    history = [float(weights @ squared)]
    converged = False
    while len(history) <= max_iter and not converged:
        mean = np.tensordot(weights, turned, axes=1)
        if angular:
            mean = mean / np.linalg.norm(mean)
        turned, squared = metric.turn(points, mean)
        history.append(float(weights @ squared))
        converged = history[-2] - history[-1] <= tol * power
    chords = np.sqrt(squared)
    # Between unit vectors, 2 asin(chord / 2) is the angle, exact near zero too.
    distances = 2 * np.arcsin(np.minimum(chords / 2, 1.0)) if angular else chords
    return FrechetMean(
        mean=mean,
        aligned=turned,
        distances=distances,
        loss=history[-1],
        history=np.array(history),
        n_iter=len(history) - 1,
        converged=converged,
    )


def frechet_mean(
    shapes: Arrays,
    metric: Metric | None = None,
    *,
    group: Group = "orthogonal",
    geometry: Geometry = "euclidean",
    center: bool = True,
    weights: ArrayLike | None = None,
    start: int | ArrayLike = 0,
    max_iter: int = 500,
    tol: float = 1e-9,
) -> FrechetMean:
    """Find the barycentre of shapes by generalised Procrustes analysis.

    Parameters
    ----------
    shapes : sequence, mapping or RepresentationStore
        K representations of the same m stimuli, or networks that `metric` prepared. Narrower ones
        are padded with zeros.
    metric : Metric, optional
        Whose alignment turns networks towards the mean: linear, kernel, convolutional,
        permutation or soft matching. By default that of `group`, `geometry` and `center`.
    group : {"orthogonal", "permutation"}
        What the units may undergo, where no metric is given.
    geometry : {"euclidean", "angular"}
        Angular: shapes and the mean have unit norm. Where no metric is given.
    center : bool
        Subtract each unit's mean over stimuli first. Where no metric is given.
    weights : array of shape (K,), optional
        Non-negative, normalised here to sum to 1; equal when not given.
    start : int or array of shape (m, n)
        Shape to start from, by its position, or a start itself.
    max_iter : int
        Most iterations.
    tol : float
        Stop when the loss falls by less than this share of the shapes' mean squared norm.

    Returns
    -------
    FrechetMean

    Raises
    ------
    ValueError
        If the shapes do not match or an option is out of range.

    Notes
    -----
    Minimises sum_k w_k min_T ||X_k T - M||_F^2 over M (Gower 1975): each shape is turned towards
    the mean, then the mean becomes the weighted average of the turned shapes. Both steps lower
    the loss, so it falls monotonically to a stationary point, which may be a local minimum: try
    other starts. In the angular geometry ||X_k|| = ||M|| = 1 and the distance is the chord
    2 sin(theta / 2) (an extrinsic mean: the average is divided by its norm).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((20, 3))
    >>> turned = [X @ np.linalg.qr(rng.standard_normal((3, 3)))[0] for _ in range(4)]
    >>> fit = frechet_mean(turned)
    >>> fit.converged, bool(fit.distances.max() < 1e-6)
    (True, True)
    """
    given, metric = metric is not None, metric_of(metric, group, geometry, center)
    check_integer(max_iter, "max_iter", 1)
    check_number(tol, "tol", low=0.0)
    points = prepared_points(shapes, metric, given=given)
    if isinstance(start, int | np.integer):
        if not 0 <= start < len(points):
            raise ValueError(f"start: found {start}, expected 0 to {len(points) - 1}")
        first = points[start]
    else:
        (first,) = metric.points([metric.prepare(start, name="start")])
        if isinstance(points, np.ndarray):
            if first.shape[:-1] != points.shape[1:-1] or first.shape[-1] > points.shape[-1]:
                raise ValueError(f"start: found shape {first.shape}, expected {points.shape[1:]}")
            missing = points.shape[-1] - first.shape[-1]
            first = np.pad(first, [(0, 0)] * (first.ndim - 1) + [(0, missing)])
    return mean_of_points(
        points,
        first,
        metric,
        weights=_check_weights(weights, len(points)),
        max_iter=max_iter,
        tol=tol,
    )


def _check_weights(weights: ArrayLike | None, n_shapes: int) -> NDArray[np.float64]:
    if weights is None:
        return np.full(n_shapes, 1.0 / n_shapes)
    w = np.asarray(weights, dtype=np.float64)
    if w.shape != (n_shapes,) or not np.isfinite(w).all() or (w < 0).any() or not w.sum() > 0:
        raise ValueError(
            f"weights: found {w}, expected {n_shapes} non-negative numbers, not all zero"
        )
    return w / w.sum()
