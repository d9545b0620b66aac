"""A study: its settings, its datasets, and which selections of them meet which metrics."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np

from shapemetrics.metrics.base import Metric
from shapemetrics.metrics.registry import metric_module
from shapemetrics.study.datasets.base import StudyDataset
from shapemetrics.study.datasets.registry import dataset_class
from shapemetrics.study.dependencies import asset_files, module_files, program_files
from shapemetrics.study.layout import Layout
from shapemetrics.study.needs import Findings, Note
from shapemetrics.study.selection import Selection
from shapemetrics.study.settings.reading import chosen_keys, read_settings
from shapemetrics.study.settings.tree import Settings


class Study:
    """A configuration and what follows from it.

    Parameters
    ----------
    config : mapping
        As read from YAML, or validated.
    default : mapping, optional
        The default configuration, validated. What differs from it was chosen by the user, and
        is never changed to fit the data. Without it nothing counts as chosen.

    Attributes
    ----------
    settings : Settings
        The configuration as typed objects.
    config : dict
        The same as plain values, with every default in place: what jobs are given.
    layout : Layout
        Where results lie.
    findings : mapping of str to Findings
        What was found out about each dataset beforehand; see :meth:`knowing`.

    Raises
    ------
    ValueError
        In one line, if the configuration is not allowed or its settings clash.
    """

    def __init__(self, config: Mapping[str, Any], default: Mapping[str, Any] | None = None) -> None:
        self.settings: Settings = read_settings(config)
        self.config = self.settings.plain(config)
        self.chosen = frozenset() if default is None else chosen_keys(self.config, default)
        self.findings: Mapping[str, Findings] = {}
        self.layout = Layout(self.settings.results)
        self._datasets = {
            name: dataset_class(part.kind)(name, part, self)
            for name, part in self.settings.datasets.items()
            if part.enabled
        }
        self._check()

    def knowing(self, findings: Mapping[str, Findings]) -> Study:
        """The same study, less what findings about its datasets leave out.

        Parameters
        ----------
        findings : mapping of str to Findings
            From :func:`shapemetrics.study.preflight.examined`, by dataset.
        """
        study = copy(self)
        study.findings = dict(findings)
        study._datasets = {name: part.of(study) for name, part in self._datasets.items()}
        return study

    def _check(self) -> None:
        """ValueError, in one line, unless the settings agree with one another."""
        settings, shifts = self.settings, self.settings.analyses.shifts
        duplicates = sorted(set(settings.metrics) & set(settings.comparisons))
        if duplicates:
            raise ValueError(
                f"configuration: {duplicates[0]!r} stands under metrics and under comparisons"
            )
        for name in settings.metrics:
            if not self.metric(name).symmetric:
                raise ValueError(
                    f"configuration key {self.entry(name) + '.measure'!r}: found "
                    f"{self.metric_settings(name)['measure']!r}, expected a symmetric measure; "
                    "this one can stand under comparisons"
                )
        if not self._datasets:
            raise ValueError("configuration key 'datasets': none is enabled, expected at least one")
        for dataset in self._datasets.values():
            dataset.check_settings()
        owners: dict[Path, StudyDataset] = {}
        for dataset in self._datasets.values():
            if dataset.written_folder is None:
                continue
            owner = owners.setdefault(Path(dataset.written_folder).absolute(), dataset)
            if owner is not dataset:
                raise ValueError(
                    f"configuration key '{dataset.key}.folder': found "
                    f"{dataset.written_folder!r}, expected another folder than that of "
                    f"{owner.key}, whose sessions are written there"
                )
        _ = self.growth_metric  # or say that there is no such metric
        if shifts.map_layer not in shifts.layers:
            raise ValueError(
                f"configuration key 'analyses.shifts.map_layer': found {shifts.map_layer!r}, "
                f"expected one of analyses.shifts.layers: {', '.join(shifts.layers)}"
            )

    def fixed(self, *section: str) -> list[str]:
        """Settings of a section of the configuration that the user chose, sorted."""
        prefix = ".".join(section) + "."
        names = (key.removeprefix(prefix) for key in self.chosen if key.startswith(prefix))
        return sorted(name for name in names if "." not in name)

    # Datasets.

    @property
    def datasets(self) -> list[str]:
        """Names of the datasets that the study contains, in the configuration's order."""
        return list(self._datasets)

    def dataset(self, name: str) -> StudyDataset:
        """What the study asks of one dataset."""
        return self._datasets[name]

    def of_kind(self, *kinds: str) -> dict[str, Any]:
        """Datasets of some kinds, by name; all where none is named."""
        return {
            name: part for name, part in self._datasets.items() if not kinds or part.kind in kinds
        }

    def selection(self, dataset: str, name: str, metric: str | None = None) -> Selection:
        """A selection of a dataset, its arrays as a metric takes them where one is named."""
        found = self.dataset(dataset).selection(name)
        return found if metric is None else found.read_by(self.metric(metric))

    @property
    def class_folds(self) -> dict[str, Any]:
        """Outer folds of classification, and whether the user chose them."""
        return {
            "n_outer": self.settings.analyses.classification.n_outer,
            "fixed_folds": "n_outer" in self.fixed("analyses", "classification"),
        }

    def announcements(self) -> list[str]:
        """What the study is about to train and to keep, how large that is, and what it changes."""
        return [
            *(line for part in self._datasets.values() for line in part.announcements()),
            *(f"{name}: {note}" for name, note in self.notes),
        ]

    @property
    def notes(self) -> list[tuple[str, Note]]:
        """Datasets, and what was changed or left out because of what they are."""
        return [(name, note) for name in self.datasets for note in self._findings(name).notes]

    def _findings(self, dataset: str) -> Findings:
        return self.findings.get(dataset, Findings())

    # Metrics.

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics, in the configuration's order."""
        return list(self.settings.metrics)

    @property
    def measures(self) -> list[str]:
        """Names of the metrics and of the comparisons, in the configuration's order."""
        return [*self.settings.metrics, *self.settings.comparisons]

    def measures_of(self, dataset: str) -> list[str]:
        """Those of them that can be computed on a dataset, as far as is known beforehand."""
        left_out = self._findings(dataset).measures
        return [name for name in self.measures if name not in left_out]

    def metric(self, name: str) -> Metric:
        """The metric of this name in the configuration."""
        return {**self.settings.comparisons, **self.settings.metrics}[name].metric

    def metric_settings(self, name: str) -> dict[str, Any]:
        """Settings of a metric or comparison, as jobs are given them."""
        return {**self.config["comparisons"], **self.config["metrics"]}[name]

    def entry(self, name: str) -> str:
        """Configuration key of a metric or comparison."""
        section = "metrics" if name in self.settings.metrics else "comparisons"
        return f"{section}.{name}"

    def fitting_options(self, name: str) -> dict[str, Any]:
        """What jobs are given to fit a measure to its data: its configuration key, which of its
        settings the user chose, and whether it is a comparison as the default has it, which may
        be left out."""
        entry = self.entry(name)
        fixed = self.fixed(*entry.split("."))
        optional = entry.startswith("comparisons.") and not fixed
        return {"entry": entry, "fixed": fixed, "may_be_left_out": optional}

    def unit(self, metric: str) -> str:
        """Unit of a metric's distances, for axis labels."""
        return "rad" if getattr(self.metric(metric), "geometry", "") == "angular" else "a.u."

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

    @property
    def trials(self) -> str:
        """What becomes of several trials per stimulus: kept for metrics that compare them, else
        averaged."""
        by_trial = any(3 in self.metric(name).axes for name in self.measures)
        return "keep" if by_trial else "mean"

    @property
    def growth_metric(self) -> str:
        """Metric by which the growth of recordings is followed."""
        name = self.settings.analyses.growth.metric
        if name is not None and name not in self.metrics:
            raise ValueError(
                f"configuration key 'analyses.growth.metric': found {name!r}, "
                f"expected one of the metrics: {', '.join(self.metrics)}"
            )
        return name or self.metrics[0]

    # What is computed and drawn.

    def matrices(self, dataset: str) -> list[tuple[str, str]]:
        """Selections and measures whose distances the study asks of a dataset."""
        return self.dataset(dataset).matrices

    def wanted_matrices(self, dataset: str) -> list[dict[str, Any]]:
        """Names and settings of those matrices, as the plan of tiles takes them."""
        return [
            {
                "dataset": dataset,
                "selection": selection,
                "metric": metric,
                "chosen": vars(self.selection(dataset, selection, metric)),
                "measure": self.metric_settings(metric),
                **self.fitting_options(metric),
            }
            for selection, metric in self.matrices(dataset)
        ]

    def figures(self, dataset: str) -> list[str]:
        """Figures of a dataset, as paths below its folder without suffix."""
        part = self.dataset(dataset)
        of_metrics = [f"{metric}/{name}" for metric in part.metrics for name in part.metric_figures]
        left_out = self._findings(dataset).figures
        wanted = [*part.figures, *of_metrics]
        return [name for name in wanted if name.split("/")[-1] not in left_out]

    def classification_options(self) -> dict[str, Any]:
        """What every classification job is given: all but which representations it reads."""
        options = dict(self.config["analyses"]["classification"])
        for name in ("n_networks", "positions"):
            options.pop(name)
        return options

    @property
    def in_tiles(self) -> bool:
        """Whether a matrix of distances is computed in tiles, by several jobs."""
        return self.settings.distances.block_size is not None

    def tile_options(self) -> dict[str, Any]:
        """How matrices are cut into tiles."""
        names = ("dtype", "block_size", "tile_minutes", "block_gigabytes")
        return {name: self.config["distances"][name] for name in names}

    def seed(self, rule: str, *wildcards: str) -> int:
        """A seed of its own for each rule and its wildcards, derived from the study's one seed."""
        text = "\t".join([rule, *wildcards]).encode()
        entropy = int.from_bytes(hashlib.sha256(text).digest()[:8])
        sequence = np.random.SeedSequence([self.settings.seed, entropy])
        return int(sequence.generate_state(1, np.uint32)[0] >> 1)  # fits int32 everywhere

    # Files.

    @property
    def results(self) -> Path:
        """Folder of all results."""
        return self.layout.results

    def code(self, *modules: str) -> list[str]:
        """Source files that modules of the package rest on, as inputs of a rule."""
        return module_files(*(f"shapemetrics.{module}" for module in modules))

    def metric_code(self, name: str) -> list[str]:
        """Source files of one metric."""
        return module_files(metric_module(self.metric_settings(name)["family"]))

    def program(self, folder: str) -> list[str]:
        """Files of the workflow and the package, for the digest of the program."""
        return program_files(folder)

    def assets(self, package: str) -> list[str]:
        """Files that a package keeps beside its modules."""
        return asset_files(package)
