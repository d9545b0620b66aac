"""Distortion of embeddings against their dimension."""

from shapemetrics.figures.distortion import plot_distortion
from shapemetrics.figures.tables import pretty
from shapemetrics.study.drawing import done_rows, is_simulated, job, read_tables, save_drawn

with job(snakemake):
    table = done_rows(read_tables(snakemake.input.table))
    figure = plot_distortion(
        table,
        title=f"{pretty(snakemake.wildcards.metric)}: distortion of embeddings",
        simulated=is_simulated(snakemake.input.dataset),
    )
    save_drawn(figure, table, snakemake.output)
