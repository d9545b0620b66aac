"""Write Snakemake's own report of all figures, from the configuration that made them."""

from shapemetrics.study.jobs import job
from shapemetrics.study.reporting import write_report

with job(snakemake) as log:
    write_report(
        snakemake.params.snakefile, snakemake.config, snakemake.output[0], target="reported"
    )
    log.info("%d figures", len(snakemake.input.figures))
