"""Embedded distances by layer and state, coloured by a covariate."""

from shapemetrics.figures.embedding import plot_embedding
from shapemetrics.figures.tables import pretty
from shapemetrics.study.drawing import colored, is_simulated, job, read_tables, save_drawn

with job(snakemake):
    table, color = colored(read_tables(snakemake.input.table), snakemake.params.color)
    figure = plot_embedding(
        table,
        color,
        row=snakemake.params.panels[0],
        col=snakemake.params.panels[1],
        label=snakemake.params.label,
        unit=snakemake.params.unit,
        title=f"{pretty(snakemake.wildcards.metric)}: metric MDS of all distances",
        simulated=is_simulated(snakemake.input.dataset),
    )
    save_drawn(figure, table, snakemake.output)
