"""Tables of signal.md: what was tried, and its bias on simulations of known truth.

    python docs/signal_tables.py bias          # debiased CKA, RSA and the Procrustes angle
    python docs/signal_tables.py procrustes    # estimators of the nuclear norm that do not work
    python docs/signal_tables.py cca           # and of mean canonical correlations

Each prints one table, means over simulated pairs; they take minutes on one core.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from shapemetrics.estimation import signal_bias, signal_distances
from shapemetrics.estimation.signal_checks import _two_signals
from shapemetrics.metrics import LinearMetric

SIZES = [(18, 60), (118, 60), (118, 200)]  # stimuli, units
RELIABILITIES = [0.03, 0.1, 0.3]
N_TRIALS, N_PAIRS = 8, 6


def bias() -> pd.DataFrame:
    """Truth, plug-in and corrected distances, and how many pairs were refused."""
    tables = []
    for m, n in SIZES:
        for measure in ("cka", "rsa", "procrustes"):
            table = signal_bias(
                m,
                n,
                N_TRIALS,
                measure,
                reliabilities=RELIABILITIES,
                n_pairs=N_PAIRS,
                n_resamples=12,
            )
            sizes = {"measure": measure, "stimuli": m, "units": n}
            tables.append(table.assign(**sizes, refused=table["corrected"].isna()))
    table = pd.concat(tables)
    keys = ["measure", "stimuli", "units", "reliability", "shared"]
    values = table.groupby(keys)[["truth", "plug_in", "corrected", "refused"]].mean()
    values["spread"] = (table["corrected"] - table["truth"]).groupby([table[k] for k in keys]).std()
    return values.round(2)


def _pairs(m: int, n: int, reliability: float, shared: float):
    """Simulated signals, and trials of them (m, r, n)."""
    for pair in range(N_PAIRS):
        rng = np.random.default_rng([0, pair])
        signals = _two_signals(rng, m, n, shared, 1.0)
        scale = np.sqrt(N_TRIALS * (1 - reliability) / reliability)
        trials = [X[:, None] + scale * X.std() * rng.normal(size=(m, N_TRIALS, n)) for X in signals]
        yield rng, signals, [T - T.mean(axis=0) for T in trials]


def _halves(rng: np.random.Generator, T: np.ndarray) -> list[np.ndarray]:
    order = rng.permutation(T.shape[1])
    return [T[:, part].mean(axis=1) for part in np.array_split(order, 2)]


def _shrunk(T: np.ndarray) -> np.ndarray:
    """Trial mean with its singular values shrunk (Gavish and Donoho 2017, Frobenius)."""
    mean = T.mean(axis=1)
    m, n = mean.shape
    noise = T.var(axis=1, ddof=1).mean() / T.shape[1] * m / (m - 1)
    U, s, V = np.linalg.svd(mean, full_matrices=False)
    ratio, y = (m - 1) / n, s / np.sqrt(noise * n)
    inside = np.maximum((y**2 - ratio - 1) ** 2 - 4 * ratio, 0)
    kept = np.where(y > 1 + np.sqrt(ratio), np.sqrt(inside) / np.maximum(y, 1e-9), 0)
    return (U * kept) @ V


def tried(metric: LinearMetric) -> pd.DataFrame:
    """Cosines of angles by estimators that do not use the second moment alone."""

    def cosine(X: np.ndarray, Y: np.ndarray) -> float:
        if not (X.any() and Y.any()):
            return np.nan
        return float(np.cos(metric.distance(X, Y)))

    rows = []
    for m, n in SIZES:
        for reliability in RELIABILITIES:
            for shared in (0.0, 0.5, 0.9):
                for rng, (X, Y), (S, T) in _pairs(m, n, reliability, shared):
                    (a, b), (c, d) = _halves(rng, S), _halves(rng, T)
                    full = cosine(S.mean(axis=1), T.mean(axis=1))
                    half = np.mean([cosine(a, c), cosine(b, d), cosine(a, d), cosine(b, c)])
                    rows.append(
                        {
                            "stimuli": m,
                            "units": n,
                            "reliability": reliability,
                            "shared": shared,
                            "truth": cosine(X, Y),
                            "plug_in": full,
                            "disattenuated": half / np.sqrt(cosine(a, b) * cosine(c, d)),
                            "extrapolated": 2 * full - half,
                            "shrunk": cosine(_shrunk(S), _shrunk(T)),
                        }
                    )
                    if metric.alpha == 1:
                        found = signal_distances([S, T], "procrustes", n_resamples=0)
                        rows[-1]["from_cka"] = np.cos(found.distances[0, 1])
    table = pd.DataFrame(rows)
    return table.groupby(["stimuli", "units", "reliability", "shared"]).mean().round(2)


if __name__ == "__main__":
    asked = sys.argv[1:]
    if asked == ["bias"]:
        print(bias().to_string())
    elif asked == ["procrustes"]:
        print(tried(LinearMetric(alpha=1.0)).to_string())
    elif asked == ["cca"]:
        print(tried(LinearMetric(alpha=0.0, n_components=5)).to_string())
    else:
        sys.exit(f"signal_tables: found {asked}, expected one of bias, procrustes, cca")
