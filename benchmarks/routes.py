"""Faster routes to the same distances: tolerance, truncation, precision, array libraries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from benchmarks.harness import Options, interleaved, seconds
from benchmarks.networks import dense_layers
from shapemetrics.metrics import LinearMetric
from shapemetrics.pairwise import compare_blocks

Array = np.ndarray
M, N = 1000, 128


@dataclass(frozen=True)
class Route:
    """How distances are computed."""

    name: str
    metric: LinearMetric
    dtype: str = "float64"
    settings: dict[str, Any] = field(default_factory=dict)

    def prepared(self, arrays: list[Array]) -> list[Any]:
        """Networks as this route needs them."""
        return [self.metric.prepare(X, dtype=self.dtype) for X in arrays]

    def work(self, prepared: list[Any], n_jobs: int) -> Callable[[], Array]:
        """What computes all pairs."""
        return lambda: compare_blocks(prepared, None, self.metric, n_jobs=n_jobs, **self.settings)


def run(options: Options) -> pd.DataFrame:
    """One row a route, on trained layers and on noise, against float64 singular values."""
    K = 8 if options.quick else 48
    rng = np.random.default_rng(0)
    data = {
        "trained": dense_layers([N] * (K // 2), M),
        "random": list(rng.normal(size=(K, M, N))),
    }
    rows = []
    for kind, arrays in data.items():
        for alpha in (1.0, 0.0):
            rows += _compared(arrays, alpha, kind, options)
    return pd.DataFrame(rows)


def _compared(arrays: list[Array], alpha: float, kind: str, options: Options) -> list[dict]:
    chosen, works, prepare = routes(alpha, options), [], []
    for route in chosen:
        found: list[Any] = []
        with threadpool_limits(1, "blas"):
            took = seconds(lambda: found.extend(route.prepared(arrays)))  # noqa: B023
        prepare.append(took)
        works.append(route.work(found, options.n_jobs))
    results = [work() for work in works]
    times = interleaved(works, 1 if options.quick else 2)
    pairs = len(arrays) * (len(arrays) - 1) / 2
    return [
        {
            "data": kind,
            "alpha": alpha,
            "route": route.name,
            "preparation (us a network)": 1e6 * before / len(arrays),
            "us a pair": 1e6 * time / pairs,
            "times faster": times[0] / time,
            "largest error (rad)": float(np.abs(result - results[0]).max()),
        }
        for route, before, time, result in zip(chosen, prepare, times, results)
    ]


def routes(alpha: float, options: Options) -> list[Route]:
    """All routes; the first is the reference."""
    metric = LinearMetric(alpha=alpha)
    found = [
        Route("singular values, float64", metric),
        Route("float32", metric, "float32"),
        *(
            Route(f"tolerance {tolerance:g}", metric, settings={"tolerance": tolerance})
            for tolerance in (1e-9, 1e-6, 1e-4)
        ),
    ]
    if alpha > 0:
        found += [
            Route(f"truncation {eps:g}", LinearMetric(alpha=alpha, truncation=eps))
            for eps in (0.003, 0.01, 0.03)
        ]
    found.append(Route("torch, cpu", metric, settings={"backend": "torch", "device": "cpu"}))
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device != "cpu":
        found += [
            Route(
                f"torch, {device}, {dtype}",
                metric,
                dtype,
                settings={"backend": "torch", "device": device},
            )
            for dtype in ("float64", "float32")
        ]
    return found
