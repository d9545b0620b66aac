"""Gather the recorded layers of all networks into one representation store."""

from pathlib import Path

from shapemetrics.datasets.nasbench.assembly import assemble_store
from shapemetrics.datasets.nasbench.images import load_images
from shapemetrics.datasets.nasbench.probes import ProbeSettings
from shapemetrics.datasets.nasbench.settings import TrainingSettings
from shapemetrics.datasets.nasbench.tables import read_networks
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import write_table

with job(snakemake) as log:
    store = assemble_store(
        read_networks(snakemake.input.table),
        snakemake.params.folder,
        Path(snakemake.output.index).parent,
        load_images(snakemake.params.images),
        TrainingSettings.from_mapping(snakemake.params.training),
        snakemake.params.seed,
        probes=ProbeSettings.from_mapping(snakemake.params.probes),
    )
    log.info("%d representations of %d networks", len(store), store.index["network"].nunique())
    networks = store.index.drop_duplicates("network").drop(
        columns=["id", "path", "shape", "dtype", "sha256", "layer", "state"]
    )
    write_table(networks, snakemake.output.networks)
