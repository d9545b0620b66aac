"""The table of networks, and its way through a CSV file."""

from __future__ import annotations

import numpy as np
import pytest

from shapemetrics.datasets.nasbench import (
    enumerate_cells,
    networks_table,
    parse_networks,
    read_networks,
    sample_cells,
    sample_networks,
)


def test_table_describes_the_sampled_cells():
    table = sample_networks(40, seed=2)
    cells = sample_cells(40, seed=2)
    assert list(table["network"]) == [cell.hash for cell in cells]
    assert list(table["n_edges"]) == [cell.n_edges for cell in cells]
    assert (table[["n_conv3x3", "n_conv1x1", "n_maxpool"]].sum(axis=1) + 2).equals(
        table["n_vertices"]
    )
    assert (table["depth"] < table["n_vertices"]).all()
    assert table["network"].is_unique


def test_csv_round_trip(tmp_path):
    # Small cells have adjacencies such as 0100 that a careless reader takes for numbers.
    cells = list(enumerate_cells(4))
    path = tmp_path / "networks.csv"
    networks_table(cells).to_csv(path, index=False)
    table = read_networks(path)
    assert parse_networks(table) == cells
    assert table.equals(networks_table(cells))


def test_other_columns_survive(tmp_path):
    table = sample_networks(3, seed=0).assign(published_accuracy=[0.9, 0.91, 0.92])
    path = tmp_path / "networks.csv"
    table.to_csv(path, index=False)
    assert list(read_networks(path)["published_accuracy"]) == [0.9, 0.91, 0.92]


def test_missing_columns_are_named(tmp_path):
    path = tmp_path / "networks.csv"
    sample_networks(3, seed=0).drop(columns="operations").to_csv(path, index=False)
    with pytest.raises(ValueError, match=r"networks.csv: columns \['operations'\] are missing"):
        read_networks(path)


def test_wrong_rows_are_named():
    table = sample_networks(3, seed=0)
    first, second = table["network"][:2]
    swapped = table.assign(network=[second, first, table["network"][2]])
    with pytest.raises(ValueError, match=f"network {second}: the hash of its cell is {first}"):
        parse_networks(swapped)
    with pytest.raises(ValueError, match=f"network {first} is listed twice"):
        parse_networks(table.iloc[[0, 1, 0]])
    numbers = table.assign(adjacency=[1, 2, 3])
    with pytest.raises(ValueError, match=f"network {first}: adjacency and operations must be two"):
        parse_networks(numbers)
    loose = table.assign(adjacency=["0" * len(text) for text in table["adjacency"]])
    with pytest.raises(ValueError, match=f"network {first}: .* is not in the search space"):
        parse_networks(loose)


def test_paths_are_those_that_a_search_finds():
    from shapemetrics.datasets.nasbench import cell_paths, sample_cells

    def searched(cell, vertex, way):
        if vertex == cell.n_vertices - 1:
            return {">".join(way) or "direct"}
        found = set()
        for other in np.flatnonzero(cell.adjacency[vertex]):
            last = other == cell.n_vertices - 1
            found |= searched(cell, other, way if last else (*way, cell.operations[other]))
        return found

    cells = sample_cells(30, seed=2)
    table = cell_paths(cells)
    assert table.to_numpy().sum(axis=0).min() >= 1
    for cell, row in zip(cells, table.itertuples(index=False)):
        own = {name for name, there in zip(table.columns, row) if there}
        assert own == searched(cell.pruned(), 0, ())
