"""Held-out accuracies of classifiers on distances, and their confusions."""

from shapemetrics.figures.classification import plot_classification
from shapemetrics.study.drawing import is_simulated, job, read_tables, save_drawn

with job(snakemake):
    scores = read_tables(snakemake.input.scores)
    confusion = read_tables(snakemake.input.confusion)
    figure = plot_classification(scores, confusion, simulated=is_simulated(snakemake.input.dataset))
    save_drawn(figure, scores, snakemake.output)
