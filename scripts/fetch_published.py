"""Download the published results of NAS-Bench-101, resumed and checked against their digest."""

from shapemetrics.datasets.download import byte_progress
from shapemetrics.datasets.nasbench.published import fetch_published
from shapemetrics.study.datasets.networks import mirrors_of
from shapemetrics.study.jobs import job

# No parameter of the rule: another mirror is no reason to fetch a file again.
mirrors = mirrors_of(snakemake.config, "published")

with job(snakemake) as log, byte_progress("NAS-Bench-101 results") as progress:
    path = fetch_published(snakemake.params.file, snakemake.params.folder, progress, mirrors)
    log.info("%s is whole", path)
