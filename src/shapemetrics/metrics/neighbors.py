"""Overlap of neighbourhoods: which stimuli lie next to one another in each network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from shapemetrics.arrays import Responses
from shapemetrics.backends.base import Backend
from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Metric, Prepared, centred
from shapemetrics.metrics.gram import squared_distances
from shapemetrics.validation import check_choice, check_integer

Nearness = Literal["cosine", "euclidean"]
NEARNESSES = ("cosine", "euclidean")
OVERLAPS = ("mutual", "jaccard")
#: Decimals that two similarities of unit vectors must share to count as equal.
DIGITS = 12
#: Entries of one table of neighbours: 16 MB.
TABLE_SIZE = 2**24
#: Seconds per neighbour looked up, on one core of an AMD EPYC server.
LOOKUP = 4e-9


@dataclass(frozen=True, eq=False)
class PreparedNeighbors(Prepared):
    """The nearest other stimuli of each stimulus, ascending."""

    neighbors: np.ndarray = field(repr=False)  # (m, k)

    @property
    def n_samples(self) -> int:
        """Number of stimuli."""
        return len(self.neighbors)


@dataclass(frozen=True)
class NeighborhoodMetric(Metric):
    r"""One minus the mean overlap between the nearest neighbours of each stimulus.

    Parameters
    ----------
    overlap : {"mutual", "jaccard"}, default="mutual"
        Shared neighbours as a fraction of `n_neighbors`, or of all neighbours that a stimulus has
        in either network.
    n_neighbors : int, default=10
        Neighbours k of each stimulus, itself not counted.
    nearness : {"cosine", "euclidean"}, default="cosine"
        Similarity between the responses to two stimuli. The cosine is taken of the responses as
        they are, without centring, as the sources do.

    Notes
    -----
    With :math:`N_i(X)` the k stimuli that are nearest to stimulus i in network X,

    .. math:: d_\text{mutual} = 1 - \frac{1}{m} \sum_i \frac{|N_i(X) \cap N_i(Y)|}{k}, \qquad
              d_\text{jaccard} = 1 - \frac{1}{m} \sum_i
              \frac{|N_i(X) \cap N_i(Y)|}{|N_i(X) \cup N_i(Y)|} .

    Mutual nearest neighbours: Huh, Cheung, Wang, Isola (2024), The Platonic Representation
    Hypothesis, arXiv:2405.07987. Jaccard: Wang et al. (2022), ACM TIST 13, doi:10.1145/3491257, as
    in ReSi (Klabunde et al. 2024, arXiv:2408.00531).

    Both are metrics between families of neighbourhoods: for sets of one size the first is half the
    size of their symmetric difference over k, the second the Jaccard distance, and a mean of
    metrics is one. A distance of zero says that all neighbourhoods are equal, not that geometries
    are: anything that keeps the order of the nearest similarities goes unseen. Between unrelated
    networks the mutual overlap is :math:`k / (m - 1)` on average, so distances depend on the
    number of stimuli and can be compared among equal m and k only.

    Ties, up to 12 digits, go to the stimulus that comes first.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(50, 4))
    >>> metric = NeighborhoodMetric(n_neighbors=5)
    >>> metric.distance(X, 3.0 * X[:, ::-1])
    0.0
    >>> 0.0 < metric.distance(X, X**3) < NeighborhoodMetric("jaccard", 5).distance(X, X**3)
    True
    """

    overlap: Literal["mutual", "jaccard"] = "mutual"
    n_neighbors: int = 10
    nearness: Nearness = "cosine"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self.overlap, "overlap", OVERLAPS)
        check_integer(self.n_neighbors, "n_neighbors", 1)
        check_choice(self.nearness, "nearness", NEARNESSES)

    @property
    def invariances(self) -> frozenset[str]:
        """Rotations and scale; offsets where distances, not directions, are compared."""
        found = frozenset({"scale", "rotation", "permutation", "duplication"})
        return found | {"offset"} if self.nearness == "euclidean" else found

    @property
    def preparation(self) -> str:
        """The metric as far as preparing depends on it: both overlaps look at the same sets."""
        name = type(self).__name__
        return f"{name}(n_neighbors={self.n_neighbors!r}, nearness={self.nearness!r})"

    def prepare(self, X: Any, *, name: str = "X", dtype: Any = np.float64) -> PreparedNeighbors:
        """Find the neighbours of every stimulus in one network.

        Parameters
        ----------
        X : array-like of shape (m, n)
            Responses of n units to m stimuli.
        name : str
            Network's name, for messages.
        dtype : dtype
            Unused: neighbours are whole numbers, found in float64.

        Returns
        -------
        PreparedNeighbors

        Raises
        ------
        TypeError, ValueError
            If X is not a finite real matrix with variance, has no more stimuli than neighbours, or
            no response at all to a stimulus, whose directions are compared.
        """
        responses = self.read(X, name)
        similarity = similarities(responses, self.nearness)
        neighbors = nearest(similarity, self.n_neighbors, name)
        return PreparedNeighbors(self.origin_of(responses), neighbors)

    def stack(
        self, prepared: Sequence[PreparedNeighbors], *, backend: Backend | None = None
    ) -> list[np.ndarray]:
        """The neighbours of each network."""
        return [item.neighbors for item in prepared]

    def pairwise(self, stack_a: list[np.ndarray], stack_b: list[np.ndarray]) -> Array:
        """All distances between two stacks.

        Parameters
        ----------
        stack_a, stack_b : list of ndarray
            From :meth:`stack`, with the same number of stimuli.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        same, k = stack_a is stack_b, self.n_neighbors
        D = np.zeros((len(stack_a), len(stack_b)))
        for i, neighbors in enumerate(stack_a):
            first = i + 1 if same else 0
            shared = _shared(neighbors, stack_b[first:])
            # Whole numbers are summed before they are divided, so that equal sets are at zero.
            if self.overlap == "mutual":
                missing = (k - shared).sum(axis=1) / (k * len(neighbors))
            else:
                missing = (2 * (k - shared) / (2 * k - shared)).mean(axis=1)
            D[i, first:] = missing
        return D + D.T if same else D

    def pair_seconds(
        self, m: int, n: int, *, grid: tuple[int, int] = (1, 1), trials: int = 10
    ) -> float:
        """One look-up per neighbour."""
        return LOOKUP * m * min(self.n_neighbors, m)


