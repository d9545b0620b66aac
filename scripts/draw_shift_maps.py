"""Distances of pairs of convolutional layers at every shift."""

from shapemetrics.figures.shift_map import plot_shift_maps
from shapemetrics.study.drawing import is_simulated, job, read_tables, save_drawn

with job(snakemake):
    layer = snakemake.params.layer
    table = read_tables(snakemake.input.table).query("layer == @layer")
    figure = plot_shift_maps(
        table,
        distance_label="Distance (rad)",
        simulated=is_simulated(snakemake.input.dataset),
    )
    save_drawn(figure, table, snakemake.output)
