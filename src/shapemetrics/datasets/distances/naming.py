"""Which row of a matrix without names is which leaf of a dendrogram with names.

Ward's method computes from distances d the height of every merge of branches A and B,

    h^2 = -(|A||B| / (|A| + |B|)) sum_ij u_i u_j d_ij^2,

where u is 1/|A| on the leaves of A and -1/|B| on those of B. The right order of rows is therefore
the one whose heights are those drawn, and the residual tells success from failure. The sum of all
squared heights, (2/K) sum_{i<j} d_ij^2, depends on no order: it gives the scale of the levels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import cophenet, linkage
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist, squareform

from shapemetrics.datasets.distances.drawn import DrawnTree

__all__ = [
    "Naming",
    "PairOrder",
    "Scale",
    "fitted_scale",
    "name_rows",
    "order_pairs",
    "principal_coordinates",
    "ward_heights",
]

Embed = Callable[[NDArray[np.float64]], NDArray[np.float64]]

#: Levels that a grey can have.
LEVELS = 256


@dataclass(frozen=True)
class Scale:
    """Distances of the lightest and of the darkest level off the diagonal.

    Attributes
    ----------
    smallest, largest : float
    """

    smallest: float
    largest: float

    @property
    def step(self) -> float:
        """Distance between two neighbouring levels."""
        return (self.largest - self.smallest) / LEVELS

    def distances(self, levels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Distances of levels: the middle of the range that has the level; zero on the diagonal.

        Where a single pair has the lowest (highest) level, it has the smallest (largest) distance
        itself.
        """
        values = self.smallest + (self.largest - self.smallest) * _fractions(levels)
        np.fill_diagonal(values, 0.0)
        return values


@dataclass(frozen=True)
class Naming:
    """Rows of a matrix by the leaves of a tree.

    Attributes
    ----------
    rows : ndarray of shape (K,), int
        Row of each leaf, from the left.
    rms, largest : float
        Root mean square and largest difference between the heights of this order and those drawn.
    n_starts : int
        Starts of the search until this was found.
    """

    rows: NDArray[np.int64]
    rms: float
    largest: float
    n_starts: int


@dataclass(frozen=True)
class PairOrder:
    """Which leaf of each pair is which.

    Attributes
    ----------
    order : ndarray of shape (K,), int
        Row of each leaf.
    rms : float
        Root mean square error of a coordinate on the map, in the units of the map.
    exchanged : list of float
        The same with either pair in the other order: much larger where the pair is decided.
    """

    order: NDArray[np.int64]
    rms: float
    exchanged: list[float]


def fitted_scale(levels: NDArray[np.int64], tree: DrawnTree) -> Scale:
    """The scale of a heat map that holds the matrix behind a tree.

    The smallest distance is the height of the lowest merge, which joins the nearest two leaves; the
    largest follows from the sum of the squared heights.

    Raises
    ------
    ValueError
        If no scale gives the tree's heights.
    """
    K = len(levels)
    above = np.triu_indices(K, 1)
    fraction = _fractions(levels)[above]
    heights = tree.heights
    smallest = float(heights.min())
    # sum (smallest + span * fraction)^2 = K / 2 * sum h^2
    a, b = float(fraction @ fraction), 2 * smallest * float(fraction.sum())
    c = len(fraction) * smallest**2 - K / 2 * float(heights @ heights)
    root = b * b - 4 * a * c
    span = (-b + np.sqrt(root)) / (2 * a) if root > 0 and a > 0 else 0.0
    if not span > 0:
        raise ValueError(
            "heat map and dendrogram: found no scale of the levels that gives the heights drawn; "
            "expected a matrix of distances and its tree by Ward's method"
        )
    return Scale(smallest, smallest + span)


def ward_heights(distances: NDArray[np.float64], tree: DrawnTree) -> NDArray[np.float64]:
    """Height that Ward's method gives each merge of a tree, for rows in the order of its leaves."""
    form = _Form.of(tree)
    return np.sqrt(np.maximum(form.squares(np.asarray(distances) ** 2), 0.0))


