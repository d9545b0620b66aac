"""A folder of files and its table as a dataset: every mistake named, nothing half-written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from shapemetrics import RepresentationStore
from shapemetrics.datasets import FilesDataset, check_dataset, write_store

TABLE = "id,layer,kind,score\na,1,x,0.5\nb,1,y,\nc,2,x,2.5\n"


def array_of(name: str) -> np.ndarray:
    return np.random.default_rng(ord(name)).normal(size=(5, 3 + ord(name) % 2))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "my data é"
    path.mkdir()
    for name in "abc":
        np.save(path / f"{name}.npy", array_of(name))
    (path / "table.csv").write_text(TABLE)
    return path


def test_files_become_a_store(folder: Path, tmp_path: Path) -> None:
    dataset = FilesDataset(folder, "table.csv")
    assert check_dataset(dataset) == 3
    store = write_store(dataset, tmp_path / "store")
    assert store.ids == ["a", "b", "c"]
    assert store.index["layer"].tolist() == [1, 1, 2]
    assert store.index["score"].isna().tolist() == [False, True, False]
    for name, array in zip("abc", store.arrays()):
        np.testing.assert_array_equal(array, array_of(name))
    store.verify()


def test_digests_of_all_inputs_are_kept_and_follow_their_files(folder: Path, tmp_path: Path):
    def digests() -> dict[str, str]:
        write_store(FilesDataset(folder, "table.csv"), tmp_path / "store")
        return json.loads((tmp_path / "store" / "dataset.json").read_text())["inputs"]

    before = digests()
    assert set(before) == {"a.npy", "b.npy", "c.npy", "table.csv"}
    np.save(folder / "b.npy", array_of("b") + 1)
    after = digests()
    assert {name for name in before if before[name] != after[name]} == {"b.npy"}


def test_several_arrays_of_one_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "net.npz", first=array_of("a"), second=array_of("b"), third=array_of("c"))
    (tmp_path / "t.csv").write_text(
        "id,file,variable\na,net.npz,first\nb,net.npz,second\nc,net.npz,third\n"
    )
    found = {id: array for id, array, _ in FilesDataset(tmp_path, "t.csv")}
    for name in "abc":
        np.testing.assert_array_equal(found[name], array_of(name))


def test_named_layers_are_called_layer_in_the_store(folder: Path) -> None:
    (folder / "table.csv").write_text(TABLE.replace("layer", "area"))
    first = next(iter(FilesDataset(folder, "table.csv", layer="area")))
    assert first.covariates["layer"] == 1
    assert "area" not in first.covariates


def test_stimuli_are_named_by_their_table(folder: Path) -> None:
    (folder / "stimuli.csv").write_text("id,what\np,1\nq,1\nr,2\ns,2\nt,3\n")
    dataset = FilesDataset(folder, "table.csv", stimuli="stimuli.csv")
    assert dataset.stimuli == list("pqrst")


def test_trials_are_averaged_on_request(tmp_path: Path) -> None:
    for name in "abc":
        np.save(tmp_path / f"{name}.npy", np.stack([array_of(name), -array_of(name) * 3], axis=1))
    (tmp_path / "t.csv").write_text("id\na\nb\nc\n")
    store = write_store(FilesDataset(tmp_path, "t.csv"), tmp_path / "store", trials="mean")
    np.testing.assert_allclose(store.load("a"), -array_of("a"))


def overwrite(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


BAD = {
    "missing file": (lambda f: (f / "b.npy").unlink(), "line 3: there is no file for 'b'"),
    "extra file": (
        lambda f: np.save(f / "d.npy", array_of("d")),
        r"1 files of .* have no line \(d.npy\)",
    ),
    "two files": (lambda f: (f / "a.csv").write_text("1"), "found a.csv and a.npy, expected one"),
    "duplicate": (overwrite("table.csv", "id\na\nb\nA\n"), "line 4: id 'A' stands in line 2"),
    "slash": (overwrite("table.csv", "id\na/b\nb\nc\n"), "a/b"),
    "parent": (overwrite("table.csv", "id,file\n..,a.npy\nb,b.npy\nc,c.npy\n"), "cannot be a file"),
    "outside": (
        overwrite("table.csv", "id,file\na,../a.npy\nb,b.npy\nc,c.npy\n"),
        "line 2: file '../a.npy' leads out of the folder",
    ),
    "absolute": (overwrite("table.csv", "file\n/etc/a.npy\nb.npy\nc.npy\n"), "leads out of"),
    "backslash": (overwrite("table.csv", "file\n..\\a.npy\nb.npy\nc.npy\n"), "leads out of"),
    "no id": (overwrite("table.csv", "name\na\nb\nc\n"), "expected 'id' or 'file'"),
    "twice": (overwrite("table.csv", "id,x,x\na,1,2\nb,1,2\nc,1,2\n"), "column 'x' stands twice"),
    "reserved": (overwrite("table.csv", "id,sha256\na,1\nb,1\nc,1\n"), "'sha256' has the name"),
    "no column": (overwrite("table.csv", "id,\na,1\nb,1\nc,1\n"), "no readable name"),
    "too few": (overwrite("table.csv", "id\na\nb\n"), "found 2 rows, expected at least 3"),
    "infinite": (overwrite("table.csv", "id,x\na,inf\nb,1\nc,2\n"), "line 2, column 'x' is infin"),
    "ragged": (overwrite("table.csv", "id,x\na,1,3\nb,1\nc,2\n"), "no readable table"),
    "NaN": (lambda f: np.save(f / "b.npy", array_of("b") * np.nan), "b.npy.* NaN or infinite"),
    "stimuli": (
        lambda f: np.save(f / "b.npy", array_of("b")[:4]),
        r"b.npy: found 4 stimuli \(shape \(4, 3\)\), expected 5 as in a.npy",
    ),
    "axes": (lambda f: np.save(f / "b.npy", array_of("b")[:, 0]), r"b.npy.*found shape \(5,\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_every_mistake_is_one_line_and_leaves_the_old_store(
    folder: Path, tmp_path: Path, name: str
) -> None:
    write_store(FilesDataset(folder, "table.csv"), tmp_path / "store")
    before = RepresentationStore(tmp_path / "store").digest
    change, expected = BAD[name]
    change(folder)
    with pytest.raises(ValueError, match=expected) as caught:
        write_store(FilesDataset(folder, "table.csv"), tmp_path / "store")
    assert "\n" not in str(caught.value)
    assert RepresentationStore(tmp_path / "store").digest == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name, "store"]


def test_extra_files_may_be_left_alone(folder: Path) -> None:
    np.save(folder / "d.npy", array_of("d"))
    assert len(FilesDataset(folder, "table.csv", ignore_extra=True)) == 3
