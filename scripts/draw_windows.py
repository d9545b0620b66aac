"""Distances, and the score of the hierarchy, over the time of a trial."""

import pandas as pd

from shapemetrics.figures.windows import plot_windows
from shapemetrics.study.drawing import is_simulated, job, save_drawn

with job(snakemake):
    table = pd.read_csv(snakemake.input.table[0])
    figure = plot_windows(
        table,
        distance_label=f"Distance ({snakemake.params.unit})",
        simulated=is_simulated(snakemake.input.dataset),
    )
    save_drawn(figure, table, snakemake.output)
