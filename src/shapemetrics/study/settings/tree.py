"""The whole of a study's settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from shapemetrics.study.datasets.registry import AnyDataset, with_implied
from shapemetrics.study.datasets.settings import DatasetSettings
from shapemetrics.study.section import Section, Text
from shapemetrics.study.settings.analyses import Analyses
from shapemetrics.study.settings.distances import Distances
from shapemetrics.study.settings.metrics import AnyMetric, MetricSettings

#: Folders of the results have these names already.
RESERVED = ("benchmarks", "distances", "environments", "figures", "geometry", "learning", "logs")
#: Names that can stand in paths and in the rules' wildcards.
DATASET_NAME, METRIC_NAME = "^[A-Za-z0-9]+$", "^[A-Za-z][A-Za-z0-9_]*$"

Measures = dict[str, Annotated[MetricSettings, AnyMetric()]]


def _check_names(names: Mapping[str, Any], pattern: str, reserved: tuple[str, ...] = ()) -> None:
    for name in names:
        why = None
        if name in reserved:
            why = "a folder of the results has it"
        elif not isinstance(name, str) or not re.fullmatch(pattern.strip("^$"), name):
            why = f"{name!r} does not match {pattern!r}"
        if why:
            raise PydanticCustomError("name", "{name}{why}", {"name": name, "why": why})


class Settings(Section):
    """Configuration of a study. Every key but `datasets` and `metrics` has a default."""

    results: Text = Field(
        "results",
        description="Folder of all results, relative to the working directory or absolute.",
    )
    seed: int = Field(
        20211014,
        ge=0,
        description="The study's one seed; every job derives its own from it and from its "
        "wildcards.",
    )
    datasets: dict[str, Annotated[DatasetSettings, AnyDataset()]] = Field(
        description="Where representations come from, by a name of your choice. The names "
        "nasbench, allen and steinmetz need no kind."
    )
    metrics: Measures = Field(
        min_length=1,
        description="Metrics by a name of your choice, which figures and file names show. An "
        "empty one (null) removes the one that the file beneath has.",
    )
    comparisons: Measures = Field(
        {},
        description="Further metrics and dissimilarities, compared with the metrics on the same "
        "representations; null removes one.",
    )
    distances: Distances = Field(Distances())
    analyses: Analyses = Field(Analyses())

    @field_validator("metrics", "comparisons", mode="before")
    @classmethod
    def _named_metrics(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            # A file laid over another cannot leave out what that one has; null removes it.
            value = {name: part for name, part in value.items() if part is not None}
            _check_names(value, METRIC_NAME)
        return value

    @field_validator("datasets", mode="before")
    @classmethod
    def _named_datasets(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            _check_names(value, DATASET_NAME, RESERVED)
            value = with_implied(value)
        return value
