"""The same distances by netrep, from a checkout that the user gives; nothing of it is kept here."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.bound import Size
from benchmarks.harness import Options, note, seconds
from benchmarks.networks import convolutional_layers
from shapemetrics import pairwise_distances
from shapemetrics.metrics import ConvolutionMetric, LinearMetric

Array = np.ndarray

LINEAR = [
    (Size(48, 900, (30, 300)), (1.0, 0.0)),
    (Size(48, 2000, (30, 300)), (1.0,)),
    (Size(100, 400, (64, 64)), (1.0, 0.0)),
    (Size(200, 1000, (128, 128)), (1.0,)),
]
#: Stimuli, side of the grid, channels.
LAYERS = [(500, 8, 64), (100, 16, 32)]
#: Layers: netrep takes two pairs of them, since it needs seconds each, the package all.
N_LAYERS = 8


def run(options: Options) -> pd.DataFrame:
    """One row a case: seconds a pair on both sides, and the ratio."""
    rows = []
    linear, layers = LINEAR, LAYERS
    if options.quick:
        linear, layers = [(Size(12, 200, (20, 40)), (1.0,))], [(30, 8, 16)]
    for size, alphas in linear:
        for kind in ("trained", "random"):
            if size.K >= 200 and kind == "random":
                continue  # two minutes, and netrep takes as long on either
            for alpha in alphas:
                rows.append(_linear(size, kind, alpha, options))
    for m, side, channels in layers:
        for kind in ("trained", "random"):
            rows.append(_layers(m, side, channels, kind, options))
    return pd.DataFrame(rows)


def _linear(size: Size, kind: str, alpha: float, options: Options) -> dict:
    note(f"netrep: K={size.K} m={size.m} n={size.n} {kind} alpha={alpha:g}")
    arrays = getattr(size, kind)()
    metric, found = LinearMetric(alpha=alpha), []
    ours = min(
        seconds(lambda: found.append(pairwise_distances(arrays, metric, n_jobs=options.n_jobs)))
        for _ in range(3)
    )
    theirs, wanted = _theirs("linear", arrays, alpha, options)
    pairs = size.K * (size.K - 1) / 2
    low, high = size.n
    return {
        "case": f"linear, {kind}",
        "K": size.K,
        "m": size.m,
        "n": str(low) if low == high else f"{low}-{high}",
        "alpha": alpha,
        "netrep (ms a pair)": 1e3 * theirs / pairs,
        "package (ms a pair)": 1e3 * ours / pairs,
        "ratio": theirs / ours,
        "largest difference (rad)": float(np.abs(found[0] - wanted).max()),
    }


def _layers(m: int, side: int, channels: int, kind: str, options: Options) -> dict:
    note(f"netrep: layers of {side} x {side} x {channels}, m={m}, {kind}")
    if kind == "trained":
        arrays = convolutional_layers(N_LAYERS, channels, side, m)
    else:
        shape = (N_LAYERS, m, side, side, channels)
        arrays = list(np.random.default_rng(0).normal(size=shape))
    found: list[Array] = []
    ours = min(
        seconds(
            lambda: found.append(
                pairwise_distances(arrays, ConvolutionMetric(), n_jobs=options.n_jobs)
            )
        )
        for _ in range(2)
    )
    theirs, wanted = _theirs("layers", arrays[:4], 1.0, options)
    mine = np.array([found[0][0, 1], found[0][2, 3]])
    return {
        "case": f"layers, {kind}",
        "K": N_LAYERS,
        "m": m,
        "n": f"{side}x{side}x{channels}",
        "alpha": 1.0,
        "netrep (ms a pair)": 1e3 * theirs / 2,
        "package (ms a pair)": 1e3 * ours / (N_LAYERS * (N_LAYERS - 1) / 2),
        "ratio": theirs / 2 / (ours / (N_LAYERS * (N_LAYERS - 1) / 2)),
        "largest difference (rad)": float(np.abs(mine - wanted).max()),
    }


def _theirs(
    what: str, arrays: Sequence[Array], alpha: float, options: Options
) -> tuple[float, Array]:
    """Seconds and distances by netrep, in a process of its own with one BLAS thread each."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "given.npz", Path(folder) / "made.npz"
        np.savez(given, *arrays)
        command = [sys.executable, "-m", "benchmarks.netrep_side", what, str(given), str(made)]
        command += ["--alpha", str(alpha), "--processes", str(options.n_jobs)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = os.pathsep.join(
            [str(options.netrep), os.getcwd(), environment.get("PYTHONPATH", "")]
        )
        subprocess.run(command, check=True, env=environment)
        with np.load(made, allow_pickle=False) as parts:
            return float(parts["seconds"]), parts["distances"]


def main() -> None:
    """Compute by netrep what a file holds, and write time and distances to another."""
    from netrep.conv_layers import convolve_metric
    from netrep.metrics import LinearMetric as Netrep

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("linear", "layers"))
    parser.add_argument("given", type=Path)
    parser.add_argument("made", type=Path)
    parser.add_argument("--alpha", type=float, default=1.0)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    with np.load(options.given, allow_pickle=False) as parts:
        arrays = [parts[name] for name in parts.files]
    metric = Netrep(alpha=options.alpha, center_columns=True, score_method="angular")
    with contextlib.redirect_stderr(io.StringIO()):  # its bars of progress
        start = time.perf_counter()
        if options.what == "linear":
            found = metric.pairwise_distances(arrays, processes=options.processes, verbose=False)
            distances = found[0] if isinstance(found, tuple) else found
        else:
            distances = _convolved(metric, arrays, options.processes, convolve_metric)
        taken = time.perf_counter() - start
    np.savez(options.made, seconds=taken, distances=distances)


def _convolved(metric, arrays: Sequence[Array], processes: int, convolve) -> Array:
    """Smallest distance over all shifts of the pairs (0, 1) and (2, 3), on as many processes."""
    import multiprocessing

    pairs = [(convolve, metric, *arrays[i : i + 2]) for i in (0, 2)]
    if processes == 1:
        return np.array([_nearest(*pair) for pair in pairs])
    with multiprocessing.get_context("fork").Pool(min(processes, 2)) as pool:
        return np.array(pool.starmap(_nearest, pairs))


def _nearest(convolve, metric, X: Array, Y: Array) -> float:
    return float(convolve(metric, X, Y).min())


if __name__ == "__main__":
    main()
