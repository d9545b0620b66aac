"""Agreement between distance matrices of the same items: the Mantel test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shapemetrics.arrays import scaled
from shapemetrics.learning.resampling import check_counts, permutation_p_value
from shapemetrics.pairwise.checks import (
    check_dissimilarities,
    check_distances,
    check_seed,
    same_items,
    scale_exponent,
    upper_triangle,
)
from shapemetrics.pairwise.threads import item_workers
from shapemetrics.validation import check_choice

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Mantel", "mantel", "mean_of_directions", "metric_agreement"]

Correlation = Literal["pearson", "spearman"]

# Pairs that are permuted at a time: a few such blocks of numbers fit into a core's second cache.
_BLOCK = 32_768
# Permutations that a thread takes at a time.
_PER_TASK = 16


@dataclass(frozen=True)
class Mantel:
    """Correlation of two distance matrices.

    Attributes
    ----------
    correlation : float
        Over the K (K - 1) / 2 pairs of items.
    p_value : float
        One-sided: share of permutations with at least this correlation; nan without any.
    n : int
        Number of items.
    n_permutations : int
    method : {"pearson", "spearman"}
    """

    correlation: float
    p_value: float
    n: int
    n_permutations: int
    method: Correlation


def mean_of_directions(D: ArrayLike) -> NDArray[np.float64]:
    """Make a dissimilarity comparable pair by pair: the mean of both directions.

    Parameters
    ----------
    D : array of shape (K, K)
        Dissimilarities, perhaps asymmetric, perhaps of an item to itself (a cross-validated
        one is not zero there).

    Returns
    -------
    ndarray of shape (K, K)
        Symmetric, with a zero diagonal, which no pair is on.

    Examples
    --------
    >>> mean_of_directions([[0.1, 1.0], [3.0, 0.2]]).tolist()
    [[0.0, 2.0], [2.0, 0.0]]
    """
    half = 0.5 * check_dissimilarities(D, min_items=1)[0]
    found = half + half.T
    np.fill_diagonal(found, 0.0)
    return found


def _standardised(D: NDArray, method: Correlation, name: str) -> NDArray[np.float64]:
    """Return a symmetric matrix of pair values (or their ranks) of mean 0 and sum of squares 1
    over the upper triangle."""
    pairs = upper_triangle(D)
    if method == "spearman":
        from scipy.stats import rankdata

        pairs = rankdata(pairs)
    # Pairs of magnitude one: their squares stay within float64.
    pairs = scaled(pairs, -scale_exponent(pairs))
    largest = np.abs(pairs).max()
    pairs -= pairs.mean()
    power = np.linalg.norm(pairs)
    if power <= 1e-12 * largest * len(pairs):
        raise ValueError(
            f"{name}: found one distance for all pairs, expected distances that vary, as a "
            "correlation needs them"
        )
    Z = np.zeros(D.shape)
    Z[np.triu_indices(len(D), k=1)] = pairs / power
    return Z + Z.T


def mantel(
    D1: ArrayLike,
    D2: ArrayLike,
    *,
    n_permutations: int = 1000,
    seed: int = 0,
    method: Correlation = "pearson",
    n_jobs: int | None = None,
) -> Mantel:
    """Correlate two distance matrices of the same items.

    Parameters
    ----------
    D1, D2 : arrays of shape (K, K)
        Distances, K at least 3. Items of labelled matrices (DataFrames) are put into one order.
    n_permutations : int
        Permutations of the items of D2; 0 for none.
    seed : int
        Seed of the permutations.
    method : {"pearson", "spearman"}
    n_jobs : int, optional
        Threads, which share the permutations; -1 takes all cores. By default as many as the
        linear algebra may use, at most eight, and one for fewer than 700 items. The result does
        not depend on their number.

    Returns
    -------
    Mantel

    Raises
    ------
    ValueError
        If a matrix does not hold distances, the sizes differ, or all its distances are equal.

    Notes
    -----
    Distances of one item are dependent, so the correlation is judged by permuting items, rows
    and columns together (Mantel 1967), not pairs; p = (1 + #{null >= found}) / (1 + n). Memory is
    about 60 K^2 bytes, and 0.5 MB per thread.

    Examples
    --------
    >>> x = np.array([0.0, 1.0, 3.0, 7.0, 15.0])
    >>> D = np.abs(x[:, None] - x)
    >>> round(mantel(D, 2 * D).correlation, 12)
    1.0
    """
    check_seed(seed)
    ordered = same_items({"D1": D1, "D2": D2})
    first, _ = check_distances(ordered["D1"], name="D1", min_items=3)
    second, _ = check_distances(ordered["D2"], name="D2", min_items=3)
    if first.shape != second.shape:
        raise ValueError(
            f"D1 and D2: found {len(first)} and {len(second)} items, expected the same ones"
        )
    check_choice(method, "method", ("pearson", "spearman"))
    check_counts(n_permutations=n_permutations)
    A, B = _standardised(first, method, "D1"), _standardised(second, method, "D2")
    rng = np.random.default_rng(seed)
    observed = 0.5 * float(np.sum(A * B))
    with item_workers(len(A), n_jobs) as run:
        parts = run(lambda orders: _permuted(A, B, orders), _orders(len(A), n_permutations, rng))
    null = np.concatenate([np.empty(0), *parts])
    return Mantel(observed, permutation_p_value(observed, null), len(A), n_permutations, method)


def _orders(
    n_items: int, n_permutations: int, rng: np.random.Generator
) -> Iterator[tuple[list[NDArray]]]:
    """Yield permutations of the items, some at a time."""
    for begin in range(0, n_permutations, _PER_TASK):
        count = min(_PER_TASK, n_permutations - begin)
        yield ([rng.permutation(n_items) for _ in range(count)],)


def _permuted(A: NDArray, B: NDArray, orders: list[NDArray]) -> NDArray[np.float64]:
    """Return the sum of A times permuted B over pairs of items, for each permutation."""
    n_items = len(A)
    step = max(1, _BLOCK // n_items)
    found = np.zeros(len(orders))
    for begin in range(0, n_items, step):
        # Each pair once: the rows from `begin` on, from the diagonal on.
        rows = slice(begin, begin + step)
        upper = np.triu(A[rows, begin:])
        for p, order in enumerate(orders):
            found[p] += np.vdot(upper, B[order[rows]].take(order[begin:], axis=1))
    return found


def metric_agreement(
    distances: Mapping[str, ArrayLike],
    *,
    n_permutations: int = 0,
    seed: int = 0,
    method: Correlation = "spearman",
) -> pd.DataFrame:
    """Correlate every pair of metrics measured on the same items.

    Parameters
    ----------
    distances : mapping from a metric's name to an array of shape (K, K)
        Distances between the same items in the same order; those of labelled matrices
        (DataFrames) are put into one order.
    n_permutations, seed, method
        As in `mantel`.

    Returns
    -------
    pandas.DataFrame
        One row per unordered pair of metrics: metric_a, metric_b, correlation, p_value, n, method.

    Raises
    ------
    ValueError
        If there are fewer than two metrics, or as in `mantel`; the message names the metric.

    Examples
    --------
    >>> x = np.array([0.0, 1.0, 3.0, 7.0])
    >>> D = np.abs(x[:, None] - x)
    >>> metric_agreement({"a": D, "b": D**2})["correlation"].round(6).tolist()
    [1.0]
    """
    import pandas as pd

    if len(distances) < 2:
        raise ValueError(f"distances: found {len(distances)} metrics, expected at least 2")
    check_seed(seed)
    check_choice(method, "method", ("pearson", "spearman"))
    checked = {
        name: check_distances(D, name=name, min_items=3)[0]
        for name, D in same_items(distances).items()
    }
    rows = []
    for a, b in combinations(checked, 2):
        if checked[a].shape != checked[b].shape:
            raise ValueError(
                f"{a} and {b}: found {len(checked[a])} and {len(checked[b])} items, "
                "expected the same ones"
            )
        result = mantel(
            checked[a], checked[b], n_permutations=n_permutations, seed=seed, method=method
        )
        rows.append(
            {
                "metric_a": a,
                "metric_b": b,
                "correlation": result.correlation,
                "p_value": result.p_value,
                "n": result.n,
                "method": method,
            }
        )
    return pd.DataFrame(rows)
