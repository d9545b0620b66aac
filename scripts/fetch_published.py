"""Download the published results of NAS-Bench-101, resumed and checked against their digest."""

from shapemetrics.datasets.download import byte_progress
from shapemetrics.datasets.nasbench.published import fetch_published
from shapemetrics.study.jobs import job

with job(snakemake) as log, byte_progress("NAS-Bench-101 results") as progress:
    path = fetch_published(
        snakemake.params.file, snakemake.params.folder, progress, snakemake.params.mirrors
    )
    log.info("%s is whole", path)
