"""Held-out scores of baselines beside those of distances, and what distances add."""

from shapemetrics.figures.baselines import plot_baselines
from shapemetrics.study.drawing import done_rows, is_simulated, job, read_tables, save_drawn

with job(snakemake):
    target = snakemake.params.target
    table = done_rows(read_tables(snakemake.input.table), target=target)
    figure = plot_baselines(table, target=target, simulated=is_simulated(snakemake.input.dataset))
    save_drawn(figure, table, snakemake.output)