def name_rows(
    distances: NDArray[np.float64],
    tree: DrawnTree,
    *,
    enough: float,
    n_starts: int = 200,
    seed: int = 0,
) -> Naming:
    """Find the order of a matrix' rows whose Ward heights are those of a tree.

    Parameters
    ----------
    distances : ndarray of shape (K, K)
        Rows in an unknown order.
    tree : DrawnTree
    enough : float
        Root mean square difference of heights at which the search stops.
    n_starts : int
        Most starts.
    seed : int
        Of the kicks that later starts begin with.

    Returns
    -------
    Naming
        The best that was found; whether it is good enough is for the caller to judge.

    Notes
    -----
    The first start matches the rows of the heights at which two rows (leaves) are joined, sorted,
    between the tree drawn and the tree of the distances themselves. A start improves by exchanging
    the two rows that help most until none does; later ones kick the best so far by a random cycle.
    """
    K = len(tree.names)
    if distances.shape != (K, K):
        raise ValueError(f"heat map: found {len(distances)} rows, expected {K}, one a leaf")
    form, squares = _Form.of(tree), np.asarray(distances) ** 2
    rng = np.random.default_rng(seed)
    own = squareform(cophenet(linkage(squareform(distances, checks=False), "ward")))
    start = linear_sum_assignment(cdist(np.sort(tree.cophenetic()), np.sort(own)))[1]
    best, score = _descend(start, squares, form, tree.heights)
    n_done = 1
    while np.sqrt(score / len(form.heads)) > enough and n_done < n_starts:
        kicked = best.copy()
        cycle = rng.choice(K, size=min(K, int(rng.integers(2, 8))), replace=False)
        kicked[cycle] = kicked[np.roll(cycle, 1)]
        other, found = _descend(kicked, squares, form, tree.heights)
        n_done += 1
        if found < score:
            best, score = other, found
    differences = ward_heights(distances[np.ix_(best, best)], tree) - tree.heights
    return Naming(
        best,
        float(np.sqrt(np.mean(differences**2))),
        float(np.abs(differences).max()),
        n_done,
    )


def order_pairs(
    distances: NDArray[np.float64],
    pairs: list[tuple[int, int]],
    places: NDArray[np.float64],
    embed: Embed | None = None,
) -> PairOrder:
    """Decide which is which of pairs of leaves that a tree does not tell apart, by a map.

    Parameters
    ----------
    distances : ndarray of shape (K, K)
        Rows in the order of the leaves, up to exchanges within the pairs.
    pairs : list of (int, int)
        Positions of the leaves of each pair; no leaf is in two.
    places : ndarray of shape (K, 2)
        Of each leaf's name on the map, up to a linear map and a shift.
    embed : callable, optional
        From distances to the coordinates, (K, 2), that the map shows; principal coordinates
        (classical scaling) when not given. They also choose the order that `embed` starts from.

    Returns
    -------
    PairOrder
    """
    K = len(distances)
    # Coordinates of the rows move with the rows, so one classical scaling serves all orders.
    classical = principal_coordinates(distances)

    def quickly(order: NDArray[np.int64]) -> float:
        return _misfit(classical[order], places)

    def misfit(order: NDArray[np.int64]) -> float:
        return _misfit(embed(distances[np.ix_(order, order)]), places) if embed else quickly(order)

    order, _, _ = _improved(np.arange(K), pairs, quickly)
    order, least, others = _improved(order, pairs, misfit)
    return PairOrder(
        order, float(np.sqrt(least / (2 * K))), [float(np.sqrt(e / (2 * K))) for e in others]
    )


