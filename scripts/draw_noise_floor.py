"""Distances of regions to themselves and to others."""

from shapemetrics.figures.noise_floor import plot_noise_floor
from shapemetrics.study.drawing import is_simulated, job, read_tables, save_drawn

with job(snakemake):
    table = read_tables(snakemake.input.tables)
    figure = plot_noise_floor(
        table,
        distance_label="Distance (rad)",
        simulated=is_simulated(snakemake.input.dataset),
    )
    save_drawn(figure, table, snakemake.output)
