"""Peak of resident memory of all pairs, in a process of their own."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.harness import Options, note, peak_memory

M, N = 1000, 128


@dataclass(frozen=True)
class Networks:
    """Networks that are made when read, so that only the engine's own memory is seen."""

    K: int

    def __len__(self) -> int:
        return self.K

    def __getitem__(self, i: int) -> np.ndarray:
        if not 0 <= i < self.K:
            raise IndexError(i)
        rng = np.random.default_rng(i)
        scale = np.arange(1, N + 1, dtype=np.float32) ** -0.5
        return rng.standard_normal((M, N), dtype=np.float32) * scale


def run(options: Options) -> pd.DataFrame:
    """One row a number of networks, with and without a folder to work in."""
    counts = [20, 40] if options.quick else [200, 600] + [2000] * options.full
    rows = [_measured(K, True, options.n_jobs) for K in counts]
    return pd.DataFrame([_measured(counts[0], False, options.n_jobs), *rows])


def _measured(K: int, scratch: bool, n_jobs: int) -> dict:
    note(f"memory: {K} networks{', out of core' * scratch}")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.memory", str(K), "--jobs", str(n_jobs)]
        command += ["--scratch", folder] if scratch else []
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return {
        "K": K,
        "networks": f"{M} x {N} float32",
        "out of core": scratch,
        "all networks (MB)": K * M * N * 4 / 1e6,
        "imports (MB)": found["before"],
        "peak (MB)": found["peak"],
        "peak less imports (MB)": found["peak"] - found["before"],
        "seconds": found["seconds"],
        "us a pair": 1e6 * found["seconds"] / (K * (K - 1) / 2),
    }


def main() -> None:
    """Compute all pairs once and print memory and time as JSON."""
    from shapemetrics import pairwise_distances
    from shapemetrics.metrics import LinearMetric

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("K", type=int)
    parser.add_argument("--scratch", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    networks: object = Networks(given.K)
    pairwise_distances(Networks(2), LinearMetric(), dtype="float32")
    before, start = peak_memory(), time.perf_counter()
    if given.scratch is None:
        networks = [networks[i] for i in range(given.K)]  # type: ignore[index]
    pairwise_distances(
        networks,  # type: ignore[arg-type]
        LinearMetric(),
        dtype="float32",
        n_jobs=given.jobs,
        scratch=given.scratch,
    )
    seconds = time.perf_counter() - start
    print(json.dumps({"before": before, "peak": peak_memory(), "seconds": seconds}))


if __name__ == "__main__":
    main()
