"""Read representations of a user's own, one at a time, into a store."""

from pathlib import Path

from shapemetrics import __version__
from shapemetrics.datasets.protocol import write_store
from shapemetrics.study import own
from shapemetrics.study.jobs import job

with job(snakemake) as log:
    params = snakemake.params
    folder = Path(snakemake.output.index).parent
    dataset = own.make_dataset(params.reading)
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
    own.check_covariates(
        store.index, params.numbers, params.classes, params.group, params.least_members, "dataset"
    )
    for line in own.remarks(store.index, params.numbers, params.classes, params.least_members):
        log.info(line)
