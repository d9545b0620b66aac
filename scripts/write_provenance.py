"""Configuration, code, versions, data and a digest of every result."""

from shapemetrics.study.jobs import job
from shapemetrics.study.provenance import logged_warnings, provenance, write_provenance
from shapemetrics.study.tables import write_table

with job(snakemake) as log:
    code = snakemake.params.program
    facts = provenance(snakemake.config, snakemake.config["results"], code)
    write_provenance(facts, snakemake.output.table)
    warnings = logged_warnings(snakemake.config["results"])
    write_table(warnings, snakemake.output.warnings)
    log.info("%d files, %d warnings", len(facts["files"]), len(warnings))
