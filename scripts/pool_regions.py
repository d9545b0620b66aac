"""Pool the units of all sessions into regions, as a representation store."""

from pathlib import Path

from shapemetrics.datasets.allen.regions import Pooling, pool_regions
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import write_table

with job(snakemake) as log:
    table = pool_regions(
        snakemake.input.responses,
        Path(snakemake.output.index).parent,
        Pooling(**snakemake.params.pooling),
        source=snakemake.params.source,
        metadata=snakemake.params.metadata,
    )
    log.info("%d of %d regions kept", int(table["kept"].sum()), len(table))
    write_table(table, snakemake.output.regions)
