"""How far to trust a distance: against the number of stimuli, by bootstrap, by split halves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shapemetrics.arrays import scaled
from shapemetrics.metrics.base import Metric
from shapemetrics.pairwise.checks import check_seed, distinct_integers, scale_exponent
from shapemetrics.pairwise.engine import pairwise_distances
from shapemetrics.pairwise.inputs import Arrays, names_and_arrays
from shapemetrics.validation import check_choice, check_integer, check_number

__all__ = ["bootstrap_distances", "distance_vs_samples", "split_half_floor"]

Resampled = Literal["stimuli", "units", "both"]


def _same_stimuli(arrays: Arrays, least: int) -> tuple[list[str], list[NDArray], int]:
    """Return names, arrays and the number of stimuli that they share."""
    names, matrices = names_and_arrays(arrays)
    if len(matrices) < least:
        raise ValueError(
            f"arrays: found {len(matrices)} representations, expected at least {least}"
        )
    n_stimuli = len(matrices[0])
    for name, X in zip(names, matrices):
        if X.ndim < 2:
            raise ValueError(f"{name!r}: found shape {X.shape}, expected (stimuli, ..., units)")
        if len(X) != n_stimuli:
            raise ValueError(
                f"{name!r}: found {len(X)} stimuli, expected {n_stimuli} as in {names[0]!r}"
            )
    return names, matrices, n_stimuli


def _pairs(names: Sequence[str], symmetric: bool) -> tuple[NDArray, NDArray, dict[str, list[str]]]:
    """Return rows and columns of the pairs to report, and their names."""
    n = len(names)
    rows, columns = np.triu_indices(n, 1) if symmetric else np.nonzero(~np.eye(n, dtype=bool))
    labels = {"a": [names[int(i)] for i in rows], "b": [names[int(j)] for j in columns]}
    return rows, columns, labels


def distance_vs_samples(
    arrays: Arrays,
    metric: Metric,
    sizes: Iterable[int],
    *,
    n_repeats: int = 10,
    seed: int = 0,
    heldout: bool = False,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Measure distances on growing, nested subsamples of the stimuli.

    Parameters
    ----------
    arrays : sequence, mapping or RepresentationStore
        Two or more representations of the same m stimuli, stimuli on the first axis.
    metric : Metric
    sizes : iterable of int
        Numbers of stimuli, from 2 to m.
    n_repeats : int
        Random orders of the stimuli; the subsample of a size is the head of the order, so a
        larger one contains the smaller ones of its repeat.
    seed : int
        Seed of the orders.
    heldout : bool
        Also fit the alignment on each subsample and measure on the stimuli left out of it (for
        metrics that have a held-out distance).
    n_jobs : int
        Threads for the distances.

    Returns
    -------
    pandas.DataFrame
        One row a size, repeat and pair: n_stimuli, repeat, a, b, distance and, if asked for,
        distance_heldout (nan where fewer than two stimuli are left out). Both orders of a pair
        for an asymmetric metric.

    Raises
    ------
    ValueError
        If a size is out of range, or a representation is not valid at that size.

    Notes
    -----
    Distances from few stimuli are biased: alignments fit noise, which makes distances too small
    (most of all at alpha = 0, where they reach 0 once units outnumber stimuli), and held-out ones
    too large. Where the two curves meet, the number of stimuli suffices.

    Examples
    --------
    >>> from shapemetrics.metrics import LinearMetric
    >>> X, Y = np.random.default_rng(0).normal(size=(2, 200, 5))
    >>> table = distance_vs_samples({"x": X, "y": Y}, LinearMetric(), [10, 200], n_repeats=3)
    >>> means = table.groupby("n_stimuli")["distance"].mean()
    >>> bool(means[10] < means[200])
    True
    """
    names, matrices, n_stimuli = _same_stimuli(arrays, 2)
    wanted = distinct_integers(sizes, "sizes", 2, n_stimuli)
    if not wanted:
        raise ValueError(f"sizes: found none, expected integers from 2 to {n_stimuli}")
    check_integer(n_repeats, "n_repeats", 1)
    check_seed(seed)
    rows, columns, labels = _pairs(names, metric.symmetric)
    parts = []
    for repeat, child in enumerate(np.random.SeedSequence(seed).spawn(n_repeats)):
        order = np.random.default_rng(child).permutation(n_stimuli)
        for size in wanted:
            head, tail = order[:size], order[size:]
            chosen = {name: X[head] for name, X in zip(names, matrices)}
            D = pairwise_distances(chosen, metric, n_jobs=n_jobs)
            part = {"n_stimuli": size, "repeat": repeat, **labels, "distance": D[rows, columns]}
            if heldout:
                part["distance_heldout"] = np.nan
                if len(tail) >= 2:
                    left = {name: X[tail] for name, X in zip(names, matrices)}
                    H = pairwise_distances(chosen, metric, heldout=left, n_jobs=n_jobs)
                    part["distance_heldout"] = H[rows, columns]
            parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def _resamples(
    matrices: Sequence[NDArray], over: Resampled, n_bootstrap: int, seed: int
) -> Iterator[list[NDArray]]:
    """Yield resampled copies: stimuli drawn once for all networks, units for each."""
    for child in np.random.SeedSequence(seed).spawn(n_bootstrap):
        rng = np.random.default_rng(child)
        sample = list(matrices)
        if over != "units":
            drawn = rng.integers(len(sample[0]), size=len(sample[0]))
            sample = [X[drawn] for X in sample]
        if over != "stimuli":
            sample = [X[..., rng.integers(X.shape[-1], size=X.shape[-1])] for X in sample]
        yield sample


