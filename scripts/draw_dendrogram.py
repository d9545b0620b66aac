"""Dendrogram of one selection."""

from shapemetrics.figures.dendrogram import plot_dendrogram
from shapemetrics.figures.tables import pretty
from shapemetrics.study.drawing import colored, is_simulated, job, read_tables, save_drawn

with job(snakemake):
    selection = snakemake.params.selection
    linkage = read_tables(snakemake.input.table).query("selection == @selection")
    leaves, color = colored(read_tables(snakemake.input.leaves), snakemake.params.color)
    leaves = leaves.query("selection == @selection")
    figure = plot_dendrogram(
        linkage,
        leaves,
        color,
        legend=snakemake.params.legend,
        label=snakemake.params.label or "id",
        height_label=f"Linkage distance ({snakemake.params.unit})",
        title=f"{pretty(snakemake.wildcards.metric)}: {selection.replace('_', ', ')}",
        simulated=is_simulated(snakemake.input.dataset),
    )
    save_drawn(figure, linkage.merge(leaves, how="outer"), snakemake.output)
