"""Pool the units of all sessions into regions, as a representation store."""

import sys
from pathlib import Path

from shapemetrics import RepresentationStore
from shapemetrics.datasets.allen.regions import pool_regions
from shapemetrics.datasets.allen.settings import Pooling
from shapemetrics.datasets.allen.use import data_use
from shapemetrics.study import Study, default_config
from shapemetrics.study.jobs import job
from shapemetrics.study.preflight import examine_store
from shapemetrics.study.tables import write_table

with job(snakemake) as log:
    pooling = Pooling(**snakemake.params.pooling)
    use = data_use(snakemake.input.responses, pooling)
    write_table(use, snakemake.output.data_use)
    table = pool_regions(
        snakemake.input.responses,
        Path(snakemake.output.index).parent,
        pooling,
        source=snakemake.params.source,
        metadata=snakemake.params.metadata,
    )
    log.info("%d of %d regions kept", int(table["kept"].sum()), len(table))
    write_table(table, snakemake.output.regions)
    study = Study(snakemake.config, default_config(Path(snakemake.scriptdir).parent))
    store = RepresentationStore(Path(snakemake.output.index).parent)
    for line in examine_store(study, snakemake.wildcards.dataset, store.index):
        log.info(line)
        print(line, file=sys.stderr)
