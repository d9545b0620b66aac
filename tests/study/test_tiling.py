"""Plans of tiles: every pair once, names that follow contents, sizes that keep jobs in bounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shapemetrics import RepresentationStore
from shapemetrics.store import StoreWriter
from shapemetrics.study.selection import Selection
from shapemetrics.study.tiling import (
    TilePlan,
    duration,
    plan_dataset,
    plan_matrix,
    progress,
    tile_name,
)

OPTIONS = {"dtype": "float64", "block_size": 4, "tile_minutes": 5.0, "block_gigabytes": 1.0}
PROCRUSTES = {"family": "linear", "alpha": 1.0}
REGRESSION = {"family": "comparison", "measure": "linear_regression", "ridge": 0.1}


def store_of(folder: Path, n: int, changed: int | None = None) -> RepresentationStore:
    with StoreWriter(folder, source="test", simulated=False, stimuli=range(6)) as store:
        for k in range(n):
            rng = np.random.default_rng([k, int(k == changed)])
            for layer in ("stem", "pool"):
                store.add(f"{layer}_{k}", rng.normal(size=(6, 2, 2, 3)), layer=layer, network=k)
    return RepresentationStore(folder)


def plan_of(store: RepresentationStore, measure=PROCRUSTES, where=None, **options):
    selection = Selection({"layer": "stem"} if where is None else where, "samples")
    return plan_matrix(store, selection, measure, **{**OPTIONS, **options})


def test_every_pair_is_in_one_tile_of_a_symmetric_measure(tmp_path: Path):
    plan = plan_of(store_of(tmp_path / "store", 10))
    assert plan.ids == [f"stem_{k}" for k in range(10)]
    assert [len(block.ids) for block in plan.blocks] == [4, 4, 2]
    assert len(plan.tiles) == 6
    pairs = [{i, j} for a, b in plan.tiles for i in a.ids for j in b.ids if a is not b or i < j]
    assert len(pairs) == 45
    assert len(set(map(frozenset, pairs))) == 45


def test_an_asymmetric_measure_takes_both_halves(tmp_path: Path):
    plan = plan_of(store_of(tmp_path / "store", 10), REGRESSION)
    assert len(plan.tiles) == 9
    assert plan.n_pairs == 100


def test_further_representations_leave_the_names_of_full_blocks(tmp_path: Path):
    before = plan_of(store_of(tmp_path / "before", 8))
    after = plan_of(store_of(tmp_path / "after", 11))
    names = {tile_name(*pair) for pair in before.tiles}
    assert names < {tile_name(*pair) for pair in after.tiles}


def test_a_changed_array_changes_the_tiles_of_its_block_only(tmp_path: Path):
    before = plan_of(store_of(tmp_path / "before", 8))
    after = plan_of(store_of(tmp_path / "after", 8, changed=5))
    assert before.blocks[0] == after.blocks[0]
    assert before.blocks[1].digest != after.blocks[1].digest


@pytest.mark.parametrize("option", [{"dtype": "float32"}])
def test_how_arrays_are_read_is_part_of_a_name(tmp_path: Path, option):
    store = store_of(tmp_path / "store", 4)
    assert plan_of(store).blocks[0].digest != plan_of(store, **option).blocks[0].digest
    mean = plan_matrix(store, Selection({"layer": "stem"}, "mean"), PROCRUSTES, **OPTIONS)
    assert plan_of(store).blocks[0].digest != mean.blocks[0].digest


def test_automatic_blocks_make_tiles_of_the_wanted_time(tmp_path: Path):
    store = store_of(tmp_path / "store", 200)
    plan = plan_of(store, block_size="auto", tile_minutes=1e-3)
    size = len(plan.blocks[0].ids)
    assert 1 < size < 200
    assert size**2 * plan.pair_seconds <= 0.06 < (size + 1) ** 2 * plan.pair_seconds
    shorter = plan_of(store, block_size="auto", tile_minutes=1e-4)
    assert len(shorter.blocks) > len(plan.blocks)


def test_blocks_stay_below_the_memory_they_may_take(tmp_path: Path):
    # 6 x 2 x 2 x 3 numbers of 8 bytes, 576 bytes a network, and the mean of each channel.
    plan = plan_of(store_of(tmp_path / "store", 10), block_size=8, block_gigabytes=3.9 * 576e-9)
    assert [len(block.ids) for block in plan.blocks] == [3, 3, 3, 1]
    assert 3 * 576 <= plan.block_bytes <= 3.9 * 576


@pytest.mark.parametrize(
    ("measure", "numbers"),
    [
        (PROCRUSTES, 24 * 3),
        ({**PROCRUSTES, "n_components": 2}, 24 * 2),
        ({"family": "kernel", "kernel": "rbf"}, 24 * 24),
        ({"family": "comparison", "measure": "rsa_correlation"}, 24 * 23 // 2),
    ],
)
def test_blocks_are_measured_as_they_are_once_prepared(tmp_path: Path, measure, numbers):
    # 6 stimuli at 2 x 2 positions: 24 samples of 3 channels.
    plan = plan_of(store_of(tmp_path / "store", 3), measure, block_size=1)
    assert plan.block_bytes == pytest.approx(8 * numbers, rel=0.3)


def test_plan_round_trip(tmp_path: Path):
    store = store_of(tmp_path / "store", 5)
    chosen = {"where": {"layer": "pool"}, "positions": "mean", "n_networks": None}
    matrix = {"selection": "pool", "metric": "p", "chosen": chosen, "measure": PROCRUSTES}
    plan = plan_dataset(store, [matrix], **OPTIONS)
    plan.save(tmp_path / "tiles.json")
    loaded = TilePlan.load(tmp_path / "tiles.json")
    assert loaded == plan
    assert "1 matrices of distances, 3 tiles, 21 pairs" in loaded.summary("digits")
    with pytest.raises(ValueError, match="no plan of tiles for stem by p"):
        loaded.matrix("stem", "p")
    with pytest.raises(ValueError, match="block 00 is not in the plan"):
        loaded.matrix("pool", "p").block("00")


def test_progress_counts_finished_tiles_and_tells_the_time_left(tmp_path: Path):
    import os

    plan = plan_of(store_of(tmp_path / "store", 12))
    folder = tmp_path / "tiles"
    folder.mkdir()
    assert progress(plan, folder, "stem").endswith("0 of 6 tiles, 0 of 96 pairs")
    for k, pair in enumerate(plan.tiles[:3]):
        file = folder / tile_name(*pair)
        file.touch()
        os.utime(file, (1000.0 + 4 * k, 1000.0 + 4 * k))
    # Two tiles of 16 pairs in 8 s; 48 pairs are left.
    assert progress(plan, folder, "stem") == (
        "stem: 3 of 6 tiles, 48 of 96 pairs, 4 pairs/s, 12 s left"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3.2, "3 s"), (89, "89 s"), (120, "2 min"), (9000, "2.5 h"), (2e5, "2.31 d")],
)
def test_durations_are_for_people(seconds, text):
    assert duration(seconds) == text
