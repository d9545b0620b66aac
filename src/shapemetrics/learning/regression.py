"""Prediction of a number from distances, judged by nested cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shapemetrics.arrays import scaled
from shapemetrics.learning.nested_ridge import Grid, Run, cross_validate, nested_folds
from shapemetrics.learning.resampling import (
    bootstrap_weights,
    central_interval,
    check_counts,
    check_groups,
    permutation_p_value,
    permutation_scheme,
    permuted_columns,
)
from shapemetrics.pairwise.checks import (
    check_distances,
    check_seed,
    in_item_order,
    item_labels,
    real_numbers,
    scale_exponent,
)
from shapemetrics.pairwise.threads import item_workers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RegressionResult", "nested_regression"]

DEFAULT_SIGMAS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0)
DEFAULT_RIDGES = (1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 10.0)


@dataclass(frozen=True)
class RegressionResult:
    """What nested regression found.

    Attributes
    ----------
    summary : pandas.DataFrame
        One row: r2, r2_low, r2_high, spearman, spearman_p_value, null_r2_mean, null_r2_low,
        null_r2_high, p_value, n, n_groups, n_outer, n_inner, n_repeats, n_permutations,
        permutation, n_bootstrap. Where no permutation or bootstrap was asked for: nan.
    predictions : pandas.DataFrame
        One row an item and repeat: index, id, observed, predicted, baseline (mean of the training
        fold), fold, repeat.
    choices : pandas.DataFrame
        Hyper-parameters by outer fold: repeat, fold, n_train, n_test, sigma, ridge.
    null_r2 : ndarray of shape (n_permutations,)
    """

    summary: pd.DataFrame
    predictions: pd.DataFrame = field(repr=False)
    choices: pd.DataFrame = field(repr=False)
    null_r2: NDArray[np.float64] = field(repr=False)


def _prediction_table(
    names: NDArray, target: NDArray, runs: list[Run], exponent: int
) -> pd.DataFrame:
    """Return the held-out predictions of the observed target, one row per item and repeat."""
    import pandas as pd

    tables = [
        pd.DataFrame(
            {
                "index": np.arange(len(names)),
                "id": names,
                "observed": target,
                "predicted": np.ldexp(run.predicted[:, 0], exponent),
                "baseline": np.ldexp(run.baseline[:, 0], exponent),
                "fold": run.fold,
                "repeat": repeat,
            }
        )
        for repeat, run in enumerate(runs)
    ]
    return pd.concat(tables, ignore_index=True)


def _check_target(y: ArrayLike, ids: NDArray) -> NDArray[np.float64]:
    target = real_numbers(y, "y", finite=False)
    if target.shape != ids.shape:
        raise ValueError(f"y: found shape {target.shape}, expected {ids.shape}, one per item")
    bad = ~np.isfinite(target)
    if bad.any():
        raise ValueError(f"y: found {target[bad][0]} at {ids[bad][0]}, expected finite numbers")
    unit = scaled(target, -scale_exponent(target))
    if np.ptp(unit) <= 1e-12 * np.abs(unit).max():
        raise ValueError(f"y: found {target[0]} for every item, expected targets that vary")
    return target


def _check_grid(sigmas: ArrayLike, ridges: ArrayLike) -> Grid:
    grid = Grid(real_numbers(sigmas, "sigmas"), real_numbers(ridges, "ridges"))
    for name, values in (("sigmas", grid.sigmas), ("ridges", grid.ridges)):
        if values.ndim != 1 or not len(values) or not (values > 0).all():
            raise ValueError(f"{name}: found {values}, expected a list of numbers > 0")
    return grid


def _rank_correlations(Y: NDArray, predicted: NDArray) -> NDArray[np.float64]:
    """Spearman's rho of each column, 0 where the predictions are all equal."""
    from scipy.stats import rankdata

    a, b = (rankdata(M, axis=0) for M in (Y, predicted))
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    power = np.sqrt(np.sum(a**2, axis=0) * np.sum(b**2, axis=0))
    return np.where(power > 0, np.sum(a * b, axis=0) / np.where(power > 0, power, 1.0), 0.0)


