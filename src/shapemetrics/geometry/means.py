"""Frechet means: the barycentre of networks under the alignment of a metric."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shapemetrics.arrays import as_numeric, in_order, scaled
from shapemetrics.metrics.base import Metric, Prepared, warn_of_doubts
from shapemetrics.metrics.linear import LinearMetric, PreparedLinear
from shapemetrics.metrics.permutation import PermutationMetric
from shapemetrics.pairwise.checks import real_numbers, scale_exponent, squares_in_units
from shapemetrics.pairwise.inputs import Arrays, Networks
from shapemetrics.pairwise.preparation import prepare_networks
from shapemetrics.validation import check_choice, check_integer, check_number

# Norm of a mean of unit vectors that is nothing but rounding.
_NO_DIRECTION = 1e-12
# Powers of two by which a start may be larger than the shapes: the fourth power of that must not
# leave the range of float64.
_FARTHEST = 200

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
        Weighted mean of squared Euclidean distances (chords, if angular) to the mean; NaN, with
        a UserWarning, where squares of the data leave the range of float64.
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


def prepared_points(
    arrays: Arrays, metric: Metric, *, given: bool, start: Any = None
) -> tuple[Any, NDArray | None]:
    """Points in which networks are turned and averaged, and a start as one of them.

    Parameters
    ----------
    arrays : sequence, mapping or RepresentationStore
        Representations, or prepared networks.
    metric : Metric
    given : bool
        Whether the metric was given. Where not, networks of any linear metric are taken as it
        prepared them.
    start : array-like or Prepared, optional
        Further network, its stimuli put into the order of the others'.

    Returns
    -------
    points : from :meth:`Metric.points`
    start : ndarray of shape (m, ..., n) or None

    Warns
    -----
    RoundingWarning
        As :meth:`Metric.distance` does, once for all networks.
    """
    networks = Networks(arrays, "shapes")
    items = networks.values() if not given else []
    if not (items and all(isinstance(item, PreparedLinear) for item in items)):
        items = prepare_networks(networks, metric, "float64")[0]
    origins = [item.origin for item in items]
    points = metric.points(items)
    first = None
    if start is not None:
        if not isinstance(start, Prepared):
            start = in_order(as_numeric(start, "start"), networks.order, "start")
            start = metric.prepare(start, name="start")
        elif given:
            metric.check_prepared(start)
        metric.check_pair(items[0], start)
        origins.append(start.origin)
        (first,) = metric.points([start])
        first = _widened(first, points)
    warn_of_doubts(origins, stacklevel=4)
    return points, first


def _widened(first: NDArray, points: Any) -> NDArray:
    """A start with as many units as the points have; ValueError where it has more."""
    if not isinstance(points, np.ndarray):
        return first
    if first.shape[:-1] != points.shape[1:-1] or first.shape[-1] > points.shape[-1]:
        raise ValueError(f"start: found shape {first.shape}, expected {points.shape[1:]}")
    missing = points.shape[-1] - first.shape[-1]
    return np.pad(first, [(0, 0)] * (first.ndim - 1) + [(0, missing)])


def scaled_points(points: Any, metric: Metric) -> tuple[Any, int]:
    """Points of magnitude one, whose squares stay within float64, and the exponent of the power
    of two that they were all divided by; 0 where they are of unit norm."""
    if _is_angular(metric):
        return points, 0
    exponent = max((scale_exponent(point) for point in points if point.any()), default=0)
    if isinstance(points, np.ndarray):
        return scaled(points, -exponent), exponent
    return [scaled(point, -exponent) for point in points], exponent


def _is_angular(metric: Metric) -> bool:
    return getattr(metric, "geometry", "euclidean") == "angular"


def mean_of_points(
    points: Any, start: NDArray, metric: Metric, *, weights: NDArray, max_iter: int, tol: float
) -> FrechetMean:
    """Alternate alignment and averaging of points."""
    angular = _is_angular(metric)
    power = float(weights @ [np.sum(point**2) for point in points])
    mean = start
    turned, squared = metric.turn(points, mean)
    history = [float(weights @ squared)]
    converged = False
    while len(history) <= max_iter and not converged:
        mean = np.tensordot(weights, turned, axes=1)
        if angular:
            length = float(np.linalg.norm(mean))
            if length <= _NO_DIRECTION:
                raise ValueError(
                    "shapes: found networks that cancel one another, so that their mean is 0, "
                    "expected a mean with a direction; geometry='euclidean' needs none"
                )
            mean = mean / length
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
        Shape to start from, by its position, or a start itself. Where stimuli are labelled, those
        of the start are put into the order of the shapes'.
    max_iter : int
        Most iterations.
    tol : float
        Stop when the loss falls by less than this share of the shapes' mean squared norm.

    Returns
    -------
    FrechetMean

    Raises
    ------
    TypeError, ValueError
        If the shapes do not match, their mean has no direction in the angular geometry (opposite
        networks cancel), or an option is out of range.

    Warns
    -----
    RoundingWarning
        Where rounding of the stored data decides part of the answer, as for a distance.

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
    by_position = np.ndim(start) == 0 if not isinstance(start, Prepared) else False
    if by_position and (isinstance(start, bool) or not isinstance(start, int | np.integer)):
        raise TypeError(f"start: found {start!r}, expected the position of a shape, or a network")
    points, first = prepared_points(
        shapes, metric, given=given, start=None if by_position else start
    )
    w = _check_weights(weights, len(points))
    points, exponent = scaled_points(points, metric)
    if first is None:
        position = cast(int, start)
        if not 0 <= position < len(points):
            raise ValueError(f"start: found {position}, expected 0 to {len(points) - 1}")
        first = points[position]
    else:
        first = _of_their_magnitude(first, exponent)
    fit = mean_of_points(points, first, metric, weights=w, max_iter=max_iter, tol=tol)
    history = squares_in_units(fit.history, exponent, "loss")
    return replace(
        fit,
        mean=np.ldexp(fit.mean, exponent),
        aligned=np.ldexp(fit.aligned, exponent),
        distances=np.ldexp(fit.distances, exponent),
        loss=float(history[-1]),
        history=history,
    )


def _of_their_magnitude(first: NDArray, exponent: int) -> NDArray:
    """A start in the units of scaled points; ValueError where its squares leave float64 there."""
    own = scale_exponent(first)
    if own - exponent > _FARTHEST:
        raise ValueError(
            f"start: found numbers of magnitude 2**{own}, expected the shapes' magnitude, "
            f"2**{exponent}"
        )
    return scaled(first, -exponent)


def _check_weights(weights: ArrayLike | None, n_shapes: int) -> NDArray[np.float64]:
    if weights is None:
        return np.full(n_shapes, 1.0 / n_shapes)
    w = real_numbers(weights, "weights")
    if w.shape != (n_shapes,) or (w < 0).any() or not (w > 0).any():
        found = w if w.size <= 10 else f"an array of shape {w.shape}"
        raise ValueError(
            f"weights: found {found}, expected {n_shapes} non-negative numbers, not all zero"
        )
    w = scaled(w, -scale_exponent(w))
    return w / w.sum()
