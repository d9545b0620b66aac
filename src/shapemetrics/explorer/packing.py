"""Views as JSON can hold them: numbers in few bytes, what several views share only once."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list

from shapemetrics.explorer.views import CellGraph, View
from shapemetrics.files import json_ready

#: Distances are packed in so many steps from zero to the largest.
STEPS = 65535
#: More items than this are shown in the heat map by so many of them; of the rest, only the nearest
#: neighbours are kept.
FULL = 400
#: How many nearest neighbours can be asked for.
NEIGHBOURS = 20

Graphs = Mapping[str, Mapping[str, CellGraph]]


def packed(views: Sequence[View], graphs: Graphs) -> dict[str, Any]:
    """All views as JSON can hold them.

    Parameters
    ----------
    views : sequence of View
    graphs : mapping
        For each dataset, graphs by the value of the covariate ``network`` or by id.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If views contradict one another, or graphs belong to no dataset.
    """
    datasets: dict[str, Any] = {}
    pools: dict[str, _Pool] = {}
    for view in views:
        pool = pools.setdefault(view.dataset, _Pool())
        dataset = datasets.setdefault(
            view.dataset, {"simulated": view.simulated, "selections": {}, "graphs": {}}
        )
        if dataset["simulated"] != view.simulated:
            raise ValueError(f"{view.name}: found simulated and other data in one dataset")
        covariates = {str(name): pool.add(column) for name, column in view.covariates.items()}
        selection = dataset["selections"].setdefault(
            view.selection, {"ids": list(view.ids), "covariates": covariates, "metrics": {}}
        )
        if selection["ids"] != list(view.ids):
            raise ValueError(f"{view.name}: found other ids than another metric has")
        if selection["covariates"] != covariates:
            raise ValueError(f"{view.name}: found other covariates than another metric has")
        if view.metric in selection["metrics"]:
            raise ValueError(f"{view.name}: is there twice")
        selection["metrics"][view.metric] = _packed_metric(view)
    for name, some in graphs.items():
        if name not in datasets:
            raise ValueError(f"explorer: found graphs of {name!r}, expected one of {[*datasets]}")
        datasets[name]["graphs"] = {
            key: {"adjacency": np.asarray(graph.adjacency).tolist(), "labels": list(graph.labels)}
            for key, graph in some.items()
        }
    for name, pool in pools.items():
        datasets[name]["columns"] = pool.columns
    return {"steps": STEPS, "datasets": datasets}


class _Pool:
    """Columns of one dataset, each kept once however many selections have it."""

    def __init__(self) -> None:
        self.columns: list[dict[str, Any]] = []
        self._places: dict[str, int] = {}

    def add(self, values: pd.Series) -> int:
        column = _column(values)
        key = json.dumps(column)
        if key not in self._places:
            self._places[key] = len(self.columns)
            self.columns.append(column)
        return self._places[key]


def _column(values: pd.Series) -> dict[str, Any]:
    known = values.notna()
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if numeric:
        found = [float(v) if ok and np.isfinite(v) else None for v, ok in zip(values, known)]
    else:
        found = [str(v) if ok else None for v, ok in zip(values, known)]
    return {"numeric": numeric, "values": found}


def _packed_metric(view: View) -> dict[str, Any]:
    leaves = leaves_list(view.linkage)
    largest = float(view.distances.max()) or 1.0
    shown = np.arange(len(view.ids))
    parts: dict[str, Any] = {}
    if len(shown) > FULL:
        shown = np.sort(leaves[np.linspace(0, len(leaves) - 1, FULL).round().astype(int)])
        parts["neighbours"] = _neighbours(view.distances, largest)
    some = view.distances[np.ix_(shown, shown)]
    return {
        "unit": view.unit,
        "axes": view.coordinates.shape[1],
        "coordinates": _encoded(view.coordinates.T.astype("<f4")),
        "largest": largest,
        "shown": _encoded(shown.astype("<u4")),
        "distances": _encoded(_steps(some[np.triu_indices(len(shown), 1)], largest)),
        "leaves": _encoded(leaves.astype("<u4")),
        "branches": _encoded(_branches(view.linkage, leaves).astype("<f4")),
        # Not all that is known of a matrix need be a number that JSON has.
        "provenance": json_ready(view.provenance),
        **parts,
    }


def _neighbours(distances: NDArray, largest: float) -> dict[str, Any]:
    """The nearest of every item, nearest first."""
    others = distances + np.diag(np.full(len(distances), np.inf))
    found = np.argsort(others, axis=1, kind="stable")[:, :NEIGHBOURS]
    near = np.take_along_axis(others, found, axis=1)
    return {
        "count": found.shape[1],
        "items": _encoded(found.astype("<u4")),
        "distances": _encoded(_steps(near, largest)),
    }


def _branches(linkage: NDArray, leaves: NDArray) -> NDArray[np.float64]:
    """Four corners of every join, (2, K - 1, 4): places, in units of leaves, and heights.

    SciPy's `dendrogram` gives the same, by a recursion that fails for a thousand items in a chain.
    """
    K = len(leaves)
    place, height = np.empty(2 * K - 1), np.zeros(2 * K - 1)
    place[leaves] = np.arange(K)
    corners = np.empty((2, K - 1, 4))
    for k, (left, right, top) in enumerate(linkage[:, :3]):
        a, b = int(left), int(right)
        corners[0, k] = place[a], place[a], place[b], place[b]
        corners[1, k] = height[a], top, top, height[b]
        place[K + k], height[K + k] = (place[a] + place[b]) / 2, top
    return corners


def _steps(values: NDArray, largest: float) -> NDArray[np.uint16]:
    return np.rint(np.clip(values / largest, 0, 1) * STEPS).astype("<u2")


def _encoded(array: NDArray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
