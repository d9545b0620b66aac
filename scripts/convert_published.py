"""Turn the published results of NAS-Bench-101 into one table."""

from shapemetrics.datasets.download import byte_progress
from shapemetrics.datasets.nasbench.conversion import convert_records
from shapemetrics.study.jobs import job

with job(snakemake) as log, byte_progress("published results") as progress:
    done = convert_records(
        snakemake.input.records,
        snakemake.output.table,
        progress=progress,
    )
    log.info("%d records of %d cells", done.n_records, done.n_cells)
    log.info("budgets %s; %d hashes computed and equal", done.budgets, done.n_checked)
