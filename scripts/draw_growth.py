"""Recovery of the target, and distances, against units and repeats."""

from shapemetrics.figures.growth import plot_growth
from shapemetrics.figures.tables import pretty
from shapemetrics.study.drawing import done_rows, is_simulated, job, read_tables, save_drawn

with job(snakemake):
    table = done_rows(read_tables(snakemake.input.table))
    figure = plot_growth(
        table,
        distance_label=f"Mean distance ({snakemake.params.unit})",
        title=f"{pretty(snakemake.params.metric)}: {pretty(snakemake.params.target).lower()}",
        simulated=is_simulated(snakemake.input.dataset),
    )
    save_drawn(figure, table, snakemake.output)