def principal_coordinates(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two principal coordinates of distances by classical scaling, shape (K, 2)."""
    K = len(distances)
    centring = np.eye(K) - 1.0 / K
    values, vectors = np.linalg.eigh(-0.5 * centring @ distances**2 @ centring)
    return vectors[:, :-3:-1] * np.sqrt(np.maximum(values[:-3:-1], 0.0))


def _misfit(coordinates: NDArray[np.float64], places: NDArray[np.float64]) -> float:
    """Sum of squared distances from places to the best affine image of the coordinates."""
    terms = np.column_stack([np.ones(len(places)), coordinates])
    fitted = terms @ np.linalg.lstsq(terms, places, rcond=None)[0]
    return float(np.sum((fitted - places) ** 2))


def _exchanged(order: NDArray[np.int64], pair: tuple[int, int]) -> NDArray[np.int64]:
    other = order.copy()
    other[list(pair)] = other[list(pair)[::-1]]
    return other


def _improved(
    order: NDArray[np.int64],
    pairs: list[tuple[int, int]],
    misfit: Callable[[NDArray[np.int64]], float],
) -> tuple[NDArray[np.int64], float, list[float]]:
    """Exchange the pair that helps most while one does; the order, its misfit and the others'."""
    least = misfit(order)
    while True:
        others = [misfit(_exchanged(order, pair)) for pair in pairs]
        if not others or min(others) >= least * (1 - 1e-12):
            return order, least, others
        best = int(np.argmin(others))
        order, least = _exchanged(order, pairs[best]), others[best]


@dataclass(frozen=True)
class _Form:
    """Squared Ward heights as quadratic forms of squared distances.

    ``heads``, of shape (merges, K), are the vectors u; ``weights`` their factors.
    """

    heads: NDArray[np.float64]
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, tree: DrawnTree) -> _Form:
        heads = np.zeros((len(tree.merges), len(tree.names)))
        weights = np.empty(len(tree.merges))
        for at, merge in enumerate(tree.merges):
            a, b = len(merge.left), len(merge.right)
            heads[at, list(merge.left)] = 1 / a
            heads[at, list(merge.right)] = -1 / b
            weights[at] = -a * b / (a + b)
        return cls(heads, weights)

    def squares(self, squares: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.weights * np.einsum("ki,ki->k", self.heads @ squares, self.heads)


def _descend(
    start: NDArray[np.int64],
    squares: NDArray[np.float64],
    form: _Form,
    heights: NDArray[np.float64],
) -> tuple[NDArray[np.int64], float]:
    """Exchange the two rows that help most until none does; rows and the sum of squared errors."""
    order = start.copy()
    first, second = np.triu_indices(len(order), 1)
    delta = form.heads[:, second] - form.heads[:, first]
    score = np.inf
    while True:
        placed = squares[np.ix_(order, order)]
        pulls = form.heads @ placed
        now = np.einsum("ki,ki->k", pulls, form.heads)
        if not np.isfinite(score):
            score = _error(form.weights[:, None] * now[:, None], heights)[0]
        # u' E u after u_first and u_second are exchanged.
        then = now[:, None] + 2 * delta * (pulls[:, first] - pulls[:, second])
        then -= 2 * delta**2 * placed[first, second]
        errors = _error(form.weights[:, None] * then, heights)
        best = int(errors.argmin())
        if errors[best] >= score - 1e-13:
            return order, float(score)
        score = errors[best]
        order[[first[best], second[best]]] = order[[second[best], first[best]]]


def _error(squares: NDArray[np.float64], heights: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sum((np.sqrt(np.maximum(squares, 0.0)) - heights[:, None]) ** 2, axis=0)


def _fractions(levels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Levels as parts of the range between the smallest and the largest distance."""
    fraction = (levels + 0.5) / LEVELS
    off = ~np.eye(len(levels), dtype=bool)
    for level, end in ((0, 0.0), (LEVELS - 1, 1.0)):
        if np.count_nonzero((levels == level) & off) == 2:
            fraction[levels == level] = end
    return fraction
