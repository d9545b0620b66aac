"""Reader of the published results: TFRecord frames of JSON that holds a protocol buffer."""

from __future__ import annotations

import binascii
import json
import os
import struct
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from crc32c import crc32c
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from .cells import Cell

_CHECK_BYTES = 4
_HEADER_BYTES = 12  # the data's length and its checksum
_FRAME_BYTES = _HEADER_BYTES + _CHECK_BYTES
_HEADERS_KEPT = 4096
_unpack_header = struct.Struct("<QI").unpack
_unpack_check = struct.Struct("<I").unpack
# Twice as fast as json.loads on bytes.
_read_json = json.JSONDecoder().raw_decode
_from_base64 = binascii.a2b_base64
# The published buffer's names of an `Evaluation`'s fields, by number from 1.
_EVALUATION_FIELDS = (
    "current_epoch",
    "training_time",
    "train_accuracy",
    "validation_accuracy",
    "test_accuracy",
)
_FIELDS = "module hash, epochs, adjacency, operations, metrics"


class Evaluation(NamedTuple):
    """Accuracies of one network at one moment of its training.

    Attributes
    ----------
    epoch : float
        Epochs trained so far.
    training_seconds : float
        Time trained so far, in seconds.
    train_accuracy, validation_accuracy, test_accuracy : float
        Fractions of images classified correctly.
    """

    epoch: float
    training_seconds: float
    train_accuracy: float
    validation_accuracy: float
    test_accuracy: float


class Record:
    """One training run of one network.

    Attributes
    ----------
    hash : str
        The published fingerprint of the cell (see `Cell.hash`).
    epochs : int
        Length of the training schedule: 4, 12, 36 or 108.
    adjacency, operations : str
        The cell as the file spells it (see `Cell.from_strings`).
    trainable_parameters : int
        Trainable parameters of the network.
    """

    def __init__(self, hash: str, epochs: int, adjacency: str, operations: str, metrics: Any):
        self.hash = hash
        self.epochs = epochs
        self.adjacency = adjacency
        self.operations = operations
        self.trainable_parameters: int = metrics.trainable_parameters
        self._metrics = metrics
        self._found = metrics.evaluation_data

    @cached_property
    def cell(self) -> Cell:
        """The cell; a ValueError tells what is wrong with its spelling."""
        return Cell.from_strings(self.adjacency, self.operations)

    @cached_property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """The evaluations in order: before training, halfway, and last at its end."""
        return tuple(
            Evaluation(*(getattr(found, name) for name in _EVALUATION_FIELDS))
            for found in self._found
        )

    @property
    def total_seconds(self) -> float:
        """Time of the whole run, in seconds."""
        return self._metrics.total_time

    def __repr__(self) -> str:
        return f"Record({self.hash}, epochs={self.epochs})"


def read_tfrecord(path: str | os.PathLike) -> Iterator[Record]:
    """Read a file of NAS-Bench-101 results, one record at a time.

    Parameters
    ----------
    path : path-like
        ``nasbench_full.tfrecord``, ``nasbench_only108.tfrecord``, or a file of the same format.

    Yields
    ------
    Record
        In the file's order. Memory does not grow with the file.

    Raises
    ------
    ValueError
        If the file is empty, a frame is truncated or fails one of its two CRC-32C checks, or its
        content is not a NAS-Bench-101 record. The message gives the file and the byte at which the
        frame begins.

    Notes
    -----
    A frame is the length of its data (8 bytes), a masked CRC-32C of the length, the data, and a
    masked CRC-32C of the data, numbers little-endian. The data are a JSON list: module hash,
    epochs, adjacency row by row, operations, and the base64 text of a ``ModelMetrics`` protocol
    buffer (Ying et al. 2019). Fields of the buffer that the published format does not have are
    passed over.
    """
    for _, record in read_records(path):
        yield record


def read_records(path: str | os.PathLike) -> Iterator[tuple[int, Record]]:
    """Read as `read_tfrecord` does, each record with the byte at which its frame begins."""
    path = Path(path)
    parse = _metrics_message().FromString
    for offset, data in _frames(path):
        try:
            record = _decode(data, parse)
        except ValueError as error:
            raise ValueError(
                f"{path}, record at byte {offset}: {error}; "
                f"expected a NAS-Bench-101 record ({_FIELDS})"
            ) from error
        yield offset, record


