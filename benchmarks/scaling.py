"""Time a pair against the number of networks: it should not grow."""

from __future__ import annotations

import pandas as pd

from benchmarks.harness import Options, interleaved
from benchmarks.networks import dense_layers
from shapemetrics import pairwise_distances
from shapemetrics.metrics import LinearMetric

#: Stimuli and units: where linear algebra is all, and where threads and bookkeeping show.
SIZES = ((1000, 128), (500, 32))


def run(options: Options) -> pd.DataFrame:
    """One row a size and number of networks."""
    sizes = SIZES[1:] if options.quick else SIZES
    return pd.concat([_of_size(m, n, options) for m, n in sizes], ignore_index=True)


def _of_size(m: int, n: int, options: Options) -> pd.DataFrame:
    counts = (25, 50) if options.quick else (50, 100, 200, 400, 800)
    layers = dense_layers([n] * (counts[-1] // 2 + 1), m)
    metric = LinearMetric()
    works = [
        lambda K=K: pairwise_distances(layers[:K], metric, n_jobs=options.n_jobs) for K in counts
    ]
    works[0]()  # threads and libraries wake up
    times = interleaved(works[:-2], 1 if options.quick else 5)
    times += interleaved(works[-2:], 1 if options.quick or n > 64 else 2)
    table = pd.DataFrame({"K": counts, "m": m, "n": n, "seconds": times})
    table["us a pair"] = 1e6 * table["seconds"] / (table["K"] * (table["K"] - 1) / 2)
    table["against K=" + str(counts[0])] = table["us a pair"] / table["us a pair"].iloc[0]
    return table
