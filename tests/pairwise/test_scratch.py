"""Out of core: the same numbers, bounded memory, and finished tiles that are never made twice."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from shapemetrics import RepresentationStore, pairwise_distances
from shapemetrics.metrics import (
    AngularCKA,
    Comparison,
    ConvolutionMetric,
    KernelMetric,
    LinearMetric,
)
from shapemetrics.store import StoreWriter


@pytest.fixture
def arrays() -> list[np.ndarray]:
    return [np.random.default_rng(k).normal(size=(30, 4 + k % 3)) for k in range(10)]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_same_as_in_memory(arrays, tmp_path, n_jobs, dtype):
    options = {"n_jobs": n_jobs, "dtype": dtype}
    D = pairwise_distances(arrays, LinearMetric(), scratch=tmp_path, block_size=3, **options)
    expected = pairwise_distances(arrays, LinearMetric(), **options)
    np.testing.assert_allclose(D, expected, rtol=0, atol=1e-12 if dtype == "float64" else 1e-5)
    assert not list(tmp_path.glob("*.block"))


def test_asymmetric_and_convolutional_measures(arrays, tmp_path):
    metric = Comparison("linear_regression")
    D = pairwise_distances(arrays, metric, scratch=tmp_path / "a", block_size=4)
    np.testing.assert_allclose(D, pairwise_distances(arrays, metric), rtol=0, atol=1e-12)
    layers = [np.random.default_rng(k).normal(size=(5, 3, 3, 2)) for k in range(5)]
    D = pairwise_distances(layers, ConvolutionMetric(), scratch=tmp_path / "b", block_size=2)
    np.testing.assert_allclose(D, pairwise_distances(layers, ConvolutionMetric()), atol=1e-12)


def test_a_store_and_a_mapping_are_read_one_by_one(arrays, tmp_path):
    with StoreWriter(tmp_path / "store", source="x", simulated=False, stimuli=range(30)) as store:
        for k, X in enumerate(arrays):
            store.add(f"n{k}", X)
    expected = pairwise_distances(arrays, LinearMetric())
    for k, given in enumerate(
        [RepresentationStore(tmp_path / "store"), {f"n{k}": X for k, X in enumerate(arrays)}]
    ):
        D = pairwise_distances(given, LinearMetric(), scratch=tmp_path / str(k), block_size=4)
        np.testing.assert_allclose(D, expected, rtol=0, atol=1e-12)


class Counted(list):
    """Networks that may be read only so often."""

    reads = 0

    def __getitem__(self, i):
        self.reads += 1
        return super().__getitem__(i)


def test_finished_tiles_are_kept_and_further_networks_cost_only_new_ones(arrays, tmp_path):
    first = pairwise_distances(arrays[:6], LinearMetric(), scratch=tmp_path, block_size=3)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.glob("tile_*.npz")}
    assert len(times) == 3
    seen = []
    D = pairwise_distances(
        arrays[:9],
        LinearMetric(),
        scratch=tmp_path,
        block_size=3,
        progress=lambda done, total: seen.append((done, total)),
    )
    np.testing.assert_array_equal(D[:6, :6], first)
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    assert len(list(tmp_path.glob("tile_*.npz"))) == 6
    assert seen[-1] == (36, 36)


@pytest.mark.parametrize("change", ["metric", "data", "dtype"])
def test_tiles_of_other_metrics_data_or_precision_are_not_reused(arrays, tmp_path, change):
    pairwise_distances(arrays, LinearMetric(), scratch=tmp_path, block_size=5)
    metric = LinearMetric(alpha=0.5) if change == "metric" else LinearMetric()
    dtype = "float32" if change == "dtype" else "float64"
    if change == "data":
        arrays[7] = arrays[7] + np.eye(*arrays[7].shape)
    D = pairwise_distances(arrays, metric, scratch=tmp_path, block_size=5, dtype=dtype)
    expected = pairwise_distances(arrays, metric, dtype=dtype)
    np.testing.assert_allclose(D, expected, rtol=0, atol=1e-5 if change == "dtype" else 1e-12)
    assert len(list(tmp_path.glob("tile_*.npz"))) == (5 if change == "data" else 6)


def test_a_damaged_tile_is_made_anew(arrays, tmp_path):
    D = pairwise_distances(arrays, LinearMetric(), scratch=tmp_path, block_size=5)
    tile = sorted(tmp_path.glob("tile_*.npz"))[1]
    whole = tile.read_bytes()
    tile.write_bytes(whole[:100])
    again = pairwise_distances(arrays, LinearMetric(), scratch=tmp_path, block_size=5)
    np.testing.assert_array_equal(again, D)
    assert tile.read_bytes() == whole


def test_a_killed_run_resumes(arrays, tmp_path):
    class Killed(Exception):
        pass

    def kill(done: int, total: int) -> None:
        if done >= 30:
            raise Killed

    with pytest.raises(Killed):
        pairwise_distances(arrays, LinearMetric(), scratch=tmp_path, block_size=3, progress=kill)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("tile_*.npz")}
    assert 0 < len(kept) < 10
    D = pairwise_distances(arrays, LinearMetric(), scratch=tmp_path, block_size=3)
    np.testing.assert_allclose(D, pairwise_distances(arrays, LinearMetric()), atol=1e-12)
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())


def test_a_run_killed_at_its_last_tile_leaves_no_blocks_once_resumed(arrays, tmp_path):
    class Killed(Exception):
        pass

    def kill(done: int, total: int) -> None:
        if done == total:
            raise Killed

    with pytest.raises(Killed):
        pairwise_distances(arrays, LinearMetric(), scratch=tmp_path, block_size=3, progress=kill)
    assert len(list(tmp_path.glob("*.block"))) == 4
    pairwise_distances(arrays, LinearMetric(), scratch=tmp_path, block_size=3)
    assert not list(tmp_path.glob("*.block"))


def test_blocks_that_another_run_removed_are_made_again(arrays, tmp_path):
    def remove(done: int, total: int) -> None:
        for path in tmp_path.glob("*.block"):
            path.unlink()

    options = {"scratch": tmp_path, "block_size": 3, "progress": remove}
    D = pairwise_distances(arrays, LinearMetric(), **options)
    expected = pairwise_distances(arrays, LinearMetric())
    np.testing.assert_allclose(D, expected, rtol=0, atol=1e-12)


def test_blocks_are_bounded_by_what_prepared_networks_take(tmp_path, monkeypatch):
    # Gram matrices: 100 x 100 numbers and more, from arrays of 100 x 2.
    arrays = [np.random.default_rng(k).normal(size=(100, 2)) for k in range(9)]
    monkeypatch.setattr("shapemetrics.pairwise.out_of_core.BLOCK_BYTES", 2**19)
    sizes = []

    def look(done: int, total: int) -> None:
        sizes.extend(path.stat().st_size for path in tmp_path.glob("[!.]*.block"))

    metric = KernelMetric("rbf")
    D = pairwise_distances(arrays, metric, scratch=tmp_path, progress=look)
    np.testing.assert_allclose(D, pairwise_distances(arrays, metric), rtol=0, atol=1e-9)
    assert 2**17 < max(sizes) < 2**19 + 2**14


def test_what_cannot_be(arrays, tmp_path):
    with pytest.raises(ValueError, match="heldout: AngularCKA has no held-out distance"):
        pairwise_distances(arrays, AngularCKA(), scratch=tmp_path, heldout=arrays)
    with pytest.raises(ValueError, match="found no representations"):
        pairwise_distances([], LinearMetric(), scratch=tmp_path)
    arrays[4] = arrays[4][:20]
    with pytest.raises(ValueError, match=r"'array 4': found 20 stimuli, expected 30"):
        pairwise_distances(arrays, LinearMetric(), scratch=tmp_path, block_size=3)


MEMORY = """
import resource, sys
import numpy as np
from shapemetrics import RepresentationStore, pairwise_distances
from shapemetrics.metrics import LinearMetric
from shapemetrics.pairwise import out_of_core
out_of_core.BLOCK_BYTES = 2**23

class Networks:
    def __len__(self):
        return int(sys.argv[1])
    def __getitem__(self, i):
        return np.random.default_rng(i).normal(size=(400, 64)).astype(np.float32)

pairwise_distances(Networks(), LinearMetric(), scratch=sys.argv[2], dtype="float32")
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_does_not_grow_with_the_number_of_networks(tmp_path):
    peaks = []
    for n in (250, 500):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(MEMORY), str(n), str(tmp_path / str(n))],
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(int(done.stdout) / 1e3)
    # The prepared arrays of 250 further networks alone take 26 MB.
    assert peaks[1] - peaks[0] < 10.0, peaks
