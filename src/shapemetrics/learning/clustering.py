"""Agreement of clusters with labels; the clusterings of `shapemetrics.geometry` by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from shapemetrics.geometry.clustering import (
    Tree,
    cluster_distances,
    cluster_kmeans,
    linkage_table,
)
from shapemetrics.learning.resampling import (
    central_interval,
    check_counts,
    check_groups,
    permutation_p_value,
    permuted_columns,
)
from shapemetrics.pairwise.checks import check_seed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Tree", "cluster_agreement", "cluster_distances", "cluster_kmeans", "linkage_table"]


def cluster_agreement(
    clusters: Sequence,
    labels: Sequence,
    *,
    n_permutations: int = 1000,
    seed: int = 0,
    groups: Sequence | None = None,
) -> pd.DataFrame:
    """Compare clusters with labels: adjusted Rand index and its permutation p-value.

    Parameters
    ----------
    clusters, labels : sequences of length K
        Two partitions of the same items.
    n_permutations : int
        Permuted labellings; 0 for none.
    seed : int
        Seed of the permutations.
    groups : sequence of length K, optional
        Groups of items that are not exchangeable one by one, as in `nested_classification`.

    Returns
    -------
    pandas.DataFrame
        One row: adjusted_rand (1 for equal partitions, 0 expected by chance), null_mean,
        null_high (97.5%), p_value, n, n_clusters, n_classes, n_permutations.

    Raises
    ------
    ValueError
        If the lengths differ.

    Examples
    --------
    >>> table = cluster_agreement([0, 0, 1, 1], ["a", "a", "b", "b"], n_permutations=0)
    >>> float(table["adjusted_rand"].iloc[0])
    1.0
    """
    import pandas as pd
    from sklearn.metrics import adjusted_rand_score

    found = np.unique(np.asarray(clusters), return_inverse=True)[1]
    truth = np.unique(np.asarray(labels), return_inverse=True)[1]
    if found.shape != truth.shape:
        raise ValueError(
            f"clusters and labels: found {len(found)} and {len(truth)} items, expected as many"
        )
    check_counts(n_permutations=n_permutations)
    check_seed(seed)
    codes = check_groups(groups, len(truth))
    columns = permuted_columns(truth, n_permutations, np.random.default_rng(seed), codes)
    observed = adjusted_rand_score(truth, found)
    null = np.array([adjusted_rand_score(column, found) for column in columns.T])
    return pd.DataFrame(
        [
            {
                "adjusted_rand": observed,
                "null_mean": null.mean() if n_permutations else np.nan,
                "null_high": central_interval(null)[1],
                "p_value": permutation_p_value(observed, null),
                "n": len(truth),
                "n_clusters": int(found.max()) + 1,
                "n_classes": int(truth.max()) + 1,
                "n_permutations": n_permutations,
            }
        ]
    )
