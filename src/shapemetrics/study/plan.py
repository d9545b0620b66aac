"""The plan of a study: which selections of which datasets meet which metrics, with which seeds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shapemetrics.metrics.base import Metric
from shapemetrics.metrics.registry import build_metric, metric_module
from shapemetrics.store import RepresentationStore
from shapemetrics.study.dependencies import module_files

#: Layers of a network of the NAS-Bench-101 space, shallow to deep, and its states.
LAYERS = ("stem", "stack1", "stack2", "stack3", "pool")
STATES = ("untrained", "trained")


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

    def read(self, store: RepresentationStore) -> dict[str, np.ndarray]:
        """Matrices of the selection by id, memory-mapped."""
        if self.where:
            store = store.select(**self.where)
        if self.n_networks is not None:
            keep = store.index["network"].drop_duplicates().head(self.n_networks)
            store = store.select(network=list(keep))
        return dict(zip(store.ids, store.arrays(self.positions)))


class Study:
    """A validated configuration and what follows from it.

    Parameters
    ----------
    config : mapping
        From :func:`shapemetrics.study.validated`.

    Raises
    ------
    ValueError
        If a metric cannot be made from its settings.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = dict(config)
        self.results = Path(config["results"])
        twice = set(config["metrics"]) & set(config["comparisons"])
        if twice:
            raise ValueError(
                f"configuration: {sorted(twice)[0]!r} stands under metrics and under comparisons"
            )
        for name in [*config["metrics"], *config["comparisons"]]:
            self.metric(name)
        shifts = config["analyses"]["shifts"]
        if shifts["map_layer"] not in shifts["layers"]:
            raise ValueError(
                f"configuration key 'analyses.shifts.map_layer': found {shifts['map_layer']!r}, "
                f"expected one of analyses.shifts.layers: {', '.join(shifts['layers'])}"
            )

    def path(self, *parts: str) -> str:
        """A path below the results folder."""
        return str(self.results.joinpath(*parts))

    def metric(self, name: str) -> Metric:
        """The metric of this name in the configuration."""
        section = "metrics" if name in self.config["metrics"] else "comparisons"
        try:
            return build_metric(self.measure(name))
        except (ValueError, TypeError) as error:
            raise ValueError(f"configuration key '{section}.{name}': {error}") from error

    def measure(self, name: str) -> dict[str, Any]:
        """Settings of a metric or comparison."""
        return {**self.config["comparisons"], **self.config["metrics"]}[name]

    @property
    def measures(self) -> list[str]:
        """Names of the metrics and of the comparisons, in the configuration's order."""
        return [*self.config["metrics"], *self.config["comparisons"]]

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics, in the configuration's order."""
        return list(self.config["metrics"])

    def unit(self, metric: str) -> str:
        """Unit of a metric's distances, for axis labels."""
        return "rad" if getattr(self.metric(metric), "geometry", "") == "angular" else "a.u."

    @property
    def datasets(self) -> list[str]:
        """Names of the datasets, in the configuration's order."""
        return list(self.config["datasets"])

    def dataset(self, name: str) -> dict[str, Any]:
        """Settings of one dataset."""
        return self.config["datasets"][name]

    def images(self, name: str) -> dict[str, Any]:
        """Settings of a dataset's images, as their loader takes them."""
        settings = self.dataset(name)
        return {
            "name": settings["images"],
            "n_train": settings["n_train"],
            "n_probe": settings["n_probe"],
            "seed": self.seed("split_images", name),
        }

    def selections(self, dataset: str) -> dict[str, Selection]:
        """Selections of a dataset by name, one a layer and state."""
        settings = self.dataset(dataset)
        return {
            f"{layer}_{state}": Selection({"layer": layer, "state": state}, settings["positions"])
            for state in STATES
            for layer in LAYERS
        }

    def selection(self, dataset: str, name: str) -> Selection:
        """One selection.

        Besides a layer's and state's own there are ``mixed`` (few networks, all their layers and
        states: what classification tells apart) and ``compared`` (one layer of some trained
        networks: what every measure is held against).
        """
        analyses = self.config["analyses"]
        if name == "mixed":
            settings = analyses["classification"]
            return Selection({}, settings["positions"], settings["n_networks"])
        if name == "compared":
            settings = analyses["compared"]
            where = {"layer": settings["layer"], "state": "trained"}
            return Selection(where, self.dataset(dataset)["positions"], settings["n_networks"])
        return self.selections(dataset)[name]

    def classification_options(self) -> dict[str, Any]:
        """What the classification job is told: all but which representations it reads."""
        options = dict(self.config["analyses"]["classification"])
        for name in ("n_networks", "positions"):
            options.pop(name)
        return {"tasks": ["layer", "state"], "group": "network", **options}

    def seed(self, rule: str, *wildcards: str) -> int:
        """A seed of its own for each rule and its wildcards, derived from the study's one seed."""
        text = "\t".join([rule, *wildcards]).encode()
        entropy = int.from_bytes(hashlib.sha256(text).digest()[:8])
        sequence = np.random.SeedSequence([self.config["seed"], entropy])
        return int(sequence.generate_state(1, np.uint32)[0] >> 1)  # fits int32 everywhere

    def code(self, *modules: str) -> list[str]:
        """Source files that modules of the package rest on, as inputs of a rule."""
        return module_files(*(f"shapemetrics.{module}" for module in modules))

    def metric_code(self, name: str) -> list[str]:
        """Source files of one metric."""
        return module_files(metric_module(self.measure(name)["family"]))

    def digest(self, *keys: str) -> str:
        """Digest of the configuration, or of some of its top-level keys."""
        part = {key: self.config[key] for key in keys} if keys else self.config
        return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()