def bootstrap_distances(
    arrays: Arrays,
    metric: Metric,
    *,
    n_bootstrap: int = 200,
    seed: int = 0,
    over: Resampled = "stimuli",
    level: float = 0.95,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Bootstrap the distances of every pair of representations.

    Parameters
    ----------
    arrays : sequence, mapping or RepresentationStore
        Two or more representations of the same m stimuli, stimuli on the first axis and units on
        the last.
    metric : Metric
    n_bootstrap : int
        Bootstrap samples.
    seed : int
        Seed of the samples.
    over : {"stimuli", "units", "both"}
        What is drawn with replacement: stimuli (the same for all representations), units (of each
        representation by itself), or both.
    level : float
        Coverage aimed at, between 0 and 1.
    n_jobs : int
        Threads for the distances.

    Returns
    -------
    pandas.DataFrame
        One row a pair: a, b, distance, standard_error, bias (mean of the samples less the
        distance), low, high (percentiles of the samples), basic_low, basic_high (the distance
        less the percentiles of its error, 2 d - high and 2 d - low, not below 0). Both orders of
        a pair for an asymmetric metric.

    Raises
    ------
    ValueError
        If an option is out of range or a representation is not valid.

    Notes
    -----
    The bootstrap of a distance is biased, and `bias` says by how much. A sample holds each
    stimulus several times and only about 63% of them at all, so it behaves like a smaller set of
    stimuli: alignments fit it more closely, and distances come out smaller, as they do in
    `distance_vs_samples`. Percentile intervals inherit this and can lie below the distance
    itself; basic intervals turn the bias round. At alpha = 0 with more units than about 0.6 m,
    the different stimuli of a sample no longer outnumber the units and the intervals are
    worthless: use fewer components. Doubled units likewise weight some directions more, and make
    networks look more different from one another than they are.

    Examples
    --------
    >>> from shapemetrics.metrics import LinearMetric
    >>> rng = np.random.default_rng(0)
    >>> arrays = [rng.normal(size=(60, 4)) for _ in range(3)]
    >>> table = bootstrap_distances(arrays, LinearMetric(), n_bootstrap=20)
    >>> len(table), bool((table["low"] <= table["high"]).all())
    (3, True)
    """
    names, matrices, _ = _same_stimuli(arrays, 2)
    check_choice(over, "over", ("stimuli", "units", "both"))
    check_integer(n_bootstrap, "n_bootstrap", 2)
    check_seed(seed)
    check_number(level, "level", above=0.0, below=1.0)
    rows, columns, labels = _pairs(names, metric.symmetric)

    def measure(sample: Sequence[NDArray]) -> NDArray:
        D = pairwise_distances(dict(zip(names, sample)), metric, n_jobs=n_jobs)
        return D[rows, columns]

    distance = measure(matrices)
    samples = np.stack([measure(s) for s in _resamples(matrices, over, n_bootstrap, seed)])
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2], axis=0)
    # Of magnitude one, by a power of two, which rounds nothing: squares stay within float64.
    exponent = scale_exponent(samples)
    error = scaled(samples, -exponent).std(axis=0, ddof=1)
    return pd.DataFrame(
        {
            **labels,
            "distance": distance,
            "standard_error": np.ldexp(error, exponent),
            "bias": samples.mean(axis=0) - distance,
            "low": low,
            "high": high,
            "basic_low": np.maximum(2 * distance - high, 0.0),
            "basic_high": np.maximum(2 * distance - low, 0.0),
        }
    )


def split_half_floor(
    trials: Arrays,
    metric: Metric,
    *,
    n_splits: int = 20,
    seed: int = 0,
    average: bool = True,
    level: float = 0.95,
) -> pd.DataFrame:
    """Measure the noise floor: the distance of a network to itself on other trials.

    Parameters
    ----------
    trials : array of shape (m, r, n), or a sequence, mapping or store of such arrays
        Responses of n units to m stimuli in r repeated trials, r at least 2.
    metric : Metric
    n_splits : int
        Random divisions of the trials into two halves.
    seed : int
        Seed of the divisions.
    average : bool
        Average each half over its trials, for metrics on matrices; otherwise hand the trials on,
        for metrics on trials.
    level : float
        Share of the divisions between `low` and `high`.

    Returns
    -------
    pandas.DataFrame
        One row a network: id, n_trials (in a half), floor (mean distance between halves), low,
        high, n_splits.

    Raises
    ------
    ValueError
        If an array does not hold two or more trials, or an option is out of range.

    Notes
    -----
    Two halves differ by noise alone, so a distance between two networks measured with as many
    trials says something only where it exceeds their floors. Halves hold half of the trials (one
    is left out at random where r is odd), so the floor of averages over all r trials is lower:
    for the Euclidean geometry by about sqrt(2).

    Examples
    --------
    >>> from shapemetrics.metrics import LinearMetric
    >>> rng = np.random.default_rng(0)
    >>> trials = rng.normal(size=(50, 1, 4)) + 0.1 * rng.normal(size=(50, 6, 4))
    >>> floor = split_half_floor(trials, LinearMetric())["floor"].item()
    >>> 0 < floor < 0.2
    True
    """
    collection: Any = [trials] if getattr(trials, "ndim", 0) == 3 else trials
    names, values = names_and_arrays(collection)
    check_integer(n_splits, "n_splits", 1)
    check_seed(seed)
    check_number(level, "level", above=0.0, below=1.0)
    rows = []
    for name, X, child in zip(names, values, np.random.SeedSequence(seed).spawn(len(names))):
        if X.ndim != 3 or X.shape[1] < 2:
            raise ValueError(
                f"{name!r}: found shape {X.shape}, expected (stimuli, trials, units) with 2 or "
                "more trials"
            )
        rng = np.random.default_rng(child)
        half = X.shape[1] // 2
        distances = []
        for _ in range(n_splits):
            order = rng.permutation(X.shape[1])
            parts = [X[:, order[:half]], X[:, order[half : 2 * half]]]
            if average:
                parts = [part.mean(axis=1) for part in parts]
            distances.append(metric.distance(*parts))
        low, high = np.quantile(distances, [(1 - level) / 2, (1 + level) / 2])
        rows.append(
            {
                "id": name,
                "n_trials": half,
                "floor": float(np.mean(distances)),
                "low": low,
                "high": high,
                "n_splits": n_splits,
            }
        )
    return pd.DataFrame(rows)
