"""The table of the study's figures: one row per figure, from which the rules that draw are made.

Starting Python and matplotlib takes longer than drawing, so one job draws all figures of a dataset
that belong to one chapter of the report.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from shapemetrics.study.layout import FORMS

if TYPE_CHECKING:
    from shapemetrics.study.datasets.base import StudyDataset
    from shapemetrics.study.study import Study

NETWORKS, GEOMETRY, LEARNING, MEASURES = "1 Networks", "2 Geometry", "3 Learning", "4 Measures"


@dataclass(frozen=True)
class StudyFigure:
    """A figure, and what it is drawn from.

    Attributes
    ----------
    name : str
        Of the file, the caption and the script.
    category, title : str
        In the report.
    module : str
        Of :mod:`shapemetrics.figures`, which draws it.
    tables : dict
        For each input of the script the results (:data:`shapemetrics.study.layout.PATHS`) that it
        reads; those of every metric where the figure is of all.
    of_metric : bool
        Whether there is one for each metric.
    of_target : bool
        Whether there is one for each target.
    params : dict
        What the script is given, by the script's names: which of `ANSWERS`.
    """

    name: str
    category: str
    title: str
    module: str
    tables: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    of_metric: bool = False
    of_target: bool = False
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def job(self) -> str:
        """What its log and the messages of its drawing are called."""
        return f"draw_target_{self.name}" if self.of_target else f"draw_{self.name}"

    @property
    def script(self) -> str:
        """Name of the script that draws it."""
        return f"draw_{self.name}"

    @property
    def wildcards(self) -> tuple[str, ...]:
        """What tells figures of this row apart."""
        return (
            "dataset",
            *(["metric"] if self.of_metric else []),
            *(["target"] if self.of_target else []),
        )

    @property
    def stem(self) -> str:
        """The file below the folder of the dataset's figures, without suffix."""
        name = f"{self.name}_{{target}}" if self.of_target else self.name
        return f"{{metric}}/{name}" if self.of_metric else name

    def labels(self, names: Mapping[str, str]) -> dict[str, str]:
        """What the report calls a figure of this row."""
        title = f"{self.title}, {names['target']}" if self.of_target else self.title
        metric = names["metric"] if self.of_metric else "all"
        return {"figure": title, "dataset": names["dataset"], "metric": metric}

    def inputs(self, study: Study, names: Mapping[str, str]) -> dict[str, list[str]]:
        """Tables that the script reads."""

        def files(tables: str | Sequence[str]) -> list[str]:
            wanted = [tables] if isinstance(tables, str) else tables
            return [path for table in wanted for path in self._files(study, table, names)]

        return {name: files(tables) for name, tables in self.tables.items()}

    def _files(self, study: Study, table: str, names: Mapping[str, str]) -> list[str]:
        """A table, or that of every metric where the figure is of all."""
        pattern, dataset = study.layout[table], names["dataset"]
        if self.of_metric:
            return [pattern.format(dataset=dataset, metric=names["metric"])]
        if table == "compared_audit" and not study.dataset(dataset).has_responses:
            return []  # one matrix alone is compared with none
        metrics = study.dataset(dataset).metrics
        found = [pattern.format(dataset=dataset, metric=metric) for metric in metrics]
        return list(dict.fromkeys(found))

    def answers(self, study: Study, names: Mapping[str, str]) -> dict[str, Any]:
        """What the script is given."""
        dataset, wildcards = study.dataset(names["dataset"]), SimpleNamespace(**names)
        return {
            name: ANSWERS[wanted](study, dataset, wildcards) for name, wanted in self.params.items()
        }


@dataclass(frozen=True)
class DrawnFigure:
    """One figure of a dataset, with its files.

    Attributes
    ----------
    figure : StudyFigure
    stem : str
        Its files, without suffix.
    labels : dict
        What the report calls it.
    given : dict
        What its script is given: `input`, `output`, `params`, `wildcards`, `rule` and `log`.
    """

    figure: StudyFigure
    stem: str
    labels: dict[str, str]
    given: dict[str, Any]

    @property
    def log(self) -> str:
        """Log of its drawing."""
        return self.given["log"][0]

    @property
    def tables(self) -> list[str]:
        """What it is drawn from."""
        inputs = self.given["input"]
        return [path for name in self.figure.tables for path in inputs[name]]


