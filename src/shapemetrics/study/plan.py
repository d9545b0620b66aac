"""The plan of a study: which selections of which datasets meet which metrics, with which seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shapemetrics.datasets.nasbench.probes import ProbeSettings, representation_bytes
from shapemetrics.datasets.nasbench.settings import TrainingSettings
from shapemetrics.metrics.base import Metric
from shapemetrics.metrics.registry import build_metric, metric_module
from shapemetrics.store import RepresentationStore
from shapemetrics.study.dependencies import module_files

#: Layers of a network of the NAS-Bench-101 space, shallow to deep, and its states.
LAYERS = ("stem", "stack1", "stack2", "stack3", "pool")
STATES = ("untrained", "trained")


@dataclass(frozen=True)
class Kind:
    """What is asked of datasets of one kind.

    Attributes
    ----------
    selections : dict
        For each selection's name, the covariates that its representations have.
    labels : tuple of str
        Covariates that classification tells apart.
    classified : str
        Selection in which it does so.
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
    """

    selections: dict[str, dict[str, Any]]
    labels: tuple[str, ...]
    classified: str
    group: str | None
    leave_one_out: bool
    sampled: str
    label: str | None
    figures: tuple[str, ...]
    metric_figures: tuple[str, ...]
    covariates: tuple[str, ...] = ()


NETWORKS = Kind(
    selections={
        f"{layer}_{state}": {"layer": layer, "state": state} for state in STATES for layer in LAYERS
    },
    labels=("layer", "state"),
    classified="mixed",
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
)
REGIONS = Kind(
    selections={"regions": {"half": "all"}},
    labels=("division",),
    classified="regions",
    group=None,
    leave_one_out=True,
    sampled="regions",
    label="structure_acronym",
    figures=(
        *("audit", "regression", "classification", "agreement"),
        *("samples", "noise_floor", "growth"),
    ),
    metric_figures=("embedding", "atlas", "distortion", "dendrogram", "predictions"),
)
KINDS = {"nasbench": NETWORKS, "allen": REGIONS, "steinmetz": REGIONS}


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

    def chosen(self, store: RepresentationStore) -> RepresentationStore:
        """The store's representations that belong to the selection."""
        if self.where:
            store = store.select(**self.where)
        if self.n_networks is not None:
            name = "network" if "network" in store.index else "id"
            keep = store.index[name].drop_duplicates().head(self.n_networks)
            store = store.select(**{name: list(keep)})
        return store

    def read(self, store: RepresentationStore) -> dict[str, np.ndarray]:
        """Matrices of the selection by id, memory-mapped."""
        store = self.chosen(store)
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
        if not self.datasets:
            raise ValueError("configuration key 'datasets': none is enabled, expected at least one")
        for name in self.datasets:
            self._check_dendrogram(name)
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
        """Names of the datasets that the study contains, in the configuration's order."""
        return [name for name, part in self.config["datasets"].items() if part["enabled"]]

    def kind(self, dataset: str) -> Kind:
        """What is asked of a dataset of its kind."""
        return KINDS[dataset]

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
            "n_test": settings["n_test"],
            "folder": None if settings["images"] == "digits" else self.downloads(name),
            "seed": self.seed("split_images", name),
        }

    def choice(self, name: str) -> dict[str, Any]:
        """How a dataset's networks are chosen, as their chooser takes it."""
        settings = self.dataset(name)
        choice = {**settings["choice"], "max_vertices": settings["max_vertices"]}
        if choice["how"] == "explicit":
            if len(choice["networks"]) != settings["n_networks"]:
                raise ValueError(
                    f"configuration key 'datasets.{name}.n_networks': found "
                    f"{settings['n_networks']}, but {len(choice['networks'])} networks are named"
                )
        else:
            choice["n"] = settings["n_networks"]
        if choice["how"] == "stratified" and not (
            settings["published"] or settings["published_file"]
        ):
            raise ValueError(
                f"configuration key 'datasets.{name}.choice.how': 'stratified' needs published "
                "results, found none; set published to 'only108' or 'full', or published_file"
            )
        return choice

    def announcements(self) -> list[str]:
        """What the study is about to train and to keep, and how large that is."""
        return [self._announced(name) for name in self.datasets if self.kind(name) is NETWORKS]

    def _announced(self, name: str) -> str:
        settings = self.dataset(name)
        side = {"digits": 8, "cifar10": 32}[settings["images"]]
        n_bytes = representation_bytes(
            settings["n_networks"],
            settings["n_probe"],
            side,
            TrainingSettings.from_mapping(settings["training"]),
            ProbeSettings.from_mapping(settings["probes"]),
        )
        return (
            f"{settings['n_networks']} networks on {settings['images']}: responses of "
            f"{n_bytes / 1e9:.2f} GB, twice (each network's own file, and the store)"
        )

    def downloads(self, name: str) -> str:
        """Folder of a dataset's downloads."""
        return self.dataset(name)["folder"] or self.path(name, "downloads")

    def selections(self, dataset: str) -> dict[str, Selection]:
        """Selections of a dataset by name: one a layer and state, or all regions."""
        layers = self.dataset(dataset).get("layers", LAYERS)
        return {
            name: self.selection(dataset, name)
            for name, where in self.kind(dataset).selections.items()
            if where.get("layer", layers[0]) in layers
        }

    def selection(self, dataset: str, name: str) -> Selection:
        """One selection.

        Besides a layer's and state's own there are ``mixed`` (few networks, all their layers and
        states: what classification tells apart) and ``compared`` (several layers of
        some networks: what every measure is held against). Of regions there are ``compared``
        (all of them) and ``halves`` (odd and even repeats: the noise floor).
        """
        analyses = self.config["analyses"]
        if self.kind(dataset) is REGIONS:
            if name == "compared":
                name = "regions"
            elif name == "halves":
                return Selection({"half": ["odd", "even"]}, None)
        elif name == "mixed":
            settings = analyses["classification"]
            return Selection({}, settings["positions"], settings["n_networks"])
        elif name == "compared":
            settings = analyses["compared"]
            where = {"layer": settings["layers"]}
            return Selection(where, settings["positions"], settings["n_networks"])
        # `layers` limits what is embedded and regressed, not what other analyses may read.
        positions = self.dataset(dataset).get("positions")
        return Selection(self.kind(dataset).selections[name], positions)

    def figures(self, dataset: str) -> list[str]:
        """Figures of a dataset, as paths below its folder without suffix."""
        kind = self.kind(dataset)
        of_metrics = [f"{metric}/{name}" for metric in self.metrics for name in kind.metric_figures]
        settings = self.dataset(dataset)
        # Only where there are published results can ours be held against them.
        known = settings.get("published") or settings.get("published_file")
        return [*kind.figures, *(["published"] if known else []), *of_metrics]

    def dendrogram(self, dataset: str) -> dict[str, Any]:
        """Which selection's dendrogram is drawn, and in which colours."""
        settings = self.dataset(dataset)
        if self.kind(dataset) is REGIONS:
            return {"selection": "regions", "color": "ccf_color", "legend": "division"}
        return {"selection": settings["dendrogram"], "color": settings["color"], "legend": None}

    def _check_dendrogram(self, dataset: str) -> None:
        selection = self.dendrogram(dataset)["selection"]
        known = self.selections(dataset)
        if selection not in known:
            raise ValueError(
                f"configuration key 'datasets.{dataset}.dendrogram': found {selection!r}, "
                f"expected one of {', '.join(known)}"
            )

    def pooling(self, dataset: str) -> dict[str, Any]:
        """How units of a dataset become regions."""
        return {**self.dataset(dataset)["regions"], "seed": self.seed("pool_regions", dataset)}

    def source(self, dataset: str) -> str:
        """Where a dataset of regions comes from, for people."""
        settings = self.dataset(dataset)
        if "source" in settings:
            return f"{dataset}/{settings['source']}/{settings['stimulus']}"
        return dataset

    @property
    def growth_metric(self) -> str:
        """Metric by which the growth of recordings is followed."""
        name = self.config["analyses"]["growth"]["metric"]
        if name is not None and name not in self.metrics:
            raise ValueError(
                f"configuration key 'analyses.growth.metric': found {name!r}, "
                f"expected one of the metrics: {', '.join(self.metrics)}"
            )
        return name or self.metrics[0]

    def classification_options(self) -> dict[str, Any]:
        """What every classification job is told: all but which representations it reads."""
        options = dict(self.config["analyses"]["classification"])
        for name in ("n_networks", "positions"):
            options.pop(name)
        return options

    def seed(self, rule: str, *wildcards: str) -> int:
        """A seed of its own for each rule and its wildcards, derived from the study's one seed."""
        text = "\t".join([rule, *wildcards]).encode()
        entropy = int.from_bytes(hashlib.sha256(text).digest()[:8])
        sequence = np.random.SeedSequence([self.config["seed"], entropy])
        return int(sequence.generate_state(1, np.uint32)[0] >> 1)  # fits int32 everywhere

    @property
    def in_tiles(self) -> bool:
        """Whether a matrix of distances is computed in tiles, by several jobs."""
        return self.config["distances"]["block_size"] is not None

    def engine_options(self) -> dict[str, Any]:
        """Precision and array library of distances, as the engine takes them."""
        names = ("dtype", "backend", "device", "tolerance")
        return {name: self.config["distances"][name] for name in names}

    def tile_options(self) -> dict[str, Any]:
        """How matrices are cut into tiles."""
        names = ("dtype", "block_size", "tile_minutes", "block_gigabytes")
        return {name: self.config["distances"][name] for name in names}

    def code(self, *modules: str) -> list[str]:
        """Source files that modules of the package rest on, as inputs of a rule."""
        return module_files(*(f"shapemetrics.{module}" for module in modules))

    def metric_code(self, name: str) -> list[str]:
        """Source files of one metric."""
        return module_files(metric_module(self.measure(name)["family"]))
