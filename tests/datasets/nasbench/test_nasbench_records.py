"""The reader of published results, on real files and on frames written by hand."""

from __future__ import annotations

import base64
import gzip
import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapemetrics.datasets.nasbench import Cell, read_tfrecord

ADJACENCY, OPERATIONS = "010001000", "input,maxpool3x3,output"
CELL = Cell.from_strings(ADJACENCY, OPERATIONS)


def crc32c(data: bytes) -> int:
    """CRC-32C bit by bit, as its definition has it."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    value = crc32c(data)
    return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def frame(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number: int, value: float | int | bytes) -> bytes:
    """One protocol buffer field: double, varint or bytes, by the value's type."""
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def evaluation(*values: float, extra: bytes = b"") -> bytes:
    return b"".join(field(n, v) for n, v in enumerate(values, start=1)) + extra


START = evaluation(0.0, 0.0, 0.1, 0.11, 0.12)
END = evaluation(108.0, 900.5, 1.0, 0.93, 0.92)
METRICS = field(1, START) + field(1, END) + field(2, 2_694_282) + field(3, 1000.25)


def row(buffer: bytes = METRICS, **changes) -> bytes:
    parts = {
        "hash": CELL.hash,
        "epochs": 108,
        "adjacency": ADJACENCY,
        "operations": OPERATIONS,
        # With a newline every 76 characters, as in the published files.
        "metrics": base64.encodebytes(buffer).decode("ascii"),
    } | changes
    return json.dumps(list(parts.values())).encode()


@pytest.fixture
def write(tmp_path):
    def write_file(content: bytes) -> Path:
        path = tmp_path / "records.tfrecord"
        path.write_bytes(content)
        return path

    return write_file


def test_a_record_written_by_hand(write):
    (record,) = read_tfrecord(write(frame(row())))
    assert (record.hash, record.epochs, record.cell) == (CELL.hash, 108, CELL)
    assert record.trainable_parameters == 2_694_282
    assert record.total_seconds == 1000.25
    assert len(record.evaluations) == 2
    last = record.evaluations[-1]
    assert (last.epoch, last.training_seconds) == (108.0, 900.5)
    assert (last.train_accuracy, last.validation_accuracy, last.test_accuracy) == (1.0, 0.93, 0.92)


def test_unknown_fields_are_passed_over(write):
    extra = field(6, b"/checkpoint") + field(9, 1.5) + field(77, 3)
    metrics = field(1, evaluation(4.0, 1.0, 0.2, 0.3, 0.4, extra=extra)) + METRICS
    metrics += field(4, 2.5) + field(200, b"energy")
    (record,) = read_tfrecord(write(frame(row(metrics))))
    assert [found.epoch for found in record.evaluations] == [4.0, 0.0, 108.0]
    assert record.evaluations[0].test_accuracy == 0.4
    assert record.trainable_parameters == 2_694_282


def test_real_file_of_ec_nas(shared):
    records = list(read_tfrecord(shared / "data" / "ecnas_energy_4V9E.tfrecord"))
    assert len(records) == 91 * 4 * 3
    assert {record.epochs for record in records} == {4, 12, 36, 108}
    for record in records:
        assert record.evaluations[0].epoch == 0
        assert record.evaluations[-1].epoch == record.epochs
        assert all(0 <= found.test_accuracy <= 1 for found in record.evaluations)
    best = max(record.evaluations[-1].test_accuracy for record in records)
    assert best > 0.9


def test_real_record_of_nasbench101(shared):
    (record,) = read_tfrecord(shared / "data" / "nasbench101_one_record.tfrecord")
    assert record.hash == record.cell.hash == "00005c142e6f48ac74fdcf73e3439874"
    assert (record.epochs, record.trainable_parameters) == (4, 8_555_530)
    assert record.evaluations[-1].test_accuracy == pytest.approx(3499 / 9984)


def test_reading_is_one_record_at_a_time(write):
    good = frame(row())
    records = read_tfrecord(write(good + good[:-1]))
    assert next(records).epochs == 108
    with pytest.raises(ValueError, match=f"at byte {len(good)}: truncated"):
        next(records)


def test_a_file_without_records_is_refused(write):
    with pytest.raises(ValueError, match=r"records.tfrecord: found no record, expected results"):
        list(read_tfrecord(write(b"")))


@pytest.mark.parametrize("kept", [1, 7, 8, 11, 12, 13, 40, -5, -4, -1])
def test_truncated_files_say_where(write, kept):
    good = frame(row())
    path = write(good + good[:kept])
    with pytest.raises(ValueError, match=f"records.tfrecord, record at byte {len(good)}: trunc"):
        list(read_tfrecord(path))


@given(st.data())
def test_any_flipped_bit_is_found(tmp_path, data):
    good = frame(row())
    content = bytearray(good + good)
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / "flipped.tfrecord"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"at byte {position // len(good) * len(good)}: the check"):
        list(read_tfrecord(path))


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, 2**40, 10_000])
def test_an_adversarial_length_is_not_believed(write, length):
    head = struct.pack("<Q", length)
    with pytest.raises(ValueError, match=f"at byte 0: truncated, it is to hold {length} bytes"):
        list(read_tfrecord(write(head + masked(head) + row())))


@pytest.mark.parametrize(
    "content", [b"network,epochs\nabc,4\n", gzip.compress(row()), b"\x00" * 64, row()]
)
def test_files_of_another_kind_are_refused(write, content):
    with pytest.raises(ValueError, match="at byte 0: the checksum of its length does not match"):
        list(read_tfrecord(write(content)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x0a\x10\x0a\x0e\x0a\x05image\x12\x05", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"hash": 1}', "not one JSON list of five"),
        (b"[1, 2, 3, 4]", "not one JSON list of five"),
        (row() + row(), "not one JSON list of five"),
        (row(epochs="108"), "are str, str, str, str, str, not str, int"),
        (row(epochs=True), "are str, bool, str, str, str, not str, int"),
        (row(hash=None), "are NoneType, int, str, str, str, not str, int"),
        (row(metrics="abc"), "not a base64 protocol buffer"),
        (row(metrics="\u00e9"), "not a base64 protocol buffer"),
        (row(b"\x0a\xff"), "not a base64 protocol buffer"),
        (row(b""), "lack evaluations or the number of parameters"),
        (row(field(1, END)), "lack evaluations or the number of parameters"),
        (row(field(2, 5)), "lack evaluations or the number of parameters"),
    ],
)
def test_sound_frames_of_something_else_are_refused(write, data, message):
    good = frame(row())
    with pytest.raises(ValueError, match=f"record at byte {len(good)}: its .*{message}"):
        list(read_tfrecord(write(good + frame(data))))


def test_a_wrong_cell_is_told_when_it_is_asked_for(write):
    (record,) = read_tfrecord(write(frame(row(adjacency="0101"))))
    with pytest.raises(ValueError, match="expected 9 characters"):
        _ = record.cell
