"""Which numbers of stimuli to measure distances at, and what to say of the result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from shapemetrics.study.fitting import fewest_stimuli
from shapemetrics.study.needs import LEFT_OUT, LeftOut, Note, Sizes


def sample_sizes(measure: Mapping[str, Any], sizes: Sizes, n_sizes: int) -> list[int]:
    """Numbers of samples, evenly spaced on a logarithmic scale, up to all.

    Parameters
    ----------
    measure : mapping
        Settings of the metric, which fit all samples.
    sizes : Sizes
        Of the matrices.
    n_sizes : int
        How many.

    Returns
    -------
    list of int
        The smallest is twice the metric's `n_components`, below which whitened representations
        would span all samples (16 where it has none); of fewer samples than that, half of them,
        or the fewest that the metric takes.

    Raises
    ------
    LeftOut
        If there are no more samples than the metric takes.

    Examples
    --------
    >>> sample_sizes({"family": "linear"}, Sizes(3, 100, 8, 8), 4)
    [16, 29, 54, 100]
    >>> sample_sizes({"family": "linear"}, Sizes(3, 12, 8, 8), 4)
    [6, 8, 10, 12]
    """
    m, fewest = sizes.n_stimuli, fewest_stimuli(measure, sizes)
    wanted = 2 * (measure.get("n_components") or 8)
    smallest = max(fewest, wanted if wanted < m else m // 2)
    if smallest >= m:
        raise LeftOut(
            Note(
                "analyses.samples",
                f"{m} stimuli",
                f"more than {fewest} to vary their number",
                LEFT_OUT,
            )
        )
    return sorted({round(size) for size in np.geomspace(smallest, m, n_sizes)})


def summarized_samples(table: pd.DataFrame) -> pd.DataFrame:
    """Mean over pairs at each number of stimuli, with the spread over random orders.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`shapemetrics.geometry.distance_vs_samples`, with held-out distances or
        without.

    Returns
    -------
    pandas.DataFrame
        One row per number of stimuli, fitted and held out: n_stimuli, held_out, distance (mean over
        pairs and orders), low, high (2.5 and 97.5% of the orders' means over pairs).
    """
    if "distance_heldout" not in table:
        table = table.assign(distance_heldout=np.nan)
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
