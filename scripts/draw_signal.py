"""Plug-in and corrected distances: on simulations, and between halves of recorded trials."""

import pandas as pd

from shapemetrics.figures.signal import plot_signal
from shapemetrics.study.drawing import is_simulated, job, save_drawn

with job(snakemake):
    table = pd.read_csv(snakemake.input.table[0])
    simulation = pd.read_csv(snakemake.input.simulation[0])
    figure = plot_signal(table, simulation, simulated=is_simulated(snakemake.input.dataset))
    save_drawn(figure, table, snakemake.output)
