"""Held-out scores of regression from distances."""

from shapemetrics.figures.regression import plot_regression_scores
from shapemetrics.study.drawing import is_simulated, job, read_tables, save_drawn

with job(snakemake):
    table = read_tables(snakemake.input.tables)
    figure = plot_regression_scores(
        table,
        target=snakemake.params.get("target"),
        simulated=is_simulated(snakemake.input.dataset),
    )
    save_drawn(figure, table, snakemake.output)
