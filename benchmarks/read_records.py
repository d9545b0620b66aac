"""Time the reader of published results, and their conversion to a table, on one core."""

from __future__ import annotations

import base64
import itertools
import json
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from crc32c import crc32c

from benchmarks.harness import Options
from shapemetrics.datasets.nasbench import enumerate_cells, read_tfrecord
from shapemetrics.datasets.nasbench.conversion import convert_records


def run(options: Options) -> pd.DataFrame:
    """One row a way of reading: a file in the published format, or the real one if given.

    The file that is made holds every cell of up to some number of vertices, with four budgets and
    three repeats each.
    """
    with tempfile.TemporaryDirectory() as folder:
        n_cells = 500 if options.quick else 60_000 if options.full else 10_000
        path = options.records or write_file(Path(folder) / "made.tfrecord", n_cells)
        target, size = Path(folder) / "table.parquet", path.stat().st_size / 1e6
        rows = [timed("read", size, lambda: sum(1 for _ in read_tfrecord(path)))]
        for every, cells in ((0, "no cell"), (20, "every 20th cell"), (1, "every cell")):
            rows.append(
                timed(
                    f"convert, hash of {cells}",
                    size,
                    lambda every=every: convert_records(path, target, check_every=every).n_records,
                )
            )
    return pd.DataFrame(rows)


def timed(name: str, size: float, work: Callable[[], int]) -> dict:
    """Time some work that tells how many records it read."""
    start = time.process_time()
    count = work()
    seconds = time.process_time() - start
    return {
        "what": name,
        "MB": size,
        "records": count,
        "seconds of one core": seconds,
        "records a second": count / seconds,
    }


def write_file(path: Path, n_cells: int) -> Path:
    """Write records in the published format, with random accuracies."""
    rng = np.random.default_rng(0)
    with open(path, "wb") as stream:
        for cell in itertools.islice(enumerate_cells(), n_cells):
            head = [cell.hash, 0, cell.adjacency_string, cell.operations_string, ""]
            for epochs, _ in itertools.product((4, 12, 36, 108), range(3)):
                evaluations = b"".join(
                    b"\x0a\x2d"
                    + b"".join(struct.pack("<Bd", i << 3 | 1, v) for i, v in enumerate(values, 1))
                    for values in (rng.random(5) for _ in range(3))
                )
                metrics = evaluations + b"\x10\xca\x98\x8a\x04" + struct.pack("<Bd", 25, 99.5)
                head[1], head[4] = epochs, base64.encodebytes(metrics).decode()
                data = json.dumps(head).encode()
                length = struct.pack("<Q", len(data))
                stream.write(length + masked(length) + data + masked(data))
    return path


def masked(data: bytes) -> bytes:
    """TFRecord's checksum of some bytes."""
    value = crc32c(data)
    return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)
