"""Tiles: the whole matrix from its parts, every damage and every gap found."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapemetrics import pairwise_distances
from shapemetrics.files import DamagedFile
from shapemetrics.metrics import (
    AngularCKA,
    Comparison,
    ConvolutionMetric,
    EnergyStochasticMetric,
    GaussianStochasticMetric,
    KernelMetric,
    LinearMetric,
    PermutationMetric,
    SoftMatchingMetric,
)
from shapemetrics.pairwise import (
    Tile,
    block_digest,
    compare_blocks,
    gather_tiles,
    load_block,
    save_block,
)

MATRICES = [np.random.default_rng(k).normal(size=(24, 3 + k % 4)) for k in range(9)]
LAYERS = [np.random.default_rng(k).normal(size=(6, 3, 3, 2)) for k in range(9)]
TRIALS = [np.random.default_rng(k).normal(size=(5, 6, 3)) for k in range(9)]
FAMILIES = {
    "procrustes": (LinearMetric(alpha=1.0), MATRICES),
    "cca": (LinearMetric(alpha=0.0, geometry="euclidean"), MATRICES),
    "convolution": (ConvolutionMetric(), LAYERS),
    "permutation": (PermutationMetric(padding="free"), MATRICES),
    "soft_matching": (SoftMatchingMetric(), MATRICES),
    "kernel": (KernelMetric("rbf"), MATRICES),
    "cka": (AngularCKA(), MATRICES),
    "gaussian": (GaussianStochasticMetric(), TRIALS),
    "energy": (EnergyStochasticMetric(), TRIALS),
    "pwcca": (Comparison("pwcca"), MATRICES),
    "regression": (Comparison("linear_regression"), MATRICES),
}
IDS = [f"n{k}" for k in range(9)]


def tiles_of(metric, arrays, size: int, tmp_path=None) -> list[Tile]:
    prepared = [metric.prepare(X, name=id) for id, X in zip(IDS, arrays)]
    blocks = [range(start, min(start + size, 9)) for start in range(0, 9, size)]
    if tmp_path is not None:
        for block in blocks:
            save_block([prepared[i] for i in block], tmp_path / f"{block.start}.block", {})
    tiles = []
    for i, rows in enumerate(blocks):
        for columns in blocks[i:] if metric.symmetric else blocks:
            if tmp_path is None:
                a, b = ([prepared[k] for k in some] for some in (rows, columns))
            else:
                a, b = (load_block(tmp_path / f"{s.start}.block")[0] for s in (rows, columns))
            values = compare_blocks(a, None if rows is columns else b, metric)
            names = [[IDS[k] for k in some] for some in (rows, columns)]
            tiles.append(Tile(values, *names, {"parameters": metric.parameters()}))
    return tiles


@pytest.mark.parametrize("family", FAMILIES)
def test_tiles_from_files_are_the_matrix(family, tmp_path):
    metric, arrays = FAMILIES[family]
    D = gather_tiles(tiles_of(metric, arrays, 4, tmp_path), IDS, symmetric=metric.symmetric)
    np.testing.assert_allclose(D, pairwise_distances(arrays, metric), rtol=0, atol=1e-9)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 3))
def test_block_sizes_and_threads_change_nothing_but_rounding(size, block_size, n_jobs):
    metric = LinearMetric()
    D = gather_tiles(tiles_of(metric, MATRICES, size), IDS, symmetric=True)
    whole = pairwise_distances(MATRICES, metric, block_size=block_size, n_jobs=n_jobs)
    # Ten machine precisions of the cosine, divided by the sine of the angle.
    bound = 10 * np.finfo(float).eps / np.sin(np.where(whole > 0, whole, 1.0))
    assert np.all(np.abs(D - whole) <= bound)


@pytest.fixture
def tiles() -> list[Tile]:
    return tiles_of(LinearMetric(), MATRICES, 4)


def altered(tile: Tile, i: int, j: int, value: float) -> Tile:
    values = tile.values.copy()
    values[i, j] = value
    return dataclasses.replace(tile, values=values)


def test_round_trip(tiles, tmp_path):
    tiles[1].save(tmp_path / "tile.npz")
    tile = Tile.load(tmp_path / "tile.npz")
    np.testing.assert_array_equal(tile.values, tiles[1].values)
    assert (tile.rows, tile.columns) == (tiles[1].rows, tiles[1].columns)
    assert tile.provenance == tiles[1].provenance
    first = (tmp_path / "tile.npz").read_bytes()
    tiles[1].save(tmp_path / "tile.npz")
    assert (tmp_path / "tile.npz").read_bytes() == first


def test_order_does_not_matter(tiles):
    D = gather_tiles(tiles, IDS, symmetric=True)
    np.testing.assert_array_equal(gather_tiles(tiles[::-1], IDS, symmetric=True), D)


def test_a_gap_is_named(tiles):
    with pytest.raises(ValueError, match=r"no tile for 32 of 81 pairs, such as 'n0' and 'n4'"):
        gather_tiles([tile for tile in tiles if tile is not tiles[1]], IDS, symmetric=True)


def test_pairs_that_are_there_twice(tiles):
    with pytest.raises(ValueError, match="pairs that another tile has too"):
        gather_tiles([*tiles, tiles[2]], IDS, symmetric=True)


def test_a_tile_of_another_matrix(tiles):
    with pytest.raises(ValueError, match="found 'n8', which is not in this matrix"):
        gather_tiles(tiles, IDS[:8], symmetric=True)


@pytest.mark.parametrize("key", ["parameters", "dtype", "backend", "version"])
def test_tiles_of_two_kinds_are_not_mixed(tiles, key):
    other = dataclasses.replace(tiles[1], provenance={**tiles[1].provenance, key: "other"})
    with pytest.raises(ValueError, match=f"found {key} other, expected"):
        gather_tiles([tiles[0], other, *tiles[2:]], IDS, symmetric=True)


def test_what_is_no_distance(tiles):
    with pytest.raises(ValueError, match="from 'n0' to 'n5' is not finite"):
        gather_tiles([tiles[0], altered(tiles[1], 0, 1, np.nan)], IDS, symmetric=True)
    with pytest.raises(ValueError, match="other distances one way than the other"):
        gather_tiles([altered(tiles[0], 0, 1, 0.5)], IDS, symmetric=True)
    with pytest.raises(ValueError, match="distances to oneself that are not zero"):
        gather_tiles([altered(tiles[0], 2, 2, 1e-9)], IDS, symmetric=True)
    with pytest.raises(ValueError, match="ids that repeat"):
        gather_tiles(tiles, ["n0", *IDS], symmetric=True)


@pytest.mark.parametrize("seed", range(20))
def test_a_flipped_byte_is_found_or_was_none_of_the_content(tiles, tmp_path, seed):
    path = tmp_path / "tile.npz"
    tiles[1].save(path)
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    content[rng.integers(len(content))] ^= 1 << rng.integers(8)
    path.write_bytes(content)
    try:
        tile = Tile.load(path)
    except DamagedFile:
        return
    # A time or attribute in the archive's own directory.
    np.testing.assert_array_equal(tile.values, tiles[1].values)
    assert tile.provenance == tiles[1].provenance


def test_truncated_missing_and_pickled_files(tiles, tmp_path):
    path = tmp_path / "tile.npz"
    tiles[0].save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DamagedFile, match=r"tile\.npz: not a readable tile"):
        Tile.load(path)
    with pytest.raises(ValueError, match="no such file"):
        Tile.load(tmp_path / "other.npz")
    np.savez(path, distances=np.array([{}], dtype=object))
    with pytest.raises(DamagedFile):
        Tile.load(path)


def test_identity_of_a_block():
    ids, digests = ["a", "b"], ["00", "11"]
    digest = block_digest(ids, digests, {"positions": "mean"})
    assert digest == block_digest(ids, digests, {"positions": "mean"})
    others = [
        block_digest(["a", "c"], digests, {"positions": "mean"}),
        block_digest(ids[::-1], digests[::-1], {"positions": "mean"}),
        block_digest(ids, ["00", "12"], {"positions": "mean"}),
        block_digest(ids, digests, {"positions": None}),
    ]
    assert len({digest, *others}) == 5
    with pytest.raises(ValueError, match="zip"):
        block_digest(ids, digests[:1], {})


def test_blocks_that_cannot_be_compared():
    metric = LinearMetric()
    prepared = [metric.prepare(X, name=id) for id, X in zip(IDS, MATRICES)]
    short = metric.prepare(MATRICES[0][:20], name="short")
    with pytest.raises(ValueError, match="'short': found 20 stimuli, expected 24"):
        compare_blocks(prepared, [*prepared[:3], short], metric)
    with pytest.raises(ValueError, match="found no prepared networks"):
        compare_blocks(prepared, [], metric)
