"""Held-out scores of regression from distances."""

from shapemetrics.figures.regression import plot_regression_scores
from shapemetrics.study.drawing import done_rows, is_simulated, job, read_tables, save_drawn

with job(snakemake):
    target = snakemake.params.get("target")
    table = done_rows(read_tables(snakemake.input.tables), target=target)
    figure = plot_regression_scores(
        table,
        target=target,
        simulated=is_simulated(snakemake.input.dataset),
    )
    save_drawn(figure, table, snakemake.output)
