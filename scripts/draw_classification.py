"""Held-out accuracies of classifiers on distances, and their confusions."""

import pandas as pd

from shapemetrics.figures.classification import plot_classification
from shapemetrics.figures.tables import pretty
from shapemetrics.study.drawing import done_rows, is_simulated, job, read_tables, save_drawn


def divided(table: pd.DataFrame) -> pd.DataFrame:
    """A task of its own for each selection, where there are several."""
    if table["selection"].nunique() == 1:
        return table
    names = [f"{pretty(t)}, {pretty(s)}" for t, s in zip(table["task"], table["selection"])]
    return table.assign(task=names)


with job(snakemake):
    scores = divided(done_rows(read_tables(snakemake.input.scores)))
    confusion = divided(done_rows(read_tables(snakemake.input.confusion)))
    figure = plot_classification(scores, confusion, simulated=is_simulated(snakemake.input.dataset))
    save_drawn(figure, scores, snakemake.output)
