"""Check every triple of every selection for the triangle inequality."""

from shapemetrics.study.audits import audited
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import collect, read_selected, write_table

with job(snakemake) as log:
    selected = read_selected(snakemake.input.matrices, snakemake.input.index)
    write_table(collect(selected, audited, log), snakemake.output.table)
