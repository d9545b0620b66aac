"""Distances in tiles: the same numbers as in one job, and only new tiles for new networks."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import yaml

from shapemetrics.pairwise import DistanceMatrix

pytestmark = [pytest.mark.slow, pytest.mark.workflow]

#: Two blocks of ten and a rest of four; one metric, since each tile is a job.
TILED = {"distances": {"block_size": 10}, "metrics": {"cca": None}}


def configured(checkout, name: str, **settings) -> None:
    config = yaml.safe_load((checkout.folder / "config" / checkout.config).read_text())
    for key, value in settings.items():
        config[key] = {**config.get(key, {}), **value}
    (checkout.folder / "config" / name).write_text(yaml.safe_dump(config))
    checkout.config = name


def matrices(checkout) -> dict[str, DistanceMatrix]:
    folder = checkout.results / "distances"
    return {
        str(path.relative_to(folder)): DistanceMatrix.load(path)
        for path in sorted(folder.rglob("distances.npz"))
    }


@pytest.fixture(scope="module")
def tiled(finished, tmp_path_factory):
    """The finished study, its distances made anew in tiles, and nothing else."""
    checkout = finished.copy(tmp_path_factory.mktemp("tiles") / "study")
    found = [path for path in matrices(checkout) if "/cca/" not in path]
    shutil.rmtree(checkout.results / "distances")
    configured(checkout, "tiled.yaml", **TILED)
    folder = (checkout.results / "distances").relative_to(checkout.folder)
    checkout.output = checkout.run("--notemp", *(str(folder / path) for path in found))
    return checkout


def test_distances_are_those_of_one_job(tiled, finished):
    whole, parts = matrices(finished), matrices(tiled)
    assert parts.keys() == {path for path in whole if "/cca/" not in path}
    assert len(parts) >= 5
    for name, matrix in parts.items():
        assert matrix.ids == whole[name].ids
        np.testing.assert_allclose(matrix.values, whole[name].values, rtol=0, atol=1e-9)
        for key in ("dataset", "selection", "metric", "parameters", "representations"):
            assert matrix.provenance[key] == whole[name].provenance[key]


def test_number_of_tiles_is_said_beforehand(tiled):
    plan = json.loads((tiled.results / "distances" / "nasbench" / "tiles.json").read_text())
    n_blocks = [len(matrix["blocks"]) for matrix in plan]
    tiles = sum(n * (n + 1) // 2 for n in n_blocks)
    assert f"{len(plan)} matrices of distances, {tiles} tiles" in tiled.output
    assert len(list(tiled.results.rglob("tile_*.npz"))) == tiles


def test_progress_of_a_matrix_is_one_line_in_the_log(tiled):
    lines = (tiled.results / "logs" / "distances.log").read_text().splitlines()
    last = [line for line in lines if "pool_trained" in line and "procrustes" in line][-1]
    assert "6 of 6 tiles, 396 of 396 pairs" in last


def test_further_networks_cost_only_the_new_tiles(tiled, tmp_path):
    checkout = tiled.copy(tmp_path / "study")
    before = {path.name for path in checkout.results.rglob("tile_*.npz")}
    configured(checkout, "more.yaml", datasets={"nasbench": nasbench_of(checkout, n_networks=30)})
    checkout.run("--notemp", "--until", "gather_tiles")
    folder = checkout.results / "distances" / "nasbench" / "pool_trained" / "procrustes" / "tiles"
    old = [path for path in folder.iterdir() if path.name in before]
    reference = tiled.results / folder.relative_to(checkout.results)
    # The tiles of the two full blocks are still there, and were not touched.
    assert sum(path.name in before for path in folder.iterdir()) >= 3
    kept = [
        path
        for path in old
        if path.stat().st_mtime_ns == (reference / path.name).stat().st_mtime_ns
    ]
    assert len(kept) == len(old)
    matrix = DistanceMatrix.load(folder.parent / "distances.npz")
    assert len(matrix.ids) == 30


def nasbench_of(checkout, **changes) -> dict:
    config = yaml.safe_load((checkout.folder / "config" / checkout.config).read_text())
    return {**config["datasets"]["nasbench"], **changes}


def test_a_damaged_tile_is_found_and_made_anew(tiled, tmp_path):
    checkout = tiled.copy(tmp_path / "study")
    folder = checkout.results / "distances" / "nasbench" / "pool_trained" / "procrustes"
    matrix, tile = folder / "distances.npz", sorted((folder / "tiles").iterdir())[0]
    expected = matrix.read_bytes()
    matrix.unlink()
    content = bytearray(tile.read_bytes())
    content[len(content) // 2] ^= 1
    tile.write_bytes(content)
    wanted = str(matrix.relative_to(checkout.folder))
    output = checkout.run(wanted, expect=1)
    assert f"{tile.name}: not a readable tile" in output or f"{tile.name}: found sha256" in output
    assert "it was removed: run the same command again" in output
    assert not tile.exists()
    checkout.run(wanted)
    assert matrix.read_bytes() == expected
