"""What the explorer shows: one view a dataset, selection and metric, packed as JSON can hold it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

#: Distances are packed in so many steps from zero to the largest.
STEPS = 65535


@dataclass(frozen=True)
class CellGraph:
    """A directed graph that is drawn for the items it belongs to, such as a network's cell.

    Attributes
    ----------
    adjacency : sequence of sequence of int
        Entry (i, j) is 1 where an edge leads from node i to node j, i < j.
    labels : sequence of str
        Text of each node.
    """

    adjacency: Sequence[Sequence[int]]
    labels: Sequence[str]

    def __post_init__(self) -> None:
        shape = np.shape(self.adjacency)
        n = len(self.labels)
        if shape != (n, n):
            raise ValueError(f"graph: found an adjacency of shape {shape} for {n} nodes")
        if np.tril(np.asarray(self.adjacency)).any():
            raise ValueError(
                "graph: found an edge back, expected edges from earlier nodes to later"
            )


@dataclass(frozen=True, eq=False)
class View:
    """One embedding with its distances.

    Attributes
    ----------
    dataset, selection, metric : str
        What is shown; together unique.
    ids : sequence of str
        K items.
    coordinates : ndarray of shape (K, L)
        Embedded items, at least two axes.
    distances : ndarray of shape (K, K)
        Symmetric distances.
    linkage : ndarray of shape (K - 1, 4)
        Hierarchical clustering of the items, as SciPy has it.
    covariates : pandas.DataFrame
        K rows of whatever is known about the items. Numbers give a colour scale, anything else
        classes.
    simulated : bool
        Whether the data are simulated: the page says so wherever it shows them.
    unit : str
        Of the distances.
    provenance : mapping
        Metric's parameters, digests, versions: shown at the foot of the page.
    """

    dataset: str
    selection: str
    metric: str
    ids: Sequence[str]
    coordinates: NDArray[np.float64]
    distances: NDArray[np.float64]
    linkage: NDArray[np.float64]
    covariates: pd.DataFrame
    simulated: bool
    unit: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        K = len(self.ids)
        expected = {
            "distances": (self.distances.shape, (K, K)),
            "linkage": (self.linkage.shape, (K - 1, 4)),
            "covariates": ((len(self.covariates),), (K,)),
            "coordinates": (self.coordinates.shape[:1], (K,)),
        }
        for name, (found, wanted) in expected.items():
            if found != wanted:
                raise ValueError(f"{self.name}: found {name} of shape {found}, expected {wanted}")
        if self.coordinates.ndim != 2 or self.coordinates.shape[1] < 2:
            raise ValueError(f"{self.name}: expected coordinates along at least two axes")
        if len(set(self.ids)) < K:
            raise ValueError(f"{self.name}: found ids that repeat")
        for name in ("distances", "coordinates"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{self.name}: found {name} that are not finite")

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"view {self.dataset}/{self.selection}/{self.metric}"


def packed(views: Sequence[View], graphs: Mapping[str, Mapping[str, CellGraph]]) -> dict[str, Any]:
    """All views as JSON can hold them, what several share only once.

    Parameters
    ----------
    views : sequence of View
    graphs : mapping
        For each dataset, graphs by the value of the covariate ``network`` or by id.

    Returns
    -------
    dict
    """
    seen: set[tuple[str, str, str]] = set()
    datasets: dict[str, Any] = {}
    for view in views:
        key = (view.dataset, view.selection, view.metric)
        if key in seen:
            raise ValueError(f"{view.name}: is there twice")
        seen.add(key)
        dataset = datasets.setdefault(
            view.dataset, {"simulated": view.simulated, "selections": {}, "graphs": {}}
        )
        selection = dataset["selections"].setdefault(
            view.selection,
            {"ids": list(view.ids), "covariates": _columns(view.covariates), "metrics": {}},
        )
        if selection["ids"] != list(view.ids):
            raise ValueError(f"{view.name}: found other ids than another metric has")
        selection["metrics"][view.metric] = _packed_metric(view)
    for name, some in graphs.items():
        if name in datasets:
            datasets[name]["graphs"] = {
                key: {"adjacency": np.asarray(g.adjacency).tolist(), "labels": list(g.labels)}
                for key, g in some.items()
            }
    return {"datasets": datasets}


def _packed_metric(view: View) -> dict[str, Any]:
    from scipy.cluster.hierarchy import dendrogram

    K = len(view.ids)
    drawn = dendrogram(view.linkage, no_plot=True)
    largest = float(view.distances.max()) or 1.0
    upper = view.distances[np.triu_indices(K, 1)] / largest * STEPS
    return {
        "unit": view.unit,
        "axes": view.coordinates.shape[1],
        "coordinates": _encoded(view.coordinates.T.astype("<f4")),
        "largest": largest,
        "distances": _encoded(np.rint(np.clip(upper, 0, STEPS)).astype("<u2")),
        "leaves": [int(leaf) for leaf in drawn["leaves"]],
        "branches": _encoded(np.array([drawn["icoord"], drawn["dcoord"]], dtype="<f4")),
        "provenance": dict(view.provenance),
    }


def _columns(covariates: pd.DataFrame) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, values in covariates.items():
        known = values.notna()
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            found = [float(v) if ok and np.isfinite(v) else None for v, ok in zip(values, known)]
            columns[str(name)] = {"numeric": True, "values": found}
        else:
            found = [str(v) if ok else None for v, ok in zip(values, known)]
            columns[str(name)] = {"numeric": False, "values": found}
    return columns


def _encoded(array: NDArray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
