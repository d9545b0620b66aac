"""How well the target is recovered from distances as regions have more units and repeats."""

from shapemetrics.metrics.registry import build_metric
from shapemetrics.study.growth import recovery_by_units
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import write_table

with job(snakemake) as log:
    options = dict(snakemake.params.items())
    table = recovery_by_units(
        snakemake.input.responses,
        options.pop("pooling"),
        build_metric(options.pop("metric")),
        n_jobs=snakemake.threads,
        **options,
    )
    if "r2" in table:
        log.info("R^2 from %.3f to %.3f", table["r2"].min(), table["r2"].max())
    write_table(table, snakemake.output.table)
