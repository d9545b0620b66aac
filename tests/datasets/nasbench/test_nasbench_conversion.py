"""From a file of published results to a table: real files, files written by hand, damage."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import itertools
import json
import struct
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("crc32c")
pytest.importorskip("pyarrow")

from shapemetrics.datasets.nasbench import Cell, enumerate_cells, read_tfrecord
from shapemetrics.datasets.nasbench.conversion import convert_records
from shapemetrics.datasets.nasbench.published import (
    PUBLISHED_FILES,
    fetch_published,
    published_summary,
    read_published,
)

CELLS = list(enumerate_cells(3))


def crc32c(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    value = crc32c(data)
    return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def frame(
    cell: Cell,
    epochs: int = 108,
    values: tuple[float, ...] = (100.0, 1.0, 0.94, 0.93),
    size: int = 1000,
    **changes: str,
) -> bytes:
    """One record, by the published layout."""
    parts = {
        "hash": cell.hash,
        "epochs": epochs,
        "adjacency": cell.adjacency_string,
        "operations": cell.operations_string,
    } | changes
    metrics = b""
    for moment in ((0.0, 0.0, 0.1, 0.1, 0.1), (float(epochs), *values)):
        found = b"".join(struct.pack("<Bd", i << 3 | 1, v) for i, v in enumerate(moment, 1))
        metrics += bytes([0x0A, len(found)]) + found
    metrics += bytes([0x10, size & 127 | 128, size >> 7])
    data = json.dumps([*parts.values(), base64.encodebytes(metrics).decode()]).encode()
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def runs(cell: Cell, budgets=(108,), start: float = 0.5) -> list[bytes]:
    """Three runs of each budget, their test accuracies start, start + 0.01, ..."""
    return [
        frame(cell, epochs, (float(epochs), 0.99, 0.9, start + repeat / 100))
        for epochs in budgets
        for repeat in range(3)
    ]


@pytest.fixture
def write(tmp_path):
    def write_file(frames: list[bytes]) -> Path:
        path = tmp_path / "made.tfrecord"
        path.write_bytes(b"".join(frames))
        return path

    return write_file


def test_the_real_file_comes_out_as_recorded(shared, tmp_path):
    source = shared / "data" / "ecnas_energy_4V9E.tfrecord"
    done = convert_records(source, tmp_path / "table.parquet")
    assert (done.n_records, done.n_cells, done.n_checked) == (1092, 91, 91)
    assert done.budgets == (4, 12, 36, 108)
    table = read_published(tmp_path / "table.parquet")
    assert set(table["hash"]) == {cell.hash for cell in enumerate_cells(4)}
    for row in table.itertuples():
        cell = Cell.from_strings(row.adjacency, row.operations)
        assert cell.hash == row.hash
        assert cell.trainable_parameters() == row.trainable_parameters
    # Every run, in the file's order, against the reader.
    expected: dict[tuple[str, int], list] = {}
    for record in read_tfrecord(source):
        expected.setdefault((record.hash, record.epochs), []).append(record.evaluations[-1])
    table = table.set_index("hash")
    for (name, epochs), found in expected.items():
        for repeat, last in enumerate(found, start=1):
            assert table.loc[name, f"test_accuracy_{epochs}_{repeat}"] == last.test_accuracy
            assert table.loc[name, f"train_accuracy_{epochs}_{repeat}"] == last.train_accuracy
            kept = table.loc[name, f"validation_accuracy_{epochs}_{repeat}"]
            assert kept == last.validation_accuracy
            assert table.loc[name, f"training_seconds_{epochs}_{repeat}"] == last.training_seconds


def test_the_real_record_of_nasbench101_is_not_a_whole_file(shared, tmp_path):
    source = shared / "data" / "nasbench101_one_record.tfrecord"
    with pytest.raises(ValueError, match="00005c142e6f48ac74fdcf73e3439874 has 1 runs of 4 epochs"):
        convert_records(source, tmp_path / "table.parquet")
    done = convert_records(source, tmp_path / "table.parquet", complete=False)
    assert (done.n_records, done.n_cells, done.n_checked) == (1, 1, 1)
    table = read_published(tmp_path / "table.parquet")
    assert table["trainable_parameters"].tolist() == [8_555_530]
    assert table["test_accuracy_4_1"].tolist() == pytest.approx([3499 / 9984])
    assert table[["test_accuracy_4_2", "test_accuracy_4_3"]].isna().all(axis=None)


def test_records_of_a_cell_may_stand_anywhere(write, tmp_path):
    frames = [f for i, cell in enumerate(CELLS) for f in runs(cell, (4, 108), 0.1 * i)]
    order = np.random.default_rng(0).permutation(len(frames))
    convert_records(write([frames[i] for i in order]), tmp_path / "mixed.parquet")
    mixed = read_published(tmp_path / "mixed.parquet").set_index("hash")
    summary = published_summary(mixed.reset_index(), 4)
    for i, cell in enumerate(CELLS):
        kept = mixed.loc[cell.hash, [f"test_accuracy_108_{r}" for r in (1, 2, 3)]]
        assert sorted(kept) == pytest.approx([0.1 * i, 0.1 * i + 0.01, 0.1 * i + 0.02])
        found = summary.loc[cell.hash]
        assert found["published_test_accuracy"] == pytest.approx(0.1 * i + 0.01)
        assert found["published_validation_accuracy"] == pytest.approx(0.9)
        assert found["published_spread"] == pytest.approx(0.01)


def test_many_chunks_give_what_one_gives(write, tmp_path, monkeypatch):
    source = write([f for cell in CELLS for f in runs(cell, (4, 12))])
    seen: list[tuple[int, int]] = []
    convert_records(source, tmp_path / "one.parquet")
    monkeypatch.setattr("shapemetrics.datasets.nasbench.conversion._CHUNK", 4)
    monkeypatch.setattr("shapemetrics.datasets.nasbench.conversion._ROW_GROUP", 3)
    done = convert_records(
        source, tmp_path / "many.parquet", progress=lambda *counts: seen.append(counts)
    )
    assert done.n_records == 42
    one, many = (read_published(tmp_path / f"{name}.parquet") for name in ("one", "many"))
    assert one.equals(many)
    size = source.stat().st_size
    assert seen == sorted(seen)
    assert seen[-1] == (size, size)
    assert len(seen) == 12


def test_another_spelling_of_a_cell_is_recognised(write, tmp_path):
    cell = next(
        c
        for c in enumerate_cells(4)
        if c.n_vertices == 4 and len(set(c.operations)) == 4 and not c.adjacency[1, 2]
    )
    order = [0, 2, 1, 3]
    spelling = Cell(cell.adjacency[np.ix_(order, order)], [cell.operations[v] for v in order])
    assert spelling != cell
    good = runs(cell)
    again = frame(cell, adjacency=spelling.adjacency_string, operations=spelling.operations_string)
    done = convert_records(write([*good[:2], again]), tmp_path / "t.parquet", check_every=0)
    assert (done.n_cells, done.n_checked) == (1, 1)


def test_hashes_are_checked_as_often_as_asked(write, tmp_path):
    source = write([f for cell in CELLS for f in runs(cell)])
    for every, expected in ((1, 7), (3, 3), (0, 0)):
        done = convert_records(source, tmp_path / "t.parquet", check_every=every)
        assert done.n_checked == expected


ODD = CELLS[1]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([frame(ODD, hash="0" * 32)], f"the hash of its cell is {ODD.hash}, not 0000"),
        ([frame(ODD, adjacency="0101")], "expected 9 characters 0 or 1"),
        ([frame(ODD, operations="input,conv5x5,output")], "vertex 1 is 'conv5x5'"),
        ([frame(ODD, 50)], "50 epochs were not published"),
        ([frame(ODD, 108, (1.0, 0.9, 0.9, 1.5))], "time and accuracies .*1.5.* cannot be"),
        ([frame(ODD, 108, (1.0, 0.9, float("nan"), 0.5))], "accuracies .*nan.* cannot be"),
        ([frame(ODD, 108, (-1.0, 0.9, 0.9, 0.5))], "time and accuracies .*-1.0.* cannot be"),
        ([*runs(ODD), frame(ODD)], "it is a run of 108 epochs more than 3"),
        ([frame(ODD), frame(ODD, size=999)], "it has 999 parameters, another record 1000"),
    ],
)
def test_wrong_records_are_told_by_their_byte(write, tmp_path, frames, message):
    good = runs(CELLS[0])
    source = write(good + frames)
    at = sum(map(len, good + frames)) - len(frames[-1])
    with pytest.raises(ValueError, match=f"tfrecord, record at byte {at}: .*{message}") as info:
        convert_records(source, tmp_path / "out" / "t.parquet")
    assert "\n" not in str(info.value)
    assert not list((tmp_path / "out").glob("*") if (tmp_path / "out").exists() else [])


@pytest.mark.parametrize("kind", ["cut", "flipped", "length", "foreign"])
def test_damage_leaves_nothing_and_the_old_table_stays(write, tmp_path, kind):
    frames = [f for cell in CELLS for f in runs(cell)]
    target = tmp_path / "out" / "table.parquet"
    convert_records(write(frames), target)
    before = target.read_bytes()
    start = sum(map(len, frames[:-1]))
    content = bytearray(b"".join(frames))
    head = struct.pack("<Q", 2**62)
    damaged = {
        "cut": content[:-3],
        "flipped": content[:-20] + bytes([content[-20] ^ 4]) + content[-19:],
        "length": content[:start] + head + masked(head) + content[start + 12 :],
        "foreign": content[:start] + b"PK\x03\x04" * 20,
    }[kind]
    with pytest.raises(ValueError, match=f"record at byte {start}: "):
        convert_records(write([bytes(damaged)]), target)
    assert [path.name for path in target.parent.iterdir()] == ["table.parquet"]
    assert target.read_bytes() == before


def test_a_file_that_ends_between_two_records_is_found(write, tmp_path):
    frames = list(itertools.chain(*map(runs, CELLS)))
    with pytest.raises(ValueError, match=rf"{CELLS[-1].hash} has 2 runs of 108 epochs.*\(1 of 7"):
        convert_records(write(frames[:-1]), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="no record, expected results"):
        convert_records(write([]), tmp_path / "t.parquet")


def test_no_more_cells_than_there_are(write, tmp_path, monkeypatch):
    monkeypatch.setattr("shapemetrics.datasets.nasbench.conversion.SPACE_SIZE", 2)
    with pytest.raises(ValueError, match="yet another cell than the 2 there are"):
        convert_records(write([f for c in CELLS for f in runs(c)]), tmp_path / "t.parquet")


def test_tables_that_are_none_are_refused(write, tmp_path):
    source = write(runs(CELLS[0]))
    with pytest.raises(ValueError, match=r"made.tfrecord is damaged or no Parquet file"):
        read_published(source)
    convert_records(source, tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"columns \['test_accuracy_4_1'\] are missing"):
        read_published(tmp_path / "t.parquet", ["hash", "test_accuracy_4_1"])
    with pytest.raises(ValueError, match=r"columns .*test_accuracy_36_1.* are missing"):
        published_summary(read_published(tmp_path / "t.parquet"), 36)
    assert list(read_published(tmp_path / "t.parquet", ["hash"])) == ["hash"]


def test_the_download_is_checked(http_server, tmp_path, monkeypatch):
    content = b"".join(runs(CELLS[0]))
    (http_server.folder / "nasbench_full.tfrecord").write_bytes(content)
    file = dataclasses.replace(
        PUBLISHED_FILES["full"],
        url=f"{http_server.url}nasbench_full.tfrecord",
        sha256=hashlib.sha256(content).hexdigest(),
    )
    monkeypatch.setitem(PUBLISHED_FILES, "full", file)
    assert fetch_published("full", tmp_path / "got").read_bytes() == content
    monkeypatch.setitem(PUBLISHED_FILES, "full", dataclasses.replace(file, sha256="0" * 64))
    with pytest.raises(ValueError, match=r"found sha256 .*, expected 0000"):
        fetch_published("full", tmp_path / "other")
    with pytest.raises(ValueError, match="file 'half' is unknown, expected one of"):
        fetch_published("half", tmp_path)


def test_what_was_published():
    assert PUBLISHED_FILES["full"].n_records == 5_083_488
    assert PUBLISHED_FILES["only108"].n_records == 1_270_872
    assert {len(file.sha256) for file in PUBLISHED_FILES.values()} == {64}
