"""Frechet means: the barycentre of shapes under rotations or permutations of their units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from shapemetrics.linalg import polar_factors

__all__ = ["FrechetMean", "Geometry", "Group", "frechet_mean"]

Group = Literal["orthogonal", "permutation"]
Geometry = Literal["euclidean", "angular"]


@dataclass(frozen=True)
class FrechetMean:
    """A barycentre and how it was reached.

    Attributes
    ----------
    mean : ndarray of shape (m, n)
        Up to one common rotation (permutation), in which `aligned` shares.
    aligned : ndarray of shape (K, m, n)
        The shapes, centred (and of unit norm, if angular), each turned towards the mean.
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

    mean: NDArray[np.float64]
    aligned: NDArray[np.float64] = field(repr=False)
    distances: NDArray[np.float64]
    loss: float
    history: NDArray[np.float64] = field(repr=False)
    n_iter: int
    converged: bool


def stack_shapes(
    shapes: Sequence[Any], *, geometry: Geometry = "euclidean", center: bool = True
) -> NDArray[np.float64]:
    """Stack shapes as one array, zero-padded to the widest, centred and normalised as asked.

    Parameters
    ----------
    shapes : sequence of K arrays of shape (m, n_k), or of prepared networks with `features`
    geometry : {"euclidean", "angular"}
        Angular shapes are divided by their Frobenius norm.
    center : bool
        Subtract each column's mean.

    Returns
    -------
    ndarray of shape (K, m, max n_k)

    Raises
    ------
    ValueError
        If there is no shape, one is not a finite matrix, the numbers of stimuli differ, or an
        angular shape has no variance.
    """
    if geometry not in ("euclidean", "angular"):
        raise ValueError(f'geometry must be "euclidean" or "angular", found {geometry!r}')
    matrices = [np.asarray(getattr(X, "features", X), dtype=np.float64) for X in shapes]
    if not matrices:
        raise ValueError("shapes must hold at least one array, found none")
    for at, X in enumerate(matrices):
        if X.ndim != 2 or X.size == 0:
            raise ValueError(f"shape {at} must be a matrix (stimuli x units), found {X.shape}")
        if len(X) != len(matrices[0]):
            raise ValueError(
                f"shape {at} has {len(X)} stimuli, expected {len(matrices[0])} as in shape 0"
            )
        if not np.isfinite(X).all():
            raise ValueError(f"shape {at} holds values that are not finite")
    width = max(X.shape[1] for X in matrices)
    stack = np.zeros((len(matrices), len(matrices[0]), width))
    for at, X in enumerate(matrices):
        stack[at, :, : X.shape[1]] = X
    scale = np.sqrt(np.einsum("kij,kij->k", stack, stack))
    if center:
        stack -= stack.mean(axis=1, keepdims=True)
    if geometry == "angular":
        norms = np.sqrt(np.einsum("kij,kij->k", stack, stack))
        flat = np.flatnonzero(norms <= 1e-12 * scale)
        if len(flat):
            raise ValueError(f"shape {flat[0]} has no variance: it has no direction to compare")
        stack /= norms[:, None, None]
    return stack


def best_turns(cross: NDArray, group: Group) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find the element of a group that turns each shape towards a target.

    Parameters
    ----------
    cross : ndarray of shape (K, n, n)
        X_k' M of each shape and the target.
    group : {"orthogonal", "permutation"}

    Returns
    -------
    turns : ndarray of shape (K, n, n)
    inner : ndarray of shape (K,)
        <X_k T_k, M>, the largest over the group.
    """
    if group == "orthogonal":
        turns = polar_factors(cross)
    elif group == "permutation":
        turns = np.zeros_like(cross)
        for k, C in enumerate(cross):
            turns[(k, *linear_sum_assignment(C, maximize=True))] = 1.0
    else:
        raise ValueError(f'group must be "orthogonal" or "permutation", found {group!r}')
    return turns, np.einsum("kij,kij->k", cross, turns)


def mean_of_stack(
    stack: NDArray,
    start: NDArray,
    *,
    group: Group,
    geometry: Geometry,
    weights: NDArray,
    max_iter: int,
    tol: float,
) -> FrechetMean:
    """Alternate alignment and averaging on a stack already centred and normalised."""
    n_shapes, n_stimuli, n_units = stack.shape
    # Shapes side by side: one matrix product aligns all, another averages all.
    wide = stack.transpose(1, 0, 2).reshape(n_stimuli, -1)
    power = float(weights @ np.einsum("kij,kij->k", stack, stack))

    def align(mean: NDArray) -> tuple[NDArray, float]:
        cross = (wide.T @ mean).reshape(n_shapes, n_units, n_units)
        turns, inner = best_turns(cross, group)
        return turns, max(power + float(np.sum(mean**2)) - 2.0 * float(weights @ inner), 0.0)

    mean = start
    turns, loss = align(mean)
    history = [loss]
    converged = False
    while len(history) <= max_iter and not converged:
        mean = wide @ (weights[:, None, None] * turns).reshape(-1, n_units)
        if geometry == "angular":
            mean = mean / np.linalg.norm(mean)
        turns, loss = align(mean)
        history.append(loss)
        converged = history[-2] - history[-1] <= tol * power
    aligned = stack @ turns
    chords = np.sqrt(np.sum((aligned - mean) ** 2, axis=(1, 2)))
    # Between unit vectors, 2 asin(chord / 2) is the angle, exact near zero too.
    distances = 2 * np.arcsin(np.minimum(chords / 2, 1.0)) if geometry == "angular" else chords
    return FrechetMean(
        mean=mean,
        aligned=aligned,
        distances=distances,
        loss=float(weights @ chords**2),
        history=np.array(history),
        n_iter=len(history) - 1,
        converged=converged,
    )


def frechet_mean(
    shapes: Sequence[Any],
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
    shapes : sequence of K arrays of shape (m, n_k), or of prepared networks with `features`
        Responses to the same m stimuli, or feature maps of them: with whitened features this is
        the mean under the metric that whitened them. Narrower ones are padded with zeros.
    group : {"orthogonal", "permutation"}
        What the units may undergo.
    geometry : {"euclidean", "angular"}
        Angular: shapes and the mean have unit norm.
    center : bool
        Subtract each unit's mean over stimuli first.
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
    stack = stack_shapes(shapes, geometry=geometry, center=center)
    if max_iter < 1 or not tol >= 0:
        raise ValueError(
            f"max_iter must be at least 1 and tol zero or more, found {max_iter}, {tol}"
        )
    if isinstance(start, int | np.integer):
        if not 0 <= start < len(stack):
            raise ValueError(f"start must be from 0 to {len(stack) - 1}, found {start}")
        first = stack[start]
    else:
        first = stack_shapes([start], geometry=geometry, center=center)[0]
        if first.shape != stack.shape[1:]:
            raise ValueError(f"start must have shape {stack.shape[1:]}, found {first.shape}")
    return mean_of_stack(
        stack,
        first,
        group=group,
        geometry=geometry,
        weights=_check_weights(weights, len(stack)),
        max_iter=max_iter,
        tol=tol,
    )


def _check_weights(weights: ArrayLike | None, n_shapes: int) -> NDArray[np.float64]:
    if weights is None:
        return np.full(n_shapes, 1.0 / n_shapes)
    w = np.asarray(weights, dtype=np.float64)
    if w.shape != (n_shapes,) or not np.isfinite(w).all() or (w < 0).any() or not w.sum() > 0:
        raise ValueError(
            f"weights must be {n_shapes} non-negative numbers, not all zero, found {w}"
        )
    return w / w.sum()
