"""Violations of the triangle inequality by metric."""

from shapemetrics.figures.audit import plot_audit
from shapemetrics.study.drawing import done_rows, is_simulated, job, read_tables, save_drawn

with job(snakemake):
    table = done_rows(read_tables(snakemake.input.tables))
    figure = plot_audit(table, simulated=is_simulated(snakemake.input.dataset))
    save_drawn(figure, table, snakemake.output)
