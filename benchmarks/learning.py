"""Learning from the distances between 2,000 networks: time and memory of each analysis.

Every analysis runs in a process of its own, so that its peak of resident memory is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.harness import Options, note, peak_memory

#: As config.yaml has them.
REGRESSION = {
    "n_outer": 5,
    "n_inner": 5,
    "n_repeats": 2,
    "n_permutations": 100,
    "n_bootstrap": 1000,
}
DIMENSIONS = (1, 2, 3, 5, 10, 20, 30)


def distances(K: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Angular distances between K points, and a target that depends on their places.

    The points have 20 dimensions of decreasing width, and 80 more of noise. Angles, like those
    of a shape metric, obey the triangle inequality but do not embed in Euclidean space: kernels
    of small widths are positive definite, those of large widths are not.
    """
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(K, 20)) * np.linspace(1.5, 0.5, 20)
    points = np.hstack([signal, 0.35 * rng.normal(size=(K, 80))])
    points /= np.linalg.norm(points, axis=1)[:, None]
    angles = np.arccos(np.clip(points @ points.T, -1.0, 1.0))
    angles = (angles + angles.T) / 2
    np.fill_diagonal(angles, 0.0)
    noise = 0.5 * rng.normal(size=K)
    return angles, np.tanh(signal[:, 0]) + 0.5 * signal[:, 1] * signal[:, 2] + noise


def regression(K: int) -> Callable[[], object]:
    """Nested regression, with its permutations."""
    from shapemetrics.learning import nested_regression

    D, y = distances(K)
    return lambda: nested_regression(D, y, **REGRESSION).summary["r2"].item()


def distortion(K: int) -> Callable[[], object]:
    """Distortion of embeddings in seven dimensions, classical and metric."""
    from shapemetrics.geometry import distortion_curve

    D, _ = distances(K)
    return lambda: distortion_curve(D, DIMENSIONS)["max_distortion"].iloc[-1]


def audit(K: int) -> Callable[[], object]:
    """Every triple."""
    from shapemetrics.geometry import triangle_audit

    D, _ = distances(K)
    return lambda: triangle_audit(D).max_excess


def audit_violated(K: int) -> Callable[[], object]:
    """Every triple of squared distances, many of which are violated."""
    from shapemetrics.geometry import triangle_audit

    D, _ = distances(K)
    return lambda: triangle_audit(D**2).n_violations


def neighbours(K: int) -> Callable[[], object]:
    """Nested classification by the nearest neighbours, with its permutations."""
    from shapemetrics.learning import nested_classification

    D, y = distances(K)
    labels = np.digitize(y, np.quantile(y, [0.25, 0.5, 0.75]))
    return lambda: nested_classification(D, labels, n_permutations=30).summary["accuracy"].item()


def vectors(K: int) -> Callable[[], object]:
    """Nested classification by support vector machines, without permutations."""
    from shapemetrics.learning import nested_classification

    D, y = distances(K)
    labels = np.digitize(y, np.quantile(y, [0.25, 0.5, 0.75]))
    options = {"classifier": "svm", "n_permutations": 0, "n_outer": 4, "n_inner": 3}
    return lambda: nested_classification(D, labels, **options).summary["accuracy"].item()


def covariates(K: int) -> Callable[[], object]:
    """Variance that ten covariates explain, with 999 permutations."""
    from shapemetrics.learning import variance_explained

    D, y = distances(K)
    rng = np.random.default_rng(1)
    facts = {f"noise {i}": rng.normal(size=K) for i in range(8)}
    facts |= {"target": y, "class": np.digitize(y, np.quantile(y, [0.25, 0.5, 0.75])).astype(str)}
    return lambda: variance_explained(D, facts)["total_r2"].iloc[0]


#: Name of an analysis, and what makes it: from a number of networks to a call that is timed.
ANALYSES = {
    "regression": regression,
    "distortion": distortion,
    "audit": audit,
    "audit, violated": audit_violated,
    "classification, neighbours": neighbours,
    "classification, SVM": vectors,
    "covariates": covariates,
}


def run(options: Options) -> pd.DataFrame:
    """One row per analysis: seconds of the clock and of all cores, and peak of memory."""
    K = 200 if options.quick else 2000
    return pd.DataFrame([measured(name, K, options.n_jobs) for name in ANALYSES])


def measured(name: str, K: int, n_jobs: int) -> dict:
    """Time one analysis in a process of its own."""
    note(f"learning: {name}, {K} networks")
    command = [sys.executable, "-m", "benchmarks.learning", name, str(K)]
    environment = os.environ | {"OMP_NUM_THREADS": str(n_jobs)}
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    return {"analysis": name, "K": K, "threads": n_jobs} | json.loads(found.stdout)


def main() -> None:
    """Run one analysis and print its seconds, memory and result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("analysis", choices=ANALYSES)
    parser.add_argument("K", type=int)
    given = parser.parse_args()
    start = time.perf_counter()
    work = ANALYSES[given.analysis](given.K)
    ready, clock, before = time.perf_counter(), time.perf_counter(), _cpu()
    result = work()
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - clock,
                "CPU seconds": _cpu() - before,
                "peak (MB)": peak_memory(),
                "imports (s)": ready - start,
                "result": float(result),
            }
        )
    )


def _cpu() -> float:
    """Seconds that all threads of this process have computed."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
