"""Matrices of distances that others computed: settings, checks, and what is asked of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field

from shapemetrics.datasets.distances.authors_allen import AuthorsAllen
from shapemetrics.datasets.distances.tables import DistanceTable, read_distances
from shapemetrics.study.covariates import asked_by, check_covariates
from shapemetrics.study.datasets.asked import AskedDataset
from shapemetrics.study.datasets.settings import DatasetSettings
from shapemetrics.study.datasets.user import ALL, Columns
from shapemetrics.study.section import Section, Text
from shapemetrics.study.selection import Selection

#: Settings that say what the matrix is.
READ = ("source", "path", "metadata", "variable", "tolerance", "url", "exclude", "simulated")


class DistancesSettings(DatasetSettings):
    """A matrix of distances, and a table of what is known about its items."""

    kind: Literal["distances"] = Field(description="A matrix of distances computed before.")
    metric: Text = Field(
        description="What the distances are, as figures call them; letters, digits and _ only.",
        pattern="^[A-Za-z0-9_]+$",
    )
    unit: Text = Field("a.u.", description="Unit of the distances, for axis labels.")
    is_metric: bool = Field(
        True, description="Whether the triangle inequality holds for distances of this kind."
    )
    regression: Columns = Field([], description="Covariates to predict as numbers.")
    classification: Columns = Field([], description="Covariates to predict as classes.")
    covariates: Columns = Field(
        [], description="Covariates whose share of the variance of distances is drawn."
    )
    group: str | None = Field(
        None, description="Covariate whose equal values are never on both sides of a split."
    )
    leave_one_out: bool = Field(
        True, description="Whether regression leaves out one item (or group) at a time."
    )
    color: str | None = Field(
        None,
        description="Covariate that colours embeddings and dendrograms; null takes the first "
        "target.",
    )
    legend: str | None = Field(
        None, description="Covariate that the legend of dendrograms names the colours by."
    )
    label: str | None = Field(
        "id", description="Covariate (or id) written beside the points; null for none."
    )
    exclude: Columns = Field([], description="Ids of items that are left out.")


class FileSettings(DistancesSettings):
    """A matrix of one's own, in a file."""

    source: Literal["file"] = Field("file", description="A file of one's own.")
    path: Text = Field(
        description="The matrix: .csv or .tsv (also .gz) with ids in the header and the first "
        "column, .npz with a square array and `ids`, or .npy in the order of the table."
    )
    metadata: str | None = Field(
        None, description="Table with a line per item: column id, then covariates."
    )
    variable: str | None = Field(
        None, description="Which array of an .npz; null takes the only square one."
    )
    tolerance: Annotated[float, Field(ge=0)] = Field(
        1e-6,
        description="Largest asymmetry or diagonal entry that is taken for rounding, as a fraction "
        "of the largest distance.",
    )
    simulated: bool = Field(
        False, description="Whether the numbers are simulated; every figure then says so."
    )


class AuthorsAllenSettings(DistancesSettings):
    """Regions of the Allen recordings, as authors of the paper published their distances."""

    source: Literal["authors_allen"] = Field(
        description="Regions of the Allen recordings, from figures that authors of the paper "
        "published."
    )
    url: str | None = Field(
        None, description="Address of the folder of figures; null is the public repository."
    )


