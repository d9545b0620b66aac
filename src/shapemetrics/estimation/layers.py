"""Layers of one model against layers of another."""

from __future__ import annotations

import numpy as np
import pandas as pd

from shapemetrics.estimation.resampling import split_half_floor
from shapemetrics.metrics.base import Metric
from shapemetrics.pairwise.engine import cross_distances
from shapemetrics.pairwise.inputs import Arrays, names_and_arrays

__all__ = ["layer_distances"]


def layer_distances(
    layers_a: Arrays,
    layers_b: Arrays | None,
    metric: Metric,
    *,
    trials: Arrays | None = None,
    n_splits: int = 20,
    seed: int = 0,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Distances from each layer of one model to each layer of another, and the best match of each.

    Parameters
    ----------
    layers_a : sequence, mapping or RepresentationStore
        Layers in their order, all responses to the same stimuli.
    layers_b : the same, or None
        Layers of the other model, or brain areas; None compares the first model with itself.
    metric : Metric
    trials : mapping, optional
        Repeated trials (stimuli, trials, units) of some of the rows or columns, by their names:
        their noise ceiling is what no model can come below.
    n_splits, seed : int
        Random halves of the trials, and their seed.
    n_jobs : int
        Threads.

    Returns
    -------
    pandas.DataFrame
        One row per pair of layers: layer_a, layer_b, distance, best (whether layer_b is the nearest
        to layer_a; of a model with itself, the nearest other one), floor (the mean of the two
        layers' distances to themselves on other trials, where `trials` has them; else nan).

    Raises
    ------
    ValueError
        If layers are no representations of the same stimuli, or trials have names of no layer.

    Notes
    -----
    The floor is the split-half distance of :func:`split_half_floor`: two measurements of one
    population differ by so much from noise alone. A distance at the floor is all that can be
    asked for.

    Examples
    --------
    >>> from shapemetrics.metrics import LinearMetric
    >>> rng = np.random.default_rng(0)
    >>> first = rng.normal(size=(60, 5))
    >>> second = np.tanh(first @ rng.normal(size=(5, 5)))
    >>> a, b = {"a1": first, "a2": second}, {"b1": first[:, ::-1], "b2": 2 * second}
    >>> table = layer_distances(a, b, LinearMetric())
    >>> table.loc[table["best"], ["layer_a", "layer_b"]].to_numpy().tolist()
    [['a1', 'b1'], ['a2', 'b2']]
    """
    itself = layers_b is None
    other: Arrays = layers_a if layers_b is None else layers_b
    names_a, names_b = names_and_arrays(layers_a)[0], names_and_arrays(other)[0]
    if itself and len(names_a) < 2:
        raise ValueError("layers_a: found 1 layer, expected at least 2 to compare with one another")
    D = cross_distances(layers_a, other, metric, n_jobs=n_jobs)
    floors: dict[str, float] = {}
    if trials is not None:
        found = split_half_floor(trials, metric, n_splits=n_splits, seed=seed)
        floors = dict(zip(found["id"], found["floor"]))
        unknown = [name for name in floors if name not in {*names_a, *names_b}]
        if unknown:
            raise ValueError(
                f"trials: found {unknown[0]!r}, expected names of layers: "
                f"{', '.join(dict.fromkeys([*names_a, *names_b]))}"
            )
    sought = D + np.diag(np.full(len(D), np.inf)) if itself else D
    best = sought.argmin(axis=1)
    rows = []
    for i, a in enumerate(names_a):
        for j, b in enumerate(names_b):
            known = [floors[name] for name in (a, b) if name in floors]
            floor = float(np.mean(known)) if known else np.nan
            rows.append((a, b, float(D[i, j]), bool(best[i] == j), floor))
    return pd.DataFrame(rows, columns=["layer_a", "layer_b", "distance", "best", "floor"])
