"""Hierarchical clustering of a distance matrix, k-means on an embedding, agreement with labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shapemetrics.geometry.embedding import embed
from shapemetrics.learning.resampling import (
    central_interval,
    check_counts,
    check_groups,
    permutation_p_value,
    permuted_columns,
)
from shapemetrics.pairwise.checks import check_distances
from shapemetrics.pairwise.threads import small_matrix_threads
from shapemetrics.validation import check_choice, check_integer

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Tree", "cluster_agreement", "cluster_distances", "cluster_kmeans", "linkage_table"]

LinkageMethod = Literal["average", "complete", "single", "weighted", "ward"]


@dataclass(frozen=True)
class Tree:
    """A hierarchy of K items.

    Attributes
    ----------
    table : pandas.DataFrame
        K - 1 rows, one a merge: step (from 0), left, right (0 ... K - 1 are items, K + step the
        merge made in that step), height, size. Its columns left, right, height and size are
        SciPy's linkage matrix.
    order : ndarray of shape (K,)
        Leaves from left to right, as positions, in the optimal order: neighbours are as near as
        the tree allows.
    ids : ndarray of shape (K,)
        Names of the items.
    cophenetic : float
        Correlation of the heights at which pairs meet with their distances.
    """

    table: pd.DataFrame
    order: NDArray[np.int64]
    ids: NDArray = field(repr=False)
    cophenetic: float

    @property
    def linkage(self) -> NDArray[np.float64]:
        """SciPy's linkage matrix, shape (K - 1, 4)."""
        columns = ["left", "right", "height", "size"]
        return self.table[columns].to_numpy(dtype=np.float64)

    def cut(self, n_clusters: int) -> NDArray[np.int64]:
        """Return the cluster of each item, from 0, when the tree is cut into n_clusters."""
        check_integer(n_clusters, "n_clusters", 1, len(self.ids))
        from scipy.cluster.hierarchy import cut_tree

        return cut_tree(self.linkage, n_clusters=n_clusters)[:, 0]


def linkage_table(
    D: ArrayLike, method: LinkageMethod = "average", *, ids: Sequence | None = None
) -> Tree:
    """Cluster items hierarchically.

    Parameters
    ----------
    D : array of shape (K, K)
        Distances. Ward's method takes them for Euclidean: give it the distances between the
        points of an embedding.
    method : {"average", "complete", "single", "weighted", "ward"}
        Distance between clusters.
    ids : sequence of length K, optional
        Names of the items.

    Returns
    -------
    Tree

    Raises
    ------
    ValueError
        If D does not hold distances or the method is unknown.

    Notes
    -----
    Leaves are ordered by Bar-Joseph, Gifford and Jaakkola (2001), which takes time K^3.

    Examples
    --------
    >>> x = np.array([0.0, 10.0, 1.0, 12.0])
    >>> tree = linkage_table(np.abs(x[:, None] - x))
    >>> tree.table["height"].tolist()
    [1.0, 2.0, 10.5]
    >>> tree.cut(2).tolist()
    [0, 1, 0, 1]
    """
    import pandas as pd
    from scipy.cluster.hierarchy import cophenet, leaves_list, linkage
    from scipy.spatial.distance import squareform

    known = ("average", "complete", "single", "weighted", "ward")
    check_choice(method, "method", known)
    matrix, names = check_distances(D, ids)
    condensed = squareform(matrix)
    Z = linkage(condensed, method=method, optimal_ordering=True)
    table = pd.DataFrame(
        {
            "step": np.arange(len(Z)),
            "left": Z[:, 0].astype(np.int64),
            "right": Z[:, 1].astype(np.int64),
            "height": Z[:, 2],
            "size": Z[:, 3].astype(np.int64),
        }
    )
    heights = cophenet(Z)
    varied = np.ptp(condensed) > 0 and np.ptp(heights) > 0
    fit = float(np.corrcoef(heights, condensed)[0, 1]) if varied else float("nan")
    return Tree(table=table, order=leaves_list(Z).astype(np.int64), ids=names, cophenetic=fit)


def cluster_distances(
    D: ArrayLike,
    method: LinkageMethod = "average",
    *,
    n_components: int = 10,
    seed: int = 0,
    ids: Sequence | None = None,
) -> Tree:
    """Cluster items hierarchically, Ward's method on the points of their embedding.

    Parameters
    ----------
    D : array of shape (K, K)
        Distances.
    method : {"average", "complete", "single", "weighted", "ward"}
        Distance between clusters.
    n_components : int
        Dimensions of the metric MDS whose points Ward's method takes, which is defined for
        Euclidean distances only; at most K - 1.
    seed : int
        Seed of the embedding.
    ids : sequence of length K, optional
        Names of the items.

    Returns
    -------
    Tree

    Examples
    --------
    >>> x = np.array([0.0, 10.0, 1.0, 12.0])
    >>> cluster_distances(np.abs(x[:, None] - x), "ward", n_components=1).cut(2).tolist()
    [0, 1, 0, 1]
    """
    if method == "ward":
        from scipy.spatial.distance import pdist, squareform

        points = embed(D, min(n_components, len(np.asarray(D)) - 1), seed=seed).coordinates
        D = squareform(pdist(points))
    return linkage_table(D, method, ids=ids)


def cluster_kmeans(
    coordinates: ArrayLike, k: int, *, seed: int = 0, n_init: int = 10
) -> NDArray[np.int64]:
    """Cluster the points of an embedding by k-means.

    Parameters
    ----------
    coordinates : array of shape (K, L)
        Points.
    k : int
        Number of clusters, from 1 to K.
    seed : int
        Seed of the starts.
    n_init : int
        Starts by k-means++; the lowest inertia is kept.

    Returns
    -------
    labels : ndarray of shape (K,)
        Clusters from 0, numbered by their first member.

    Raises
    ------
    ValueError
        If the points are not a finite matrix, or k is out of range.

    Examples
    --------
    >>> cluster_kmeans(np.array([[0.0], [9.0], [0.1], [9.2]]), 2).tolist()
    [0, 1, 0, 1]
    """
    from sklearn.cluster import KMeans

    points = np.asarray(coordinates, dtype=np.float64)
    if points.ndim != 2 or not np.isfinite(points).all():
        raise ValueError(f"coordinates: found shape {points.shape}, expected a finite matrix")
    check_integer(k, "k", 1, len(points))
    with small_matrix_threads(len(points)):
        labels = KMeans(k, n_init=cast(Any, n_init), random_state=seed).fit_predict(points)
    _, first, codes = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[codes]


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
