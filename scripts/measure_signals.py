"""Identification of regions from the other half of the trials, plug-in and corrected."""

import pandas as pd

from shapemetrics.datasets.allen.steinmetz import region_trials
from shapemetrics.estimation.signal_checks import signal_identification
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import write_table

with job(snakemake) as log:
    params = snakemake.params
    signal = params.signal
    trials = region_trials(
        snakemake.input.sessions,
        min_trials=signal["min_trials"],
        min_units=params.min_units,
        n_bins=signal["n_bins"],
        level=params.level,
    )
    log.info("conditions %s, left out %s", trials.conditions, trials.left_out)
    tables = []
    for measure in signal["measures"]:
        table = signal_identification(
            trials.networks,
            measure,
            n_resamples=signal["n_resamples"],
            min_signal=signal["min_signal"],
            seed=params.seed,
            n_jobs=snakemake.threads,
        )
        table.insert(0, "measure", measure)
        tables.append(table)
    table = pd.concat(tables, ignore_index=True)
    # Sizes that a simulation of such regions takes.
    table["n_units"] = table["item"].map(trials.n_units)
    table["n_stimuli"] = len(trials.conditions) * signal["n_bins"]
    table["n_trials"] = signal["min_trials"]
    means = table.groupby(["measure", "among", "estimate"])["identified"].mean()
    log.info("identified:\n%s", means.to_string())
    write_table(table, snakemake.output.table)
