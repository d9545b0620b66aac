"""A folder of files and its table as a dataset: every mistake named, nothing half-written."""

from __future__ import annotations

import gzip
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


CATS = "picture,u1,u2\ncat,0.1,0.2\ndog,0.3,0.4\neel,0.5,0.6\n"
DOGS = "picture,u1\ndog,3\ncat,1.5\neel,2\n"


def tables(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text)
    (folder / "t.csv").write_text("id\n" + "\n".join(texts) + "\n")
    return folder


def test_rows_are_put_in_the_order_that_their_names_say(tmp_path: Path) -> None:
    tables(tmp_path, a=CATS, b=DOGS, c=CATS)
    dataset = FilesDataset(tmp_path, "t.csv")
    found = {id: array.tolist() for id, array, _ in dataset}
    assert found["b"] == [[1.5], [3], [2]]
    assert found["a"] == found["c"] == [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]
    assert dataset.stimuli == ["cat", "dog", "eel"]
    assert dataset.told() == [
        "a.csv and 2 others: line 1 is names, column 1 ('picture') is names",
        f"{tmp_path / 'b.csv'}: stimuli are put into the order of {tmp_path / 'a.csv'}",
    ]


def test_a_table_of_stimuli_says_the_order(tmp_path: Path) -> None:
    tables(tmp_path, a=CATS, b=DOGS, c=CATS)
    np.save(tmp_path / "c.npy", np.array([[3.0], [1.0], [2.0]]))
    (tmp_path / "c.csv").unlink()
    (tmp_path / "stimuli.csv").write_text("id;what\neel;fish\ncat;pet\ndog;pet\n")
    found = {
        id: array.tolist()
        for id, array, _ in FilesDataset(tmp_path, "t.csv", stimuli="stimuli.csv")
    }
    assert found["a"] == [[0.5, 0.6], [0.1, 0.2], [0.3, 0.4]]
    assert found["b"] == [[2], [1.5], [3]]
    assert found["c"] == [[3], [1], [2]]  # without names it is in the order of the table


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"b": DOGS.replace("eel", "cow")}, "b.csv: found stimuli without 'eel' .* as .*a.csv"),
        ({"b": DOGS + "cow,1.5\n"}, r"b.csv: found 4 stimuli \(shape \(4, 1\)\), expected 3"),
        (
            {"b": DOGS, "c": "0.5,0.25\n0.125,1.5\n0.75,2.5\n"},
            "b.csv: found stimuli in another order than .*a.csv, and none named by .*c.csv",
        ),
        (
            {"a": "0.5,0.25\n0.125,1.5\n0.75,2.5\n", "b": DOGS},
            "c.csv: found stimuli in another order than .*b.csv, and none named by .*a.csv",
        ),
    ],
)
def test_names_of_rows_that_disagree_are_never_ignored(
    tmp_path: Path, texts: dict[str, str], expected: str
) -> None:
    tables(tmp_path, **{"a": CATS, "b": CATS, "c": CATS, **texts})
    with pytest.raises(ValueError, match=expected):
        list(FilesDataset(tmp_path, "t.csv"))


def test_row_numbers_are_no_names(tmp_path: Path) -> None:
    rows = ["0.5,0.25", "0.125,1.5", "0.75,2.5"]
    texts = {
        "a": ",x,y\n" + "".join(f"{k},{row}\n" for k, row in enumerate(rows)),
        "b": ",x,y\n" + "".join(f"{k},{row}\n" for k, row in enumerate(rows, start=1)),
        "c": "x,y\n" + "".join(f"{row}\n" for row in rows),
    }
    dataset = FilesDataset(tables(tmp_path, **texts), "t.csv")
    a, b, c = (array.tolist() for _, array, _ in dataset)
    assert a == b == c == [[0.5, 0.25], [0.125, 1.5], [0.75, 2.5]]
    assert dataset.stimuli == [0, 1, 2]
    # But in another order than they count, they say which row is which.
    (tmp_path / "b.csv").write_text(",x,y\n2,0.75,2.5\n0,0.5,0.25\n1,0.125,1.5\n")
    (tmp_path / "c.csv").write_text(",x,y\n1,0.125,1.5\n0,0.5,0.25\n2,0.75,2.5\n")
    with pytest.raises(
        ValueError, match=r"c.csv: found stimuli in another order.*none named by .*a.csv"
    ):
        list(FilesDataset(tmp_path, "t.csv"))