def nested_regression(
    D: ArrayLike,
    y: ArrayLike,
    *,
    seed: int = 0,
    n_outer: int = 5,
    n_inner: int = 5,
    n_repeats: int = 1,
    sigmas: Sequence[float] = DEFAULT_SIGMAS,
    ridges: Sequence[float] = DEFAULT_RIDGES,
    n_permutations: int = 100,
    n_bootstrap: int = 1000,
    groups: Sequence | None = None,
    leave_one_out: bool = False,
    ids: Sequence | None = None,
    n_jobs: int | None = None,
) -> RegressionResult:
    """Predict a number from distances, and say how well on items never seen in fitting.

    Parameters
    ----------
    D : array of shape (K, K)
        Distances.
    y : array of shape (K,)
        Targets.
    seed : int
        Seed of the folds, permutations and bootstrap.
    n_outer, n_inner : int
        Folds of the outer loop, which judges, and of the inner loop, which chooses sigma and the
        ridge.
    n_repeats : int
        Times that the whole is repeated with other folds.
    sigmas : sequence of float
        Widths to choose from, as multiples of the median distance in the training items.
    ridges : sequence of float
        Ridges to choose from, in the units of the kernel, whose diagonal is 1.
    n_permutations : int
        Permuted targets for the null distribution; 0 for none.
    n_bootstrap : int
        Bootstrap samples for the interval; 0 for none.
    groups : sequence of length K, optional
        Items of one group (say, layers of one network) are never on both sides of a split, in
        either loop, and are drawn together by the bootstrap.
    leave_one_out : bool
        Leave out one item (one group) at a time in the outer loop, instead of `n_outer` folds.
    ids : sequence of length K, optional
        Names of the items.
    n_jobs : int, optional
        Threads; -1 takes all cores. By default as many as the linear algebra may use, at most
        eight, and one for fewer than 700 items. The result does not depend on their number.

    Returns
    -------
    RegressionResult

    Raises
    ------
    ValueError
        If D does not hold distances, y does not vary or is not finite, or an option is out of
        range.

    Notes
    -----
    The model is `DistanceKernelRidge`. With held-out predictions f and the mean of their training
    fold b, pooled over folds and repeats,

        R^2 = 1 - sum (y - f)^2 / sum (y - b)^2,

    so that 0 is chance (predicting the training mean) and negative is worse. Spearman's rho is
    taken over the items of a repeat and averaged over repeats. The null distribution comes from
    the whole nested procedure, the choice of hyper-parameters included, on permuted targets;
    p = (1 + #{null >= found}) / (1 + n). What is permuted respects the groups: see the column
    `permutation` and `permutation_scheme`. The interval is the central 95% of R^2 over items
    (groups) drawn with replacement, the predictions held fixed: it shows which items the number
    rests on, and does not contain the variance of refitting.

    Kernels do not depend on the targets, so permuted targets are further columns of one problem:
    one reduction of the kernel per training set and sigma serves all ridges and permutations (see
    `shapemetrics.learning.ridge_path`). Training sets share none: the unit of sigma, the median
    distance, is that of each training set, so kernels of two folds differ in every entry.

    Threads share the training sets, with linear algebra on one core each. Memory is 32 K^2 bytes
    for the distances and their check, 40 bytes per training item squared and thread, and 8 bytes
    per item, repeat and permutation (for K = 2,000 and two threads 0.4 GB).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(size=40)
    >>> result = nested_regression(np.abs(x[:, None] - x), np.sin(4 * x), n_permutations=19)
    >>> bool(result.summary["r2"].item() > 0.9), result.summary["p_value"].item()
    (True, 0.05)
    """
    import pandas as pd

    check_seed(seed)
    labels = item_labels(D)
    matrix, names = check_distances(D, ids)
    target = _check_target(in_item_order(y, labels, "y"), names)
    codes = check_groups(in_item_order(groups, labels, "groups"), len(names))
    grid = _check_grid(sigmas, ridges)
    check_counts(
        n_outer=n_outer,
        n_inner=n_inner,
        n_repeats=n_repeats,
        n_permutations=n_permutations,
        n_bootstrap=n_bootstrap,
    )

    rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    # Targets of magnitude one: squares of their errors then stay within float64.
    exponent = scale_exponent(target)
    unit = scaled(target, -exponent)
    Y = np.column_stack([unit, permuted_columns(unit, n_permutations, rng, codes)])
    n_folds = 0 if leave_one_out else n_outer
    folds = nested_folds(len(names), codes, n_folds, n_inner, n_repeats, seed)
    with item_workers(len(names), n_jobs) as run:
        runs = cross_validate(matrix, Y, grid, folds, run)
    error, baseline = np.zeros(Y.shape), np.zeros(Y.shape)
    for run in runs:
        error += (Y - run.predicted) ** 2
        baseline += (Y - run.baseline) ** 2
    rho = np.mean([_rank_correlations(Y, run.predicted) for run in runs], axis=0)
    r2 = 1.0 - error.sum(axis=0) / baseline.sum(axis=0)

    rng = np.random.default_rng(np.random.SeedSequence([seed, 4]))
    weights = bootstrap_weights(len(names), n_bootstrap, rng, codes)
    resampled = 1.0 - (weights @ error[:, 0]) / (weights @ baseline[:, 0])
    low, high = central_interval(resampled)
    null_low, null_high = central_interval(r2[1:])
    summary = {
        "r2": r2[0],
        "r2_low": low,
        "r2_high": high,
        "spearman": rho[0],
        "spearman_p_value": permutation_p_value(rho[0], rho[1:]),
        "null_r2_mean": r2[1:].mean() if n_permutations else np.nan,
        "null_r2_low": null_low,
        "null_r2_high": null_high,
        "p_value": permutation_p_value(r2[0], r2[1:]),
        "n": len(names),
        "n_groups": len(names) if codes is None else int(codes.max()) + 1,
        "n_outer": int(runs[0].fold.max()) + 1,
        "n_inner": n_inner,
        "n_repeats": n_repeats,
        "n_permutations": n_permutations,
        "permutation": permutation_scheme(target, codes),
        "n_bootstrap": n_bootstrap,
    }
    return RegressionResult(
        summary=pd.DataFrame([summary]),
        predictions=_prediction_table(names, target, runs, exponent),
        choices=pd.DataFrame(
            [{"repeat": at} | row for at, run in enumerate(runs) for row in run.choices]
        ),
        null_r2=r2[1:],
    )
