"""Download CIFAR-10, resumed and checked against its published digest."""

from shapemetrics.datasets.download import byte_progress
from shapemetrics.datasets.nasbench.cifar10 import fetch_cifar10
from shapemetrics.study.datasets.networks import mirrors_of
from shapemetrics.study.jobs import job

# No parameter of the rule: another mirror is no reason to fetch a file again.
mirrors = mirrors_of(snakemake.config, "cifar10")

with job(snakemake) as log, byte_progress("CIFAR-10") as progress:
    path = fetch_cifar10(snakemake.params.folder, progress, mirrors)
    log.info("%s is whole", path)
