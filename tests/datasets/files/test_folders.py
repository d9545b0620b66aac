"""Which files of a folder hold responses, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shapemetrics.datasets.files.folders import response_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", np.ones((3, 2)))
    return tmp_path


def names(folder: Path) -> list[str]:
    return [path.name for path in response_files(folder)[0]]


def test_every_format_in_small_letters_or_capitals(folder: Path) -> None:
    for name in ("c.NPZ", "d.csv", "e.TSV", "f.csv.gz", "g.TSV.GZ", "h.mat", "i.h5", "j.hdf5"):
        (folder / name).write_text("0.5,0.7\n")
    assert names(folder) == ["a.npy", "b.npy", *sorted(names(folder)[2:])]
    assert len(names(folder)) == 10
    assert response_files(folder)[1] == []


def test_hidden_files_and_locks_are_no_responses(folder: Path) -> None:
    for name in ("._a.npy", ".c.npy", "~$d.csv", ".DS_Store"):
        (folder / name).write_bytes(b"\x00\x05\x16\x07")
    assert response_files(folder) == ([folder / "a.npy", folder / "b.npy"], [])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("networks.csv", "id,depth\na,1\nb,2\n"),
        ("index.csv", "depth,id\n1,a\n"),
        ("table.tsv", "id\tdepth\na\t1\n"),
        ("excel.csv", "\ufeffid;depth\na;1,5\nb;2\n"),
        ("pandas.csv", ",file,depth\n0,a.npy,1\n1,b.npy,2\n"),
        ("old.CSV", "id,depth\na,1\ngone,2\n"),
    ],
)
def test_a_table_about_the_files_is_left_out_and_said(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")
    assert names(folder) == ["a.npy", "b.npy"]
    assert response_files(folder)[1] == [f"{folder / name}: left out, a table about the files"]


def test_a_table_of_responses_with_names_stays(folder: Path) -> None:
    (folder / "c.csv").write_text("id,u1\ncat,0.5\ndog,0.7\n")
    (folder / "networks.csv").write_text("u1,u2\n0.5,0.7\n")
    assert names(folder) == ["a.npy", "b.npy", "c.csv", "networks.csv"]


def test_a_table_of_stimuli_is_left_out_and_said(folder: Path) -> None:
    (folder / "stimuli.csv").write_text("id,what\ncat,1\ndog,2\n")
    assert names(folder) == ["a.npy", "b.npy"]
    assert response_files(folder)[1] == [f"{folder / 'stimuli.csv'}: left out, a table of stimuli"]
    (folder / "stimuli.csv").write_text("u1,u2\n0.5,1.5\n")
    assert names(folder) == ["a.npy", "b.npy", "stimuli.csv"]


def test_other_files_are_counted(folder: Path) -> None:
    for name in ("README", "notes.TXT", "figure.txt", "weights.pt"):
        (folder / name).write_text("x")
    (folder / "more.npy").mkdir()
    assert names(folder) == ["a.npy", "b.npy"]
    assert response_files(folder)[1] == [
        f"{folder}: left out, no files of responses: 1 .pt, 2 .txt, 1 folder, 1 without suffix"
    ]


def test_a_link_that_leads_nowhere_is_refused(folder: Path) -> None:
    (folder / "c.npy").symlink_to(folder / "gone.npy")
    with pytest.raises(ValueError, match=r"c.npy: found a link that leads nowhere"):
        response_files(folder)


def test_what_cannot_be_read_is_left_to_its_reader(folder: Path) -> None:
    (folder / "c.csv").write_bytes(b"\xff\x00id")
    (folder / "d.csv.gz").write_bytes(b"nothing")
    assert names(folder) == ["a.npy", "b.npy", "c.csv", "d.csv.gz"]
