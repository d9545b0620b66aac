"""All pairs by the package, against nothing but the same products and singular values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.harness import Options, interleaved
from benchmarks.networks import dense_layers
from shapemetrics import pairwise_distances
from shapemetrics.limits import available_cores
from shapemetrics.metrics import LinearMetric
from shapemetrics.pairwise import compare_blocks

Array = np.ndarray


@dataclass(frozen=True)
class Size:
    """K networks of n units (or from n[0] to n[1]) on m stimuli."""

    K: int
    m: int
    n: tuple[int, int]
    repeats: int = 3
    kinds: tuple[str, ...] = ("trained", "random")

    def widths(self) -> list[int]:
        """Units of each network: of pairs of layers, both the same."""
        pairs = np.linspace(*self.n, -(-self.K // 2)).round().astype(int)
        return [int(w) for w in np.random.default_rng(0).permutation(pairs)]

    def trained(self) -> list[Array]:
        """Both hidden layers of networks trained on digits."""
        return dense_layers(self.widths(), self.m)[: self.K]

    def random(self) -> list[Array]:
        """Independent normal numbers."""
        rng = np.random.default_rng(0)
        return [rng.normal(size=(self.m, w)) for w in self.widths() for _ in range(2)][: self.K]


SIZES = [
    Size(48, 900, (30, 300)),
    Size(48, 2000, (30, 300)),
    Size(100, 400, (64, 64)),
    Size(200, 1000, (128, 128), repeats=2, kinds=("trained",)),
]
QUICK = [Size(12, 300, (30, 80), repeats=1), Size(12, 200, (32, 32), repeats=1)]


def run(options: Options) -> pd.DataFrame:
    """One row a size, kind of data and alpha."""
    rows = []
    for size in QUICK if options.quick else SIZES:
        for kind in size.kinds:
            arrays = getattr(size, kind)()
            for alpha in (1.0, 0.0):
                rows.append(
                    {**_described(size, kind, alpha), **_times(arrays, alpha, size, options)}
                )
    return pd.DataFrame(rows)


def _described(size: Size, kind: str, alpha: float) -> dict:
    low, high = size.n
    n = str(low) if low == high else f"{low}-{high}"
    return {"K": size.K, "m": size.m, "n": n, "data": kind, "alpha": alpha}


def _times(arrays: Sequence[Array], alpha: float, size: Size, options: Options) -> dict:
    metric = LinearMetric(alpha=alpha)
    with threadpool_limits(1, "blas"):
        prepared = [metric.prepare(X) for X in arrays]
    features = [item.features for item in prepared]
    results: dict[str, Array] = {}

    def keep(name: str, work: Callable[[], Array]) -> Callable[[], None]:
        return lambda: results.update({name: work()})

    bound, pairs, whole = interleaved(
        [
            keep("bare", lambda: bare(features, options.n_jobs)),
            lambda: compare_blocks(prepared, None, metric, n_jobs=options.n_jobs),
            keep("package", lambda: pairwise_distances(arrays, metric, n_jobs=options.n_jobs)),
        ],
        size.repeats,
    )
    found, wanted = results["package"], results["bare"]
    sizes = np.array([np.linalg.norm(X) for X in features])
    wanted = np.arccos(np.clip(wanted / np.outer(sizes, sizes), -1.0, 1.0))
    upper = np.triu_indices(len(arrays), 1)
    # The bare arc cosine is wrong itself for pairs that are nearly equal.
    apart = found[upper] > 1e-3
    error = float(np.abs(found - wanted)[upper][apart].max())
    return {
        "bound (s)": bound,
        "pairs (s)": pairs,
        "pairs / bound": pairs / bound,
        "with preparation (s)": whole,
        "whole / bound": whole / bound,
        "us a pair": 1e6 * whole / len(upper[0]),
        "largest difference (rad)": error,
    }


def bare(features: Sequence[Array], n_jobs: int) -> Array:
    """Nuclear norms of all cross-products i < j: a product a network, then singular values.

    Each thread runs its linear algebra on one core, as the package's do.
    """
    widths = [X.shape[1] for X in features]
    starts = np.concatenate([[0], np.cumsum(widths)])
    stacked = np.concatenate(features, axis=1)
    norms = np.zeros((len(features), len(features)))
    alike = len(set(widths)) == 1

    def row(i: int) -> None:
        product = features[i].T @ stacked[:, starts[i + 1] :]
        if alike:
            C = product.reshape(widths[i], -1, widths[i]).swapaxes(0, 1)
            norms[i, i + 1 :] = np.linalg.svd(C, compute_uv=False).sum(axis=-1)
            return
        for j in range(i + 1, len(features)):
            part = product[:, starts[j] - starts[i + 1] : starts[j + 1] - starts[i + 1]]
            norms[i, j] = np.linalg.svd(part, compute_uv=False).sum()

    # The longest rows first, so that threads end together.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(n_jobs or available_cores()) as pool:
        list(pool.map(row, range(len(features) - 1)))
    return norms
