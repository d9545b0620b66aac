"""The cost model that sizes jobs, against this machine: one core, blocks of prepared networks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.harness import Options, per_call
from benchmarks.networks import convolutional_layers, dense_layers
from shapemetrics.metrics import (
    AngularCKA,
    Comparison,
    ConvolutionMetric,
    EnergyStochasticMetric,
    GaussianStochasticMetric,
    KernelMetric,
    LinearMetric,
    PermutationMetric,
    SoftMatchingMetric,
)
from shapemetrics.metrics.base import Metric
from shapemetrics.pairwise import estimated_pair_seconds

Array = np.ndarray
TRIALS = 10


def run(options: Options) -> pd.DataFrame:
    """One row a family and size."""
    rows = []
    with threadpool_limits(1, "blas"):
        for metric, arrays in cases(options.quick):
            m, *grid, n = arrays[0].shape
            trials = grid.pop() if len(grid) == 1 else None
            expected = estimated_pair_seconds(metric, m, n, grid=tuple(grid) or None, trials=trials)
            found = _measured(metric, arrays)
            rows.append(
                {
                    "metric": _named(metric),
                    "m": m,
                    "n": n,
                    "grid": "x".join(map(str, grid)),
                    "trials": trials,
                    "us a pair": 1e6 * found,
                    "model": 1e6 * expected,
                    "measured / model": found / expected,
                }
            )
    return pd.DataFrame(rows).astype({"trials": "Int64"}).astype({"trials": object}).fillna("")


def cases(quick: bool) -> Iterator[tuple[Metric, list[Array]]]:
    """Metrics and layers of trained networks."""
    sizes = [(200, 16), (1000, 64)] if quick else [(1000, 16), (1000, 64), (1000, 128), (1500, 256)]
    for m, n in sizes:
        yield LinearMetric(), dense_layers([n] * 6, m)
    arrays = dense_layers([sizes[1][1]] * 6, sizes[1][0])
    narrow = [X[:, : X.shape[1] - 3 * (i % 2)] for i, X in enumerate(arrays)]
    yield PermutationMetric(), arrays
    yield SoftMatchingMetric(), narrow
    yield AngularCKA(), arrays
    yield KernelMetric("rbf", approximation="nystroem", n_components=50), arrays
    for measure in Comparison.names():
        yield Comparison(measure, ridge=0.01 if measure == "linear_regression" else 0.0), arrays
    for channels, side, m in (
        ((16, 8, 100),) if quick else ((16, 8, 100), (64, 8, 200), (32, 16, 60))
    ):
        yield ConvolutionMetric(), convolutional_layers(4, channels, side, m, steps=20)
    rng = np.random.default_rng(0)
    noisy = [
        X[:30, None, :] + 0.3 * rng.normal(size=(30, TRIALS, 8)) for X in dense_layers([8] * 2, 30)
    ]
    for family in (GaussianStochasticMetric, EnergyStochasticMetric):
        yield family(n_starts=4 if quick else 24), noisy


def _named(metric: Metric) -> str:
    kind = type(metric).__name__
    return f"{kind} {metric.measure}" if isinstance(metric, Comparison) else kind


def _measured(metric: Metric, arrays: list[Array]) -> float:
    prepared = [metric.prepare(X) for X in arrays]
    half = len(prepared) // 2
    a, b = metric.stack(prepared[:half]), metric.stack(prepared[half:])
    return per_call(lambda: metric.pairwise(a, b)) / (half * (len(prepared) - half))
