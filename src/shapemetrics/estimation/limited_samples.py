"""Angles between shapes from few stimuli, by the method of moments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapemetrics.arrays import NumericArray, aligned, scaled
from shapemetrics.estimation.moments import spectral_moments, square_root_weights
from shapemetrics.pairwise.checks import check_seed, scale_exponent
from shapemetrics.pairwise.threads import small_matrix_threads
from shapemetrics.validation import check_integer, check_number

__all__ = ["MomentEstimate", "moment_angle"]


@dataclass(frozen=True)
class MomentEstimate:
    """Similarity of two shapes and the angle between them, for all stimuli of a kind.

    Attributes
    ----------
    similarity : float
        Estimated cosine, nuclear norm of the cross-covariance over the root of the product of
        the total variances; as estimated, so it may lie outside [0, 1].
    angle : float
        arccos of the similarity, clipped to [0, 1], in radians.
    plug_in_similarity, plug_in_angle : float
        The same from the sample covariances, as `LinearMetric` at alpha = 1 has them.
    standard_error : float
        Jackknife standard error of the similarity; somewhat too large in small samples.
    bias_bound : float
        Bound on the bias of the similarity that comes from the polynomial.
    angle_low, angle_high : float
        Angles of similarity plus and minus (bias_bound + 1.96 standard_error): a conservative
        interval.
    weights : ndarray of shape (n_moments,)
        Coefficients of the polynomial, for singular values in units of the largest in the sample.
    moments : ndarray of shape (n_moments,)
        Estimates of sum_k s_k^(2 p), p = 1 ... n_moments, in the same units.
    """

    similarity: float
    angle: float
    plug_in_similarity: float
    plug_in_angle: float
    standard_error: float
    bias_bound: float
    angle_low: float
    angle_high: float
    weights: NDArray[np.float64] = field(repr=False)
    moments: NDArray[np.float64] = field(repr=False)


def _as_trials(X: NumericArray, name: str) -> NDArray[np.float64]:
    """Return responses as (m, r, n), with one trial where there is no axis of trials."""
    responses = X.values.astype(np.float64)
    shape = responses.shape
    if responses.ndim == 2:
        responses = responses[:, None, :]
    if responses.ndim != 3 or responses.size == 0 or not np.isfinite(responses).all():
        raise ValueError(
            f"{name}: found shape {shape}, expected finite values as (stimuli, units) or "
            "(stimuli, trials, units)"
        )
    return responses


def _of_magnitude_one(X: NDArray, Y: NDArray) -> tuple[NDArray, NDArray]:
    """Responses divided by a power of two each, which rounds nothing and no angle sees: their
    squares stay within float64. The product of the two is a square, whose root is exact, too."""
    to_x, to_y = scale_exponent(X), scale_exponent(Y)
    to_y += (to_x + to_y) % 2
    return scaled(X, -to_x), scaled(Y, -to_y)


def _signal_variance(X: NDArray, center: bool) -> float:
    """Total variance over stimuli of (m, r, n) responses, free of trial noise where r > 1."""
    n_stimuli, n_trials, _ = X.shape
    if center:
        X = X - X.mean(axis=0)
    degrees = n_stimuli - 1 if center else n_stimuli
    own = np.sum(X**2)
    if n_trials == 1:
        return float(own / degrees)
    # Products of different trials: their noise is independent.
    across = np.sum(X.sum(axis=1) ** 2) - own
    return float(across / (n_trials * (n_trials - 1) * degrees))


@dataclass(frozen=True)
class _Sample:
    """Trial averages, scaled, with the groups of stimuli that the jackknife leaves out."""

    X: NDArray
    Y: NDArray
    groups: list[NDArray]
    center: bool

    def rows(self, rng: np.random.Generator) -> tuple[NDArray, NDArray, NDArray]:
        """Return rows of mean zero in a random order, and the group of each row.

        Differences of two stimuli, over sqrt(2), have the stimuli's covariance and mean zero
        without a mean having been estimated.
        """
        if not self.center:
            order = rng.permutation(len(self.X))
            group_of = np.empty(len(self.X), dtype=np.int64)
            for g, members in enumerate(self.groups):
                group_of[members] = g
            return self.X[order], self.Y[order], group_of[order]
        shuffled = [rng.permutation(members) for members in self.groups]
        pairs = np.concatenate([members.reshape(-1, 2) for members in shuffled])
        group_of = np.repeat(np.arange(len(self.groups)), [len(m) // 2 for m in shuffled])
        order = rng.permutation(len(pairs))
        first, second = pairs[order].T
        return (
            (self.X[first] - self.X[second]) / np.sqrt(2),
            (self.Y[first] - self.Y[second]) / np.sqrt(2),
            group_of[order],
        )


def _fewest_rows(n_moments: int, n_jackknife: int) -> int:
    """Rows that leave 2 P without the largest group, and one a group."""
    n_rows = max(n_jackknife, 2 * n_moments)
    while n_rows - -(-n_rows // n_jackknife) < 2 * n_moments:
        n_rows += 1
    return n_rows


def _jackknife_groups(
    n_stimuli: int, n_groups: int, center: bool, rng: np.random.Generator
) -> list[NDArray]:
    """Divide stimuli at random into groups of nearly equal size, even sizes if to be paired."""
    unit = 2 if center else 1
    blocks = rng.permutation(n_stimuli)[: n_stimuli // unit * unit].reshape(-1, unit)
    return [part.ravel() for part in np.array_split(blocks, n_groups)]


def moment_angle(
    X: Any,
    Y: Any,
    *,
    n_moments: int = 5,
    center: bool = True,
    n_orders: int = 10,
    n_jackknife: int = 20,
    max_bias: float | None = None,
    seed: int = 0,
) -> MomentEstimate:
    """Estimate the angular Procrustes distance (alpha = 1) that infinitely many stimuli would give.

    Parameters
    ----------
    X, Y : arrays of shape (m, n_x) and (m, n_y), or (m, r, n) with r trials
        Responses to m stimuli drawn at random; where both label them, those of Y are put into
        the order of X. With trials, the result is the angle between the
        responses free of trial noise, which must be independent between X and Y.
    n_moments : int
        P, degree of the polynomial: less bias and more variance the higher it is.
    center : bool
        Whether the metric centres. Then pairs of stimuli are subtracted, so that no mean has to
        be known; otherwise covariances are taken about zero.
    n_orders : int
        Random orders (and pairings) of the stimuli to average over.
    n_jackknife : int
        Groups of stimuli that the jackknife leaves out in turn.
    max_bias : float, optional
        Largest bound on the bias of the similarity; by default bias and variance are balanced.
    seed : int
        Seed of the orders and groups.

    Returns
    -------
    MomentEstimate

    Raises
    ------
    ValueError
        If there are too few stimuli for the moments, no signal, or `max_bias` is out of reach.

    Notes
    -----
    After Pospisil, Larsen, Harvey and Williams (2024), arXiv:2310.05742. The cosine of the angle is
    ||S||_* / sqrt(tr S_x tr S_y) with S = cov(x, y). The nuclear norm of a sample covariance is
    too large, by the more the more units there are to a stimulus, which makes distances too
    small. Here sum_k s_k = sum_k sqrt(s_k^2) is replaced by a polynomial in s_k^2, whose terms,
    tr((S S')^p), have unbiased estimates (see `spectral_moments`); the polynomial balances its
    worst error (bias) against the variance of those estimates (see `square_root_weights`).

    What is ours: pairs of differences in place of known means, averages over several random
    orders, a grouped jackknife of the moments' covariance (a bootstrap repeats stimuli, and
    repeated stimuli break the independence that the moments need), the trial correction of the
    variances, and the solver.

    What it does not do: the polynomial is fitted on [0, largest singular value in the sample], a
    range that is itself estimated; the ratio to the square root of two variances is not unbiased
    in small samples; the bound on the bias supposes every singular value at its worst place, so it
    is loose, and the interval wide. It serves alpha = 1 only: whitening has no such moments. With
    many more stimuli than units the plug-in value is as good and far less variable.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, Y = rng.normal(size=(2, 80, 30))  # unrelated: the angle is pi / 2
    >>> estimate = moment_angle(X, Y)
    >>> bool(estimate.plug_in_angle < estimate.angle)
    True
    """
    check_integer(n_moments, "n_moments", 1)
    check_integer(n_orders, "n_orders", 1)
    check_integer(n_jackknife, "n_jackknife", 2)
    check_number(max_bias, "max_bias", above=0.0, optional=True)
    check_seed(seed)
    first, second = aligned([X, Y], ["X", "Y"])
    trials_x, trials_y = _as_trials(first, "X"), _as_trials(second, "Y")
    n_stimuli = len(trials_x)
    if len(trials_y) != n_stimuli:
        raise ValueError(f"Y: found {len(trials_y)} stimuli, expected {n_stimuli} as in X")
    trials_x, trials_y = _of_magnitude_one(trials_x, trials_y)
    n_rows = n_stimuli // (2 if center else 1)
    needed = _fewest_rows(n_moments, n_jackknife)
    if n_rows < needed:
        raise ValueError(
            f"X and Y: found {n_stimuli} stimuli, expected at least "
            f"{needed * (2 if center else 1)} for {n_moments} moments and a jackknife of "
            f"{n_jackknife} groups"
        )
    root, child = np.random.SeedSequence(seed).spawn(2)
    groups = _jackknife_groups(n_stimuli, n_jackknife, center, np.random.default_rng(root))

    mean_x, mean_y = trials_x.mean(axis=1), trials_y.mean(axis=1)
    values = np.linalg.svd(_covariance(mean_x, mean_y, center), compute_uv=False)
    power = _signal_power(trials_x, trials_y, center)
    if not values[0] > 0:
        raise ValueError("X and Y: found a cross-covariance of 0, expected responses that covary")
    unit_value = float(values[0])
    sample = _Sample(mean_x / np.sqrt(unit_value), mean_y / np.sqrt(unit_value), groups, center)
    with small_matrix_threads(n_rows):
        moments, left_out = _moments(sample, n_moments, n_orders, np.random.default_rng(child))

    factor = (n_jackknife - 1) / n_jackknife
    deviation = left_out - left_out.mean(axis=0)
    covariance = factor * deviation.T @ deviation
    limit = None if max_bias is None else max_bias * power / unit_value
    try:
        weights, bound = square_root_weights(covariance, len(values), max_bias=limit)
    except ValueError:
        if max_bias is None:
            raise
        raise ValueError(
            f"max_bias: found {max_bias}, expected more, as no polynomial of {n_moments} moments "
            "reaches it; allow more bias or ask for more moments"
        ) from None
    similarity = float(unit_value * (moments @ weights) / power)
    kept = [np.setdiff1d(np.arange(n_stimuli), group) for group in groups]
    powers = np.array([_signal_power(trials_x[k], trials_y[k], center) for k in kept])
    replicates = unit_value * (left_out @ weights) / powers
    error = float(np.sqrt(factor * np.sum((replicates - replicates.mean()) ** 2)))
    bound *= unit_value / power
    plug_power = _signal_power(mean_x[:, None], mean_y[:, None], center)
    plug_in = float(values.sum() / plug_power)
    margin = bound + 1.96 * error
    low, high, angle, plug_in_angle = np.arccos(
        np.clip([similarity + margin, similarity - margin, similarity, plug_in], 0.0, 1.0)
    )
    return MomentEstimate(
        similarity=similarity,
        angle=float(angle),
        plug_in_similarity=plug_in,
        plug_in_angle=float(plug_in_angle),
        standard_error=error,
        bias_bound=bound,
        angle_low=float(low),
        angle_high=float(high),
        weights=weights,
        moments=moments,
    )


def _covariance(X: NDArray, Y: NDArray, center: bool) -> NDArray[np.float64]:
    """Sample cross-covariance of (m, n) responses, about their means or about zero."""
    if center:
        return (X - X.mean(axis=0)).T @ (Y - Y.mean(axis=0)) / (len(X) - 1)
    return X.T @ Y / len(X)


def _signal_power(X: NDArray, Y: NDArray, center: bool) -> float:
    """Root of the product of the total variances of (m, r, n) responses."""
    product = 1.0
    for name, responses in (("X", X), ("Y", Y)):
        variance = _signal_variance(responses, center)
        if not variance > 0:
            raise ValueError(
                f"{name}: found no variance over stimuli beyond trial noise, expected some"
            )
        product *= variance
    return float(np.sqrt(product))


def _moments(
    sample: _Sample, n_moments: int, n_orders: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average moments over orders: of all rows (P,), and with each group left out (G, P)."""
    moments = np.zeros(n_moments)
    left_out = np.zeros((len(sample.groups), n_moments))
    for _ in range(n_orders):
        X, Y, group_of = sample.rows(rng)
        moments += spectral_moments(X, Y, n_moments) / n_orders
        for g in range(len(sample.groups)):
            left_out[g] += spectral_moments(X, Y, n_moments, group_of != g) / n_orders
    return moments, left_out
