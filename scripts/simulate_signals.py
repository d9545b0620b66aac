"""Bias of plug-in and corrected distances on simulated regions of the recorded sizes."""

import pandas as pd

from shapemetrics.estimation.signal_checks import signal_bias
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import write_table

with job(snakemake) as log:
    measured = pd.read_csv(snakemake.input.table)
    sizes = measured.drop_duplicates("item")
    tables = []
    for measure in measured["measure"].drop_duplicates():
        table = signal_bias(
            int(sizes["n_stimuli"].iloc[0]),
            int(sizes["n_units"].median()),
            int(sizes["n_trials"].iloc[0]),
            measure,
            n_pairs=snakemake.params.n_pairs,
            n_resamples=snakemake.params.n_resamples,
            seed=snakemake.params.seed,
        )
        table.insert(0, "measure", measure)
        tables.append(table)
    write_table(pd.concat(tables, ignore_index=True), snakemake.output.table)
