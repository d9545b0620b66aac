"""Held-out predictions against observations."""

from shapemetrics.figures.predictions import plot_predictions
from shapemetrics.study.drawing import is_simulated, job, read_tables, save_drawn

with job(snakemake):
    predictions = read_tables(snakemake.input.predictions)
    scores = read_tables(snakemake.input.scores)
    figure = plot_predictions(
        predictions,
        scores,
        target=snakemake.params.get("target"),
        simulated=is_simulated(snakemake.input.dataset),
    )
    save_drawn(figure, predictions, snakemake.output)
