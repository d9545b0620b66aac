"""Read user-provided representations, one at a time, into a store."""

import sys
from pathlib import Path

from shapemetrics import __version__
from shapemetrics.datasets.protocol import write_store
from shapemetrics.study import Study, default_config
from shapemetrics.study.covariates import remarks
from shapemetrics.study.jobs import job
from shapemetrics.study.preflight import examine_store
from shapemetrics.study.user_data import Varying, make_dataset, names_in_tables

with job(snakemake) as log:
    params, name = snakemake.params, snakemake.wildcards.dataset
    folder = Path(snakemake.output.index).parent
    study = Study(snakemake.config, default_config(Path(snakemake.scriptdir).parent))
    source = make_dataset(params.reading)
    store = write_store(
        Varying(source, params.positions),
        folder,
        trials=params.trials,
        metadata={"settings": params.reading, "version": __version__},
    )
    log.info("%d representations of %d stimuli", len(store), store.metadata["n_stimuli"])
    for line in names_in_tables(source):
        log.info(line)
    asked = study.dataset(name)
    for line in [
        *examine_store(study, name, store.index),
        *remarks(store.index, asked.targets, asked.labels, **study.class_folds),
    ]:
        log.info(line)
        if not params.known:  # or it was said at the start
            print(line, file=sys.stderr)
