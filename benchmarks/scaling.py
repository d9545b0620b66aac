"""Time a pair against the number of networks: it should not grow."""

from __future__ import annotations

import pandas as pd

from benchmarks.harness import Options, interleaved
from benchmarks.networks import dense_layers
from shapemetrics import pairwise_distances
from shapemetrics.metrics import LinearMetric


def run(options: Options) -> pd.DataFrame:
    """One row a number of networks."""
    counts = (25, 50) if options.quick else (50, 100, 200, 400, 800)
    layers = dense_layers([32] * (counts[-1] // 2 + 1), 500)
    metric = LinearMetric()
    works = [
        lambda K=K: pairwise_distances(layers[:K], metric, n_jobs=options.n_jobs) for K in counts
    ]
    works[0]()  # threads and libraries wake up
    short, long = works[:-2], works[-2:]
    times = interleaved(short, 1 if options.quick else 5)
    times += interleaved(long, 1 if options.quick else 2)
    table = pd.DataFrame({"K": counts, "m": 500, "n": 32, "seconds": times})
    table["us a pair"] = 1e6 * table["seconds"] / (table["K"] * (table["K"] - 1) / 2)
    table["against K=" + str(counts[0])] = table["us a pair"] / table["us a pair"].iloc[0]
    return table
