"""What stands above the noise: distances between halves of one item, and between items."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from shapemetrics.pairwise.checks import check_distances

__all__ = ["half_distances"]


def half_distances(D: ArrayLike, items: Sequence[str], halves: Sequence[str]) -> pd.DataFrame:
    """Compare each item's distance to itself, from other trials, with distances to the others.

    Parameters
    ----------
    D : array of shape (2 K, 2 K)
        Distances between representations measured twice, each from one half of the trials.
    items : sequence of length 2 K
        Item (brain region, network) of each row; every item stands twice.
    halves : sequence of length 2 K
        Half of each row; an item's two rows differ, and all items have the same two.

    Returns
    -------
    pandas.DataFrame
        One row an item: item, floor (distance between its halves), nearest (least distance from
        one of its halves to the other half of another item), nearest_item, median (of such
        distances to all other items), identified (share of its two halves whose nearest
        representation among the other halves is its own).

    Raises
    ------
    ValueError
        If an item does not stand once in each half, or D does not hold distances.

    Notes
    -----
    Only representations from different halves are compared, so that trials shared by two of them
    (noise common to all items of a recording) shorten no distance. By chance `identified` is 1 / K.

    Examples
    --------
    >>> D = np.array([[0, 1, 4, 5], [1, 0, 6, 4], [4, 6, 0, 2], [5, 4, 2, 0.0]])
    >>> table = half_distances(D, ["a", "a", "b", "b"], ["odd", "even", "odd", "even"])
    >>> table[["item", "floor", "nearest", "identified"]].values.tolist()
    [['a', 1.0, 5.0, 1.0], ['b', 2.0, 5.0, 1.0]]
    """
    matrix, _ = check_distances(D)
    rows = pd.DataFrame({"item": list(items), "half": list(halves)})
    if len(rows) != len(matrix):
        raise ValueError(f"items: found {len(rows)}, expected {len(matrix)}, one per row of D")
    names = list(rows["half"].drop_duplicates())
    order = list(rows["item"].drop_duplicates())
    if len(names) != 2:
        raise ValueError(f"halves: found {names}, expected two")
    place = rows.reset_index().pivot_table(
        index="item", columns="half", values="index", aggfunc=["first", "count"]
    )
    place = place.reindex(order)
    once = np.asarray(place["count"][names] == 1).all(axis=1)
    if len(order) < 2 or not once.all():
        wrong = order[int(once.argmin())]
        raise ValueError(
            f"items: found {wrong!r} missing or repeated in one of the halves {names}, expected it "
            "once in each"
        )
    first, second = np.asarray(place["first"][names], dtype=int).T
    across = matrix[np.ix_(first, second)]  # K x K: row item's one half, column item's other
    K = len(order)
    others = across + np.diag(np.full(K, np.inf))
    # An item meets another twice: its first half the other's second, and the other way round.
    both = np.concatenate([others, others.T], axis=1)
    nearest = both.argmin(axis=1)
    return pd.DataFrame(
        {
            "item": order,
            "floor": np.diag(across),
            "nearest": both.min(axis=1),
            "nearest_item": [order[j % K] for j in nearest],
            "median": [np.median(row[np.isfinite(row)]) for row in both],
            "identified": (
                (across.argmin(axis=1) == np.arange(K)).astype(float)
                + (across.argmin(axis=0) == np.arange(K))
            )
            / 2,
        }
    )