@dataclass(frozen=True)
class Chapter:
    """The figures of a dataset that one job draws.

    Attributes
    ----------
    name : str
        As ``draw_geometry``.
    dataset : str
    figures : tuple of DrawnFigure
    """

    name: str
    dataset: str
    figures: tuple[DrawnFigure, ...]

    @property
    def rule(self) -> str:
        """Name of the rule that draws them."""
        return f"{self.name}_{self.dataset}"

    @property
    def tables(self) -> list[str]:
        """All tables that are drawn."""
        tables = [table for drawn in self.figures for table in drawn.tables]
        return list(dict.fromkeys(tables))

    @property
    def modules(self) -> list[str]:
        """Modules of the package that draw."""
        return sorted({f"figures.{drawn.figure.module}" for drawn in self.figures})

    @property
    def scripts(self) -> list[str]:
        """Names of the scripts that draw."""
        return sorted({drawn.figure.script for drawn in self.figures})


def chapters(study: Study) -> list[Chapter]:
    """The jobs that draw: one for each dataset and chapter of the report."""
    found: dict[tuple[str, str], list[DrawnFigure]] = {}
    for dataset in study.datasets:
        for stem in study.figures(dataset):
            drawn = _drawn(study, dataset, stem)
            found.setdefault((drawn.figure.category, dataset), []).append(drawn)
    return [
        Chapter(f"draw_{category.split()[-1].lower()}", dataset, tuple(figures))
        for (category, dataset), figures in found.items()
    ]


def _drawn(study: Study, dataset: str, path: str) -> DrawnFigure:
    """A figure by its path below the folder of the dataset's figures."""
    metric, _, name = path.rpartition("/")
    figure = _row(name, of_metric=bool(metric))
    names = {"dataset": dataset, **({"metric": metric} if metric else {})}
    if figure.of_target:
        names["target"] = name.removeprefix(f"{figure.name}_")
    layout = study.layout
    stem = layout.figure(path).format(dataset=dataset)
    log = layout.log(figure.job, *figure.wildcards).format(**names)
    given = {
        "rule": figure.job,
        "wildcards": names,
        "input": {
            **figure.inputs(study, names),
            "dataset": layout["metadata"].format(dataset=dataset),
        },
        "output": {form: f"{stem}.{form}" for form in FORMS},
        "params": figure.answers(study, names),
        "log": [log],
    }
    return DrawnFigure(figure, stem, figure.labels(names), given)


def _row(name: str, *, of_metric: bool) -> StudyFigure:
    """The row of the table by the name of a file."""
    rows = [figure for figure in FIGURES if figure.of_metric == of_metric]
    for figure in rows:
        if not figure.of_target and name == figure.name:
            return figure
    for figure in rows:
        if figure.of_target and name.startswith(f"{figure.name}_"):
            return figure
    raise KeyError(f"no figure is called {name!r}")


