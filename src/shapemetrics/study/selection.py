"""Representations of a store that are compared with one another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from shapemetrics.metrics.base import Metric
from shapemetrics.store.arrays import Positions, flatten_positions
from shapemetrics.store.reader import RepresentationStore


@dataclass(frozen=True)
class Selection:
    """Representations that are compared with one another.

    Attributes
    ----------
    where : dict
        Covariates and their values, as :meth:`RepresentationStore.select` takes them.
    positions : str or None
        How convolutional representations become matrices; None keeps arrays as they are.
    n_networks : int or None
        Take only the first so many networks.
    trials : {"mean", "keep"}
        Whether several trials per stimulus are averaged.
    """

    where: dict[str, Any]
    positions: Positions | None
    n_networks: int | None = None
    trials: Literal["mean", "keep"] = "mean"

    def read_by(self, metric: Metric) -> Selection:
        """The same selection, its arrays as a metric takes them.

        A metric of matrices takes positions as the dataset's settings say; one of grids or of
        trials takes arrays with all their axes.
        """
        return self if 2 in metric.axes else replace(self, positions=None, trials="keep")

    def rows(self, index: pd.DataFrame) -> pd.DataFrame:
        """Rows of a store's index that belong to the selection."""
        for name, wanted in self.where.items():
            values = wanted if isinstance(wanted, list | tuple) else [wanted]
            index = index[index[name].isin(list(values))]
        if self.n_networks is not None:
            keep = index[_naming(index)].drop_duplicates().head(self.n_networks)
            index = index[index[_naming(index)].isin(keep)]
        return index

    def chosen(self, store: RepresentationStore) -> RepresentationStore:
        """The store's representations that belong to the selection."""
        if self.where:
            store = store.select(**self.where)
        if self.n_networks is not None:
            name = _naming(store.index)
            keep = store.index[name].drop_duplicates().head(self.n_networks)
            store = store.select(**{name: list(keep)})
        return store

    def read(self, store: RepresentationStore) -> dict[str, np.ndarray]:
        """Arrays of the selection by id, memory-mapped; every file checked by its digest."""
        store = self.chosen(store)
        store.verify()
        return dict(zip(store.ids, self.arrays(store)))

    def arrays(self, store: RepresentationStore) -> list[np.ndarray]:
        """Arrays of all of a store's representations, in order, as they are compared."""
        return [self.compared(array, id) for id, array in zip(store.ids, store.arrays())]

    def compared(self, array: np.ndarray, id: str) -> np.ndarray:
        """One representation as it is compared: a matrix, or with all its axes."""
        if array.ndim == 3:
            return array if self.trials == "keep" else array.mean(axis=1, dtype=np.float64)
        return array if self.positions is None else flatten_positions(array, self.positions, id)


def _naming(index: pd.DataFrame) -> str:
    """Covariate that counts networks: their own where several representations are one's."""
    return "network" if "network" in index else "id"
