"""Accuracies reached here against published ones."""

from shapemetrics.figures.published import plot_published
from shapemetrics.study.drawing import is_simulated, job, read_tables, save_drawn

with job(snakemake):
    table = read_tables(snakemake.input.table)
    figure = plot_published(table, chance=0.1, simulated=is_simulated(snakemake.input.dataset))
    save_drawn(figure, table, snakemake.output)
