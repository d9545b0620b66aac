"""Cells: checks, pruning, the published hash, structure."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapemetrics.datasets.nasbench import Cell, enumerate_cells, read_tfrecord, sample_cells

CHAIN = ([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["input", "conv3x3-bn-relu", "output"])
POOL = sample_cells(300, seed=7)


def published_cell() -> Cell:
    """The cell of a record of NAS-Bench-101: hash 00005c14..., 8,555,530 parameters."""
    return Cell.from_strings(
        "0100110001000000010010000010000001000000010000000",
        "input,conv3x3-bn-relu,maxpool3x3,conv3x3-bn-relu,conv3x3-bn-relu,conv1x1-bn-relu,output",
    )


def relabel(cell: Cell, order: list[int]) -> Cell:
    """The same graph with its vertices in another order."""
    return Cell(cell.adjacency[np.ix_(order, order)], [cell.operations[v] for v in order])


@st.composite
def relabelled(draw) -> tuple[Cell, Cell]:
    """A cell, and a random spelling of it that is again upper-triangular."""
    cell = draw(st.sampled_from(POOL))
    order: list[int] = []
    while len(order) < cell.n_vertices:
        free = [
            v
            for v in range(cell.n_vertices)
            if v not in order and all(u in order for u in np.flatnonzero(cell.adjacency[:, v]))
        ]
        order.append(draw(st.sampled_from(free)))
    return cell, relabel(cell, order)


@given(relabelled())
def test_hash_does_not_depend_on_the_order_of_vertices(pair):
    cell, other = pair
    assert other.hash == cell.hash
    assert (other.depth, other.width, other.n_edges) == (cell.depth, cell.width, cell.n_edges)


def test_hash_of_a_published_record():
    assert published_cell().hash == "00005c142e6f48ac74fdcf73e3439874"


def test_hash_tells_operations_and_edges_apart():
    chain = Cell(*CHAIN)
    pool = Cell(CHAIN[0], ["input", "maxpool3x3", "output"])
    skip = Cell([[0, 1, 1], [0, 0, 1], [0, 0, 0]], CHAIN[1])
    assert len({chain.hash, pool.hash, skip.hash}) == 3


def test_hashes_and_parameter_counts_of_all_real_records(shared):
    records = {r.hash: r for r in read_tfrecord(shared / "data" / "ecnas_energy_4V9E.tfrecord")}
    assert len(records) == 91
    for record in records.values():
        assert record.cell.hash == record.hash
        assert record.cell.trainable_parameters() == record.trainable_parameters
        assert record.cell.is_valid


def test_published_parameter_counts():
    rows = ["0111100", "0000001", "0000001", "0000001", "0000010", "0000001", "0000000"]
    operations = (
        "input,conv3x3-bn-relu,conv1x1-bn-relu,maxpool3x3,conv3x3-bn-relu,conv3x3-bn-relu,output"
    )
    assert Cell.from_strings("".join(rows), operations).trainable_parameters() == 2_694_282
    assert published_cell().trainable_parameters() == 8_555_530


def test_pruning_drops_what_is_on_no_path():
    # Vertex 1 leads nowhere, vertex 2 comes from nowhere.
    cell = Cell(
        [[0, 1, 0, 1, 0], [0, 0, 0, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]],
        ["input", "maxpool3x3", "conv1x1-bn-relu", "conv3x3-bn-relu", "output"],
    )
    assert cell.pruned() == Cell(*CHAIN)
    assert cell.hash == Cell(*CHAIN).hash
    assert cell.is_valid
    assert (cell.depth, cell.count("maxpool3x3"), cell.count("conv3x3-bn-relu")) == (2, 0, 1)
    assert cell.trainable_parameters() == Cell(*CHAIN).trainable_parameters()


def test_validity_is_judged_after_pruning():
    # Eight vertices, of which one hangs loose.
    adjacency = np.zeros((8, 8), dtype=int)
    adjacency[range(6), range(1, 7)] = 1
    adjacency[5, 7] = 1
    operations = ["input", *["conv1x1-bn-relu"] * 6, "output"]
    assert Cell(adjacency, operations).is_valid
    adjacency[6, 7] = 1
    assert not Cell(adjacency, operations).is_valid


def test_more_than_nine_edges_are_not_valid():
    adjacency = np.triu(np.ones((5, 5), dtype=int), 1)
    operations = ["input", *["maxpool3x3"] * 3, "output"]
    assert not Cell(adjacency, operations).is_valid
    adjacency[0, 4] = 0
    assert Cell(adjacency, operations).is_valid


def test_disconnected_cells_are_not_valid_and_say_so():
    cell = Cell(np.zeros((3, 3)), CHAIN[1])
    assert not cell.is_valid
    for ask in (cell.pruned, cell.trainable_parameters, lambda: cell.hash, lambda: cell.depth):
        with pytest.raises(ValueError, match="input is not connected to the output"):
            ask()


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        (["input", "conv5x5-bn-relu", "output"], "vertex 1 is 'conv5x5-bn-relu', expected one of"),
        (["input", "output", "output"], "vertex 1 is 'output', expected one of"),
        (["output", "maxpool3x3", "output"], "vertex 0 is 'output', expected 'input'"),
        (["input", "maxpool3x3", "input"], "vertex 2 is 'input', expected 'output'"),
    ],
)
def test_unknown_operations_are_not_valid_and_say_so(operations, message):
    cell = Cell(CHAIN[0], operations)
    assert not cell.is_valid
    with pytest.raises(ValueError, match=message):
        _ = cell.hash
    with pytest.raises(ValueError, match=message):
        cell.trainable_parameters()


@pytest.mark.parametrize(
    ("adjacency", "operations", "error", "message"),
    [
        ([[0, 1, 0]], CHAIN[1], ValueError, r"square matrix, found shape \(1, 3\)"),
        ([[0, 1], [0]], CHAIN[1], ValueError, "unequal length"),
        ([[0, 1], [0, 0]], CHAIN[1], ValueError, "has 2 rows, expected one for each of 3"),
        ([[0, 2, 0], [0, 0, 1], [0, 0, 0]], CHAIN[1], ValueError, "zeros and ones only"),
        ([[0, 0.5, 0], [0, 0, 1], [0, 0, 0]], CHAIN[1], ValueError, "zeros and ones only"),
        ([[0, 1, 0], [0, 0, 1], [1, 0, 0]], CHAIN[1], ValueError, "from vertex 2 to vertex 0"),
        ([[1, 1, 0], [0, 0, 1], [0, 0, 0]], CHAIN[1], ValueError, "from vertex 0 to vertex 0"),
        ([[0]], ["input"], ValueError, "an input and an output at least"),
        (CHAIN[0], "input", TypeError, "sequence of names"),
        (CHAIN[0], ["input", 3, "output"], TypeError, "vertex 1 must be a string, found 3"),
    ],
)
def test_wrong_parts_are_refused(adjacency, operations, error, message):
    with pytest.raises(error, match=message):
        Cell(adjacency, operations)


def test_a_cell_cannot_be_changed():
    given_matrix = np.array(CHAIN[0])
    cell = Cell(given_matrix, CHAIN[1])
    given_matrix[0, 2] = 1
    assert cell == Cell(*CHAIN)
    with pytest.raises(ValueError, match="read-only"):
        cell.adjacency[0, 2] = 1
    with pytest.raises(AttributeError):
        cell.operations = ("input", "output")


def test_equality_is_by_spelling():
    cell = published_cell()
    other = relabel(cell, [0, 1, 2, 4, 3, 5, 6])
    assert other.hash == cell.hash
    assert other != cell
    assert published_cell() == cell
    assert len({cell, published_cell(), other}) == 2


@given(st.sampled_from(POOL))
def test_strings_round_trip(cell):
    assert Cell.from_strings(cell.adjacency_string, cell.operations_string) == cell


@pytest.mark.parametrize("adjacency", ["01", "0102", "01002", ""])
def test_wrong_strings_are_refused(adjacency):
    with pytest.raises(ValueError, match="expected 4 characters 0 or 1 for 2 operations"):
        Cell.from_strings(adjacency, "input,output")


def test_numbers_in_place_of_strings_are_refused():
    with pytest.raises(TypeError, match="two strings, found int and str"):
        Cell.from_strings(100, "input,output")


def cut_by_brute_force(cell: Cell) -> int:
    """Largest directed cut: no edge may come back."""
    size, widest = cell.n_vertices, 0
    for inside in itertools.product([False, True], repeat=size - 2):
        side = np.array([True, *inside, False])
        crossing = cell.adjacency[np.ix_(side, ~side)].sum()
        if not cell.adjacency[np.ix_(~side, side)].any():
            widest = max(widest, int(crossing))
    return widest


def longest_by_powers(cell: Cell) -> int:
    """Longest path: the highest power of the matrix that still joins input and output."""
    matrix = cell.adjacency.astype(int)
    return max(k for k in range(1, cell.n_vertices) if np.linalg.matrix_power(matrix, k)[0, -1] > 0)


@given(st.sampled_from(POOL))
def test_depth_and_width(cell):
    assert cell.depth == longest_by_powers(cell)
    assert cell.width == cut_by_brute_force(cell)


def test_every_small_cell_counts_its_operations():
    for cell in enumerate_cells(4):
        names = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
        assert sum(cell.count(name) for name in names) == cell.n_vertices - 2


def test_too_few_channels_are_refused():
    adjacency = [[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]]
    cell = Cell(adjacency, ["input", "maxpool3x3", "maxpool3x3", "output"])
    with pytest.raises(ValueError, match="2 vertices of the cell feed its output, which has only"):
        cell.trainable_parameters(stem_channels=1)
