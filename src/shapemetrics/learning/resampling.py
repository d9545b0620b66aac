"""Splits, permutations and bootstrap weights, all aware of groups of items."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shapemetrics.validation import check_integer

__all__ = [
    "Scheme",
    "bootstrap_weights",
    "central_interval",
    "check_counts",
    "check_groups",
    "permutation_p_value",
    "permutation_scheme",
    "permuted_columns",
    "random_seed",
    "split",
    "split_stratified",
]

Scheme = Literal["items", "groups", "within groups"]
Split = tuple[NDArray[np.int64], NDArray[np.int64]]


def random_seed(*entropy: int) -> int:
    """Derive a 32-bit seed from integers, the same on every machine."""
    return int(np.random.SeedSequence(list(entropy)).generate_state(1)[0])


def check_counts(**counts: int) -> None:
    """Raise ValueError where a number of folds, repeats, permutations or samples is too small."""
    least = {"n_outer": 2, "n_inner": 2, "n_repeats": 1}
    for name, value in counts.items():
        check_integer(value, name, least.get(name, 0))


def central_interval(values: NDArray, level: float = 0.95) -> tuple[float, float]:
    """Return the central interval of a sample that holds `level` of it; nan if it is empty."""
    if len(values) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def check_groups(groups: Sequence | None, n_items: int) -> NDArray[np.int64] | None:
    """Return groups as codes from 0, or None; ValueError unless there is one an item."""
    if groups is None:
        return None
    names = np.asarray(groups)
    if names.shape != (n_items,):
        raise ValueError(f"groups: found shape {names.shape}, expected ({n_items},)")
    return np.unique(names, return_inverse=True)[1]


def split(n_items: int, n_splits: int, seed: int, groups: NDArray | None = None) -> list[Split]:
    """Shuffle items (whole groups, where given) into folds; return (training, test) positions.

    Parameters
    ----------
    n_items : int
    n_splits : int
        Number of folds; 0 leaves out one item, or one group, at a time.
    seed : int
        Seed of the shuffle.
    groups : ndarray of shape (n_items,), optional

    Raises
    ------
    ValueError
        If there are fewer items or groups than folds.
    """
    from sklearn.model_selection import GroupKFold, KFold, LeaveOneGroupOut, LeaveOneOut

    n_units = n_items if groups is None else len(np.unique(groups))
    unit = "items" if groups is None else "groups"
    needed = 2 if n_splits == 0 else n_splits
    if n_units < needed:
        raise ValueError(f"folds: found {n_units} {unit}, expected at least {needed}, one per fold")
    rows = np.arange(n_items)
    if n_splits == 0:
        splitter = LeaveOneOut() if groups is None else LeaveOneGroupOut()
    elif groups is None:
        splitter = KFold(n_splits, shuffle=True, random_state=seed)
    else:
        splitter = GroupKFold(n_splits, shuffle=True, random_state=seed)
    return list(splitter.split(rows, groups=groups))


def split_stratified(
    labels: NDArray, n_splits: int, seed: int, groups: NDArray | None = None
) -> list[Split]:
    """Shuffle items (whole groups) into folds with about equal shares of each class."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    rows = np.arange(len(labels))
    if groups is None:
        splitter = StratifiedKFold(n_splits, shuffle=True, random_state=seed)
    else:
        splitter = StratifiedGroupKFold(n_splits, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Classes rarer than folds are told of, or refused, before it comes to splitting.
        warnings.filterwarnings("ignore", message="The least populated class")
        return list(splitter.split(rows, labels, groups))


def permutation_scheme(y: NDArray, groups: NDArray | None) -> Scheme:
    """Say what the null hypothesis leaves exchangeable.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Targets or labels.
    groups : ndarray of shape (n,), optional
        Codes of groups.

    Returns
    -------
    {"items", "groups", "within groups"}
        "groups" where y is constant in every group: groups exchange their values. "within
        groups" where y varies in every group of several items, and those hold at least half of
        all items: items exchange values inside their group. Otherwise "items": values are
        exchanged freely.
    """
    if groups is None:
        return "items"
    order = np.argsort(groups, kind="stable")
    parts = np.split(y[order], np.flatnonzero(np.diff(groups[order])) + 1)
    several = [part for part in parts if len(part) > 1]
    if not several:
        return "items"
    varies = [len(np.unique(part)) > 1 for part in several]
    if not any(varies):
        return "groups"
    covered = sum(len(part) for part in several)
    return "within groups" if all(varies) and 2 * covered >= len(y) else "items"


def permuted_columns(
    y: NDArray, n_permutations: int, rng: np.random.Generator, groups: NDArray | None = None
) -> NDArray:
    """Return permuted copies of y as columns, shape (n, n_permutations).

    What is permuted follows `permutation_scheme`.
    """
    scheme = permutation_scheme(y, groups)
    codes = np.zeros(len(y), dtype=int) if groups is None else groups
    columns = np.empty((len(y), n_permutations), dtype=y.dtype)
    if scheme == "groups":
        first = np.unique(codes, return_index=True)[1]
        for p in range(n_permutations):
            columns[:, p] = rng.permutation(y[first])[codes]
        return columns
    for p in range(n_permutations):
        if scheme == "items":
            columns[:, p] = rng.permutation(y)
        else:
            # Sorting by (group, random key) shuffles inside groups only.
            shuffled = np.lexsort((rng.random(len(y)), codes))
            columns[np.argsort(codes, kind="stable"), p] = y[shuffled]
    return columns


def bootstrap_weights(
    n_items: int, n_bootstrap: int, rng: np.random.Generator, groups: NDArray | None = None
) -> NDArray[np.float64]:
    """Return how often each item is drawn in each bootstrap sample, (n_bootstrap, n_items).

    Whole groups are drawn where groups are given.
    """
    n_units = n_items if groups is None else int(groups.max()) + 1
    counts = rng.multinomial(n_units, np.full(n_units, 1.0 / n_units), size=n_bootstrap)
    counts = counts.astype(np.float64)
    return counts if groups is None else counts[:, groups]


def permutation_p_value(observed: float, null: NDArray) -> float:
    """Return (1 + number of null values at least as large) / (1 + their number); nan if none."""
    if len(null) == 0:
        return float("nan")
    # Equal statistics must not differ by rounding.
    slack = 1e-12 * max(1.0, abs(observed))
    return (1.0 + np.count_nonzero(null >= observed - slack)) / (1.0 + len(null))
