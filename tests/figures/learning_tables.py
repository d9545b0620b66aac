"""Synthetic tables of what learning and audits find, of the study's real sizes."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from study_names import DIVISIONS, LAYERS, METRICS, STATES, each_selection, strength


@pytest.fixture(scope="session")
def scores() -> pd.DataFrame:
    """Regression scores of four metrics: depth predicts accuracy, the stem does not."""
    rng = np.random.default_rng(4)
    rows = []
    for m, metric in enumerate(list(METRICS)[:4]):
        for s, state, depth, layer in each_selection():
            r2 = strength(s, depth) * (1 - 0.08 * m) - 0.02 + 0.02 * rng.normal()
            rows.append(
                {
                    "selection": f"{layer}_{state}",
                    "layer": layer,
                    "state": state,
                    "metric": metric,
                    "target": "test_accuracy",
                    "r2": r2,
                    "r2_low": r2 - 0.07,
                    "r2_high": r2 + 0.05,
                    "spearman": np.sqrt(max(r2, 0.0)) + 0.03 * rng.normal(),
                    "null_r2_mean": -0.03,
                    "null_r2_low": -0.09,
                    "null_r2_high": 0.03,
                    "p_value": 0.01 if r2 > 0.04 else 0.4,
                    "n": 240,
                }
            )
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def predictions(embedding: pd.DataFrame) -> pd.DataFrame:
    """Held-out predictions of one metric."""
    rng = np.random.default_rng(5)
    parts = []
    for s, state, depth, layer in each_selection():
        part = embedding[embedding["selection"] == f"{layer}_{state}"]
        observed = np.log10(1 - part["test_accuracy"])
        r2 = strength(s, depth)
        noise = observed.std() * np.sqrt(r2 * (1 - r2)) * rng.normal(size=len(part))
        predicted = r2 * observed + (1 - r2) * observed.mean() + noise
        parts.append(
            part[["selection", "layer", "state", "id"]].assign(
                metric="procrustes_angular",
                target="test_accuracy",
                observed=observed,
                predicted=predicted,
            )
        )
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="session")
def region_predictions(regions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions and scores of the hierarchy score for regions, by two metrics."""
    rng = np.random.default_rng(6)
    known = regions.dropna(subset=["hierarchy_score"])
    parts, rows = [], []
    for metric, noise in (("procrustes_angular", 0.15), ("cca_angular", 0.3)):
        observed = known["hierarchy_score"]
        parts.append(
            known[["selection", "layer", "state", "id"]].assign(
                metric=metric,
                target="hierarchy_score",
                observed=observed,
                predicted=0.7 * observed + noise * rng.normal(size=len(known)),
            )
        )
        rows.append(
            {
                **dict.fromkeys(("layer", "state"), ""),
                "selection": "all",
                "metric": metric,
                "target": "hierarchy_score",
                "r2": 0.8 - noise,
                "r2_low": 0.55 - noise,
                "r2_high": 0.9 - noise,
                "spearman": 0.85 - noise,
                "null_r2_mean": -0.05,
                "null_r2_low": -0.2,
                "null_r2_high": 0.1,
                "p_value": 0.01,
                "n": len(known),
            }
        )
    return pd.concat(parts, ignore_index=True), pd.DataFrame(rows)


TASKS = {
    "layer": [f"{layer}" for layer in LAYERS],
    "training_state": list(STATES),
    "division": list(DIVISIONS),
}


@pytest.fixture(scope="session")
def classification() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accuracies of three tasks, two classifiers and eight measures, and their confusions."""
    rng = np.random.default_rng(7)
    rows, counts = [], []
    for t, (task, classes) in enumerate(TASKS.items()):
        n, k = (1200, 480, 48)[t], len(classes)
        chance = (0.2, 0.5, 17 / 48)[t]
        width = 1.0 / np.sqrt(n)
        for c, classifier in enumerate(("knn", "svm")):
            for m, metric in enumerate(METRICS):
                accuracy = min(chance + (0.55 - 0.06 * m + 0.03 * c) * (1 - chance) * 1.6, 0.985)
                if metric == "rsa_correlation" and task == "division":
                    accuracy = chance - 0.04
                rows.append(
                    {
                        "task": task,
                        "classifier": classifier,
                        "metric": metric,
                        "accuracy": accuracy,
                        "accuracy_low": accuracy - width,
                        "accuracy_high": min(accuracy + width, 1.0),
                        "chance": chance,
                        "null_mean": chance - 0.03,
                        "null_low": chance - 0.03 - 1.7 * width,
                        "null_high": chance - 0.03 + 1.7 * width,
                        "p_value": 0.01 if accuracy > chance + 2 * width else 0.3,
                        "n": n,
                        "n_classes": k,
                    }
                )
                shares = np.full((k, k), (1 - accuracy) / max(k - 1, 1))
                np.fill_diagonal(shares, accuracy)
                for i, true in enumerate(classes):
                    drawn = rng.multinomial(n // k, shares[i] / shares[i].sum())
                    for predicted, count in zip(classes, drawn, strict=True):
                        counts.append((task, classifier, metric, true, predicted, count))
    names = ["task", "classifier", "metric", "true", "predicted", "count"]
    return pd.DataFrame(rows), pd.DataFrame(counts, columns=names)


@pytest.fixture(scope="session")
def audit() -> pd.DataFrame:
    """Audits of eight measures on ten selections: true metrics break nothing."""
    rng = np.random.default_rng(8)
    n_triples = 240 * 239 * 238
    rows = []
    for m, (metric, is_metric) in enumerate(METRICS.items()):
        for _, state, _depth, layer in each_selection():
            share = 0.0 if is_metric else float(10 ** rng.normal(-5.5 + 0.7 * (m - 4), 0.5))
            bad = int(share * n_triples)
            rows.append(
                {
                    "selection": f"{layer}_{state}",
                    "layer": layer,
                    "state": state,
                    "metric": metric,
                    "is_metric": is_metric,
                    "n": 240,
                    "n_triples": n_triples,
                    "n_violations": bad,
                    "fraction": bad / n_triples,
                    "max_violation": 0.1 * (bad > 0),
                    "max_relative_violation": float(10 ** rng.normal(-1, 0.3)) * (bad > 0),
                    "worst": "a, b, c",
                }
            )
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def agreement() -> pd.DataFrame:
    """Agreement of the eight measures, each pair once."""
    rng = np.random.default_rng(9)
    rows = []
    for i, j in combinations(range(len(METRICS)), 2):
        rho = 0.97 - 0.1 * (j - i) + 0.04 * rng.normal()
        rows.append((list(METRICS)[i], list(METRICS)[j], rho, 0.001 if rho > 0.35 else 0.2))
    return pd.DataFrame(rows, columns=["metric_a", "metric_b", "spearman", "p_value"])
