"""Distances between convolutional layers with and without shifts of their grids."""

from collections.abc import Mapping, Sequence
from itertools import combinations, islice
from pathlib import Path

import numpy as np
import pandas as pd

from shapemetrics.linalg import Array
from shapemetrics.metrics.convolution import ConvolutionMetric
from shapemetrics.pairwise.engine import pairwise_distances
from shapemetrics.store import RepresentationStore
from shapemetrics.study.jobs import job
from shapemetrics.study.selection import Selection
from shapemetrics.study.tables import labelled, write_table


def gain_table(ids: Sequence[str], fixed: Array, shifted: Array) -> pd.DataFrame:
    """One row per pair: its distances without shifts, and after the best one."""
    rows, columns = np.triu_indices(len(ids), 1)
    return pd.DataFrame(
        {
            "pair": [f"{ids[i]}, {ids[j]}" for i, j in zip(rows, columns)],
            "distance_no_shift": fixed[rows, columns],
            # The identity is a shift, found by another route: equal up to rounding, never above.
            "distance_shift": np.minimum(shifted, fixed)[rows, columns],
        }
    )


def map_table(arrays: Mapping[str, Array], metric: ConvolutionMetric, n_maps: int) -> pd.DataFrame:
    """One row per shift (in positions of the layer) of each of the first few pairs."""
    parts = []
    for a, b in islice(combinations(arrays, 2), n_maps):
        found = metric.shift_map(arrays[a], arrays[b])
        h, w = found.shape
        y, x = np.indices((h, w))
        parts.append(
            pd.DataFrame(
                {
                    "pair": f"{a}, {b}",
                    "shift_y": (y - h // 2).ravel(),
                    "shift_x": (x - w // 2).ravel(),
                    "distance": found.ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


with job(snakemake) as log:
    params = snakemake.params
    store = RepresentationStore(Path(snakemake.input.index).parent)
    shifting = ConvolutionMetric(alpha=params.alpha)
    still = ConvolutionMetric(alpha=params.alpha, shifts=False)
    maps, gains = [], []
    for layer in params.layers:
        where = {"layer": layer, "state": params.state}
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
