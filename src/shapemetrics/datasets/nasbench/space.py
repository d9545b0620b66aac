"""The NAS-Bench-101 search space: listing its unique cells and sampling from them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from .cells import INPUT, MAX_EDGES, MAX_VERTICES, OPERATIONS, OUTPUT, Cell

# A code above every code of an upper-triangular matrix (at most 21 slots) marks a relabelling that
# turns an edge round; sums of 21 of them stay exact in float64.
_BACKWARDS = float(1 << 40)


def enumerate_cells(max_vertices: int = MAX_VERTICES) -> Iterator[Cell]:
    """List every unique cell of the search space, one for each isomorphism class.

    Parameters
    ----------
    max_vertices : int, default 7
        Largest number of vertices, from 2 to 7.

    Yields
    ------
    Cell
        Already pruned, valid cells: 1, 7, 91, 2,532, 64,542 and 423,624 of them for 2, 3, 4, 5, 6
        and 7 vertices at most.

    Notes
    -----
    The order and the member that stands for each class are those of the generator of the published
    dataset (Ying et al. 2019): vertices, then matrices as binary numbers read down the columns,
    then operations.

    Examples
    --------
    >>> [len(list(enumerate_cells(v))) for v in (2, 3, 4)]
    [1, 7, 91]
    """
    for size in _sizes(max_vertices):
        frames = _frames(size)
        for position in range(frames.codes.size):
            adjacency = frames.adjacency(position)
            for label in frames.labellings(position).tolist():
                yield Cell._trusted(adjacency, frames.operations(label))


def count_cells(max_vertices: int = MAX_VERTICES) -> int:
    """Count the unique cells of at most `max_vertices` vertices, without listing them.

    Examples
    --------
    >>> count_cells(5)
    2532
    """
    return sum(_frames(size).n_cells for size in _sizes(max_vertices))


def sample_cells(n: int, seed: int, max_vertices: int = MAX_VERTICES) -> list[Cell]:
    """Draw distinct cells, uniformly over the unique cells of the search space.

    Parameters
    ----------
    n : int
        Number of cells.
    seed : int
        The same seed gives the same cells; a larger `n` adds cells to those of a smaller one.
    max_vertices : int, default 7
        Largest number of vertices, from 2 to 7.

    Returns
    -------
    list of Cell
        `n` cells of `n` isomorphism classes, in random order.

    Raises
    ------
    ValueError
        If the space does not hold `n` cells.

    Notes
    -----
    The cells stand in a fixed order (see `enumerate_cells`) whose length is known from the number
    of orbits of operations under each graph's automorphisms. A random permutation of the
    positions is cut after `n`, and only those positions are turned into cells. Every set of `n`
    classes is thus equally likely, whatever number of spellings each class has.

    Examples
    --------
    >>> cells = sample_cells(5, seed=0)
    >>> len({cell.hash for cell in cells})
    5
    """
    if n < 0:
        raise ValueError(f"n must not be negative, found {n}")
    total = count_cells(max_vertices)
    if n > total:
        raise ValueError(
            f"{n} distinct cells asked for, but only {total} have {max_vertices} vertices or fewer"
        )
    positions = np.random.default_rng(seed).permutation(total)[:n]
    return [_cell_at(int(position), max_vertices) for position in positions]


def _sizes(max_vertices: int) -> range:
    if not 2 <= max_vertices <= MAX_VERTICES:
        raise ValueError(f"max_vertices must be from 2 to {MAX_VERTICES}, found {max_vertices}")
    return range(2, max_vertices + 1)


def _cell_at(position: int, max_vertices: int) -> Cell:
    """Find the cell at a position of the order of `enumerate_cells`."""
    for size in _sizes(max_vertices):
        frames = _frames(size)
        if position < frames.n_cells:
            frame = int(np.searchsorted(frames.starts, position, side="right")) - 1
            label = frames.labellings(frame)[position - frames.starts[frame]]
            return Cell._trusted(frames.adjacency(frame), frames.operations(int(label)))
        position -= frames.n_cells
    raise IndexError(position)


@dataclass(frozen=True, eq=False)
class _Frames:
    """The unlabelled graphs of one size, each the smallest code of its isomorphism class.

    Attributes
    ----------
    size : int
        Number of vertices v.
    codes : ndarray of shape (f,)
        Bit x + y (y - 1) / 2 of a code is the edge from vertex x to vertex y.
    groups : ndarray of shape (f,)
        Position in `automorphisms` of each graph's automorphism group.
    automorphisms : list of ndarray of shape (g, v - 2)
        The distinct groups; each row a permutation of the interior vertices.
    """

    size: int
    codes: np.ndarray
    groups: np.ndarray
    automorphisms: list[np.ndarray]

    @cached_property
    def _representatives(self) -> list[np.ndarray]:
        """For each group, the first labelling of every orbit."""
        interior = self.size - 2
        powers = len(OPERATIONS) ** np.arange(interior)[::-1]
        labels = np.arange(len(OPERATIONS) ** interior)
        digits = labels[:, None] // powers % len(OPERATIONS)
        return [
            labels[(digits[:, group] @ powers >= labels[:, None]).all(axis=1)]
            for group in self.automorphisms
        ]

    @cached_property
    def starts(self) -> np.ndarray:
        """Position of each graph's first cell, and at the end the number of cells."""
        sizes = np.array([labels.size for labels in self._representatives])
        return np.concatenate([[0], np.cumsum(sizes[self.groups])])

    @property
    def n_cells(self) -> int:
        """Number of unique cells of this size."""
        return int(self.starts[-1])

    @cached_property
    def _names(self) -> list[tuple[str, ...]]:
        interiors = itertools.product(OPERATIONS, repeat=self.size - 2)
        return [(INPUT, *interior, OUTPUT) for interior in interiors]

    def labellings(self, frame: int) -> np.ndarray:
        """Labellings of one graph, one for each orbit, as numbers in base 3."""
        return self._representatives[self.groups[frame]]

    def operations(self, label: int) -> tuple[str, ...]:
        """Operations that a labelling's number stands for."""
        return self._names[label]

    def adjacency(self, frame: int) -> np.ndarray:
        """Read-only matrix of one graph."""
        matrix = np.zeros((self.size, self.size), dtype=np.int8)
        sources, targets = _slots(self.size)
        matrix[sources, targets] = self.codes[frame] >> np.arange(sources.size) & 1
        matrix.flags.writeable = False
        return matrix


