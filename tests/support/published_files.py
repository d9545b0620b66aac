"""Files as NAS-Bench-101 and CIFAR-10 publish them, written from the data beside the checkout."""

from __future__ import annotations

import base64
import io
import json
import struct
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
#: Repeats of every training in the published files.
REPEATS = 3


def read_cells(path: Path, n: int, seed: int = 0) -> list[dict[str, Any]]:
    """Draw some of the 2,000 real cells at random."""
    cells = json.loads(path.read_text())
    order = np.random.default_rng(seed).permutation(len(cells))[:n]
    return [cells[k] for k in order]


def write_records(path: Path, cells: Iterable[Mapping[str, Any]], epochs: int = 108) -> Path:
    """Write cells as a TFRecord file of published results.

    The data have the validation accuracy of one run: it stands for the test accuracy of all three.
    """
    with open(path, "wb") as file:
        for cell in cells:
            spelling = "".join(str(edge) for row in cell["adjacency"] for edge in row)
            accuracy = cell[f"validation_accuracy_{epochs}"]
            seconds = cell[f"training_seconds_{epochs}"]
            end = (float(epochs), seconds, 1.0, accuracy, accuracy)
            evaluations = [_evaluation((0.0, 0.0, 0.1, 0.1, 0.1)), _evaluation(end)]
            metrics = b"".join(evaluations) + b"\x10" + _varint(cell["trainable_parameters"])
            text = base64.encodebytes(metrics).decode("ascii")
            row = [cell["hash"], epochs, spelling, ",".join(cell["operations"]), text]
            file.write(_framed(json.dumps(row).encode()) * REPEATS)
    return path


def _evaluation(values: Iterable[float]) -> bytes:
    found = b"".join(struct.pack("<Bd", k << 3 | 1, v) for k, v in enumerate(values, 1))
    return b"\x0a" + _varint(len(found)) + found


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _framed(data: bytes) -> bytes:
    from crc32c import crc32c

    def masked(part: bytes) -> bytes:
        value = crc32c(part)
        return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)

    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def write_cifar10(path: Path, train: Path, test: Path, per_class: tuple[int, int]) -> Path:
    """Write JPEG pictures as CIFAR-10's archive, so many of each class to train and to test."""
    members = {}
    pixels, classes = _pictures(train, per_class[0])
    for number, part in enumerate(np.array_split(np.arange(len(pixels)), 5), start=1):
        members[f"data_batch_{number}.bin"] = _binary(pixels[part], classes[part])
    members["test_batch.bin"] = _binary(*_pictures(test, per_class[1]))
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def _pictures(path: Path, per_class: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (m, 32, 32, 3) and classes, classes in turn."""
    from PIL import Image

    found: dict[str, list[np.ndarray]] = {name: [] for name in CLASSES}
    with tarfile.open(path) as archive:
        for member in archive:
            mine = found.get(member.name.split("/")[-2]) if member.isreg() else None
            if mine is not None and len(mine) < per_class:
                content = io.BytesIO(archive.extractfile(member).read())
                mine.append(np.asarray(Image.open(content).convert("RGB")))
    pixels = [found[name][k] for k in range(per_class) for name in CLASSES]
    return np.stack(pixels), np.tile(np.arange(len(CLASSES)), per_class)


def _binary(pixels: np.ndarray, classes: np.ndarray) -> bytes:
    planes = pixels.transpose(0, 3, 1, 2).reshape(len(pixels), -1)
    return np.concatenate([classes[:, None].astype(np.uint8), planes], axis=1).tobytes()
