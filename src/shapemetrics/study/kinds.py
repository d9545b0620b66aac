"""Kinds of datasets: what a study asks of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from shapemetrics.store.reader import RepresentationStore

#: Layers of a network of the NAS-Bench-101 space, shallow to deep, and its states.
LAYERS = ("stem", "stack1", "stack2", "stack3", "pool")
STATES = ("untrained", "trained")
#: Layers with a grid of positions.
CONVOLUTIONAL = LAYERS[:-1]
#: Height and width of the pictures that networks see, in pixels.
IMAGE_SIDES = {"digits": 8, "cifar10": 32}


@dataclass(frozen=True)
class Kind:
    """What is asked of datasets of one kind.

    Attributes
    ----------
    selections : dict
        For each selection's name, the covariates that its representations have.
    labels : tuple of str
        Covariates that classification tells apart.
    classified : tuple of str
        Selections in which it does so.
    group : str or None
        Covariate whose equal values are never on both sides of a split.
    leave_one_out : bool
        Whether regression leaves out one item at a time: for few items.
    sampled : str
        Selection whose distances are measured on fewer stimuli.
    label : str or None
        Covariate that names single points in figures.
    figures, metric_figures : tuple of str
        Figures of a dataset, and of a dataset and metric.
    covariates : tuple of str
        What distances may be organised by.
    targets : tuple of str
        Covariates that regression predicts; empty where the dataset's settings name the one.
    grouped_regression : bool
        Whether regression keeps groups together too.
    panels : tuple of (str or None, str or None)
        Covariates whose values make the rows and columns of an embedding's panels.
    numbers, texts : tuple of str
        Covariates that the package's own datasets have.
    """

    selections: dict[str, dict[str, Any]]
    labels: tuple[str, ...]
    classified: tuple[str, ...]
    group: str | None
    leave_one_out: bool
    sampled: str
    label: str | None
    figures: tuple[str, ...]
    metric_figures: tuple[str, ...]
    covariates: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    grouped_regression: bool = False
    panels: tuple[str | None, str | None] = ("state", "layer")
    numbers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


NETWORKS = Kind(
    selections={
        f"{layer}_{state}": {"layer": layer, "state": state} for state in STATES for layer in LAYERS
    },
    labels=("layer", "state"),
    classified=("mixed",),
    group="network",
    leave_one_out=False,
    sampled="pool_trained",
    label=None,
    figures=(
        *("accuracies", "audit", "regression", "classification"),
        *("agreement", "samples", "shift_maps", "shift_gain"),
    ),
    metric_figures=("embedding", "distortion", "dendrogram", "predictions", "covariates"),
    covariates=(
        *("n_conv3x3", "n_conv1x1", "n_maxpool", "depth", "width"),
        *("trainable_parameters", "test_accuracy"),
    ),
    numbers=(
        *("log_error", "error", "test_accuracy", "train_accuracy", "untrained_accuracy"),
        *("trainable_parameters", "n_vertices", "n_edges", "n_conv3x3", "n_conv1x1"),
        *("n_maxpool", "depth", "width", "validation_accuracy"),
    ),
    texts=("network", "layer", "state", "diverged"),
)
REGIONS = Kind(
    selections={"regions": {"half": "all"}},
    labels=("division",),
    classified=("regions",),
    group=None,
    leave_one_out=True,
    sampled="regions",
    label="structure_acronym",
    figures=(
        *("audit", "regression", "classification", "agreement"),
        *("samples", "noise_floor", "growth"),
    ),
    metric_figures=("embedding", "atlas", "distortion", "dendrogram", "predictions"),
    numbers=("hierarchy_score", "n_units", "n_sessions", "reliability", "variance_kept"),
    texts=("structure_acronym", "structure_name", "division", "ccf_color", "half"),
)
#: Datasets that the package brings itself; all other names are a user's own.
BUILT_IN = {"nasbench": NETWORKS, "allen": REGIONS, "steinmetz": REGIONS}


@dataclass(frozen=True)
class Selection:
    """Representations that are compared with one another.

    Attributes
    ----------
    where : dict
        Covariates and their values, as :meth:`RepresentationStore.select` takes them.
    positions : str
        How convolutional representations become matrices; None keeps their four axes.
    n_networks : int or None
        Take only the first so many networks.
    """

    where: dict[str, Any]
    positions: str | None
    n_networks: int | None = None

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
        """Matrices of the selection by id, memory-mapped; every file checked by its digest."""
        store = self.chosen(store)
        store.verify()
        return dict(zip(store.ids, store.arrays(self.positions)))


def _naming(index: pd.DataFrame) -> str:
    """Covariate that counts networks: their own where several representations are one's."""
    return "network" if "network" in index else "id"
