"""Cells of the NAS-Bench-101 search space: small directed acyclic graphs of named operations."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from .channels import vertex_channels

INPUT = "input"
OUTPUT = "output"
CONV3X3 = "conv3x3-bn-relu"
CONV1X1 = "conv1x1-bn-relu"
MAXPOOL3X3 = "maxpool3x3"
#: Interior operations in the order that the published hash numbers them.
OPERATIONS = (CONV3X3, CONV1X1, MAXPOOL3X3)
MAX_VERTICES = 7
MAX_EDGES = 9

_LABELS = {INPUT: -1, OUTPUT: -2} | {name: label for label, name in enumerate(OPERATIONS)}
_KERNEL_AREA = {CONV3X3: 9, CONV1X1: 1, MAXPOOL3X3: 0}


@dataclass(frozen=True, eq=False, repr=False)
class Cell:
    """One cell: a directed acyclic graph from an input to an output vertex.

    Parameters
    ----------
    adjacency : array_like of shape (v, v)
        Strictly upper-triangular matrix of zeros and ones; entry (i, j) is the edge from vertex i
        to vertex j. Vertex 0 is the input, vertex v - 1 the output.
    operations : sequence of str, length v
        ``"input"``, then one of ``"conv3x3-bn-relu"``, ``"conv1x1-bn-relu"``, ``"maxpool3x3"`` for
        each interior vertex, then ``"output"``.

    Raises
    ------
    TypeError
        If an operation is not a string.
    ValueError
        If the matrix is not square, binary and strictly upper-triangular, or does not have one row
        for each operation. Whether such a graph belongs to the search space is `is_valid`.

    Notes
    -----
    Two cells are equal (``==``) if they are spelt alike; they are the same architecture if their
    `hash` is equal. The encoding is that of Ying et al. 2019, NAS-Bench-101, arXiv 1902.09635.

    Examples
    --------
    >>> cell = Cell([[0, 1, 1], [0, 0, 1], [0, 0, 0]], ["input", "conv3x3-bn-relu", "output"])
    >>> cell.is_valid, cell.n_vertices, cell.n_edges, cell.depth, cell.width
    (True, 3, 3, 2, 2)
    >>> cell.trainable_parameters()
    11051402
    """

    adjacency: np.ndarray
    operations: tuple[str, ...]

    def __init__(self, adjacency: ArrayLike, operations: Iterable[str]) -> None:
        names = _checked_operations(operations)
        object.__setattr__(self, "adjacency", _checked_adjacency(adjacency, len(names)))
        object.__setattr__(self, "operations", names)

    @classmethod
    def _trusted(cls, adjacency: np.ndarray, operations: tuple[str, ...]) -> Cell:
        """Build without the checks, from parts that this package made itself."""
        cell = object.__new__(cls)
        object.__setattr__(cell, "adjacency", adjacency)
        object.__setattr__(cell, "operations", operations)
        return cell

    @classmethod
    def from_strings(cls, adjacency: str, operations: str) -> Cell:
        """Read the spelling that the dataset's records use.

        Parameters
        ----------
        adjacency : str of v * v characters "0" and "1"
            The matrix row by row.
        operations : str
            The operations, joined by commas.
        """
        if not isinstance(adjacency, str) or not isinstance(operations, str):
            found = f"{type(adjacency).__name__} and {type(operations).__name__}"
            raise TypeError(f"adjacency and operations must be two strings, found {found}")
        names = operations.split(",")
        size = len(names)
        if len(adjacency) != size * size or adjacency.strip("01"):
            raise ValueError(
                f"adjacency {adjacency[:60]!r}: expected {size * size} characters 0 or 1 "
                f"for {size} operations, found {len(adjacency)} characters"
            )
        digits = np.frombuffer(adjacency.encode("ascii"), dtype=np.uint8) - ord("0")
        return cls(digits.reshape(size, size), names)

    @property
    def adjacency_string(self) -> str:
        """The matrix row by row, as in the dataset's records."""
        return "".join("1" if edge else "0" for edge in self.adjacency.ravel().tolist())

    @property
    def operations_string(self) -> str:
        """The operations joined by commas, as in the dataset's records."""
        return ",".join(self.operations)

    @property
    def n_vertices(self) -> int:
        """Number of vertices, input and output among them."""
        return len(self.operations)

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return int(self.adjacency.sum())

    @cached_property
    def depth(self) -> int:
        """Edges on the longest path from input to output, after pruning."""
        cell = self.pruned()
        longest = [0] * cell.n_vertices
        for source, target in np.argwhere(cell.adjacency).tolist():
            longest[target] = max(longest[target], longest[source] + 1)
        return longest[-1]

    @cached_property
    def width(self) -> int:
        """Largest directed cut, after pruning.

        The most edges that leave any set of vertices that holds the input, not the output, and
        with each vertex all those before it, so that every edge of the cut points the same way.
        """
        cell = self.pruned()
        predecessors = _bit_masks(cell.adjacency.T)
        successors = _bit_masks(cell.adjacency)
        widest = 0
        for members in range(1, 1 << (cell.n_vertices - 1), 2):
            inside = [v for v in range(cell.n_vertices) if members >> v & 1]
            if all(predecessors[v] & ~members == 0 for v in inside):
                widest = max(widest, sum((successors[v] & ~members).bit_count() for v in inside))
        return widest

    def count(self, operation: str) -> int:
        """Count the vertices, after pruning, that carry `operation`."""
        return self.pruned().operations.count(operation)

    @cached_property
    def is_valid(self) -> bool:
        """Whether the cell belongs to the search space.

        It does if its operations are known, its input is connected to its output, and what is left
        after pruning has at most 7 vertices and 9 edges.
        """
        if self._unknown_operation() is not None or not self._is_connected:
            return False
        cell = self.pruned()
        return cell.n_vertices <= MAX_VERTICES and cell.n_edges <= MAX_EDGES

    def pruned(self) -> Cell:
        """Drop the vertices that lie on no path from input to output.

        Raises
        ------
        ValueError
            If the input is not connected to the output.
        """
        keep = self._useful_vertices
        if not self._is_connected:
            raise ValueError(f"{self!r}: the input is not connected to the output")
        if len(keep) == self.n_vertices:
            return self
        adjacency = _frozen(self.adjacency[np.ix_(keep, keep)])
        return Cell._trusted(adjacency, tuple(self.operations[v] for v in keep))

    @cached_property
    def hash(self) -> str:
        """The published fingerprint of the pruned cell: equal for isomorphic cells.

        Raises
        ------
        ValueError
            If an operation is unknown, or the input is not connected to the output.

        Notes
        -----
        Each vertex starts as the MD5 of its out-degree, in-degree and operation. As many times as
        there are vertices, it becomes the MD5 of its sorted predecessors, its sorted successors
        and itself. The fingerprint is the MD5 of the sorted list (Ying et al. 2019).
        """
        cell = self.pruned()
        cell.check_operations()
        successors = [np.flatnonzero(row).tolist() for row in cell.adjacency]
        predecessors = [np.flatnonzero(column).tolist() for column in cell.adjacency.T]
        marks = [
            _md5(f"({len(after)}, {len(before)}, {_LABELS[name]})")
            for after, before, name in zip(successors, predecessors, cell.operations)
        ]
        for _ in range(cell.n_vertices):
            marks = [
                _md5(
                    "".join(sorted(marks[v] for v in before))
                    + "|"
                    + "".join(sorted(marks[v] for v in after))
                    + "|"
                    + mark
                )
                for before, after, mark in zip(predecessors, successors, marks)
            ]
        return _md5(str(sorted(marks)))

    def check_operations(self) -> None:
        """Raise ValueError if an operation is unknown or out of its place."""
        wrong = self._unknown_operation()
        if wrong is not None:
            vertex, expected = wrong
            raise ValueError(
                f"{self!r}: vertex {vertex} is {self.operations[vertex]!r}, expected {expected}"
            )

    def trainable_parameters(
        self,
        in_channels: int = 3,
        stem_channels: int = 128,
        cells_per_stack: int = 3,
        n_classes: int = 10,
        stacks: int = 3,
    ) -> int:
        """Count the trainable parameters of the network built from this cell, in closed form.

        Parameters
        ----------
        in_channels, stem_channels, cells_per_stack, n_classes, stacks : int
            As in `build_network`.

        Returns
        -------
        int
            Convolution weights, batch-norm scales and offsets, and the dense layer.
        """
        cell = self.pruned()
        cell.check_operations()
        total = in_channels * stem_channels * 9 + 2 * stem_channels
        before = stem_channels
        for stack in range(stacks):
            channels = stem_channels * 2**stack
            total += cell._cell_parameters(before, channels)
            total += (cells_per_stack - 1) * cell._cell_parameters(channels, channels)
            before = channels
        return total + (before + 1) * n_classes

    def _cell_parameters(self, in_channels: int, out_channels: int) -> int:
        widths = vertex_channels(self.adjacency, in_channels, out_channels)
        total = 0
        for vertex in range(1, self.n_vertices):
            if self.adjacency[0, vertex]:
                total += in_channels * widths[vertex] + 2 * widths[vertex]
        for name, width in zip(self.operations[1:-1], widths[1:-1]):
            area = _KERNEL_AREA[name]
            total += area * width * width + (2 * width if area else 0)
        return total

    def _unknown_operation(self) -> tuple[int, str] | None:
        """Find the first vertex with a wrong operation, and what it should have been."""
        last = self.n_vertices - 1
        for vertex, name in enumerate(self.operations):
            if vertex == 0 or vertex == last:
                expected = INPUT if vertex == 0 else OUTPUT
                if name != expected:
                    return vertex, repr(expected)
            elif name not in OPERATIONS:
                return vertex, f"one of {', '.join(OPERATIONS)}"
        return None

    @cached_property
    def _useful_vertices(self) -> list[int]:
        """Vertices both reachable from the input and leading to the output, in order."""
        size = self.n_vertices
        forward, backward = 1, 1 << (size - 1)
        edges = np.argwhere(self.adjacency).tolist()
        for source, target in edges:
            if forward >> source & 1:
                forward |= 1 << target
        for source, target in reversed(edges):
            if backward >> target & 1:
                backward |= 1 << source
        return [v for v in range(size) if (forward & backward) >> v & 1]

    @property
    def _is_connected(self) -> bool:
        return bool(self._useful_vertices)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cell):
            return NotImplemented
        return self.operations == other.operations and np.array_equal(
            self.adjacency, other.adjacency
        )

    def __hash__(self) -> int:
        return hash((self.adjacency.tobytes(), self.operations))

    def __repr__(self) -> str:
        rows = "/".join("".join(map(str, row)) for row in self.adjacency.tolist())
        return f"Cell({rows}, {self.operations_string})"


