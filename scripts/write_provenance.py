"""Configuration, code, versions, data and a digest of every result."""

from shapemetrics.study.jobs import job
from shapemetrics.study.provenance import provenance, write_provenance

with job(snakemake) as log:
    code = snakemake.params.program
    facts = provenance(snakemake.config, snakemake.config["results"], code)
    write_provenance(facts, snakemake.output.table)
    log.info("%d files", len(facts["files"]))
