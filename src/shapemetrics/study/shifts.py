"""Tables of distances between convolutional layers against shifts of their grids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, islice

import numpy as np
import pandas as pd

from shapemetrics.linalg import Array
from shapemetrics.metrics.convolution import ConvolutionMetric


def gain_table(ids: Sequence[str], fixed: Array, shifted: Array) -> pd.DataFrame:
    """Distances of every pair without and with shifts.

    Parameters
    ----------
    ids : sequence of str
        K networks.
    fixed, shifted : ndarray of shape (K, K)
        Distances without shifts, and after the best one.

    Returns
    -------
    pandas.DataFrame
        One row a pair: pair, distance_no_shift, distance_shift.
    """
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
    """Distances of the first few pairs at every shift.

    Parameters
    ----------
    arrays : mapping from id to ndarray of shape (m, h, w, c)
        Convolutional layers.
    metric : ConvolutionMetric
    n_maps : int
        Number of pairs.

    Returns
    -------
    pandas.DataFrame
        One row a pair and shift: pair, shift_y, shift_x (in positions of the layer), distance.
    """
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
