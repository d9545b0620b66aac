"""Distances against the number of stimuli."""

from shapemetrics.figures.samples import plot_distance_vs_samples
from shapemetrics.study.drawing import done_rows, is_simulated, job, read_tables, save_drawn

with job(snakemake):
    table = done_rows(read_tables(snakemake.input.table))
    figure = plot_distance_vs_samples(
        table,
        distance_label=f"Mean distance ({snakemake.params.unit})",
        simulated=is_simulated(snakemake.input.dataset),
    )
    save_drawn(figure, table, snakemake.output)
