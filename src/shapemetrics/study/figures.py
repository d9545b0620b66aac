"""The table of the study's figures: one row per figure, from which its rule is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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
    def rule(self) -> str:
        """Name of the rule that draws it."""
        return f"draw_target_{self.name}" if self.of_target else f"draw_{self.name}"

    @property
    def script(self) -> str:
        """Name of the script that draws it."""
        return f"draw_{self.name}"

    @property
    def wildcards(self) -> tuple[str, ...]:
        """Wildcards of the rule."""
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

    @property
    def labels(self) -> dict[str, str]:
        """What the report calls it."""
        title = f"{self.title}, {{target}}" if self.of_target else self.title
        metric = "{metric}" if self.of_metric else "all"
        return {"figure": title, "dataset": "{dataset}", "metric": metric}

    def inputs(self, study: Study) -> dict[str, Callable[[Any], list[str]]]:
        """Tables that the script reads, as functions of the rule's wildcards."""

        def files(tables: str | Sequence[str]) -> Callable[[Any], list[str]]:
            names = [tables] if isinstance(tables, str) else tables
            return lambda w: [path for name in names for path in self._files(study, name, w)]

        return {name: files(tables) for name, tables in self.tables.items()}

    def _files(self, study: Study, table: str, wildcards: Any) -> list[str]:
        """A table, or that of every metric where the figure is of all."""
        pattern, dataset = study.layout[table], wildcards.dataset
        if self.of_metric:
            return [pattern.format(dataset=dataset, metric=wildcards.metric)]
        if table == "compared_audit" and not study.dataset(dataset).has_responses:
            return []  # one matrix alone is compared with none
        metrics = study.dataset(dataset).metrics
        found = [pattern.format(dataset=dataset, metric=metric) for metric in metrics]
        return list(dict.fromkeys(found))

    def answers(self, study: Study) -> dict[str, Callable[[Any], Any]]:
        """What the script is given, as functions of the rule's wildcards."""

        def answer(name: str) -> Callable[[Any], Any]:
            return lambda w: ANSWERS[name](study, study.dataset(w.dataset), w)

        return {name: answer(wanted) for name, wanted in self.params.items()}


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
        "regression", LEARNING, "regression scores", "regression", {"tables": "regression"}
    ),
    StudyFigure(
        "predictions",
        LEARNING,
        "held-out predictions",
        "predictions",
        {"scores": "regression", "predictions": "predictions"},
        of_metric=True,
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


#: What scripts are given, from the study, the dataset and the rule's wildcards.
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


if __name__ == "__main__":  # for `make figures`
    print(*dict.fromkeys(figure.rule for figure in FIGURES))
