"""Distance between noisy representations from single trials, whatever the noise looks like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from scipy.spatial.distance import cdist, pdist

from shapemetrics.linalg import Array
from shapemetrics.metrics.cost import search_factor
from shapemetrics.metrics.group_search import SEARCH_STIMULI, Group, matched_axes
from shapemetrics.metrics.stochastic import (
    PreparedStochastic,
    StochasticMetric,
    content_digest,
    divided,
    evenly_spaced,
    pad_units,
)
from shapemetrics.validation import check_choice

#: Entries of one batch of distances between trials: 32 MB in float64.
BATCH_SIZE = 2**22


@dataclass(frozen=True, eq=False)
class PreparedTrials(PreparedStochastic):
    """One network's single trials, and the mean distance between two trials of one stimulus."""

    trials: Array = field(repr=False)  # (m, r, n)
    spread: float

    @property
    def n_samples(self) -> int:
        """Number of stimuli."""
        return len(self.trials)

    @property
    def n_units(self) -> int:
        """Number of units."""
        return self.trials.shape[2]


@dataclass(frozen=True)
class EnergyStochasticMetric(StochasticMetric):
    r"""Energy distance between response distributions after the best common rotation.

    Parameters
    ----------
    group : {"orth", "perm", "identity"}, default="orth"
        Rotations and reflections, permutations of units, or nothing.
    estimator : {"unbiased", "empirical"}, default="unbiased"
        "unbiased" averages distances within a network over pairs of different trials, so that two
        samples of one network have an expected squared distance near 0. "empirical" averages over
        all pairs, a trial with itself included: the distance between the empirical distributions.
    n_starts : int, default=24
        Starting points: the alignment of the means, one of the covariances, and random ones.
        With 1 there is one descent from the alignment of the means, many times faster; otherwise
        permutations of up to five units are all compared.
    max_iter : int, default=1000
        Steps of the last descent at most.
    tol : float, default=1e-10
        Relative decrease of the squared distance that ends a descent.
    seed : int, default=0
        Of the random starting points.

    Notes
    -----
    Duong, Zhou, Nassar, Berman, Olieslagers, Williams (2023), arXiv:2211.11665. With trials x, x'
    of one network and y, y' of the other for stimulus i of m,

    .. math:: d^2 = \min_{Q} \frac{1}{m} \sum_i E\|x - Q y\|
              - \tfrac12 E\|x - x'\| - \tfrac12 E\|y - y'\| .

    Only the first term depends on Q. It is minimised by iteratively reweighted Procrustes: with
    weights :math:`1 / \|x - Qy\|` a quadratic lies above it and touches it at Q, so that no step
    raises the loss.

    The expression is a metric between distributions, and so is its minimum over a group of
    isometries: with "empirical", between those of the trials. The unbiased estimate, where it is
    negative, is reported as 0, also for networks that differ, and can violate the triangle
    inequality by its sampling error, so that `is_metric` is False. Practice adds one thing: the
    loss has local optima, and the reported distance is the best of finitely many descents, hence
    an upper bound.
    Symmetry is exact. Networks may have different numbers of trials; unequal numbers of units are
    compared by adding silent units. The squared distance is a difference of averages and carries
    their rounding, so that distances below 1e-7 times the root of the trials' spread mean zero.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> trials = rng.normal(size=(10, 1, 3)) + 0.3 * rng.normal(size=(10, 20, 3))
    >>> Q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    >>> metric = EnergyStochasticMetric(estimator="empirical")
    >>> bool(metric.distance(trials, trials @ Q) < 1e-4)
    True
    >>> bool(metric.distance(trials, 3.0 * trials) > 0.5)
    True
    """

    loss_degree = 1

    group: Group = "orth"
    estimator: Literal["unbiased", "empirical"] = "unbiased"
    n_starts: int = 24
    max_iter: int = 1000
    tol: float = 1e-10
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self.estimator, "estimator", ("unbiased", "empirical"))
        self._check_search()

    def prepare(self, X: Any, *, name: str = "X", dtype: Any = np.float64) -> PreparedTrials:
        """Check one network's trials and measure their own spread.

        Parameters
        ----------
        X : array-like of shape (m, r, n)
            Responses of n units in r >= 2 trials of m stimuli.
        name : str
            Network's name, for messages.
        dtype : dtype, default=float64
            Precision in which trials are kept and the search runs; distances are in float64.

        Returns
        -------
        PreparedTrials

        Raises
        ------
        TypeError, ValueError
            If X is not a finite real array of this shape.
        """
        responses = self.read(X, name)
        r = responses.shape[1]
        if r < 2:
            raise ValueError(f"{name!r}: found {r} trial per stimulus, expected at least 2")
        spread = float(np.mean([pdist(trials).mean() for trials in responses.values]))
        if self.estimator == "empirical":
            spread *= (r - 1) / r
        trials = responses.values.astype(dtype, copy=False)
        origin = self.origin_of(responses)
        digest = content_digest(trials, np.array(responses.exponent))
        return PreparedTrials(origin, digest, trials, spread)

    @property
    def is_metric(self) -> bool:
        """Whether the axioms hold: between empirical distributions, not for unbiased estimates."""
        return self.estimator == "empirical"

    @property
    def preparation(self) -> str:
        """The metric as far as preparing depends on it."""
        return f"{type(self).__name__}(estimator={self.estimator!r})"

    def problem(self, x: PreparedTrials, y: PreparedTrials, n: int, exponent: int) -> EnergyProblem:
        """Mean distance between trials under Q, less the networks' own spread."""
        lacking = [exponent - item.origin.exponent for item in (x, y)]
        X, Y = (divided(pad_units(item.trials, n), e) for item, e in zip((x, y), lacking))
        spreads = [float(np.ldexp(item.spread, -e)) for item, e in zip((x, y), lacking)]
        return EnergyProblem(X, Y, 0.5 * (spreads[0] + spreads[1]))

    def pair_seconds(
        self, m: int, n: int, *, grid: tuple[int, int] = (1, 1), trials: int = 10
    ) -> float:
        """A power law fitted to small problems, good to a factor of about three."""
        size = m**0.6 * n**0.6 * (1.0 + n / 200.0) * (trials / 10) ** 1.6
        return 1.17e-3 * size * search_factor(self.group, self.n_starts)

    def starts(self, x: PreparedTrials, y: PreparedTrials, n: int) -> list[Array]:
        """Alignments of the means, and of the noise."""
        X, Y = (pad_units(item.trials, n) for item in (x, y))
        mean_product = X.mean(axis=1).T @ Y.mean(axis=1)
        if self.n_starts == 1:
            return [mean_product]
        few = evenly_spaced(len(X), SEARCH_STIMULI)
        noise = [T[few] - T[few].mean(axis=1, keepdims=True) for T in (X, Y)]
        if self.group == "perm":
            spread_x, spread_y = (T.std(axis=1) for T in noise)
            guess = mean_product * (len(spread_x) / len(X))
            return [mean_product, guess + spread_x.T @ spread_y]
        covariances = [np.swapaxes(T, 1, 2) @ T for T in noise]
        return [mean_product, matched_axes(covariances[0], covariances[1], mean_product)]