def _slots(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Sources and targets of the places of the upper triangle, down the columns."""
    targets, sources = np.tril_indices(size, -1)
    return sources, targets


@cache
def _frames(size: int) -> _Frames:
    """List the unlabelled graphs of one size and their automorphism groups."""
    codes = _full_graphs(size)
    sources, targets = _slots(size)
    bits = (codes[:, None] >> np.arange(sources.size) & 1).astype(np.float64)
    interiors = np.array(list(itertools.permutations(range(1, size - 1))), dtype=np.int64)
    interiors = interiors.reshape(math.factorial(size - 2), size - 2)
    places = np.zeros((interiors.shape[0], size), dtype=np.int64)
    places[:, 1:-1] = interiors
    places[:, -1] = size - 1
    new_sources, new_targets = places[:, sources], places[:, targets]
    slots = new_sources + new_targets * (new_targets - 1) // 2
    weights = np.where(new_sources < new_targets, 2.0 ** np.maximum(slots, 0), _BACKWARDS)
    relabelled = bits @ weights.T
    smallest = relabelled.min(axis=1) == codes
    fixed = relabelled[smallest] == codes[smallest, None]
    distinct, groups = np.unique(fixed, axis=0, return_inverse=True)
    automorphisms = [interiors[members] - 1 for members in distinct]
    return _Frames(size, codes[smallest], groups.reshape(-1), automorphisms)


def _full_graphs(size: int) -> np.ndarray:
    """Codes of the upper-triangular matrices in which every vertex lies on a path to the output."""
    sources, targets = _slots(size)
    codes = np.arange(1 << sources.size, dtype=np.int64)
    codes = codes[np.bitwise_count(codes) <= MAX_EDGES]
    powers = 1 << np.arange(sources.size)
    for vertex in range(size):
        if vertex < size - 1:
            codes = codes[codes & powers[sources == vertex].sum() != 0]
        if vertex > 0:
            codes = codes[codes & powers[targets == vertex].sum() != 0]
    return codes
