"""Held-out predictions against observations."""

from shapemetrics.figures.predictions import plot_predictions
from shapemetrics.study.drawing import done_rows, is_simulated, job, read_tables, save_drawn

with job(snakemake):
    target = snakemake.params.get("target")
    predictions = done_rows(read_tables(snakemake.input.predictions), target=target)
    scores = done_rows(read_tables(snakemake.input.scores), target=target)
    figure = plot_predictions(
        predictions,
        scores,
        target=target,
        simulated=is_simulated(snakemake.input.dataset),
    )
    save_drawn(figure, predictions, snakemake.output)
