"""Read representations of a user's own, one at a time, into a store."""

import sys
from pathlib import Path

from shapemetrics import __version__
from shapemetrics.datasets.protocol import write_store
from shapemetrics.study import Study, own
from shapemetrics.study.config import default_config
from shapemetrics.study.jobs import job
from shapemetrics.study.preflight import examine_store

with job(snakemake) as log:
    params, name = snakemake.params, snakemake.wildcards.dataset
    folder = Path(snakemake.output.index).parent
    study = Study(snakemake.config, default_config(Path(snakemake.scriptdir).parent))
    dataset = own.Varying(own.make_dataset(params.reading), params.positions)
    # The study's metrics compare means over trials.
    store = write_store(
        dataset,
        folder,
        trials="mean",
        metadata={"settings": params.reading, "version": __version__},
    )
    log.info("%d representations of %d stimuli", len(store), store.metadata["n_stimuli"])
    for line in own.told(dataset):
        log.info(line)
    kind = study.kind(name)
    for line in [
        *examine_store(study, name, store.index),
        *own.remarks(store.index, kind.targets, kind.labels, **study.class_folds),
    ]:
        log.info(line)
        if not params.known:  # or it was said at the start
            print(line, file=sys.stderr)
