"""Embedded regions in the colours of the atlas."""

from shapemetrics.figures.embedding import plot_embedding
from shapemetrics.figures.tables import pretty
from shapemetrics.study.drawing import is_simulated, job, read_tables, save_drawn

with job(snakemake):
    table = read_tables(snakemake.input.table)
    figure = plot_embedding(
        table,
        "ccf_color",
        row=None,
        col=None,
        legend="division",
        label=snakemake.params.label,
        unit=snakemake.params.unit,
        title=f"{pretty(snakemake.wildcards.metric)}: atlas colours",
        simulated=is_simulated(snakemake.input.dataset),
    )
    save_drawn(figure, table, snakemake.output)
