"""Valid files of every format that is read, damaged at random: a result or one clear line.

``python mutations.py FORMAT FIRST COUNT`` tries COUNT inputs from a seed on, in a process whose
memory is limited, and prints what was neither a result nor one line of ValueError, as JSON. A
crash or a hang of the process is a finding as well.
"""

from __future__ import annotations

import gzip
import io
import json
import resource
import signal
import sys
import tarfile
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

#: Of an input; the largest valid one takes a few hundredths of a second.
SECONDS = 20
#: Address space beyond what the process has after its imports.
BYTES = 1 << 30

DATA = np.random.default_rng(0).normal(size=(12, 5))
POINTS = np.linalg.norm(DATA[:, None] - DATA, axis=-1)


def _npy(path: Path) -> None:
    np.save(path, DATA)


def _npz(path: Path) -> None:
    np.savez_compressed(path, responses=DATA, other=np.arange(3))


def _mat(path: Path) -> None:
    from scipy.io import savemat

    savemat(path, {"responses": DATA, "label": "text"}, do_compression=True)


def _h5(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("group/responses", data=DATA, chunks=(4, 5), compression="gzip")


def _csv(path: Path) -> None:
    rows = [",".join(["name", *"abcde"])]
    rows += [",".join([f"s{k}", *map(repr, row.tolist())]) for k, row in enumerate(DATA)]
    path.write_text("\n".join(rows) + "\n")


def _csv_gz(path: Path) -> None:
    _csv(path)
    path.write_bytes(gzip.compress(path.read_bytes(), mtime=0))


def _matrix_csv(path: Path) -> None:
    names = [f"n{k}" for k in range(len(POINTS))]
    rows = [",".join(["id", *names])]
    rows += [",".join([n, *map(repr, row.tolist())]) for n, row in zip(names, POINTS, strict=True)]
    path.write_text("\n".join(rows) + "\n")


def _matrix_json(path: Path) -> None:
    names = [f"n{k}" for k in range(len(POINTS))]
    content = {"ids": names, "distances": POINTS.tolist(), "provenance": {"a": 1}}
    path.write_text(json.dumps(content))


def _matrix_npz(path: Path) -> None:
    from shapemetrics.pairwise import DistanceMatrix

    names = [f"n{k}" for k in range(len(POINTS))]
    DistanceMatrix((POINTS + POINTS.T) / 2, names, {"a": 1}).save(path)


def _tfrecord(path: Path) -> None:
    import base64
    import struct

    from shapemetrics.datasets.nasbench.records import _masked_crc

    # Three evaluations of one field each (a double), and 9 parameters.
    evaluation = b"\x09" + struct.pack("<d", 0.5)
    message = (b"\x0a" + bytes([len(evaluation)]) + evaluation) * 3 + b"\x10\x09"
    frames = b""
    for _ in range(3):
        metrics = base64.encodebytes(message).decode()
        data = json.dumps(["a" * 32, 108, "0100", "input,output", metrics]).encode()
        length = struct.pack("<Q", len(data))
        check = struct.pack("<I", _masked_crc(length)), struct.pack("<I", _masked_crc(data))
        frames += length + check[0] + data + check[1]
    path.write_bytes(frames)


def _tar(path: Path) -> None:
    names = [*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"]
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name in names:
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = 2 * 3073
            archive.addfile(info, io.BytesIO(bytes(info.size)))


def _nrrd(path: Path) -> None:
    head = "NRRD0004\ntype: unsigned int\ndimension: 3\nsizes: 4 3 5\nendian: little\n"
    volume = np.arange(60, dtype="<u4").tobytes()
    path.write_bytes(f"{head}encoding: gzip\n\n".encode() + gzip.compress(volume, mtime=0))


def _yaml(path: Path) -> None:
    path.write_text((Path(__file__).resolve().parents[2] / "config.yaml").read_text())


def _pdf(path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 2))
    axes = figure.add_subplot()
    axes.imshow(POINTS, cmap="gray", interpolation="none")
    axes.plot([0, 1, 2], [0, 2, 1])
    figure.savefig(path)


def _responses(path: Path) -> Any:
    from shapemetrics.datasets.files import read_array

    return np.array(read_array(path, variable=_VARIABLES.get("".join(path.suffixes))))


_VARIABLES = {".npz": "responses", ".mat": "responses", ".h5": "group/responses"}


def _distances(path: Path) -> Any:
    from shapemetrics.cli.matrices import read_matrix

    return read_matrix(path)


def _table(path: Path) -> Any:
    from shapemetrics.datasets.distances import read_distances

    return read_distances(path)


def _records(path: Path) -> Any:
    from shapemetrics.datasets.nasbench import read_tfrecord

    return list(read_tfrecord(path))


def _cifar(path: Path) -> Any:
    from shapemetrics.datasets.nasbench.cifar10 import read_cifar10

    return read_cifar10(path)


def _annotation(path: Path) -> Any:
    from shapemetrics.datasets.allen.ccf import structure_ids

    return structure_ids(path, [[1.0, 1.0, 1.0], [31.0, 21.0, 41.0]])


def _configuration(path: Path) -> Any:
    from shapemetrics.study import load_config

    return load_config(path)


def _figure(path: Path) -> Any:
    from shapemetrics.datasets.distances.pdf import read_figure

    return read_figure(path)


#: By name of a format: name of the file, what writes a valid one, what reads it.
FORMATS: dict[str, tuple[str, Callable[[Path], None], Callable[[Path], Any]]] = {
    "npy": ("a.npy", _npy, _responses),
    "npz": ("a.npz", _npz, _responses),
    "mat": ("a.mat", _mat, _responses),
    "h5": ("a.h5", _h5, _responses),
    "csv": ("a.csv", _csv, _responses),
    "csv_gz": ("a.csv.gz", _csv_gz, _responses),
    "matrix_csv": ("d.csv", _matrix_csv, _table),
    "matrix_npz": ("d.npz", _matrix_npz, _table),
    "command_json": ("d.json", _matrix_json, _distances),
    "command_npz": ("d.npz", _matrix_npz, _distances),
    "tfrecord": ("a.tfrecord", _tfrecord, _records),
    "tar": ("a.tar.gz", _tar, _cifar),
    "nrrd": ("a.nrrd", _nrrd, _annotation),
    "yaml": ("a.yaml", _yaml, _configuration),
    "pdf": ("a.pdf", _pdf, _figure),
}


def valid(name: str, folder: Path) -> Path:
    """A valid file of a format, written into a folder."""
    file, write, _ = FORMATS[name]
    write(folder / file)
    return folder / file


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Content with one to four changes: bytes, numbers, cuts, repeats, and insertions."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        # Headers are short and say most: every other change is near the beginning.
        reach = len(data) if rng.random() < 0.5 else min(len(data), 256)
        at = int(rng.integers(0, max(1, reach)))
        many = int(rng.integers(1, 32))
        kind = int(rng.integers(0, 7))
        if kind == 0 and data:
            data[at] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:
            data[at : at + many] = rng.bytes(many)
        elif kind == 2:
            del data[at : at + many]
        elif kind == 3:
            data[at:at] = data[at : at + many] * int(rng.integers(1, 6))
        elif kind == 4:
            del data[at:]
        elif kind == 5:
            data[at : at + 4] = rng.choice(
                [b"\xff" * 4, b"\x00" * 4, b"9999", b"-1  ", b"\x7f" * 8]
            )
        else:
            data[at:at] = rng.choice(
                [b"\x00", b"\n", b"[" * 60, b'"', b"nan", b"1e999", b": &a *a"]
            )
    return bytes(data)


def wrong(read: Callable[[Path], Any], path: Path) -> str | None:
    """What is wrong with how a reader takes a file; None for a result or one line."""
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(path)
    except ValueError as error:
        text = str(error)
        if not text or "\n" in text or len(text) > 4000:
            return f"no one line: {text[:300]!r}"
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return (
            f"{type(error).__name__}: {str(error)[:200]} ({Path(last.filename).name}:{last.lineno})"
        )
    finally:
        signal.alarm(0)
    return None


def _late(*_: Any) -> None:
    raise TimeoutError(f"more than {SECONDS} s")


def try_inputs(name: str, first: int, count: int) -> dict[int, str]:
    """Findings by seed."""
    _, _, read = FORMATS[name]
    found: dict[int, str] = {}
    signal.signal(signal.SIGALRM, _late)
    with tempfile.TemporaryDirectory() as folder:
        path = valid(name, Path(folder))
        content = path.read_bytes()
        read(path)  # a result; and all imports are done
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + BYTES, taken + BYTES))
        for seed in range(first, first + count):
            path.write_bytes(mutated(content, np.random.default_rng(seed)))
            reason = wrong(read, path)
            if reason is not None:
                found[seed] = reason
    return found


if __name__ == "__main__":
    print(json.dumps(try_inputs(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