def similarities(X: Responses, nearness: Nearness) -> Array:
    """Similarity between the responses to all pairs of stimuli, larger where nearer.

    Parameters
    ----------
    X : Responses
        A matrix (m, n); its values are overwritten.
    nearness : {"cosine", "euclidean"}
        Cosine of the angle between two responses, or minus their squared distance, in units of the
        largest of them.

    Returns
    -------
    ndarray of shape (m, m)

    Raises
    ------
    ValueError
        If all responses are equal, or one is zero and has no direction.
    """
    values = X.values.copy()
    centred(X)  # refuses responses without variance
    if nearness == "euclidean":
        squared = squared_distances(values, values)
        return -squared / float(squared.max())
    norms = np.linalg.norm(values, axis=1)
    if not norms.all():
        raise ValueError(
            f"{X.name!r}: found no response to stimulus {int(norms.argmin())}, expected some, as "
            "its cosine with others is undefined; nearness='euclidean' compares distances"
        )
    values /= norms[:, None]
    return values @ values.T


def nearest(similarity: Array, n_neighbors: int, name: str) -> np.ndarray:
    """The most similar other stimuli of each, ascending by number: (m, n_neighbors).

    Raises
    ------
    ValueError
        If there are not so many others.
    """
    m = len(similarity)
    if n_neighbors >= m:
        raise ValueError(
            f"{name!r}: found {m} stimuli, expected more than n_neighbors={n_neighbors}"
        )
    order = -np.round(similarity, DIGITS)
    np.fill_diagonal(order, np.inf)
    found = np.argsort(order, axis=1, kind="stable")[:, :n_neighbors]
    return np.sort(found, axis=1)


def _shared(neighbors: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
    """Numbers of neighbours that a network shares with each of others: (len(others), m)."""
    m = len(neighbors)
    shared = np.zeros((len(others), m), dtype=int)
    rows_at_once = max(1, TABLE_SIZE // m)
    for first in range(0, m, rows_at_once):
        rows = slice(first, first + rows_at_once)
        table = np.zeros((len(neighbors[rows]), m), dtype=bool)
        np.put_along_axis(table, neighbors[rows], True, axis=1)
        for j, other in enumerate(others):
            shared[j, rows] = np.take_along_axis(table, other[rows], axis=1).sum(axis=1)
    return shared
