"""Distances of convolutional layers with and without shifts."""

from shapemetrics.figures.shift_map import plot_shift_gain
from shapemetrics.study.drawing import is_simulated, job, read_tables, save_drawn

with job(snakemake):
    table = read_tables(snakemake.input.table)
    figure = plot_shift_gain(
        table,
        by="layer",
        distance_label="distance (rad)",
        simulated=is_simulated(snakemake.input.dataset),
    )
    save_drawn(figure, table, snakemake.output)
