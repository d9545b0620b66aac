"""The table of a study's networks: one row a cell, as written to networks.csv."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from .cells import CONV1X1, CONV3X3, MAX_VERTICES, MAXPOOL3X3, Cell
from .space import sample_cells

#: Columns that spell a network; any other is a covariate.
SPELLING = ("network", "adjacency", "operations")


def sample_networks(n: int, seed: int, max_vertices: int = MAX_VERTICES) -> pd.DataFrame:
    """Draw networks uniformly from the search space; see `sample_cells` and `networks_table`.

    Examples
    --------
    >>> table = sample_networks(3, seed=0)
    >>> list(table.columns)
    ['network', 'adjacency', 'operations', 'n_vertices', 'n_edges', 'n_conv3x3', 'n_conv1x1',
     'n_maxpool', 'depth', 'width']
    """
    return networks_table(sample_cells(n, seed, max_vertices))


def networks_table(cells: Iterable[Cell]) -> pd.DataFrame:
    """Describe cells in a table.

    Parameters
    ----------
    cells : iterable of Cell
        Valid cells; each is pruned first.

    Returns
    -------
    pandas.DataFrame
        ``network`` (the published hash), ``adjacency`` (row by row), ``operations`` (joined by
        commas), and the covariates ``n_vertices``, ``n_edges``, ``n_conv3x3``, ``n_conv1x1``,
        ``n_maxpool``, ``depth`` (edges on the longest path), ``width`` (largest directed cut).
    """
    rows = []
    for cell in cells:
        cell = cell.pruned()
        rows.append(
            {
                "network": cell.hash,
                "adjacency": cell.adjacency_string,
                "operations": cell.operations_string,
                "n_vertices": cell.n_vertices,
                "n_edges": cell.n_edges,
                "n_conv3x3": cell.count(CONV3X3),
                "n_conv1x1": cell.count(CONV1X1),
                "n_maxpool": cell.count(MAXPOOL3X3),
                "depth": cell.depth,
                "width": cell.width,
            }
        )
    return pd.DataFrame(rows)


def cell_paths(cells: Iterable[Cell]) -> pd.DataFrame:
    """Which sequences of operations lead from input to output of each cell.

    Parameters
    ----------
    cells : iterable of Cell
        Valid cells; each is pruned first.

    Returns
    -------
    pandas.DataFrame
        One row per cell, one column per sequence that occurs in any of them, such as
        ``conv3x3-bn-relu>maxpool3x3`` (``direct`` for an edge from input to output): 1 where the
        cell has such a path, else 0. The path encoding of White et al. 2021 (BANANAS, AAAI).

    Examples
    --------
    >>> cell_paths([Cell.from_strings("011001000", "input,conv1x1-bn-relu,output")])
       conv1x1-bn-relu  direct
    0                1       1
    """
    found = [_paths(cell.pruned()) for cell in cells]
    names = sorted(set().union(*found))
    return pd.DataFrame([[int(name in own) for name in names] for own in found], columns=names)


def _paths(cell: Cell) -> set[str]:
    """Sequences of operations of all paths through a cell."""
    last = cell.n_vertices - 1
    ways: list[set[tuple[str, ...]]] = [set() for _ in range(cell.n_vertices)]
    ways[0].add(())
    # Edges go to later vertices only, so that each vertex is complete when it is reached.
    for vertex in range(1, cell.n_vertices):
        before = set().union(*(ways[k] for k in range(vertex) if cell.adjacency[k, vertex]))
        own = () if vertex == last else (cell.operations[vertex],)
        ways[vertex] = {(*way, *own) for way in before}
    return {">".join(way) or "direct" for way in ways[last]}


def read_networks(path: str | os.PathLike) -> pd.DataFrame:
    """Read a table of networks from a CSV file, its spellings as text.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    path = Path(path)
    # A matrix such as 0011 is text: as a number it would lose its zeros.
    table = pd.read_csv(path, dtype=dict.fromkeys(SPELLING, str))
    _check_columns(table, str(path))
    return table


def parse_networks(table: pd.DataFrame) -> list[Cell]:
    """Turn a table of networks back into cells.

    Raises
    ------
    ValueError
        If a column is missing, a network is listed twice, a cell is not valid, or its hash is not
        the one that the table gives.
    """
    _check_columns(table, "table of networks")
    cells = []
    seen: set[str] = set()
    for network, adjacency, operations in table[list(SPELLING)].itertuples(index=False):
        try:
            cell = Cell.from_strings(adjacency, operations)
        except (TypeError, ValueError) as error:
            raise ValueError(f"network {network}: {error}") from error
        if not cell.is_valid:
            raise ValueError(f"network {network}: {cell!r} is not in the search space")
        if cell.hash != network:
            raise ValueError(f"network {network}: the hash of its cell is {cell.hash}")
        if network in seen:
            raise ValueError(f"network {network} is listed twice, expected distinct networks")
        seen.add(network)
        cells.append(cell)
    return cells


def _check_columns(table: pd.DataFrame, name: str) -> None:
    missing = [column for column in SPELLING if column not in table]
    if missing:
        raise ValueError(f"{name}: columns {missing} are missing")
