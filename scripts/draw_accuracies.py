"""Held-out accuracies of the networks."""

from shapemetrics.figures.training import plot_accuracies
from shapemetrics.study.drawing import is_simulated, job, read_tables, save_drawn

with job(snakemake):
    table = read_tables(snakemake.input.table)
    figure = plot_accuracies(
        table,
        against=("untrained_accuracy", "trainable_parameters", "depth"),
        chance=0.1,
        simulated=is_simulated(snakemake.input.dataset),
    )
    save_drawn(figure, table, snakemake.output)
