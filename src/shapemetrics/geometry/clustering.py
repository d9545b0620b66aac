"""Clusters of shapes about barycentres, of distances as medoids and trees, of points by k-means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shapemetrics.arrays import scaled
from shapemetrics.geometry.embedding import embed
from shapemetrics.pairwise.checks import (
    check_distances,
    check_seed,
    real_numbers,
    scale_exponent,
    squares_in_units,
)
from shapemetrics.pairwise.threads import small_matrix_threads
from shapemetrics.validation import check_choice, check_integer, check_number

# Shapes need the metrics, trees and points do not: those who cluster distances wait for neither.
if TYPE_CHECKING:
    import pandas as pd

    from shapemetrics.geometry.means import Geometry, Group
    from shapemetrics.metrics.base import Metric
    from shapemetrics.pairwise.inputs import Arrays

__all__ = [
    "Medoids",
    "ShapeClusters",
    "Tree",
    "cluster_distances",
    "cluster_kmeans",
    "kmeans_shapes",
    "kmedoids",
    "linkage_table",
]

LinkageMethod = Literal["average", "complete", "single", "weighted", "ward"]
LINKAGE_METHODS = ("average", "complete", "single", "weighted", "ward")
# Seeds that scikit-learn takes.
_LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class ShapeClusters:
    """Clusters of shapes and their barycentres.

    Attributes
    ----------
    labels : ndarray of shape (K,), int
        Cluster of each shape, from 0 to k - 1; clusters are numbered by their first member.
    barycentres : ndarray of shape (k, m, n)
    distances : ndarray of shape (K,)
        Euclidean distance (chord, if angular) of each shape to its barycentre.
    inertia : float
        Sum of the squared distances; NaN, with a UserWarning, where they leave the range of
        float64.
    n_iter : int
        Iterations of the start that was kept.
    converged : bool
        Whether its labels stopped changing before `max_iter`.
    """

    labels: NDArray[np.int64]
    barycentres: NDArray[np.float64] = field(repr=False)
    distances: NDArray[np.float64] = field(repr=False)
    inertia: float
    n_iter: int
    converged: bool


@dataclass(frozen=True)
class Medoids:
    """Clusters around members.

    Attributes
    ----------
    medoids : ndarray of shape (k,), int
        Positions of the medoids, increasing.
    labels : ndarray of shape (K,), int
        Nearest medoid of each item, as a position in `medoids`.
    inertia : float
        Sum of distances to the nearest medoid.
    n_iter : int
        Swaps made.
    """

    medoids: NDArray[np.int64]
    labels: NDArray[np.int64]
    inertia: float
    n_iter: int


def _check_k(k: int, n_items: int, n_init: int, max_iter: int, seed: int) -> None:
    check_seed(seed)
    for value, name in ((k, "k"), (n_init, "n_init"), (max_iter, "max_iter")):
        check_integer(value, name, 1)
    if k > n_items:
        raise ValueError(f"k: found {k}, expected at most {n_items}, the number of items")


def _plus_plus(points: Any, k: int, metric: Metric, rng: np.random.Generator) -> list[NDArray]:
    """Choose k shapes as starts, each with probability proportional to its squared distance to
    those chosen before (k-means++, Arthur and Vassilvitskii 2007)."""
    n = len(points)
    chosen = [int(rng.integers(n))]
    nearest = metric.squared_to(points, points[chosen[0]])
    nearest[chosen] = 0.0
    while len(chosen) < k:
        total = nearest.sum()
        spare = np.setdiff1d(np.arange(n), chosen)
        p = nearest / total if total > 0 else np.isin(np.arange(n), spare) / len(spare)
        chosen.append(int(rng.choice(n, p=p)))
        nearest = np.minimum(nearest, metric.squared_to(points, points[chosen[-1]]))
        nearest[chosen] = 0.0
    return [points[i].copy() for i in chosen]


def _assign(squared: NDArray) -> NDArray[np.int64]:
    """Assign each shape to its nearest centre; an empty cluster takes the farthest shape of a
    cluster that can spare one."""
    labels = squared.argmin(axis=1)
    k = squared.shape[1]
    for empty in np.setdiff1d(np.arange(k), labels):
        counts = np.bincount(labels, minlength=k)
        far = np.where(counts[labels] > 1, squared[np.arange(len(labels)), labels], -1.0)
        labels[int(far.argmax())] = empty
    return labels


def _lloyd(
    points: Any, centres: list[NDArray], metric: Metric, max_iter: int, tol: float
) -> ShapeClusters:
    from shapemetrics.geometry.means import mean_of_points

    k, n = len(centres), len(points)
    labels = np.full(n, -1)
    refined = converged = False
    n_iter = 0
    while n_iter < max_iter:
        squared = np.stack([metric.squared_to(points, c) for c in centres], axis=1)
        new = _assign(squared)
        unchanged = bool((new == labels).all())
        converged = unchanged and refined
        if converged:
            break
        # Barycentres are found to the end only once the labels have settled.
        labels, refined = new, unchanged
        n_iter += 1
        for c in range(k):
            members = _taken(points, labels == c)
            fit = mean_of_points(
                members,
                # An empty cluster's old centre says nothing about the member it was given.
                centres[c] if (squared.argmin(axis=1) == c).any() else members[0],
                metric,
                weights=np.full(len(members), 1.0 / len(members)),
                max_iter=500 if refined else 5,
                tol=tol,
            )
            centres[c] = fit.mean
    squared = np.stack([metric.squared_to(points, c) for c in centres], axis=1)
    own = squared[np.arange(n), labels]
    order = np.argsort([int(np.argmax(labels == c)) for c in range(k)])
    renumber = np.argsort(order)
    return ShapeClusters(
        labels=renumber[labels],
        barycentres=np.stack([centres[c] for c in order]),
        distances=np.sqrt(own),
        inertia=float(own.sum()),
        n_iter=n_iter,
        converged=converged,
    )


def _widest(points: Any, centre: NDArray, metric: Metric) -> NDArray:
    """A centre with as many units as the largest network has."""
    largest = max(points, key=lambda point: point.shape[-1])
    return metric.turn([centre], largest)[0][0]


def _taken(points: Any, chosen: NDArray[np.bool_]) -> Any:
    if isinstance(points, np.ndarray):
        return points[chosen]
    return [point for point, wanted in zip(points, chosen) if wanted]


def kmeans_shapes(
    shapes: Arrays,
    k: int,
    metric: Metric | None = None,
    *,
    seed: int = 0,
    group: Group = "orthogonal",
    geometry: Geometry = "euclidean",
    center: bool = True,
    n_init: int = 5,
    max_iter: int = 100,
    tol: float = 1e-8,
) -> ShapeClusters:
    """Cluster shapes around barycentres: k-means in shape space.

    Parameters
    ----------
    shapes : sequence, mapping or RepresentationStore
        K representations of the same m stimuli, or networks that `metric` prepared.
    k : int
        Number of clusters, from 1 to K.
    metric, group, geometry, center
        As in :func:`~shapemetrics.geometry.frechet_mean`.
    seed : int
        Seed of the starts.
    n_init : int
        Starts by k-means++; the lowest inertia is kept.
    max_iter : int
        Most rounds of assignment and averaging per start.
    tol : float
        Relative tolerance of the barycentres.

    Returns
    -------
    ShapeClusters

    Raises
    ------
    ValueError
        If the shapes do not match or an option is out of range.

    Notes
    -----
    Minimises sum_i min_c min_T ||X_i T - M_c||^2 by alternating the assignment to the nearest
    barycentre and a few generalised Procrustes iterations from the barycentre before; each step
    lowers the inertia. A cluster left empty takes the worst placed shape.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> shapes = [rng.normal(size=(20, 3)) for _ in range(2)]
    >>> copies = [shape + 0.01 * rng.normal(size=shape.shape) for shape in shapes for _ in range(3)]
    >>> labels = kmeans_shapes(copies, 2).labels
    >>> len(set(labels[:3])), len(set(labels[3:])), bool(labels[0] != labels[3])
    (1, 1, True)
    """
    from shapemetrics.geometry.means import metric_of, prepared_points, scaled_points

    given, metric = metric is not None, metric_of(metric, group, geometry, center)
    points, _ = prepared_points(shapes, metric, given=given)
    _check_k(k, len(points), n_init, max_iter, seed)
    check_number(tol, "tol", low=0.0)
    points, exponent = scaled_points(points, metric)
    fits = []
    for child in np.random.SeedSequence(seed).spawn(n_init):
        centres = _plus_plus(points, k, metric, np.random.default_rng(child))
        if not isinstance(points, np.ndarray):
            # Clouds of any sizes: every centre has as many units as the largest start.
            centres = [_widest(points, centre, metric) for centre in centres]
        fits.append(_lloyd(points, centres, metric, max_iter, tol))
    best = min(fits, key=lambda fit: fit.inertia)
    return replace(
        best,
        barycentres=np.ldexp(best.barycentres, exponent),
        distances=np.ldexp(best.distances, exponent),
        inertia=float(squares_in_units(best.inertia, exponent, "inertia")),
    )


def _build(D: NDArray, k: int) -> list[int]:
    """Choose k medoids one after another, each lowering the inertia most (BUILD of PAM)."""
    medoids = [int(D.sum(axis=0).argmin())]
    nearest = D[:, medoids[0]].copy()
    while len(medoids) < k:
        gain = np.maximum(nearest[:, None] - D, 0.0).sum(axis=0)
        gain[medoids] = -1.0
        medoids.append(int(gain.argmax()))
        nearest = np.minimum(nearest, D[:, medoids[-1]])
    return medoids


def _swap(D: NDArray, start: Sequence[int] | NDArray, max_iter: int) -> Medoids:
    """Make the best swap of a medoid and another item until none lowers the inertia."""
    medoids = np.array(start)
    n_items, k = len(D), len(medoids)
    rows = np.arange(n_items)
    n_iter = 0
    while True:
        to = D[:, medoids]
        order = np.argsort(to, axis=1, kind="stable")
        own = order[:, 0]
        first = to[rows, own]
        second = to[rows, order[:, 1]] if k > 1 else np.full(n_items, np.inf)
        # Change when item h joins: what it gains everywhere, plus, for the medoid that leaves,
        # what its members lose by going to h or to their second medoid instead.
        joined = np.minimum(D - first[:, None], 0.0)
        left = np.minimum(D, second[:, None]) - first[:, None] - joined
        member = (own[:, None] == np.arange(k)).astype(np.float64)
        change = joined.sum(axis=0)[:, None] + left.T @ member
        change[medoids] = np.inf
        h, c = np.unravel_index(int(change.argmin()), change.shape)
        if n_iter >= max_iter or not change[h, c] < -1e-12 * max(first.sum(), 1e-300):
            break
        medoids[c] = h
        n_iter += 1
    medoids = np.sort(medoids)
    labels = D[:, medoids].argmin(axis=1)
    labels[medoids] = np.arange(k)  # also where another medoid is at distance zero
    return Medoids(medoids, labels, float(D[rows, medoids[labels]].sum()), n_iter)


def kmedoids(
    D: ArrayLike, k: int, *, seed: int = 0, n_init: int = 5, max_iter: int = 1000
) -> Medoids:
    """Cluster items around k of them, from distances alone.

    Parameters
    ----------
    D : array of shape (K, K)
        Distances.
    k : int
        Number of clusters, from 1 to K.
    seed : int
        Seed of the random starts.
    n_init : int
        Starts: the greedy one (BUILD) first, then random ones; the lowest inertia is kept.
    max_iter : int
        Most swaps per start.

    Returns
    -------
    Medoids

    Raises
    ------
    ValueError
        If D does not hold distances or an option is out of range.

    Notes
    -----
    PAM (Kaufman and Rousseeuw 1987): minimises the sum of distances to the nearest medoid; the
    change of every swap is found at once, in O(K^2 k) per step, as in FastPAM (Schubert and
    Rousseeuw 2019).

    Examples
    --------
    >>> x = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
    >>> kmedoids(np.abs(x[:, None] - x), 2).medoids
    array([1, 4])
    """
    matrix, _ = check_distances(D)
    _check_k(k, len(matrix), n_init, max_iter, seed)
    exponent = scale_exponent(matrix)
    np.ldexp(matrix, -exponent, out=matrix)
    rng = np.random.default_rng(seed)
    starts = [_build(matrix, k)]
    starts += [rng.choice(len(matrix), k, replace=False) for _ in range(n_init - 1)]
    best = min((_swap(matrix, s, max_iter) for s in starts), key=lambda fit: fit.inertia)
    return replace(best, inertia=float(np.ldexp(best.inertia, exponent)))


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
    check_choice(method, "method", LINKAGE_METHODS)
    matrix, names = check_distances(D, ids)
    exponent = scale_exponent(matrix)
    return _tree(np.ldexp(matrix, -exponent, out=matrix), method, names, exponent)


def _tree(matrix: NDArray, method: LinkageMethod, ids: NDArray, exponent: int) -> Tree:
    """The tree of distances of magnitude one, which were divided by ``2**exponent``."""
    import pandas as pd
    from scipy.cluster.hierarchy import cophenet, leaves_list, linkage
    from scipy.spatial.distance import squareform

    condensed = squareform(matrix)
    Z = linkage(condensed, method=method, optimal_ordering=True)
    table = pd.DataFrame(
        {
            "step": np.arange(len(Z)),
            "left": Z[:, 0].astype(np.int64),
            "right": Z[:, 1].astype(np.int64),
            "height": np.ldexp(Z[:, 2], exponent),
            "size": Z[:, 3].astype(np.int64),
        }
    )
    heights = cophenet(Z)
    varied = np.ptp(condensed) > 0 and np.ptp(heights) > 0
    fit = float(np.corrcoef(heights, condensed)[0, 1]) if varied else float("nan")
    return Tree(table=table, order=leaves_list(Z).astype(np.int64), ids=ids, cophenetic=fit)


def cluster_distances(
    D: ArrayLike,
    method: LinkageMethod = "average",
    *,
    n_components: int = 10,
    n_init: int = 1,
    ward_on: Literal["embedding", "distances"] = "embedding",
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
    n_init : int
        Starts of that MDS, as for :func:`embed`.
    ward_on : {"embedding", "distances"}
        What Ward's method takes: the points of the embedding, or the distances as if they were
        Euclidean.
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
    check_choice(method, "method", LINKAGE_METHODS)
    check_choice(ward_on, "ward_on", ("embedding", "distances"))
    check_seed(seed)
    check_integer(n_components, "n_components", 1)
    check_integer(n_init, "n_init", 1)
    matrix, names = check_distances(D, ids)
    exponent = scale_exponent(matrix)
    np.ldexp(matrix, -exponent, out=matrix)
    if method == "ward" and ward_on == "embedding":
        from scipy.spatial.distance import pdist, squareform

        dimensions = min(n_components, len(matrix) - 1)
        points = embed(matrix, dimensions, n_init=n_init, seed=seed).coordinates
        matrix = squareform(pdist(points))
    return _tree(matrix, method, names, exponent)


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

    points = real_numbers(coordinates, "coordinates")
    if points.ndim != 2 or points.size == 0:
        raise ValueError(f"coordinates: found shape {points.shape}, expected a finite matrix")
    check_integer(k, "k", 1, len(points))
    check_integer(n_init, "n_init", 1)
    check_seed(seed, _LARGEST_SEED)
    points = scaled(points, -scale_exponent(points))
    with small_matrix_threads(len(points)):
        labels = KMeans(k, n_init=cast(Any, int(n_init)), random_state=int(seed)).fit_predict(
            points
        )
    _, first, codes = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[codes]
