"""Which numbers of stimuli to measure distances at, and what to say of the result."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Metric


def sample_sizes(arrays: Mapping[str, Array], metric: Metric, n_sizes: int) -> list[int]:
    """Numbers of samples, evenly spaced on a logarithmic scale, up to all.

    Parameters
    ----------
    arrays : mapping from id to ndarray of shape (m, n)
        Representations.
    metric : Metric
        With `n_components`, the smallest number is twice that, below which whitened
        representations would span all samples.
    n_sizes : int
        How many.

    Raises
    ------
    ValueError
        If there are too few samples.
    """
    m = len(next(iter(arrays.values())))
    smallest = 2 * (getattr(metric, "n_components", None) or 8)
    if m <= smallest:
        raise ValueError(f"found {m} samples, expected more than {smallest} to vary their number")
    return sorted({round(size) for size in np.geomspace(smallest, m, n_sizes)})


def summarized_samples(table: pd.DataFrame) -> pd.DataFrame:
    """Mean over pairs at each number of stimuli, with the spread over random orders.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`shapemetrics.geometry.distance_vs_samples` with held-out distances.

    Returns
    -------
    pandas.DataFrame
        One row a number of stimuli, fitted and held out: n_stimuli, held_out, distance (mean over
        pairs and orders), low, high (2.5 and 97.5% of the orders' means over pairs).
    """
    long = table.rename(columns={"distance": "False", "distance_heldout": "True"}).melt(
        id_vars=["n_stimuli", "repeat"],
        value_vars=["False", "True"],
        var_name="held_out",
        value_name="distance",
    )
    # With all stimuli fitted, none is left to hold out.
    long = long.dropna(subset="distance")
    orders = long.groupby(["held_out", "n_stimuli", "repeat"])["distance"].mean()
    spread = orders.groupby(level=["held_out", "n_stimuli"])
    found = pd.DataFrame(
        {
            "distance": spread.mean(),
            "low": spread.quantile(0.025),
            "high": spread.quantile(0.975),
        }
    ).reset_index()
    found["held_out"] = found["held_out"] == "True"
    return found
