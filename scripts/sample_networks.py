"""Sample distinct cells of the NAS-Bench-101 space."""

from shapemetrics.datasets.nasbench.tables import sample_networks
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import write_table

with job(snakemake) as log:
    table = sample_networks(
        snakemake.params.n, snakemake.params.seed, max_vertices=snakemake.params.max_vertices
    )
    log.info("%d cells of up to %d vertices", len(table), snakemake.params.max_vertices)
    write_table(table, snakemake.output.table)
