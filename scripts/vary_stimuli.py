"""Distances of some networks against the number of stimuli, fitted and held out."""

from pathlib import Path

import pandas as pd

from shapemetrics.estimation.resampling import distance_vs_samples
from shapemetrics.metrics.registry import build_metric
from shapemetrics.store import RepresentationStore
from shapemetrics.study.jobs import job
from shapemetrics.study.kinds import Selection
from shapemetrics.study.samples import sample_sizes, summarized_samples
from shapemetrics.study.tables import labelled, write_table

with job(snakemake) as log:
    params = snakemake.params
    store = RepresentationStore(Path(snakemake.input.index).parent)
    selection = Selection(**{**params.selection, "n_networks": params.n_networks})
    arrays = selection.read(store)
    tables = []
    for name, settings in params.metrics.items():
        metric = build_metric(settings)
        found = distance_vs_samples(
            arrays,
            metric,
            sample_sizes(arrays, metric, params.n_sizes),
            n_repeats=params.n_repeats,
            seed=params.seed,
            heldout=True,
            n_jobs=snakemake.threads,
        )
        tables.append(labelled(summarized_samples(found), {"metric": name}))
    write_table(pd.concat(tables), snakemake.output.table)
