"""Distances of regions to themselves and to others, and the hierarchy's score, window by window."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from shapemetrics.datasets.allen.anatomy import hierarchy_score
from shapemetrics.datasets.allen.steinmetz import region_trials
from shapemetrics.estimation.noise import half_distances
from shapemetrics.estimation.time_resolved import time_resolved_distances
from shapemetrics.learning.regression import nested_regression
from shapemetrics.linalg import Array
from shapemetrics.metrics.registry import build_metric
from shapemetrics.study.facts import equal_in, regression_items
from shapemetrics.study.fitting import fitted_analysis
from shapemetrics.study.jobs import job
from shapemetrics.study.needs import LeftOut
from shapemetrics.study.tables import LEFT_OUT, write_table

#: Which trials each representation of a region averages, by its id's ending.
PARTS = {"all": slice(None), "odd": slice(0, None, 2), "even": slice(1, None, 2)}
#: Folds of the regression; one region is left out at a time, whatever their number.
FOLDS = {"n_outer": 5, "n_inner": 5}
SCORES = ["r2", "r2_low", "r2_high", "null_r2_low", "null_r2_high"]


def recovery(D: Array, scores: pd.Series, **options: Any) -> dict[str, Any]:
    """Scores of the regression of known hierarchy scores, or why there are none."""
    known = np.flatnonzero(scores.notna())
    D = D[np.ix_(known, known)]
    rows = pd.DataFrame({"score": scores.iloc[known]}).reset_index(drop=True)
    try:
        items = regression_items(
            rows, "score", group=None, group_key=None, leave_one_out=True, equal=equal_in(D)
        )
        folds = fitted_analysis("regression", FOLDS, items)[0]
    except LeftOut as reason:
        return {LEFT_OUT: str(reason)}
    found = nested_regression(D, rows["score"], leave_one_out=True, **folds, **options)
    return found.summary.iloc[0][SCORES].to_dict()


def over_time(
    networks: Mapping[str, Mapping[str, list[np.ndarray]]],
    metric: Any,
    n_windows: int,
    scores: pd.Series,
    n_jobs: int = 1,
    **options: Any,
) -> pd.DataFrame:
    """One row per window: start and stop (bins), own and others (median distances between halves),
    identified, and the scores of the regression."""
    means = {
        f"{region} {part}": np.concatenate(
            [
                np.stack([trials[rows].mean(axis=0) for trials in session])
                for session in sessions.values()
            ],
            axis=2,
        )
        for part, rows in PARTS.items()
        for region, sessions in networks.items()
    }
    n_bins = next(iter(means.values())).shape[1]
    if n_bins % n_windows:
        raise ValueError(f"n_windows: found {n_windows}, expected a divisor of {n_bins} bins")
    found = time_resolved_distances(means, metric, n_bins // n_windows, n_jobs=n_jobs)
    K = len(networks)
    rows = []
    for w, ((start, stop), D) in enumerate(zip(found.windows, found.distances)):
        row = {"start": start, "stop": stop}
        if w in found.reasons:
            rows.append({**row, LEFT_OUT: found.reasons[w]})
            continue
        halves = half_distances(D[K:, K:], list(networks) * 2, ["odd"] * K + ["even"] * K)
        row |= {
            "own": halves["floor"].median(),
            "others": halves["median"].median(),
            "identified": halves["identified"].mean(),
            "n": K,
        }
        rows.append({**row, **recovery(D[:K, :K], scores, **options)})
    return pd.DataFrame(rows)


with job(snakemake) as log:
    params = snakemake.params
    pooling = params.pooling
    trials = region_trials(
        snakemake.input.sessions,
        min_trials=params.min_repeats,
        min_units=pooling["min_units"],
        n_bins=None,
        level=pooling["level"],
    )
    log.info("conditions %s, left out %s", trials.conditions, trials.left_out)
    scores = [hierarchy_score(r, pooling["hierarchy"], pooling["variant"]) for r in trials.networks]
    table = over_time(
        trials.networks,
        build_metric(params.metric),
        params.n_windows,
        pd.Series([score.value for score in scores], dtype=float),
        n_jobs=snakemake.threads,
        n_permutations=params.n_permutations,
        n_bootstrap=params.n_bootstrap,
        seed=params.seed,
    )
    write_table(table, snakemake.output.table)