class EnergyProblem:
    """Loss of a rotation Q of the second network's trials: mean ``|x - Q y|``, less an offset.

    Below `floor` a distance counts as the quadratic that continues it, since weights are its
    inverse: a change of the loss of at most ``floor / 2``.
    """

    is_linear = False

    def __init__(self, X: Array, Y: Array, offset: float) -> None:
        self.X, self.Y, self._offset = X, Y, offset
        self.n = X.shape[2]
        self._squares_x = np.einsum("mri,mri->mr", X, X)
        self._squares_y = np.einsum("mri,mri->mr", Y, Y)
        self.scale = float(np.sqrt(self._squares_x.mean()) + np.sqrt(self._squares_y.mean()))
        self.resolution = float(np.finfo(X.dtype).eps)
        self._floor = max(10.0 * np.sqrt(self.resolution) * self.scale, np.finfo(X.dtype).tiny)

    def evaluate(self, Q: Array) -> tuple[Array, Array]:
        """Losses (s,), and the weighted cross-covariances (s, n, n), at each Q."""
        m, r, n = self.X.shape
        count = m * r * self.Y.shape[1]
        loss = np.full(len(Q), -self._offset)
        M = np.zeros((len(Q), n, n), dtype=Q.dtype)
        for part in self._batches(len(Q)):
            X, Y = self.X[part], self.Y[part]
            turned = (Y.reshape(-1, n) @ np.swapaxes(Q, 1, 2)).reshape(len(Q), *Y.shape)
            squared = X @ np.swapaxes(turned, 2, 3)  # (s, stimuli, r, q)
            squared *= -2.0
            squared += self._squares_x[part][:, :, None]
            squared += self._squares_y[part][:, None, :]
            np.maximum(squared, 0.0, out=squared)
            distance = np.maximum(np.sqrt(squared), self._floor)
            # (z^2 / w + w) / 2 with w = max(z, floor): z itself wherever z is above the floor
            loss += (squared / distance + distance).sum(axis=(1, 2, 3)) / (2.0 * count)
            weighted = (1.0 / distance) @ Y  # (s, stimuli, r, n)
            M += X.reshape(-1, n).T @ weighted.reshape(len(Q), -1, n) / count
        return loss, M

    def residual(self, Q: Array) -> float:
        """The loss itself at one Q, trial by trial, exact where trials coincide."""
        X, Y, Q = (array.astype(np.float64, copy=False) for array in (self.X, self.Y, Q))
        across = np.mean([cdist(x, y).mean() for x, y in zip(X, Y @ Q.T)])
        return float(across - self._offset)

    def thinned(self, limit: int) -> EnergyProblem:
        """The problem on at most `limit` stimuli."""
        few = evenly_spaced(len(self.X), limit)
        return self if isinstance(few, slice) else EnergyProblem(self.X[few], self.Y[few], 0.0)

    def _batches(self, count: int) -> list[slice]:
        m, r, n = self.X.shape
        q = self.Y.shape[1]
        size = max(1, BATCH_SIZE // (count * max(r * q, r * n, q * n)))
        return [slice(start, start + size) for start in range(0, m, size)]
