"""Distance between noisy representations that are summarised by means and covariances."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shapemetrics.arrays import Responses, as_responses
from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Origin
from shapemetrics.metrics.cost import search_factor
from shapemetrics.metrics.gram import ASYMMETRY, NEGATIVE
from shapemetrics.metrics.group_search import SEARCH_STIMULI, Group, matched_axes
from shapemetrics.metrics.stochastic import (
    PreparedStochastic,
    StochasticMetric,
    content_digest,
    divided,
    evenly_spaced,
    pad_units,
)
from shapemetrics.validation import check_fraction

#: Entries of one batch of cross-covariances between noise factors: 32 MB in float64.
BATCH_SIZE = 2**22


@dataclass(frozen=True, eq=False)
class PreparedGaussian(PreparedStochastic):
    """One network's mean responses and noise, with ``factors @ factors.T`` the covariances."""

    means: Array = field(repr=False)  # (m, n)
    factors: Array = field(repr=False)  # (m, n, r)

    @property
    def n_samples(self) -> int:
        """Number of stimuli."""
        return len(self.means)

    @property
    def n_units(self) -> int:
        """Number of units."""
        return self.means.shape[1]


@dataclass(frozen=True)
class GaussianStochasticMetric(StochasticMetric):
    r"""Distance between Gaussian response distributions after the best common rotation.

    Parameters
    ----------
    alpha : float, default=1.0
        Interpolates between covariances and means: 0 compares noise only, 1 is the Wasserstein
        distance, 2 compares means only.
    group : {"orth", "perm", "identity"}, default="orth"
        Rotations and reflections, permutations of units, or nothing.
    center : bool, default=False
        Subtract each unit's grand mean over stimuli from the means first.
    n_starts : int, default=24
        Starting points: the alignment of the means, one of the covariances, and random ones.
        With 1 there is one descent from the alignment of the means, many times faster; otherwise
        permutations of up to five units are all compared. Not used
        where ``alpha = 2`` or ``group="identity"``, which have closed forms.
    max_iter : int, default=1000
        Steps of the last descent at most.
    tol : float, default=1e-10
        Relative decrease of the squared distance that ends a descent.
    seed : int, default=0
        Of the random starting points.

    Notes
    -----
    Duong, Zhou, Nassar, Berman, Olieslagers, Williams (2023), arXiv:2211.11665. With mean
    :math:`\mu_i` and covariance :math:`\Sigma_i` of the responses to stimulus i of m,

    .. math:: d^2 = \min_{Q} \frac{1}{m} \sum_i \alpha \|\mu_i^X - Q \mu_i^Y\|^2
              + (2 - \alpha) \, B^2(\Sigma_i^X, Q \Sigma_i^Y Q^T),

    .. math:: B^2(S, T) = \operatorname{tr} S + \operatorname{tr} T
              - 2 \operatorname{tr} (S^{1/2} T S^{1/2})^{1/2}
              = \min_{U \in O(n)} \|L_S - L_T U\|_F^2, \qquad S = L_S L_S^T .

    At ``alpha = 2`` this is :math:`\sqrt{2/m}` times the Euclidean Procrustes distance between
    the (uncentred) means. Alternating between the U of each stimulus and Q never raises the loss.

    For a fixed Q the expression is a metric, and so is its minimum over a group of isometries. The
    loss has local optima, though: the reported distance is the best of finitely many descents,
    hence an upper bound, which can break the triangle inequality by as much as it exceeds the
    minimum. Both directions run the same search, so symmetry is exact. Where `alpha` is small and
    there are many units raise `n_starts`; :meth:`align` tells whether the descent converged.

    Covariances estimated from r trials have rank r - 1 at most and no shrinkage is applied: with
    few trials they are noisy, which inflates distances at ``alpha < 2``. Unequal numbers of units
    are compared by adding silent units.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> trials = rng.normal(size=(10, 1, 3)) + 0.3 * rng.normal(size=(10, 20, 3))
    >>> Q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    >>> metric = GaussianStochasticMetric(alpha=1.0)
    >>> bool(metric.distance(trials, trials @ Q) < 1e-6)
    True
    >>> means, covariances = np.zeros((10, 3)), np.tile(np.eye(3), (10, 1, 1))
    >>> round(metric.distance((means, covariances), (means, 4.0 * covariances)) ** 2, 9)
    3.0
    """

    alpha: float = 1.0
    group: Group = "orth"
    center: bool = False
    n_starts: int = 24
    max_iter: int = 1000
    tol: float = 1e-10
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fraction(self.alpha, "alpha", 0.0, 2.0)
        self._check_search()

    def prepare(self, X: Any, *, name: str = "X", dtype: Any = np.float64) -> PreparedGaussian:
        """Estimate, or check and factor, the means and covariances of one network.

        Parameters
        ----------
        X : array-like of shape (m, r, n), or tuple of (m, n) and (m, n, n)
            Responses of n units in r >= 2 trials of m stimuli; or means and covariances. From
            trials, covariances are the unbiased ones (divided by r - 1).
        name : str
            Network's name, for messages.
        dtype : dtype, default=float64
            Precision in which the network is kept and compared.

        Returns
        -------
        PreparedGaussian

        Raises
        ------
        TypeError, ValueError
            If X is not such an array or tuple, or a covariance is not symmetric and positive
            semi-definite.
        """
        if isinstance(X, tuple):
            means, factors, exponent, stimuli = _from_moments(X, name)
        else:
            responses = self.read(X, name)
            means, factors = _from_trials(responses)
            exponent, stimuli = responses.exponent, responses.stimuli
        if self.center:
            means = means - means.mean(axis=0)
        means, factors = means.astype(dtype, copy=False), factors.astype(dtype, copy=False)
        digest = content_digest(means, factors, np.array(exponent))
        origin = Origin(name, exponent, stimuli, self.preparation)
        return PreparedGaussian(origin, digest, means, factors)

    @property
    def preparation(self) -> str:
        """The metric as far as preparing depends on it."""
        return f"{type(self).__name__}(center={self.center!r})"

    @property
    def invariances(self) -> frozenset[str]:
        """What the group allows, and offsets where means are centred."""
        return super().invariances | ({"offset"} if self.center else set())

    def problem(
        self, x: PreparedGaussian, y: PreparedGaussian, n: int, exponent: int
    ) -> GaussianProblem:
        """Weighted squared distances of means and of noise under Q."""
        parts = [
            divided(pad_units(array, n, axes), exponent - item.origin.exponent)
            for item in (x, y)
            for array, axes in ((item.means, (-1,)), (item.factors, (-2,)))
        ]
        return GaussianProblem(parts[0], parts[1], parts[2], parts[3], self.alpha)

    def pair_seconds(
        self, m: int, n: int, *, grid: tuple[int, int] = (1, 1), trials: int = 10
    ) -> float:
        """A power law fitted to small problems, good to a factor of about three."""
        size = m**0.6 * n**1.5 * (1.0 + n / 60.0)
        return 8e-4 * size * search_factor(self.group, self.n_starts)

    def starts(self, x: PreparedGaussian, y: PreparedGaussian, n: int) -> list[Array]:
        """Alignments of the means, and of the noise."""
        mean_product = pad_units(x.means, n).T @ pad_units(y.means, n)
        if self.n_starts == 1 or self.alpha == 2.0:
            return [mean_product]
        few = evenly_spaced(x.n_samples, SEARCH_STIMULI)
        Lx, Ly = (pad_units(item.factors[few], n, (-2,)) for item in (x, y))
        if self.group == "perm":
            spread_x, spread_y = (np.linalg.norm(L, axis=-1) for L in (Lx, Ly))
            guess = self.alpha * mean_product * (len(Lx) / x.n_samples)
            second: Array = guess + (2.0 - self.alpha) * spread_x.T @ spread_y
            return [mean_product, second]
        covariances = [L @ np.swapaxes(L, -1, -2) for L in (Lx, Ly)]
        return [mean_product, matched_axes(covariances[0], covariances[1], mean_product)]


