"""The plan of a study: which selections of which datasets meet which metrics, with which seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from copy import copy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from shapemetrics.metrics.base import Metric
from shapemetrics.metrics.registry import build_metric, metric_module
from shapemetrics.study import own
from shapemetrics.study.checks import check_settings
from shapemetrics.study.config import chosen_keys
from shapemetrics.study.dependencies import asset_files, module_files, program_files
from shapemetrics.study.kinds import (
    BUILT_IN,
    LAYERS,
    NETWORKS,
    REGIONS,
    Kind,
    Selection,
)
from shapemetrics.study.needs import Findings, Note
from shapemetrics.study.outlines import announced_networks


class Study:
    """A validated configuration and what follows from it.

    Parameters
    ----------
    config : mapping
        From :func:`shapemetrics.study.validated`.
    default : mapping, optional
        The default configuration, validated too. What differs from it was chosen by the user, and
        is never changed to fit the data. Without it nothing counts as chosen.

    Attributes
    ----------
    findings : mapping of str to Findings
        What was found out about each dataset beforehand; see :meth:`knowing`.

    Raises
    ------
    ValueError
        If a metric cannot be made from its settings.
    """

    def __init__(self, config: Mapping[str, Any], default: Mapping[str, Any] | None = None) -> None:
        self.config = dict(config)
        self.chosen = frozenset() if default is None else chosen_keys(config, default)
        self.findings: Mapping[str, Findings] = {}
        self._own_kind = cache(self._made_kind)  # reads a table
        self.results = Path(config["results"])
        check_settings(self)

    def knowing(self, findings: Mapping[str, Findings]) -> Study:
        """The same study, less what findings about its datasets leave out.

        Parameters
        ----------
        findings : mapping of str to Findings
            From :func:`shapemetrics.study.preflight.examined`, by dataset.
        """
        study = copy(self)
        study.findings = dict(findings)
        return study

    def fixed(self, *section: str) -> list[str]:
        """Settings of a section of the configuration that the user chose, sorted."""
        prefix = ".".join(section) + "."
        names = (key.removeprefix(prefix) for key in self.chosen if key.startswith(prefix))
        return sorted(name for name in names if "." not in name)

    def path(self, *parts: str) -> str:
        """A path below the results folder."""
        return str(self.results.joinpath(*parts))

    def metric(self, name: str) -> Metric:
        """The metric of this name in the configuration."""
        try:
            return build_metric(self.measure(name))
        except (ValueError, TypeError) as error:
            raise ValueError(f"configuration key {self.entry(name)!r}: {error}") from error

    def entry(self, name: str) -> str:
        """Configuration key of a metric or comparison."""
        section = "metrics" if name in self.config["metrics"] else "comparisons"
        return f"{section}.{name}"

    def fitting_options(self, name: str) -> dict[str, Any]:
        """What jobs are told to fit a measure to its data: its configuration key, which of its
        settings the user chose, and whether it is a comparison as the default has it, which may
        be left out."""
        entry = self.entry(name)
        fixed = self.fixed(*entry.split("."))
        optional = entry.startswith("comparisons.") and not fixed
        return {"entry": entry, "fixed": fixed, "may_be_left_out": optional}

    def measure(self, name: str) -> dict[str, Any]:
        """Settings of a metric or comparison."""
        return {**self.config["comparisons"], **self.config["metrics"]}[name]

    @property
    def measures(self) -> list[str]:
        """Names of the metrics and of the comparisons, in the configuration's order."""
        return [*self.config["metrics"], *self.config["comparisons"]]

    def measures_of(self, dataset: str) -> list[str]:
        """Those of them that can be computed on a dataset, as far as is known beforehand."""
        left_out = self._findings(dataset).measures
        return [name for name in self.measures if name not in left_out]

    def _findings(self, dataset: str) -> Findings:
        return self.findings.get(dataset, Findings())

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
        return BUILT_IN[dataset] if dataset in BUILT_IN else self._own_kind(dataset)

    def _made_kind(self, dataset: str) -> Kind:
        return own.own_kind(dataset, self.dataset(dataset), **self.class_folds)

    @property
    def class_folds(self) -> dict[str, Any]:
        """Outer folds of classification, and whether the user chose them."""
        return {
            "n_outer": self.config["analyses"]["classification"]["n_outer"],
            "fixed_folds": "n_outer" in self.fixed("analyses", "classification"),
        }

    @property
    def own(self) -> list[str]:
        """Names of the datasets of a user's own."""
        return [name for name in self.datasets if name not in BUILT_IN]

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
        return [
            *(
                announced_networks(self.dataset(name))
                for name in self.datasets
                if self.kind(name) is NETWORKS
            ),
            *(
                f"{name}: {remark}"
                for name in self.own
                for remark in own.table_remarks(
                    self.dataset(name), self.kind(name), **self.class_folds
                )
            ),
            *(f"{name}: {note}" for name, note in self.notes),
        ]

    @property
    def notes(self) -> list[tuple[str, Note]]:
        """Datasets, and what was changed or left out because of what they are."""
        return [(name, note) for name in self.datasets for note in self._findings(name).notes]

    def downloads(self, name: str) -> str:
        """Folder of a dataset's downloads."""
        return self.dataset(name)["folder"] or self.path(name, "downloads")

    def selections(self, dataset: str) -> dict[str, Selection]:
        """Selections of a dataset by name: one a layer and state, or all regions."""
        if dataset not in BUILT_IN:
            return {name: self.selection(dataset, name) for name in self.kind(dataset).selections}
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
        (all of them) and ``halves`` (odd and even repeats: the noise floor). Of a dataset of a
        user's own ``compared`` is the first so many of its last selection.
        """
        analyses = self.config["analyses"]
        if dataset not in BUILT_IN:
            positions, kind = self.dataset(dataset)["positions"], self.kind(dataset)
            if name == own.COMPARED:
                n_compared = analyses["compared"]["n_networks"]
                return Selection(kind.selections[kind.sampled], positions, n_compared)
            return Selection(kind.selections[name], positions)
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
        wanted = [*kind.figures, *(["published"] if known else []), *of_metrics]
        left_out = self._findings(dataset).figures
        return [name for name in wanted if name.split("/")[-1] not in left_out]

    def dendrogram(self, dataset: str) -> dict[str, Any]:
        """Which selection's dendrogram is drawn, and in which colours."""
        settings = self.dataset(dataset)
        if self.kind(dataset) is REGIONS:
            return {"selection": "regions", "color": "ccf_color", "legend": "division"}
        if dataset not in BUILT_IN:
            selection = settings["dendrogram"] or self.kind(dataset).sampled
            return {"selection": selection, "color": self.color(dataset), "legend": None}
        return {"selection": settings["dendrogram"], "color": settings["color"], "legend": None}

    def color(self, dataset: str) -> str:
        """Covariate that colours a dataset's figures."""
        settings = self.dataset(dataset)
        return settings["color"] if dataset in BUILT_IN else own.color(settings, self.kind(dataset))

    def targets(self, dataset: str) -> list[str]:
        """Covariates that regression predicts."""
        kind = self.kind(dataset)
        return [self.dataset(dataset)["target"]] if dataset in BUILT_IN else list(kind.targets)

    def regression_group(self, dataset: str) -> str | None:
        """Covariate whose equal values regression keeps together."""
        kind = self.kind(dataset)
        return kind.group if kind.grouped_regression else None

    def group_key(self, dataset: str) -> str | None:
        """Configuration key of the covariate that is never split, where the user chose it."""
        chosen = dataset not in BUILT_IN and self.kind(dataset).group is not None
        return f"datasets.{dataset}.group" if chosen else None

    def target(self, dataset: str, name: str) -> str:
        """The covariate that a figure's file name stands for."""
        return next(target for target in self.targets(dataset) if own.slug(target) == name)

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

    def engine_options(self, name: str) -> dict[str, Any]:
        """Precision and array library of a measure's distances, as the engine takes them.

        Only some measures can be computed on another backend, or with a tolerance; the others are
        computed by NumPy, without.
        """
        names = ("dtype", "backend", "device", "tolerance")
        options = {name: self.config["distances"][name] for name in names}
        if options["backend"] not in self.metric(name).backends:
            options |= {"backend": "numpy", "device": None, "tolerance": None}
        return options

    def tile_options(self) -> dict[str, Any]:
        """How matrices are cut into tiles."""
        names = ("dtype", "block_size", "tile_minutes", "block_gigabytes")
        return {name: self.config["distances"][name] for name in names}

    def code(self, *modules: str) -> list[str]:
        """Source files that modules of the package rest on, as inputs of a rule."""
        return module_files(*(f"shapemetrics.{module}" for module in modules))

    def program(self, folder: str) -> list[str]:
        """Files of the workflow and the package, for the digest of the program."""
        return program_files(folder)

    def assets(self, room: str) -> list[str]:
        """Files that a room of the package keeps beside its modules."""
        return asset_files(room)

    def metric_code(self, name: str) -> list[str]:
        """Source files of one metric."""
        return module_files(metric_module(self.measure(name)["family"]))