_POINTS = {"label": "label", "unit": "unit"}
FIGURES = (
    StudyFigure("accuracies", NETWORKS, "accuracy", "training", {"table": "trained_networks"}),
    StudyFigure(
        "published",
        NETWORKS,
        "published and own accuracy",
        "published",
        {"table": "trained_networks", "agreement": "published_agreement"},
    ),
    StudyFigure(
        "embedding",
        GEOMETRY,
        "embedding",
        "embedding",
        {"table": "embedding"},
        of_metric=True,
        params={"color": "color", "panels": "panels", **_POINTS},
    ),
    StudyFigure(
        "atlas",
        GEOMETRY,
        "embedding, atlas colours",
        "embedding",
        {"table": "embedding"},
        of_metric=True,
        params=_POINTS,
    ),
    StudyFigure(
        "distortion",
        GEOMETRY,
        "distortion",
        "distortion",
        {"table": "distortion"},
        of_metric=True,
    ),
    StudyFigure(
        "audit", GEOMETRY, "triangle audit", "audit", {"tables": ["audit", "compared_audit"]}
    ),
    StudyFigure("noise_floor", GEOMETRY, "noise floor", "noise_floor", {"tables": "noise_floor"}),
    StudyFigure(
        "signal",
        GEOMETRY,
        "signals of regions",
        "signal",
        {"table": "signal", "simulation": "signal_bias"},
    ),
    StudyFigure(
        "windows",
        GEOMETRY,
        "distances over time",
        "windows",
        {"table": "windows"},
        params={"unit": "growth_unit"},
    ),
    StudyFigure(
        "dendrogram",
        LEARNING,
        "dendrogram",
        "dendrogram",
        {"table": "linkage", "leaves": "leaves"},
        of_metric=True,
        params={
            "selection": "dendrogram_selection",
            "color": "dendrogram_color",
            "legend": "dendrogram_legend",
            **_POINTS,
        },
    ),
    StudyFigure(
        "regression",
        LEARNING,
        "regression scores",
        "regression",
        {"tables": "regression"},
        params={"target": "first_target"},
    ),
    StudyFigure(
        "predictions",
        LEARNING,
        "held-out predictions",
        "predictions",
        {"scores": "regression", "predictions": "predictions"},
        of_metric=True,
        params={"target": "first_target"},
    ),
    StudyFigure(
        "regression",
        LEARNING,
        "regression scores",
        "regression",
        {"tables": "regression"},
        of_target=True,
        params={"target": "target"},
    ),
    StudyFigure(
        "predictions",
        LEARNING,
        "held-out predictions",
        "predictions",
        {"scores": "regression", "predictions": "predictions"},
        of_metric=True,
        of_target=True,
        params={"target": "target"},
    ),
    StudyFigure(
        "baselines",
        LEARNING,
        "baselines",
        "baselines",
        {"table": "baselines"},
        params={"target": "first_target"},
    ),
    StudyFigure(
        "baselines",
        LEARNING,
        "baselines",
        "baselines",
        {"table": "baselines"},
        of_target=True,
        params={"target": "target"},
    ),
    StudyFigure(
        "classification",
        LEARNING,
        "classification",
        "classification",
        {"scores": "classification", "confusion": "confusion"},
    ),
    StudyFigure(
        "covariates",
        LEARNING,
        "what organises distances",
        "covariates",
        {"table": "covariates"},
        of_metric=True,
    ),
    StudyFigure(
        "growth",
        LEARNING,
        "growth with units",
        "growth",
        {"table": "growth"},
        params={"metric": "growth_metric", "unit": "growth_unit", "target": "first_target"},
    ),
    StudyFigure(
        "agreement", MEASURES, "agreement of measures", "agreement", {"table": "agreement"}
    ),
    StudyFigure(
        "samples",
        MEASURES,
        "number of stimuli",
        "samples",
        {"table": "samples"},
        params={"unit": "first_unit"},
    ),
    StudyFigure(
        "shift_maps",
        MEASURES,
        "maps of shifts",
        "shift_map",
        {"table": "shift_maps"},
        params={"layer": "map_layer"},
    ),
    StudyFigure("shift_gain", MEASURES, "gain of shifts", "shift_map", {"table": "shift_gain"}),
)


#: What scripts are given, from the study, the dataset and what tells figures of a row apart.
ANSWERS: dict[str, Callable[[Study, StudyDataset, Any], Any]] = {
    "color": lambda study, dataset, w: dataset.color,
    "panels": lambda study, dataset, w: dataset.panels,
    "label": lambda study, dataset, w: dataset.label,
    "unit": lambda study, dataset, w: dataset.unit(w.metric),
    "dendrogram_selection": lambda study, dataset, w: dataset.dendrogram["selection"],
    "dendrogram_color": lambda study, dataset, w: dataset.dendrogram["color"],
    "dendrogram_legend": lambda study, dataset, w: dataset.dendrogram["legend"],
    "target": lambda study, dataset, w: dataset.target_of(w.target),
    "first_target": lambda study, dataset, w: dataset.targets[0],
    "first_unit": lambda study, dataset, w: dataset.unit(dataset.metrics[0]),
    "growth_metric": lambda study, dataset, w: study.growth_metric,
    "growth_unit": lambda study, dataset, w: study.unit(study.growth_metric),
    "map_layer": lambda study, dataset, w: study.settings.analyses.shifts.map_layer,
}


def drawing_rules(folder: str, *overlays: str) -> list[str]:
    """Names of all rules that draw, of a configuration laid over the default, for ``make figures``.

    Parameters
    ----------
    folder : str
        Of the workflow.
    *overlays : str
        Files of configuration.
    """
    from shapemetrics.study.settings.reading import load_config
    from shapemetrics.study.study import Study

    study = Study(load_config(os.path.join(folder, "config.yaml"), *overlays))
    return [chapter.rule for chapter in chapters(study)]


if __name__ == "__main__":
    print(*drawing_rules(*(sys.argv[1:] or ["."])))
