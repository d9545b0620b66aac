"""Predict covariates of networks from what is known without distances, and from both together."""

import numpy as np
import pandas as pd

from shapemetrics.datasets.nasbench.tables import cell_paths, parse_networks, read_networks
from shapemetrics.learning.baselines import nested_baselines
from shapemetrics.linalg import Array
from shapemetrics.study.facts import regression_items
from shapemetrics.study.fitting import fitted_analysis
from shapemetrics.study.jobs import job
from shapemetrics.study.needs import LeftOut
from shapemetrics.study.tables import (
    Selected,
    labelled,
    log_notes,
    not_done,
    read_selected,
    read_tables,
    write_table,
)

#: Properties of a cell that describe it, besides its paths and parameters.
COUNTS = [*("n_vertices", "n_edges", "n_conv3x3", "n_conv1x1", "n_maxpool", "depth", "width")]


def descriptions(facts: pd.DataFrame, paths: pd.DataFrame, numbers: list[str]) -> dict[str, Array]:
    """Single numbers, the cell, and the cell with all of those numbers, one row per network."""
    # Parameters and seconds spread over decades: their logarithm is what is known.
    known = {
        name: facts[name].to_numpy(float)
        if name.endswith("log_error")
        else np.log10(facts[name].to_numpy(float))
        for name in numbers
    }
    cell = np.column_stack(
        [facts[COUNTS], known["trainable_parameters"], paths.loc[facts["network"]]]
    )
    found = {**known, "cell": cell}
    if len(known) > 1:
        found["cell_and_numbers"] = np.column_stack([cell, *known.values()])
    return found


def common(parts: list[Selected]) -> list[str]:
    """Networks that every selection has: a representation that is not finite is left out."""
    names = [list(part.covariates["network"]) for part in parts]
    return [name for name in names[0] if all(name in own for own in names[1:])]


with job(snakemake) as log:
    options = dict(snakemake.params.items())
    targets, numbers = options.pop("targets"), options.pop("numbers")
    fixed, trees = options.pop("fixed"), options.pop("baselines")
    metric = options.pop("metric")
    parts = list(read_selected(snakemake.input.matrices, snakemake.input.index))
    table = read_networks(snakemake.input.networks)
    paths = cell_paths(parse_networks(table)).set_axis(table["network"])
    regression = read_tables(snakemake.input.regression)
    facts = parts[0].covariates.set_index("network", drop=False).loc[common(parts)]
    distances = {}
    for part in parts:
        where = pd.Index(part.covariates["network"]).get_indexer(facts["network"])
        distances[part.labels["selection"]] = part.distances[np.ix_(where, where)]
    rows = []
    for target in targets:
        labels = {"target": target, "metric": metric}
        rows_known = facts[target].notna().to_numpy()
        known = facts[rows_known].reset_index(drop=True)
        items = regression_items(known, target, group=None, group_key=None, leave_one_out=False)
        try:
            fitted, notes = fitted_analysis("regression", options, items, fixed=fixed)
        except LeftOut as reason:
            log.warning("%s: %s", labels, reason)
            rows.append(labelled(not_done(reason), labels))
            continue
        log_notes(log, labels, notes)
        found = nested_baselines(
            known[target].to_numpy(float),
            descriptions(known, paths, numbers[target]),
            {name: D[np.ix_(rows_known, rows_known)] for name, D in distances.items()},
            **fitted,
            **trees,
        ).summary
        where = pd.DataFrame({part.labels["selection"]: part.labels for part in parts}).T
        for name in ("layer", "state"):
            found[name] = [where[name].get(key) for key in found["distances"]]
        alone = regression[regression["target"] == target].assign(description="")
        alone = alone.rename(columns={"selection": "distances"}).reindex(columns=found.columns)
        rows.append(labelled(pd.concat([alone, found], ignore_index=True), labels))
        for row in found.itertuples():
            log.info("%s %s: R^2 %.3f", row.description, row.distances or "alone", row.r2)
    write_table(pd.concat(rows), snakemake.output.table)