class Distances(AskedDataset):
    """Distances without responses: everything that needs no more than a matrix."""

    kind = "distances"
    Settings = DistancesSettings
    settings: FileSettings | AuthorsAllenSettings
    has_responses = False

    @classmethod
    def section_of(cls, settings: Mapping[str, Any]) -> type[Section]:
        """Settings of one of the two sources."""
        published = settings.get("source") == "authors_allen"
        return AuthorsAllenSettings if published else FileSettings

    # What is compared.

    @property
    def selections(self) -> dict[str, Selection]:
        """All items."""
        return {ALL: Selection({}, None)}

    @property
    def metrics(self) -> list[str]:
        """The one that the settings name."""
        return [self.settings.metric]

    def unit(self, metric: str) -> str:
        """As set."""
        return self.settings.unit

    @property
    def matrices(self) -> list[tuple[str, str]]:
        """The one that there is."""
        return [(ALL, self.settings.metric)]

    # What is learned.

    @property
    def _numbers(self) -> list[str]:
        return self.settings.regression

    @property
    def _classes(self) -> list[str]:
        return self.settings.classification

    @property
    def _covariates(self) -> list[str]:
        return self.settings.covariates

    # What is drawn.

    @property
    def color(self) -> str:
        """As set, or the first covariate that there is."""
        asked = [self.settings.color, *self.targets, *self.labels, *self.covariates, "id"]
        return next(name for name in asked if name is not None)

    @property
    def label(self) -> str | None:
        """As set."""
        return self.settings.label

    @property
    def dendrogram(self) -> dict[str, Any]:
        """Of all items."""
        return {"selection": ALL, "color": self.color, "legend": self.settings.legend}

    # What is known before anything runs.

    def check_settings(self) -> None:
        """The matrix must be one, and covariates be columns of the table, where it is at hand."""
        super().check_settings()
        if self._table is not None:
            self.check_store(self._rows(self._table))

    def check_store(self, index: pd.DataFrame) -> None:
        """Covariates are there and can be learned."""
        settings = self.settings
        known = [name for name in index.columns if name != "shape"]
        asked = (
            *(("regression", name) for name in self.targets),
            *(("classification", name) for name in self.labels),
            *(("covariates", name) for name in self.covariates),
            *((key, getattr(settings, key)) for key in ("group", "color", "legend", "label")),
        )
        for key, name in asked:
            if name is not None and name not in known:
                raise ValueError(
                    f"configuration key '{self.key}.{key}': found {name!r}, "
                    f"expected one of {', '.join(known)}"
                )
        check_covariates(
            index,
            self.targets,
            self.labels,
            self.group,
            where=self.name,
            asked=asked_by(self.key, self.plain),
            covariates=self.required_covariates,
            **self.study.class_folds,
        )

    @cached_property
    def _table(self) -> DistanceTable | None:
        """The matrix, where it lies in a file."""
        if not isinstance(self.settings, FileSettings):
            return None
        return read_table(self.reading, "")

    def outline(self) -> pd.DataFrame | None:
        """From the table, where it is at hand."""
        return None if self._table is None else self._rows(self._table)

    def _rows(self, table: DistanceTable) -> pd.DataFrame:
        rows = table.covariates.copy()
        rows.insert(0, "id", table.ids)
        return rows

    # What jobs are given.

    @property
    def input_files(self) -> list[str]:
        """Files that the matrix is read from."""
        if not isinstance(self.settings, FileSettings):
            return []
        return [path for path in (self.settings.path, self.settings.metadata) if path is not None]

    @property
    def reading(self) -> dict[str, Any]:
        """Settings that say what is read."""
        return {name: self.plain[name] for name in READ if name in self.plain}


def read_table(reading: Mapping[str, Any], downloads: str) -> DistanceTable:
    """The matrix and its covariates, less the items that are left out.

    Parameters
    ----------
    reading : mapping
        From :attr:`Distances.reading`.
    downloads : str
        Folder for what is fetched.

    Raises
    ------
    ValueError
        If there is no such matrix, or what was fetched is not what was published.
    """
    if reading["source"] == "authors_allen":
        url = {} if reading["url"] is None else {"url": reading["url"]}
        table = AuthorsAllen(downloads, **url).table()
    else:
        table = read_distances(
            reading["path"],
            reading["metadata"],
            variable=reading["variable"],
            tolerance=reading["tolerance"],
        )
    excluded = list(reading["exclude"])
    unknown = [id for id in excluded if id not in table.ids]
    if unknown:
        raise ValueError(f"exclude: found {unknown[0]!r}, expected ids of the matrix")
    return table.take([id for id in table.ids if id not in excluded])
