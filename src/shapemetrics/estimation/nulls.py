"""What distances mean: against chance, and against one another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student

from shapemetrics.arrays import as_array
from shapemetrics.estimation.resampling import _pairs, _same_stimuli
from shapemetrics.metrics.base import Metric
from shapemetrics.pairwise.checks import check_seed
from shapemetrics.pairwise.engine import pairwise_distances
from shapemetrics.pairwise.inputs import Arrays
from shapemetrics.validation import check_choice, check_integer, check_number

__all__ = ["DistanceDifference", "distance_difference", "null_distances"]

Null = Literal["permutation", "rotation"]


def null_distances(
    arrays: Arrays,
    metric: Metric,
    *,
    null: Null | Callable[[NDArray, np.random.Generator], Any] = "permutation",
    n_nulls: int = 99,
    seed: int = 0,
    n_jobs: int = 1,
) -> pd.DataFrame:
    r"""Compare each distance with what chance gives.

    Parameters
    ----------
    arrays : sequence, mapping or RepresentationStore
        Two or more representations of the same m stimuli, stimuli on the first axis.
    metric : Metric
    null : {"permutation", "rotation"} or callable, default="permutation"
        What chance is. ``"permutation"``: every network's stimuli in another order, of its own.
        ``"rotation"``: random networks that match each one in size, mean and covariance of its
        units, hence in dimension: left singular vectors are replaced by random ones (matrices
        only). A callable makes a random counterpart of an array, given a generator, such as the
        responses of an untrained network.
    n_nulls : int, default=99
        Draws of chance.
    seed : int
    n_jobs : int
        Threads for the distances.

    Returns
    -------
    pandas.DataFrame
        One row per pair: a, b, distance, null_mean, null_sd, z (below zero where networks are more
        alike than by chance), p (of so small a distance by chance, one-sided), effect (0 at
        chance, 1 at distance zero). Both orders of a pair for an asymmetric metric.

    Raises
    ------
    ValueError, TypeError
        If an option is out of range, or a representation is not valid.

    Notes
    -----
    Width and depth make measures see likeness where there is none (Murphy, Zylberberg, Fyshe 2024,
    arXiv:2405.01012; arXiv:2602.14486), and how much depends on the measure. Its own chance puts
    every measure on one scale: with B draws :math:`d_b` and their mean and standard deviation,

    .. math:: z = \frac{d - \bar d_b}{s_b}, \qquad p = \frac{1 + \#\{d_b \le d\}}{B + 1}, \qquad
              \text{effect} = 1 - \frac{d}{\bar d_b} .

    p is exact for stimuli that are exchangeable, so not for frames of a film, whose order matters.
    All pairs share the draws, whose p are therefore not independent.

    Examples
    --------
    >>> from shapemetrics.metrics import LinearMetric
    >>> rng = np.random.default_rng(0)
    >>> X, Z = rng.normal(size=(2, 40, 10))
    >>> table = null_distances({"x": X, "like x": X + 0.5 * Z, "z": Z}, LinearMetric())
    >>> table["p"].tolist()[0], bool(table["p"].iloc[1] > 0.01)
    (0.01, True)
    """
    names, matrices, _ = _same_stimuli(arrays, 2)
    if not callable(null):
        check_choice(null, "null", ("permutation", "rotation"))
    check_integer(n_nulls, "n_nulls", 1)
    check_seed(seed)
    rows, columns, labels = _pairs(names, metric.symmetric)
    measured = pairwise_distances(arrays, metric, n_jobs=n_jobs)[rows, columns]
    values = [as_array(X, name) for name, X in zip(names, matrices)]
    make = null if callable(null) else {"permutation": _permuted, "rotation": _rotated}[null]
    drawn = np.empty((n_nulls, len(rows)))
    for draw, child in enumerate(np.random.SeedSequence(seed).spawn(n_nulls)):
        rng = np.random.default_rng(child)
        chance = {name: make(X, rng) for name, X in zip(names, values)}
        drawn[draw] = pairwise_distances(chance, metric, n_jobs=n_jobs)[rows, columns]
    mean = drawn.mean(axis=0)
    spread = drawn.std(axis=0, ddof=1) if n_nulls > 1 else np.full(len(rows), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        z, effect = (measured - mean) / spread, 1.0 - measured / mean
    return pd.DataFrame(
        {
            **labels,
            "distance": measured,
            "null_mean": mean,
            "null_sd": spread,
            "z": z,
            "p": (1 + np.count_nonzero(drawn <= measured, axis=0)) / (n_nulls + 1),
            "effect": effect,
        }
    )


def _permuted(X: NDArray, rng: np.random.Generator) -> NDArray:
    return X[rng.permutation(len(X))]


def _rotated(X: NDArray, rng: np.random.Generator) -> NDArray:
    """Responses of the same mean and covariance, with random left singular vectors."""
    if X.ndim != 2:
        raise ValueError(
            f"null: found 'rotation' for an array of shape {X.shape}, expected matrices"
        )
    mean = X.mean(axis=0, dtype=np.float64)
    _, values, right = np.linalg.svd(X - mean, full_matrices=False)
    rank = min(len(values), len(X) - 1)
    noise = rng.normal(size=(len(X), rank))
    left, _ = np.linalg.qr(noise - noise.mean(axis=0))
    return mean + (left * values[:rank]) @ right[:rank]


@dataclass(frozen=True)
class DistanceDifference:
    """One distance minus another, measured on the same stimuli.

    Attributes
    ----------
    first, second : float
        The two distances.
    difference : float
        First minus second.
    error : float
        Standard error of the difference over stimuli.
    low, high : float
        Confidence interval of the difference.
    statistic : float
        Difference over its standard error.
    p_value : float
        Two-sided, of no difference.
    n_groups : int
        Groups of stimuli that were left out in turn.
    """

    first: float
    second: float
    difference: float
    error: float
    low: float
    high: float
    statistic: float
    p_value: float
    n_groups: int


def distance_difference(
    arrays: Arrays,
    metric: Metric,
    first: tuple[str, str],
    second: tuple[str, str],
    *,
    n_groups: int = 40,
    seed: int = 0,
    level: float = 0.95,
) -> DistanceDifference:
    r"""Test whether two distances differ, by leaving out stimuli.

    Parameters
    ----------
    arrays : mapping or RepresentationStore
        Representations of the same m stimuli by name.
    metric : Metric
    first, second : pair of str
        Names of the networks of either distance; they may share one.
    n_groups : int, default=40
        Random groups of stimuli, each left out once; at most m.
    seed : int
        Draws the groups.
    level : float, default=0.95
        Of the confidence interval.

    Returns
    -------
    DistanceDifference

    Raises
    ------
    ValueError
        If a name is unknown, or an option is out of range.

    Notes
    -----
    The delete-a-group jackknife (Kott 2001; Efron, Stein 1981): with :math:`\delta_g` the
    difference without group g of G,

    .. math:: s^2 = \frac{G - 1}{G} \sum_g (\delta_g - \bar \delta)^2 , \qquad
              \delta / s \sim t_{G - 1} \text{ if there is no difference.}

    Both distances leave out the same stimuli, so what they share cancels: the test is paired. No
    stimulus is repeated, as a bootstrap would, which makes stimuli neighbours of themselves. The
    interval is about other stimuli of the kind, for the networks as they are. It holds for
    distances that change smoothly with the stimuli, and for distances well above zero.

    Examples
    --------
    >>> from shapemetrics.metrics import LinearMetric
    >>> rng = np.random.default_rng(0)
    >>> X, Y, Z = rng.normal(size=(3, 200, 5))
    >>> networks = {"x": X, "near": X + 0.3 * Y, "far": X + 0.6 * Z}
    >>> found = distance_difference(networks, LinearMetric(), ("x", "near"), ("x", "far"))
    >>> found.difference < 0.0, found.p_value < 0.001
    (True, True)
    """
    names, matrices, m = _same_stimuli(arrays, 2)
    for pair in (first, second):
        unknown = [name for name in pair if name not in names]
        if unknown or len(pair) != 2:
            raise ValueError(
                f"pair {tuple(pair)}: found {unknown[0] if unknown else len(pair)!r}, expected two "
                f"of {', '.join(names)}"
            )
    check_integer(n_groups, "n_groups", 2)
    if n_groups > m:
        raise ValueError(f"n_groups: found {n_groups}, expected at most {m}, the stimuli")
    check_seed(seed)
    check_number(level, "level", above=0.0, below=1.0)
    used = {*first, *second}
    values = {name: as_array(X, name) for name, X in zip(names, matrices) if name in used}

    def both(keep: NDArray | slice) -> tuple[float, float]:
        part = {name: X[keep] for name, X in values.items()}
        one, two = (metric.distance(part[a], part[b]) for a, b in (first, second))
        return one, two

    d1, d2 = both(slice(None))
    order = np.random.default_rng(seed).permutation(m)
    left = []
    for group in np.array_split(order, n_groups):
        one, two = both(np.setdiff1d(np.arange(m), group))
        left.append(one - two)
    error = float(np.sqrt((n_groups - 1) * np.var(left)))
    difference = d1 - d2
    statistic = difference / error if error > 0.0 else np.copysign(np.inf, difference)
    if difference == 0.0:
        statistic = 0.0
    reach = float(student.ppf((1.0 + level) / 2.0, n_groups - 1)) * error
    p_value = float(2.0 * student.sf(abs(statistic), n_groups - 1))
    return DistanceDifference(
        *(d1, d2, difference, error, difference - reach, difference + reach),
        *(float(statistic), p_value, n_groups),
    )
