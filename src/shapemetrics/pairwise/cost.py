"""How long a pair takes on one core: a rough model, to size jobs and announce them beforehand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from shapemetrics.metrics.base import Metric, check_integer

#: Float64 operations a second of a matrix product on one core. Measured, like all constants here,
#: on one core of an AMD EPYC server with OpenBLAS; ``make bench`` holds the model against the
#: machine it runs on.
PRODUCT_RATE = 5.2e10
#: Microseconds for the singular values of one n x n matrix in a stack, by n.
SINGULAR_VALUES = {
    4: 1.9,
    8: 4.7,
    16: 13.0,
    32: 44.0,
    48: 87.0,
    64: 150.0,
    96: 370.0,
    128: 720.0,
    192: 1830.0,
    256: 4600.0,
    384: 10500.0,
    512: 29000.0,
    768: 77000.0,
    1024: 197000.0,
}
#: Singular vectors too: so many times the singular values alone.
WITH_VECTORS = 2.7
#: Seconds a squared number of units: linear assignment, and optimal transport.
ASSIGNMENT = 3.6e-8
TRANSPORT = 7.5e-8
#: What any pair costs besides, in seconds.
OVERHEAD = 3e-6
#: Trials a stimulus, where their number is not told.
TRIALS = 10


def estimated_pair_seconds(
    metric: Metric,
    m: int,
    n: int,
    *,
    grid: tuple[int, int] | None = None,
    trials: int | None = None,
) -> float:
    r"""Estimate the time that one more pair takes on one core, in float64, without timing anything.

    Parameters
    ----------
    metric : Metric
        One of the package's families.
    m : int
        Stimuli; of a layer flattened into a matrix, stimuli times positions.
    n : int
        Units, or channels where `grid` is given.
    grid : tuple of int, optional
        Height and width of a convolutional layer that is not flattened.
    trials : int, optional
        Trials a stimulus, for the stochastic metrics; by default 10.

    Returns
    -------
    float
        Seconds a pair of two blocks of networks, without the preparation of each network.

    Raises
    ------
    TypeError
        If the metric is none that the model knows.
    ValueError
        If a size is not positive.

    Notes
    -----
    For the linear family with r = n (or ``n_components``, or m where that is less)

    .. math:: t = 2 m r^2 / G + s(r) ,

    with the rate G of matrix products (``PRODUCT_RATE``) and the time s of singular values
    (``SINGULAR_VALUES``, between its entries a power law). Families that end in singular
    values or an assignment replace s; those that iterate (the stochastic ones) have a power law
    fitted to 20 to 400 stimuli and 4 to 32 units, good to a factor of about three, since steps
    depend on the data. A constant machine is assumed, so that plans made with it are the same
    everywhere.

    Examples
    --------
    >>> from shapemetrics.metrics import LinearMetric
    >>> few, many = (estimated_pair_seconds(LinearMetric(), 1000, n) for n in (64, 256))
    >>> 1e-4 < few < many < 1e-1
    True
    """
    for value, name in ((m, "m"), (n, "n"), *((side, "grid") for side in grid or ())):
        check_integer(value, name, 1)
    check_integer(trials, "trials", 1, optional=True)
    for kind in type(metric).__mro__:
        if kind.__name__ in _MODELS:
            seconds = _MODELS[kind.__name__](metric, m, n, grid or (1, 1), trials or TRIALS)
            return OVERHEAD + seconds
    raise TypeError(f"metric: found {metric!r}, whose time a pair is not known")


def product_seconds(m: int, p: int, q: int) -> float:
    """Time of a product (p x m)(m x q) on one core."""
    return 2.0 * m * p * q / PRODUCT_RATE


def singular_value_seconds(n: int) -> float:
    """Time of the singular values of one n x n matrix on one core."""
    sizes, times = (np.log(list(part)) for part in (SINGULAR_VALUES, SINGULAR_VALUES.values()))
    if n <= 1024:
        return 1e-6 * float(np.exp(np.interp(np.log(n), sizes, times)))
    return 1e-6 * SINGULAR_VALUES[1024] * (n / 1024) ** 3


Grid = tuple[int, int]


def _rank(metric: Any, m: int, n: int) -> int:
    return min(n, m, metric.n_components or n)


def _linear(metric: Any, m: int, n: int, grid: Grid, trials: int) -> float:
    r = _rank(metric, m, n)
    return product_seconds(m, r, r) + singular_value_seconds(r)


def _convolution(metric: Any, m: int, n: int, grid: Grid, trials: int) -> float:
    height, width = metric.resample or grid
    r = _rank(metric, m * height * width, n)
    if not metric.shifts:
        return _linear(metric, m * height * width, r, grid, trials)
    # Three real products for two complex frequencies, the inverse transform, and singular values
    # of the few shifts that bounds leave.
    products = 1.5 * height * width * product_seconds(m, r, r)
    inverse = 7e-9 * (1.0 + (height + width) / 64.0) * height * width * r**2
    return products + inverse + 4.0 * singular_value_seconds(r) + 1e-4


def _permutation(metric: Any, m: int, n: int, grid: Grid, trials: int) -> float:
    return product_seconds(m, n, n) + ASSIGNMENT * n**2


def _soft_matching(metric: Any, m: int, n: int, grid: Grid, trials: int) -> float:
    # Networks of one size need an assignment only, but n stands for networks of all sizes.
    return product_seconds(m, n, n) + TRANSPORT * n**2 + 4e-5


def _kernel(metric: Any, m: int, n: int, grid: Grid, trials: int) -> float:
    if metric.approximation != "exact":
        from shapemetrics.metrics.kernel import APPROXIMATE_COMPONENTS

        r = min(metric.n_components or APPROXIMATE_COMPONENTS, m)
    else:
        r = _rank(metric, m, n if metric.kernel == "linear" else m)
    return product_seconds(m, r, r) + singular_value_seconds(r)


def _cka(metric: Any, m: int, n: int, grid: Grid, trials: int) -> float:
    return _gram_cosine(m, n if metric.kernel == "linear" else m)


def _gram_cosine(m: int, n: int) -> float:
    return 1.05 * product_seconds(m, n, n) if n < m else product_seconds(m * (m + 1) // 2, 1, 1)


def _comparison(metric: Any, m: int, n: int, grid: Grid, trials: int) -> float:
    if metric.measure == "cka":
        return _gram_cosine(m, n)
    if metric.measure == "rsa_correlation":
        return 2.0 * product_seconds(m * (m - 1) // 2, 1, 1)  # blocks are small for their length
    if metric.measure == "linear_regression":
        # Coefficients on each fold's training stimuli, then predictions of all stimuli.
        return 1.15 * (metric.n_folds or 2) * product_seconds(m, n, n)
    r = _rank(metric, m, n)
    values = singular_value_seconds(r)
    if metric.measure == "pwcca":
        return product_seconds(m, r, r) + WITH_VECTORS * values + product_seconds(r, r, n)
    return product_seconds(m, r, r) + values


def _gaussian(metric: Any, m: int, n: int, grid: Grid, trials: int) -> float:
    return 8e-4 * m**0.6 * n**1.5 * (1.0 + n / 60.0) * _descents(metric)


def _energy(metric: Any, m: int, n: int, grid: Grid, trials: int) -> float:
    return 1.17e-3 * m**0.6 * n**0.6 * (1.0 + n / 200.0) * (trials / 10) ** 1.6 * _descents(metric)


def _descents(metric: Any) -> float:
    """Time of a search, where one of 24 starts over rotations is 1."""
    if metric.group == "identity":
        return 0.01
    # The last descent of all, from the best start, and the search before it.
    return 0.07 + 0.93 * ((metric.n_starts - 1) / 23.0) ** 0.6


_MODELS: dict[str, Callable[[Any, int, int, Grid, int], float]] = {
    "LinearMetric": _linear,
    "ConvolutionMetric": _convolution,
    "PermutationMetric": _permutation,
    "KernelMetric": _kernel,
    "AngularCKA": _cka,
    "SoftMatchingMetric": _soft_matching,
    "GaussianStochasticMetric": _gaussian,
    "EnergyStochasticMetric": _energy,
    "Comparison": _comparison,
}