def _checked_operations(operations: Iterable[str]) -> tuple[str, ...]:
    if isinstance(operations, str):
        raise TypeError(f"operations must be a sequence of names, found the string {operations!r}")
    names = tuple(operations)
    for vertex, name in enumerate(names):
        if not isinstance(name, str):
            raise TypeError(f"operation of vertex {vertex} must be a string, found {name!r}")
    if len(names) < 2:
        raise ValueError(f"a cell has an input and an output at least, found {len(names)} vertices")
    return names


def _checked_adjacency(adjacency: ArrayLike, size: int) -> np.ndarray:
    try:
        matrix = np.asarray(adjacency)
    except ValueError:
        raise ValueError(
            "adjacency must be a square matrix, found rows of unequal length"
        ) from None
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"adjacency must be a square matrix, found shape {matrix.shape}")
    if matrix.shape[0] != size:
        raise ValueError(
            f"adjacency has {matrix.shape[0]} rows, expected one for each of {size} operations"
        )
    if matrix.dtype.kind not in "biuf" or not np.isin(matrix, (0, 1)).all():
        raise ValueError("adjacency must hold zeros and ones only")
    lower = np.argwhere(np.tril(matrix))
    if lower.size:
        source, target = lower[0].tolist()
        raise ValueError(
            "adjacency must be strictly upper-triangular, "
            f"found an edge from vertex {source} to vertex {target}"
        )
    return _frozen(matrix)


def _frozen(matrix: np.ndarray) -> np.ndarray:
    copy = np.array(matrix, dtype=np.int8)
    copy.flags.writeable = False
    return copy


def _bit_masks(rows: np.ndarray) -> list[int]:
    """Turn each row of zeros and ones into an integer whose bit j is entry j."""
    powers = 1 << np.arange(rows.shape[1])
    return (rows.astype(np.int64) @ powers).tolist()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode("ascii"), usedforsecurity=False).hexdigest()
