"""Recovery of the target against units and repeats."""

from shapemetrics.figures.growth import plot_growth
from shapemetrics.study.drawing import is_simulated, job, read_tables, save_drawn

with job(snakemake):
    table = read_tables(snakemake.input.table)
    figure = plot_growth(
        table,
        title=f"{snakemake.params.metric}: {snakemake.params.target}",
        simulated=is_simulated(snakemake.input.dataset),
    )
    save_drawn(figure, table, snakemake.output)
