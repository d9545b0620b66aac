"""The representation store: written whole or not at all, read with every fault named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from shapemetrics import RepresentationStore, StoreWriter, pairwise_distances
from shapemetrics.files import DamagedFile
from shapemetrics.metrics import GaussianStochasticMetric
from shapemetrics.store import flatten_positions


def write_store(folder: Path, **arrays: np.ndarray) -> RepresentationStore:
    first = next(iter(arrays.values()))
    with StoreWriter(folder, source="test", simulated=True, stimuli=range(len(first))) as writer:
        for number, (id, array) in enumerate(arrays.items()):
            writer.add(id, array, layer="stem" if number % 2 == 0 else "pool", accuracy=number / 10)
    return RepresentationStore(folder)


@pytest.fixture
def store(tmp_path: Path, rng: np.random.Generator) -> RepresentationStore:
    return write_store(
        tmp_path / "store",
        a=rng.normal(size=(6, 3)).astype(np.float32),
        b=rng.normal(size=(6, 5)),
        c=rng.normal(size=(6, 4)),
    )


def test_round_trip_keeps_values_types_and_covariates(tmp_path: Path, rng: np.random.Generator):
    arrays = {"x": rng.normal(size=(4, 2, 3, 5)).astype(np.float32), "y": rng.normal(size=(4, 7))}
    store = write_store(tmp_path / "s", **arrays)
    for id, array in arrays.items():
        np.testing.assert_array_equal(store.load(id), array)
        assert store.load(id).dtype == array.dtype
    assert store.ids == ["x", "y"]
    assert list(store.index["accuracy"]) == [0.0, 0.1]
    assert store.index.loc["x", "shape"] == "4x2x3x5"
    assert store.simulated
    assert json.loads((tmp_path / "s" / "dataset.json").read_text())["stimuli"] == [0, 1, 2, 3]
    store.verify()


def test_loading_is_memory_mapped_and_read_only(store: RepresentationStore):
    array = store.load("a")
    assert isinstance(array, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1.0


def test_select_by_value_list_and_order(store: RepresentationStore):
    assert store.select(layer="stem").ids == ["a", "c"]
    assert store.select(accuracy=[0.1, 0.2]).ids == ["b", "c"]
    assert store.take(["c", "a"]).ids == ["c", "a"]
    assert store.select(layer="stem").digest != store.digest


def test_error_while_writing_leaves_the_old_store(tmp_path: Path, rng: np.random.Generator):
    folder = tmp_path / "store"
    old = write_store(folder, a=np.eye(3)).digest
    with (
        pytest.raises(RuntimeError, match="power cut"),
        StoreWriter(folder, source="new", simulated=False, stimuli=[1, 2, 3]) as writer,
    ):
        writer.add("b", rng.normal(size=(3, 2)))
        raise RuntimeError("power cut")
    assert RepresentationStore(folder).digest == old
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((3, 2), np.nan), r"'bad': found 6 values that are NaN or infinite"),
        (np.ones((4, 2)), r"'bad': found 4 stimuli, expected 3"),
        (np.ones((3, 2, 2, 2, 2)), r"'bad': found shape \(3, 2, 2, 2, 2\), expected"),
        (np.ones((3, 0)), r"'bad': found shape \(3, 0\)"),
    ],
)
def test_bad_arrays_are_refused_by_name(tmp_path: Path, array: np.ndarray, message: str):
    with (
        pytest.raises(ValueError, match=message),
        StoreWriter(tmp_path / "s", source="", simulated=False, stimuli=[1, 2, 3]) as writer,
    ):
        writer.add("bad", array)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("array", [np.ones((3, 2), complex), np.full((3, 2), None)])
def test_arrays_that_are_no_real_numbers(tmp_path: Path, array: np.ndarray):
    with (
        pytest.raises(TypeError, match="'bad': found dtype"),
        StoreWriter(tmp_path / "s", source="", simulated=False, stimuli=[1, 2, 3]) as writer,
    ):
        writer.add("bad", array)


@pytest.mark.parametrize("id", ["", "../a", "a/b", ".hidden"])
def test_ids_that_are_no_file_names(tmp_path: Path, id: str):
    with (
        pytest.raises(ValueError, match="cannot be a file name"),
        StoreWriter(tmp_path / "s", source="", simulated=False, stimuli=[1]) as writer,
    ):
        writer.add(id, np.ones((1, 1)))


def test_repeated_id(tmp_path: Path):
    with (
        pytest.raises(ValueError, match="id: found 'a' twice"),
        StoreWriter(tmp_path / "s", source="", simulated=False, stimuli=[1, 2]) as writer,
    ):
        writer.add("a", np.eye(2))
        writer.add("a", np.eye(2))


def test_empty_store_is_refused(tmp_path: Path):
    with (
        pytest.raises(ValueError, match="no representation was added"),
        StoreWriter(tmp_path / "s", source="", simulated=False, stimuli=[1]),
    ):
        pass


def test_not_a_store(tmp_path: Path):
    with pytest.raises(ValueError, match=r"is not a representation store: index\.csv is missing"):
        RepresentationStore(tmp_path)


def test_missing_damaged_and_changed_files(store: RepresentationStore):
    file = store.path / "b.npy"
    whole = file.read_bytes()
    flipped = bytearray(whole)
    flipped[-1] ^= 1
    file.write_bytes(bytes(flipped))
    with pytest.raises(ValueError, match=r"b\.npy: found sha256 .*, expected"):
        store.verify()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"b\.npy: damaged"):
        store.load("b")
    file.unlink()
    with pytest.raises(ValueError, match=r"b\.npy: missing"):
        store.load("b")


def test_array_that_differs_from_the_index(store: RepresentationStore):
    np.save(store.path / "b.npy", np.ones((6, 2)))
    with pytest.raises(ValueError, match="found shape 6x2 of float64, expected 6x5 of float64"):
        store.load("b")


def test_nan_in_a_stored_file_is_named(store: RepresentationStore):
    array = np.array(store.load("b"))
    array[2, 1] = np.nan
    np.save(store.path / "b.npy", array)
    with pytest.raises(ValueError, match="'b': found 1 values that are NaN"):
        store.arrays()


def test_remains_of_a_killed_writer_are_removed(tmp_path: Path):
    remains = tmp_path / ".store.12345.tmp"
    others = tmp_path / ".store2.12345.tmp"
    for folder in (remains, others):
        folder.mkdir()
        (folder / "half.npy").write_bytes(b"half")
    write_store(tmp_path / "store", a=np.ones((3, 2)) * [[1], [2], [3]])
    assert not remains.exists()
    assert others.exists()


def edit_index(folder: Path, old: str, new: str, *, sealed: bool = False) -> None:
    """Edit a store's index; unless `sealed`, as an owner does who takes the digests away."""
    index = (folder / "index.csv").read_text()
    assert old in index
    (folder / "index.csv").write_text(index.replace(old, new))
    if not sealed:
        facts = json.loads((folder / "dataset.json").read_text())
        del facts["index_sha256"], facts["sha256"]
        (folder / "dataset.json").write_text(json.dumps(facts))