def test_options_of_tables_and_axes(tmp_path: Path) -> None:
    tables(tmp_path, a="0,1\n0.5,2\n", b="0,1\n0.5,2\n", c="0,1\n0.5,2\n")
    for header, rows in ((True, [[0.5, 2]]), (False, [[0, 1], [0.5, 2]])):
        options = {"header": header, "index": False}
        assert [array.tolist() for _, array, _ in FilesDataset(tmp_path, "t.csv", **options)] == [
            rows
        ] * 3
    grid = np.arange(120.0).reshape(2, 3, 4, 5)
    for name in "abc":
        (tmp_path / f"{name}.csv").unlink()
        np.save(tmp_path / f"{name}.npy", grid.transpose(0, 3, 1, 2))
    axes = ["stimuli", "channels", "height", "width"]
    for _, array, _ in FilesDataset(tmp_path, "t.csv", axes=axes):
        np.testing.assert_array_equal(array, grid)
    with pytest.raises(ValueError, match="axes: found stimuli, expected"):
        FilesDataset(tmp_path, "t.csv", axes=["stimuli"])


def test_what_is_in_doubt_is_said_before_files_are_read(tmp_path: Path) -> None:
    tables(tmp_path, a="", b="", c="")
    for name in "abc":
        (tmp_path / f"{name}.csv").unlink()
    np.save(tmp_path / "a.npy", np.ones((2, 16, 8, 8)))
    np.save(tmp_path / "b.NPY.npy", np.ones((2, 16, 8, 8)))
    (tmp_path / "b.NPY.npy").rename(tmp_path / "b.NPY")
    np.savez(tmp_path / "c.npz", X=np.ones((2, 8, 8, 4)), labels=np.arange(2))
    channels, passed = FilesDataset(tmp_path, "t.csv").remarks()
    assert channels.startswith(f"{tmp_path / 'a.npy'} and 1 other: shape (2, 16, 8, 8) looks like")
    assert passed == f"{tmp_path / 'c.npz'}: left out, no matrix: labels (2,)"
    axes = ["stimuli", "channels", "height", "width"]
    assert FilesDataset(tmp_path, "t.csv", axes=axes).remarks() == [passed]


def test_the_table_of_files_as_spreadsheets_and_pandas_write_it(folder: Path) -> None:
    expected = FilesDataset(folder, "table.csv").table.covariates
    changed = {
        "semicolons": (TABLE.replace(",", ";").replace(".", ","), "utf-8-sig"),
        "UTF-16": (TABLE, "utf-16"),
        "pandas": (
            "".join(f"{k - 1 if k else ''},{line}\n" for k, line in enumerate(TABLE.splitlines())),
            "utf-8",
        ),
        "empty columns": (TABLE.replace("\n", ",,\n"), "utf-8"),
        "blank lines": (TABLE.replace("\n", "\n\n"), "utf-8"),
    }
    for text, encoding in changed.values():
        (folder / "table.csv").write_bytes(text.encode(encoding))
        found = FilesDataset(folder, "table.csv")
        assert found.table.ids == ["a", "b", "c"]
        assert found.table.covariates.equals(expected)
    gz = folder / "table.csv.gz"
    gz.write_bytes(gzip.compress(TABLE.encode()))
    (folder / "table.csv").unlink()
    assert FilesDataset(folder, gz.name).table.covariates.equals(expected)


def test_ids_have_no_suffix_in_capitals_or_doubled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array_of("a"))
    (tmp_path / "a.npy").rename(tmp_path / "A.NPY")
    np.savetxt(tmp_path / "b.csv.gz", array_of("a"), delimiter=",")
    np.savetxt(tmp_path / "c.d.CSV", array_of("a"), delimiter=",")
    (tmp_path / "t.csv").write_text("file\nA.NPY\nb.csv.gz\nc.d.CSV\n")
    by_file = {id: array for id, array, _ in FilesDataset(tmp_path, "t.csv")}
    assert list(by_file) == ["A", "b", "c.d"]
    (tmp_path / "t.csv").write_text("id\nA\nb\nc.d\n")
    for id, array, _ in FilesDataset(tmp_path, "t.csv"):
        np.testing.assert_array_equal(array, by_file[id])


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
