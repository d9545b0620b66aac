"""Distances between convolutional layers with and without shifts of their grids."""

from pathlib import Path

import pandas as pd

from shapemetrics.metrics.convolution import ConvolutionMetric
from shapemetrics.pairwise.engine import pairwise_distances
from shapemetrics.store import RepresentationStore
from shapemetrics.study.jobs import job
from shapemetrics.study.selection import Selection
from shapemetrics.study.shifts import gain_table, map_table
from shapemetrics.study.tables import labelled, write_table

with job(snakemake) as log:
    params = snakemake.params
    store = RepresentationStore(Path(snakemake.input.index).parent)
    shifting = ConvolutionMetric(alpha=params.alpha)
    still = ConvolutionMetric(alpha=params.alpha, shifts=False)
    maps, gains = [], []
    for layer in params.layers:
        where = {"layer": layer, "state": "trained"}
        arrays = {
            store.index.loc[id, "network"][:8]: array
            for id, array in Selection(where, None, params.n_networks).read(store).items()
        }
        fixed, shifted = (
            pairwise_distances(arrays, metric, n_jobs=snakemake.threads)
            for metric in (still, shifting)
        )
        gains.append(labelled(gain_table(list(arrays), fixed, shifted), {"layer": layer}))
        maps.append(labelled(map_table(arrays, shifting, params.n_maps), {"layer": layer}))
        log.info("%s: shifts shorten %d pairs", layer, (shifted < fixed - 1e-9).sum() // 2)
    write_table(pd.concat(maps), snakemake.output.maps)
    write_table(pd.concat(gains), snakemake.output.gain)