def test_an_altered_index_is_found_by_its_digest(store: RepresentationStore):
    edit_index(store.path, "b.npy", "a.npy", sealed=True)
    with pytest.raises(DamagedFile, match=r"index\.csv: found other content than was written"):
        RepresentationStore(store.path)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('"simulated": true', '"simulated": false', "other content than was written"),
        ('"simulated": true', '"simulated": ', "damaged or no JSON"),
    ],
)
def test_altered_metadata_are_found_by_their_digest(store: RepresentationStore, old, new, match):
    file = store.path / "dataset.json"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(DamagedFile, match=match) as found:
        RepresentationStore(store.path)
    assert found.value.path == file


def test_differing_numbers_of_stimuli_are_named(store: RepresentationStore):
    np.save(store.path / "b.npy", np.ones((5, 5)))
    edit_index(store.path, "6x5", "5x5")
    with pytest.raises(ValueError, match="'b': found 5 stimuli, expected 6"):
        RepresentationStore(store.path).arrays()


def test_pickles_are_never_loaded(store: RepresentationStore):
    np.save(store.path / "b.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"b\.npy: damaged or not an \.npy file"):
        store.load("b", mmap=False)


def test_paths_out_of_the_store_are_refused(store: RepresentationStore):
    np.save(store.path.parent / "outside.npy", np.ones((6, 5)))
    edit_index(store.path, "b.npy", "../outside.npy")
    with pytest.raises(ValueError, match="points outside the store"):
        RepresentationStore(store.path).load("b")


def test_unknown_covariate_and_empty_selection(store: RepresentationStore):
    with pytest.raises(ValueError, match="no covariate 'layr'; there are: layer, accuracy"):
        store.select(layr="stem")
    with pytest.raises(ValueError, match="no representation has"):
        store.select(layer="nowhere")


def test_flatten_positions(rng: np.random.Generator):
    X = rng.normal(size=(4, 2, 3, 5))
    samples = flatten_positions(X, "samples")
    assert samples.shape == (24, 5)
    np.testing.assert_array_equal(samples[1 * 6 + 1 * 3 + 2], X[1, 1, 2])
    assert flatten_positions(X, "features").shape == (4, 30)
    np.testing.assert_allclose(flatten_positions(X, "mean"), X.mean(axis=(1, 2)))
    matrix = rng.normal(size=(4, 3))
    assert flatten_positions(matrix, "samples") is matrix
    with pytest.raises(ValueError, match="positions 'pixels' is unknown"):
        flatten_positions(X, "pixels")


def test_arrays_flattened_to_different_numbers_of_samples(tmp_path: Path):
    store = write_store(tmp_path / "s", a=np.ones((2, 2, 2, 3)), b=np.ones((2, 1, 1, 3)))
    with pytest.raises(ValueError, match="'b' has 2 samples and 'a' 8"):
        store.arrays("samples")
    assert [x.shape for x in store.arrays("mean")] == [(2, 3), (2, 3)]


def test_trials_are_kept_for_stochastic_metrics(tmp_path: Path, rng: np.random.Generator):
    trials = {name: rng.normal(size=(5, 8, 3)) for name in "ab"}
    store = write_store(tmp_path / "s", **trials)
    np.testing.assert_array_equal(store.arrays()[0], trials["a"])
    with pytest.raises(ValueError, match="'a': found 3 axes, expected 2 or 4"):
        store.arrays("samples")
    distances = pairwise_distances(store, GaussianStochasticMetric(group="identity"))
    assert distances[0, 1] > 0
