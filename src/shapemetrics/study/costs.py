"""What a study cost, rule by rule, and what it would cost at another scale.

Snakemake measures every job (its ``benchmark:`` files). Here they become one table. Time at another
scale is estimated from an amount of work that each rule's run time scales with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from shapemetrics.files import atomic_path
from shapemetrics.metrics.base import Metric
from shapemetrics.study.selection import Selection
from shapemetrics.study.study import Study
from shapemetrics.study.tiling import pair_seconds

#: Columns of the table, in order.
COLUMNS = (
    *("rule", "jobs", "hours", "longest_job_minutes", "cpu_hours", "peak_memory_mb"),
    *("work", "work_here", "work_there", "hours_there"),
)


def measured_costs(folder: str | Path) -> pd.DataFrame:
    """Time and memory of each rule's jobs.

    Parameters
    ----------
    folder : path-like
        Holds one folder per rule, with one benchmark file per job.

    Returns
    -------
    pandas.DataFrame
        One row per rule: `rule`, `jobs`, `hours` (wall time of all jobs one after another),
        `longest_job_minutes`, `cpu_hours`, `peak_memory_mb` (resident, of one job), and
        `startup_seconds`, what a job takes that does next to nothing; most expensive first.

    Raises
    ------
    ValueError
        If the folder holds no benchmark file.
    """
    rows = []
    for file in sorted(Path(folder).glob("*/**/*.tsv")):
        table = pd.read_csv(file, sep="\t", na_values=["-", "NA"])
        if table.empty or "s" not in table:
            raise ValueError(f"{file}: found no column 's', expected a benchmark of Snakemake's")
        rows.append({"rule": file.relative_to(folder).parts[0], **table.iloc[-1]})
    if not rows:
        raise ValueError(f"{folder}: found no benchmark files")
    jobs = pd.DataFrame(rows)
    grouped = jobs.groupby("rule")
    costs = pd.DataFrame(
        {
            "jobs": grouped.size(),
            "startup_seconds": jobs["s"].min(),
            "hours": grouped["s"].sum() / 3600.0,
            "longest_job_minutes": grouped["s"].max() / 60.0,
            "cpu_hours": grouped["cpu_time"].sum() / 3600.0,
            "peak_memory_mb": grouped["max_rss"].max(),
        }
    )
    return costs.sort_values("hours", ascending=False).reset_index()


def training_work(study: Study) -> float:
    """Multiplications of convolutions in training, up to a factor that no configuration changes."""
    return sum(study.dataset(name).training_work for name in study.datasets)


def distance_work(study: Study) -> float:
    """Estimated seconds of all distances between networks, on one core of the cost model's."""
    return sum(_matrix_seconds(*matrix) for matrix in _known_matrices(study))


def pair_work(study: Study) -> float:
    """Pairs of networks in all matrices."""
    return float(sum(n**2 for n, *_ in _known_matrices(study)))


def triple_work(study: Study) -> float:
    """Triples of networks in all matrices."""
    return float(sum(n**3 for n, *_ in _known_matrices(study)))


#: For each rule, the quantity that its run time scales with: its unit, and its amount in a study.
WORK: dict[str, tuple[str, Callable[[Study], float]]] = {
    "train_networks": ("multiplications", training_work),
    **dict.fromkeys(("compute_distances", "compute_tile"), ("model seconds", distance_work)),
    **dict.fromkeys(("embed_distances", "measure_distortion"), ("pairs", pair_work)),
    **dict.fromkeys(
        ("audit_triangles", "regress_target", "regress_baselines"), ("triples", triple_work)
    ),
}


def extrapolated_costs(costs: pd.DataFrame, here: Study, there: Study) -> pd.DataFrame:
    """Add what each rule would take at another scale, on the cores that were measured.

    Parameters
    ----------
    costs : pandas.DataFrame
        From :func:`measured_costs`.
    here, there : Study
        The study that was measured, and the other one.

    Returns
    -------
    pandas.DataFrame
        With columns `work` (what the rule's time follows), `work_here`, `work_there` and
        `hours_there`; empty for rules whose time follows no amount that is known beforehand. The
        start of the jobs is left out, since at another scale jobs are other in number.
    """
    costs = costs.copy()
    for column in ("work", "work_here", "work_there", "hours_there"):
        costs[column] = pd.Series(dtype=object if column == "work" else float)
    for row, rule in enumerate(costs["rule"]):
        if rule not in WORK:
            continue
        unit, amount = WORK[rule]
        here_amount, there_amount = amount(here), amount(there)
        if here_amount > 0.0:
            startup = costs.at[row, "jobs"] * costs.at[row, "startup_seconds"] / 3600.0
            hours = max(costs.at[row, "hours"] - startup, 0.0) * there_amount / here_amount
            costs.loc[row, ["work", "work_here", "work_there", "hours_there"]] = [
                *(unit, here_amount, there_amount, hours)
            ]
    return costs.reindex(columns=list(COLUMNS))


def write_costs(costs: pd.DataFrame, path: str | Path) -> None:
    """Write the table, numbers to four digits."""
    with atomic_path(path) as temporary:
        costs.to_csv(temporary, index=False, float_format="%.4g")


def _known_matrices(study: Study) -> Iterator[tuple[int, list[tuple[int, ...]], Any, Any]]:
    """Number of representations, their shapes, selection and metric of each matrix whose size
    follows from the settings."""
    for name in study.datasets:
        for selection, metric in study.matrices(name):
            n, shapes = study.dataset(name).compared_shapes(selection)
            if n:
                chosen = study.selection(name, selection, metric)
                yield n, shapes, chosen, study.metric(metric)


def _matrix_seconds(
    n: int, shapes: list[tuple[int, ...]], selection: Selection, metric: Metric
) -> float:
    seconds = [pair_seconds(metric, shape, selection.positions) for shape in shapes]
    return n**2 / 2 * float(np.mean(seconds))