class GaussianProblem:
    """Loss of a rotation Q of the second network: ``mean_i a |mu - Q nu|^2 + (2 - a) Bures^2``."""

    def __init__(self, mu: Array, L: Array, nu: Array, K: Array, alpha: float) -> None:
        self.mu, self.L, self.nu, self.K, self.alpha = mu, L, nu, K, alpha
        self.n = mu.shape[1]
        m = len(mu)
        self.is_linear = alpha == 2.0
        self.resolution = float(np.finfo(mu.dtype).eps)
        self._mean_weight, self._noise_weight = alpha / m, (2.0 - alpha) / m
        self._mean_term = self._mean_weight * (mu.T @ nu)
        self.scale = self._mean_weight * _squares(mu, nu) + self._noise_weight * _squares(L, K)

    def evaluate(self, Q: Array) -> tuple[Array, Array]:
        """Losses (s,), and ``a mu' nu + (2 - a) sum_i L_i U_i K_i'`` (s, n, n), at each Q."""
        inner = np.einsum("sab,ab->s", Q, self._mean_term)
        M = np.repeat(self._mean_term[None], len(Q), axis=0)
        if not self.is_linear:
            for part in self._batches(len(Q)):
                L, K = self.L[part], self.K[part]
                U, values, Vt = np.linalg.svd(self._cross(L, K, Q), full_matrices=False)
                inner += self._noise_weight * values.sum(axis=(1, 2))
                # sum_i L_i P_i K_i' as one product over stimuli and factors
                LP = np.swapaxes(L @ (U @ Vt), 2, 3)  # (s, m, r, n)
                LP = LP.reshape(len(Q), -1, self.n)
                stacked = np.swapaxes(K, 1, 2).reshape(-1, self.n)
                M += self._noise_weight * (np.swapaxes(LP, 1, 2) @ stacked)
        return self.scale - 2.0 * inner, M

    def residual(self, Q: Array) -> float:
        """The loss at one Q from differences, so that small values keep their digits."""
        Q = Q.astype(self.mu.dtype)
        total = self._mean_weight * _squares(self.mu - self.nu @ Q.T)
        if self.is_linear:
            return float(total)
        for part in self._batches(1):
            L, QK = self.L[part], Q @ self.K[part]
            U, _, Vt = np.linalg.svd(np.swapaxes(L, 1, 2) @ QK, full_matrices=False)
            P = U @ Vt  # an isometry from the smaller side: turn that one
            narrow = P.shape[1] <= P.shape[2]
            total += self._noise_weight * _squares(
                L @ P - QK if narrow else L - QK @ np.swapaxes(P, 1, 2)
            )
        return float(total)

    def thinned(self, limit: int) -> GaussianProblem:
        """The problem on at most `limit` stimuli."""
        few = evenly_spaced(len(self.mu), limit)
        if isinstance(few, slice):
            return self
        return GaussianProblem(self.mu[few], self.L[few], self.nu[few], self.K[few], self.alpha)

    def _cross(self, L: Array, K: Array, Q: Array) -> Array:
        """Cross-covariances of noise factors L_i' Q K_i: (s, stimuli, r, q)."""
        m, n, r = L.shape
        turned = np.swapaxes(L, 1, 2).reshape(m * r, n) @ Q  # (s, m r, n): one large product
        return turned.reshape(len(Q), m, r, n) @ K

    def _batches(self, count: int) -> list[slice]:
        m, (n, r), q = len(self.mu), self.L.shape[1:], self.K.shape[2]
        size = max(1, BATCH_SIZE // (count * max(r * q, n * r, n * q)))
        return [slice(start, start + size) for start in range(0, m, size)]


def _squares(*arrays: Array) -> float:
    return float(sum(np.vdot(array, array) for array in arrays))


def _from_trials(X: Responses) -> tuple[Array, Array]:
    """Means, and factors of the unbiased covariances, without forming the covariances."""
    _, r, n = X.shape
    if r < 2:
        raise ValueError(f"{X.name!r}: found {r} trial per stimulus, expected at least 2")
    means = X.values.mean(axis=1)
    noise = (X.values - means[:, None, :]) / np.sqrt(r - 1)
    if r > n:
        noise = np.linalg.qr(noise, mode="r")
    return means, np.ascontiguousarray(np.swapaxes(noise, 1, 2))


def _from_moments(X: tuple, name: str) -> tuple[Array, Array, int, str | None]:
    """Means, factors of the covariances of the smallest width that holds them all, the power of
    two that both were divided by, and the stimuli's labels."""
    if len(X) != 2:
        raise ValueError(f"{name!r}: found a tuple of {len(X)}, expected (means, covariances)")
    means = as_responses(X[0], f"{name} means")
    m, n = means.shape
    covariances = as_responses(X[1], f"{name} covariances", axes=(3,))
    if covariances.shape != (m, n, n):
        raise ValueError(
            f"{name!r}: found covariances of shape {covariances.shape} beside means of shape "
            f"{means.shape}, expected {(m, n, n)}"
        )
    # One power of two for both, so that covariances are those of the means' units.
    half = -(-covariances.exponent // 2)
    exponent = max(means.exponent, half) if means.peak else half
    values = np.ldexp(covariances.values, covariances.exponent - 2 * half)
    largest = float(np.abs(values).max())
    asymmetry = np.abs(values - np.swapaxes(values, 1, 2)).max(axis=(1, 2))
    if asymmetry.max() > ASYMMETRY * largest:
        raise ValueError(
            f"{name!r}: found a covariance of stimulus {int(asymmetry.argmax())} that is not "
            "symmetric, expected symmetric ones"
        )
    eigenvalues, vectors = np.linalg.eigh(0.5 * (values + np.swapaxes(values, 1, 2)))
    lowest = int(eigenvalues[:, 0].argmin())
    if eigenvalues[lowest, 0] < -NEGATIVE * largest:
        found = np.ldexp(eigenvalues[lowest, 0], 2 * half)
        raise ValueError(
            f"{name!r}: found eigenvalue {found:.3g} of the covariance of stimulus {lowest}, "
            "expected none < 0"
        )
    least = n * float(np.finfo(np.float64).eps) * np.maximum(eigenvalues[:, -1:], 0.0)
    eigenvalues[eigenvalues <= least] = 0.0
    rank = max(1, int(np.count_nonzero(eigenvalues, axis=1).max()))
    kept = slice(n - rank, n)
    factors = vectors[:, :, kept] * np.sqrt(eigenvalues[:, None, kept])
    return (
        np.ldexp(means.values, means.exponent - exponent),
        np.ldexp(factors, half - exponent),
        exponent,
        means.stimuli,
    )
