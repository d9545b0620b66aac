"""The search space: its unique cells, and uniform samples of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare

from shapemetrics.datasets.nasbench import (
    count_cells,
    enumerate_cells,
    read_tfrecord,
    sample_cells,
)


def test_counts_of_unique_cells():
    assert [count_cells(v) for v in range(2, 8)] == [1, 7, 91, 2532, 64542, 423624]


@pytest.mark.parametrize(("max_vertices", "expected"), [(2, 1), (3, 7), (4, 91), (5, 2532)])
def test_listed_cells_are_unique_and_valid(max_vertices, expected):
    cells = list(enumerate_cells(max_vertices))
    assert len(cells) == len({cell.hash for cell in cells}) == expected
    assert all(cell.is_valid and cell.pruned() is cell for cell in cells)
    assert max(cell.n_vertices for cell in cells) == max_vertices


@pytest.mark.slow
def test_cells_of_six_vertices_have_distinct_hashes():
    assert len({cell.hash for cell in enumerate_cells(6)}) == 64542


def test_the_whole_space_is_listed():
    sizes = Counter(cell.n_vertices for cell in enumerate_cells())
    assert sizes == {2: 1, 3: 6, 4: 84, 5: 2441, 6: 62010, 7: 359082}


def test_classes_and_their_spellings_are_the_dataset_s(shared):
    records = read_tfrecord(shared / "data" / "ecnas_energy_4V9E.tfrecord")
    published = {record.hash: record.cell for record in records}
    assert {cell.hash: cell for cell in enumerate_cells(4)} == published


def test_first_cell_of_a_sample_is_uniform():
    # Six of these cells have two spellings: a sampler of spellings gives p = 1e-21 here.
    drawn = Counter(sample_cells(1, seed, max_vertices=4)[0].hash for seed in range(91 * 40))
    assert len(drawn) == 91
    assert chisquare(list(drawn.values())).pvalue > 1e-3


def test_inclusion_in_a_sample_is_uniform():
    size, seeds = 13, 700
    drawn = Counter(
        cell.hash for seed in range(seeds) for cell in sample_cells(size, seed, max_vertices=4)
    )
    counts = np.array(list(drawn.values()))
    # Without replacement the counts vary less than chi-square's by (N - n) / (N - 1).
    expected = seeds * size / 91
    scaled = expected + (counts - expected) / np.sqrt((91 - size) / (91 - 1))
    assert len(counts) == 91
    assert chisquare(scaled).pvalue > 1e-3


def test_sizes_in_a_large_sample_are_those_of_the_space():
    drawn = Counter(cell.n_vertices for cell in sample_cells(4000, seed=1))
    expected = np.array([2532, 62010, 359082]) * 4000 / 423624
    found = [sum(drawn[v] for v in range(2, 6)), drawn[6], drawn[7]]
    assert chisquare(found, expected).pvalue > 1e-3


def test_sampling_everything_gives_every_cell_once():
    everything = {cell.hash for cell in enumerate_cells(5)}
    cells = sample_cells(2532, seed=3, max_vertices=5)
    assert len(cells) == 2532
    assert {cell.hash for cell in cells} == everything


def test_samples_are_distinct_reproducible_and_nested():
    cells = sample_cells(240, seed=11)
    assert len({cell.hash for cell in cells}) == 240
    assert all(cell.is_valid for cell in cells)
    assert sample_cells(240, seed=11) == cells
    assert sample_cells(100, seed=11) == cells[:100]
    assert sample_cells(240, seed=12) != cells
    assert sample_cells(0, seed=11) == []


def test_impossible_samples_are_refused():
    with pytest.raises(ValueError, match="92 distinct cells asked for, but only 91 have 4"):
        sample_cells(92, seed=0, max_vertices=4)
    with pytest.raises(ValueError, match="n must not be negative, found -1"):
        sample_cells(-1, seed=0)


@pytest.mark.parametrize("max_vertices", [1, 8])
def test_impossible_sizes_are_refused(max_vertices):
    with pytest.raises(ValueError, match=f"from 2 to 7, found {max_vertices}"):
        list(enumerate_cells(max_vertices))
