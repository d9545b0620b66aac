"""How well the target is recovered from distances as regions have more units and repeats."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from shapemetrics.datasets.allen.regions import pool_regions
from shapemetrics.datasets.allen.settings import Pooling
from shapemetrics.learning.regression import nested_regression
from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Metric
from shapemetrics.metrics.registry import build_metric
from shapemetrics.pairwise.engine import pairwise_distances
from shapemetrics.store.reader import RepresentationStore
from shapemetrics.study.facts import equal_in, regression_items
from shapemetrics.study.fitting import fitted_analysis
from shapemetrics.study.jobs import job
from shapemetrics.study.needs import LeftOut
from shapemetrics.study.tables import LEFT_OUT, write_table

#: Parts of the repeats, and the share of them that each averages.
SHARES = {"odd": 0.5, "all": 1.0}
#: Folds of the regression; one region is left out at a time, whatever their number.
FOLDS = {"n_outer": 5, "n_inner": 5}


def recovery_by_units(
    files: Sequence[str | os.PathLike],
    pooling: Mapping[str, Any],
    metric: Metric,
    units: Sequence[int],
    target: str,
    *,
    n_permutations: int,
    n_bootstrap: int,
    seed: int,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Regress a covariate of regions on their distances, with few units and few repeats first.

    One row per number of units and share of the repeats: max_units (empty for all), median_units
    (of the regions used), repeats (share), mean_distance (over pairs of regions), and the scores of
    the regression, one region left out at a time. Where too few regions have a known target, a
    column ``left_out`` says so instead.
    """
    rows = []
    least = pooling["min_units"]
    for most in [*sorted(n for n in units if n >= least), None]:
        settings = Pooling(**{**pooling, "max_units": most})
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "store"
            pool_regions(files, path, settings, source="growth")
            store = RepresentationStore(path)
            for half, share in SHARES.items():
                part = store.select(half=half)
                known = part.take(part.index.loc[part.index[target].notna(), "id"])
                labels = {"max_units": most, "repeats": share, "target": target}
                used = known.index["n_units"].clip(upper=most)
                if most is not None and used.median() == known.index["n_units"].median():
                    continue  # the typical region keeps all its units: the last row says it
                try:
                    D = pairwise_distances(known, metric, n_jobs=n_jobs) if len(known) else None
                    fitted = fitted_folds(known.index, target, D)
                except LeftOut as reason:
                    rows.append({**labels, LEFT_OUT: str(reason)})
                    continue
                scores = nested_regression(
                    D,
                    known.index[target],
                    seed=seed,
                    n_permutations=n_permutations,
                    n_bootstrap=n_bootstrap,
                    leave_one_out=True,
                    **fitted,
                ).summary.iloc[0]
                rows.append(
                    {
                        "max_units": most,
                        "median_units": round(used.median()),
                        "repeats": share,
                        "mean_distance": D[np.triu_indices(len(D), 1)].mean(),
                        "target": target,
                        **scores,
                    }
                )
    return pd.DataFrame(rows)


def fitted_folds(rows: pd.DataFrame, target: str, D: Array | None) -> dict[str, Any]:
    """Folds of the regression that so many regions have."""
    items = regression_items(
        rows,
        target,
        group=None,
        group_key=None,
        leave_one_out=True,
        equal=() if D is None else equal_in(D),
    )
    return fitted_analysis("regression", FOLDS, items)[0]


with job(snakemake) as log:
    options = dict(snakemake.params.items())
    table = recovery_by_units(
        snakemake.input.responses,
        options.pop("pooling"),
        build_metric(options.pop("metric")),
        n_jobs=snakemake.threads,
        **options,
    )
    if "r2" in table:
        log.info("R^2 from %.3f to %.3f", table["r2"].min(), table["r2"].max())
    write_table(table, snakemake.output.table)
