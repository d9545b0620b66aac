"""Landmarks against the full matrix: what they cost, and how much of it they keep."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from benchmarks.harness import Options
from benchmarks.networks import dense_layers
from shapemetrics import pairwise_distances
from shapemetrics.geometry import (
    distortion,
    embed,
    landmark_distortion,
    select_landmarks,
)
from shapemetrics.metrics import LinearMetric

Array = np.ndarray
DIMENSIONS = (10, 20)


def layers(K: int, n_stimuli: int = 500) -> list[Array]:
    """Layers of networks of five widths, untrained and trained for shorter and longer."""
    found: list[Array] = []
    for epochs in (0, 1, 3, 8):
        widths = [24, 32, 48, 64, 80] * -(-K // 40)
        found += dense_layers(widths, n_stimuli, epochs=epochs, seed=epochs)[: K // 4]
    return found


def run(options: Options) -> pd.DataFrame:
    """One row a metric, number of landmarks, dimension and method."""
    K, counts = (160, (24, 40)) if options.quick else (800, (40, 120))
    arrays = layers(K)
    rows: list[dict] = []
    for alpha in (1.0, 0.0):
        metric = LinearMetric(alpha=alpha, n_components=10 if alpha == 0 else None)
        start = time.perf_counter()
        D = pairwise_distances(arrays, metric, n_jobs=options.n_jobs)
        common = {"alpha": alpha, "K": K}
        whole = time.perf_counter() - start
        for k in DIMENSIONS:
            rows.append({**common, "landmarks": "all", "seconds": whole, **_full(D, k)})
        for L in counts:
            for n_random, chosen in ((1, "max-min"), (None, "half random"), (L, "random")):
                start = time.perf_counter()
                found = select_landmarks(
                    arrays, metric, L, n_random=n_random, n_jobs=options.n_jobs
                )
                taken = time.perf_counter() - start
                dimensions = DIMENSIONS if n_random is None else DIMENSIONS[-1:]
                table = landmark_distortion(D, found, dimensions, methods=("metric", "estimate"))
                for row in table.to_dict("records"):
                    rows.append(
                        {
                            **common,
                            "landmarks": f"{L} {chosen}",
                            "seconds": taken,
                            "radius": found.covering_radius,
                            **{key: row[key] for key in row if key != "n_landmarks"},
                        }
                    )
    return pd.DataFrame(rows)


def _full(D: Array, k: int) -> dict:
    found = embed(D, k, max_iter=100)
    result = distortion(D, found.coordinates)
    return {
        "radius": 0.0,
        "n_dimensions": k,
        "method": "metric",
        "max_distortion": result.max,
        "mean_distortion": result.mean,
        "stress": found.stress,
        "correlation": np.corrcoef(D[np.triu_indices(len(D), 1)], found.distances)[0, 1],
    }
