"""What the explorer shows: one view a dataset, selection and metric, and graphs of its items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


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
        K items, at least two.
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
        if K < 2:
            raise ValueError(f"{self.name}: found {K} items, expected at least two")
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
        if not self.covariates.columns.is_unique:
            raise ValueError(f"{self.name}: found covariates whose names repeat")
        for name in ("distances", "coordinates", "linkage"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{self.name}: found {name} that are not finite")
        self._check_distances()

    def _check_distances(self) -> None:
        D = self.distances
        if D.min() < 0:
            raise ValueError(f"{self.name}: found distances below zero")
        # As much as rounding in single precision leaves.
        if np.abs(D - D.T).max() > 1e-5 * D.max():
            raise ValueError(f"{self.name}: found distances that are not symmetric")

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"view {self.dataset}/{self.selection}/{self.metric}"
