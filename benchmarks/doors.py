"""Every door to all pairs, against the same products and singular values alone, on a busy machine
too."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.bound import bare
from benchmarks.harness import Options
from shapemetrics import cross_distances, pairwise_distances
from shapemetrics.geometry import select_landmarks
from shapemetrics.metrics import LinearMetric
from shapemetrics.pairwise import compare_blocks

Array = np.ndarray

#: Multiplies matrices until it is stopped: what other programs do to a machine.
NEIGHBOUR = """
import numpy as np
from threadpoolctl import threadpool_limits
X = np.random.default_rng(0).normal(size=(700, 700))
with threadpool_limits({threads}, "blas"):
    while True:
        X @ X
"""


@dataclass(frozen=True)
class Size:
    """Networks of these numbers of units on m stimuli."""

    name: str
    m: int
    widths: tuple[int, ...]

    def arrays(self) -> list[Array]:
        """Normal numbers with a common part."""
        rng = np.random.default_rng(0)
        shared = rng.normal(size=(self.m, 8))
        return [
            shared @ rng.normal(size=(8, n)) + rng.normal(size=(self.m, n)) for n in self.widths
        ]


SIZES = [
    Size("K=48, n=30-300", 900, tuple(np.linspace(30, 300, 48).astype(int).tolist())),
    Size("K=100, n=64", 400, (64,) * 100),
    Size("K=200, n=128", 1000, (128,) * 200),
    Size("one of 20, nine of 900", 1000, (20, *(900,) * 9)),
]
QUICK = [Size("K=12, n=32", 200, (32,) * 12)]
#: Neighbours and threads of each.
LOADS = {"quiet": (0, 1), "two of one thread": (2, 1), "two of two threads": (2, 2)}


def run(options: Options) -> pd.DataFrame:
    """One row per size, load and door: seconds, and as a multiple of the bare calls."""
    rows = []
    loads = {"quiet": LOADS["quiet"]} if options.quick else LOADS
    for size in QUICK if options.quick else SIZES:
        arrays = size.arrays()
        for load, (count, threads) in loads.items():
            with neighbours(count, threads) if count else nullcontext():
                rows += [{"size": size.name, "load": load, **row} for row in _rows(arrays, options)]
    return pd.DataFrame(rows)


def _rows(arrays: Sequence[Array], options: Options) -> list[dict]:
    metric, n_jobs = LinearMetric(), options.n_jobs
    prepared = [metric.prepare(X) for X in arrays]
    features = [item.features for item in prepared]
    half, K = len(arrays) // 2, len(arrays)
    few = max(2, K // 5)
    pairs = K * (K - 1) / 2

    def scratch() -> None:
        with tempfile.TemporaryDirectory() as folder:
            pairwise_distances(arrays, metric, n_jobs=n_jobs, scratch=folder)

    doors: dict[str, tuple[Callable[[], object], float]] = {
        "bare calls": (lambda: bare(features, n_jobs), pairs),
        "compare_blocks": (lambda: compare_blocks(prepared, None, metric, n_jobs=n_jobs), pairs),
        "pairwise_distances": (lambda: pairwise_distances(arrays, metric, n_jobs=n_jobs), pairs),
        "cross_distances": (
            lambda: cross_distances(arrays[:half], arrays[half:], metric, n_jobs=n_jobs),
            half * (K - half),
        ),
        "scratch": (scratch, pairs),
        "select_landmarks": (
            lambda: select_landmarks(arrays, metric, few, n_random=few, n_jobs=n_jobs),
            K * few,
        ),
    }
    times = {name: _best(work, options) for name, (work, _) in doors.items()}
    bound = times["bare calls"] / pairs
    return [
        {
            "door": name,
            "seconds": times[name],
            "us per pair": 1e6 * times[name] / count,
            "per pair / bound": times[name] / count / bound,
        }
        for name, (_, count) in doors.items()
    ]


def _best(work: Callable[[], object], options: Options, repeats: int = 3) -> float:
    found = []
    for _ in range(1 if options.quick else repeats):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)


@contextmanager
def neighbours(count: int, threads: int) -> Iterator[None]:
    """Other processes that keep cores busy, ended at the end."""
    code = NEIGHBOUR.format(threads=threads)
    running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(count)]
    time.sleep(2.0)
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()
