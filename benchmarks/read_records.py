"""Time the reader of published results, and their conversion to a table, on one core.

``python benchmarks/read_records.py`` writes a file in the published format (every cell of up to
some number of vertices, four budgets, three repeats), reads it in several ways and prints records
a second and the peak of memory. Give a real file with ``--file`` to time that one.
"""

from __future__ import annotations

import argparse
import base64
import itertools
import json
import resource
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from crc32c import crc32c

from shapemetrics.datasets.nasbench import enumerate_cells, read_tfrecord
from shapemetrics.datasets.nasbench.conversion import convert_records


def main() -> None:
    """Print one line a way of reading."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=20_000, help="cells of the file that is made")
    parser.add_argument("--file", type=Path, help="time this file instead of one that is made")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.file or write_file(Path(folder) / "made.tfrecord", options.cells)
        target = Path(folder) / "table.parquet"
        print(f"{path.name}: {path.stat().st_size / 1e6:.0f} MB")
        report("read_tfrecord", lambda: sum(1 for _ in read_tfrecord(path)))
        for every, cells in ((0, "no cell"), (20, "every 20th cell"), (1, "every cell")):
            report(
                f"convert, hash of {cells}",
                lambda every=every: convert_records(path, target, check_every=every).n_records,
            )


def report(name: str, work: Callable[[], int]) -> None:
    """Time some work that tells how many records it read."""
    start = time.process_time()
    count = work()
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:32} {count} records, {seconds:6.2f} s of one core, "
        f"{count / seconds:8,.0f} records/s, peak memory {peak:.0f} MB so far"
    )


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


if __name__ == "__main__":
    main()