def final_values(records: Sequence[Record]) -> np.ndarray:
    """Last evaluation of each of many records.

    Parameters
    ----------
    records : sequence of Record

    Returns
    -------
    ndarray of shape (n, 5)
        Columns in the order of `Evaluation`.
    """
    found = [record._found[-1] for record in records]
    return np.stack(
        [np.array(list(map(attrgetter(name), found)), float) for name in _EVALUATION_FIELDS], axis=1
    )


def _frames(path: Path) -> Iterator[tuple[int, bytes]]:
    """Split a TFRecord file into its frames' offsets and data, both checksums verified."""
    # Few lengths occur, so that most headers have been verified before.
    lengths: dict[bytes, int] = {}
    with open(path, "rb", buffering=1 << 20) as stream:
        left = os.fstat(stream.fileno()).st_size
        if not left:
            raise ValueError(
                f"{path}: found no record, expected results of NAS-Bench-101: it is empty"
            )
        offset, read = 0, stream.read
        while header := read(_HEADER_BYTES):
            length = lengths.get(header)
            if length is None:
                length = _length(path, offset, header)
                if len(lengths) < _HEADERS_KEPT:
                    lengths[header] = length
            # A length is believed only if the file can hold it: nothing is allocated for it first.
            left -= length + _FRAME_BYTES
            if left < 0:
                found = left + length + _CHECK_BYTES
                raise _damage(
                    path,
                    offset,
                    f"truncated, it is to hold {length} bytes and a checksum, "
                    f"but {found} bytes follow",
                )
            data = read(length)
            if _unpack_check(read(_CHECK_BYTES))[0] != _masked_crc(data):
                raise _damage(path, offset, "the checksum of its data does not match")
            yield offset, data
            offset += length + _FRAME_BYTES


def _length(path: Path, offset: int, header: bytes) -> int:
    if len(header) < _HEADER_BYTES:
        raise _damage(path, offset, f"truncated, found {len(header)} bytes of its header")
    length, check = _unpack_header(header)
    if check != _masked_crc(header[:8]):
        raise _damage(path, offset, "the checksum of its length does not match")
    return length


def _damage(path: Path, offset: int, what: str) -> ValueError:
    return ValueError(
        f"{path}, record at byte {offset}: {what}; the file is damaged or is no TFRecord file"
    )


def _masked_crc(data: bytes) -> int:
    """TFRecord's checksum: CRC-32C, rotated right by 15 bits, plus a constant."""
    value = crc32c(data)
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _decode(data: bytes, parse: Any) -> Record:
    try:
        text = data.decode("utf-8")
        row, end = _read_json(text)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"its data are not JSON ({error})") from error
    if type(row) is not list or len(row) != 5 or (end < len(text) and text[end:].strip()):
        raise ValueError("its data are not one JSON list of five")
    name, epochs, adjacency, operations, encoded = row
    texts = type(name) is type(adjacency) is type(operations) is type(encoded) is str
    if not texts or type(epochs) is not int:
        kinds = ", ".join(type(value).__name__ for value in row)
        raise ValueError(f"its five values are {kinds}, not str, int, str, str, str")
    try:
        metrics = parse(_from_base64(encoded))
    except (ValueError, DecodeError) as error:
        raise ValueError(f"its metrics are not a base64 protocol buffer ({error})") from error
    record = Record(name, epochs, adjacency, operations, metrics)
    if not record.trainable_parameters or not record._found:
        raise ValueError("its metrics lack evaluations or the number of parameters")
    return record


@lru_cache(maxsize=1)
def _metrics_message() -> type:
    """Build the message class of the published ``ModelMetrics``, without a .proto file."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="shapemetrics/nasbench.proto", package="shapemetrics.nasbench", syntax="proto2"
    )
    evaluation = file.message_type.add(name="EvaluationData")
    for number, name in enumerate(_EVALUATION_FIELDS, start=1):
        evaluation.field.add(
            name=name, number=number, type=field.TYPE_DOUBLE, label=field.LABEL_OPTIONAL
        )
    metrics = file.message_type.add(name="ModelMetrics")
    metrics.field.add(
        name="evaluation_data",
        number=1,
        type=field.TYPE_MESSAGE,
        type_name=".shapemetrics.nasbench.EvaluationData",
        label=field.LABEL_REPEATED,
    )
    metrics.field.add(
        name="trainable_parameters",
        number=2,
        type=field.TYPE_INT32,
        label=field.LABEL_OPTIONAL,
    )
    metrics.field.add(
        name="total_time", number=3, type=field.TYPE_DOUBLE, label=field.LABEL_OPTIONAL
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName("shapemetrics.nasbench.ModelMetrics")
    )
