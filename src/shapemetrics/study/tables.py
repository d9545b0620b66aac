"""Matrices of distances beside the covariates of what they compare, and tables written whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from shapemetrics.files import atomic_path
from shapemetrics.linalg import Array
from shapemetrics.pairwise.matrix import DistanceMatrix
from shapemetrics.store.reader import RepresentationStore


@dataclass(frozen=True, eq=False)
class Selected:
    """Distances of one selection by one metric.

    Attributes
    ----------
    labels : dict
        ``selection`` and ``metric``, and every covariate that has one value in the selection
        (layer, state).
    distances : ndarray of shape (K, K)
    ids : list of str
    covariates : pandas.DataFrame
        One row a representation, in the order of the matrix.
    is_metric : bool
        Whether the measure is a metric by construction.
    """

    labels: dict[str, Any]
    distances: Array
    ids: list[str]
    covariates: pd.DataFrame
    is_metric: bool

    def covariate(self, name: str) -> pd.Series:
        """One covariate; ValueError names those that there are."""
        if name not in self.covariates:
            raise ValueError(
                f"selection {self.labels['selection']!r} has no covariate {name!r}; "
                f"there are: {', '.join(self.covariates)}"
            )
        return self.covariates[name]

    def having(self, name: str) -> Selected:
        """The part whose covariate `name` is known."""
        keep = self.covariate(name).notna().to_numpy()
        if not keep.any():
            raise ValueError(f"selection {self.labels['selection']!r}: {name!r} is never known")
        return self._part(keep)

    def frequent(self, name: str, least: int, group: str | None = None) -> Selected:
        """The part whose class, by covariate `name`, has at least so many members.

        With `group`, a covariate, at least so many different groups hold the class.

        Raises
        ------
        ValueError
            If fewer than two classes have.
        """
        values = self.covariate(name)
        counts = values.value_counts()
        if group is not None:
            counts = self.covariate(group).groupby(values).nunique().reindex(counts.index)
        large = counts.index[counts >= least]
        if len(large) < 2:
            unit = "members" if group is None else f"different {group}"
            raise ValueError(
                f"selection {self.labels['selection']!r}: {len(large)} classes of {name!r} have "
                f"{least} {unit} or more, expected at least 2"
            )
        return self._part(values.isin(large).to_numpy())

    def _part(self, keep: np.ndarray) -> Selected:
        return Selected(
            self.labels,
            self.distances[np.ix_(keep, keep)],
            [id for id, kept in zip(self.ids, keep) if kept],
            self.covariates[keep].reset_index(drop=True),
            self.is_metric,
        )


#: Covariates that may name a whole selection.
NAMING = ("layer", "state")


def read_selected(
    matrices: Sequence[str | os.PathLike], index: str | os.PathLike
) -> Iterator[Selected]:
    """Read matrices and the covariates of their store.

    Parameters
    ----------
    matrices : sequence of path-like
        Files that :meth:`DistanceMatrix.save` wrote.
    index : path-like
        The store's ``index.csv``.

    Yields
    ------
    Selected

    Raises
    ------
    ValueError
        If a matrix was computed from other data than the store holds now.
    """
    store = RepresentationStore(Path(index).parent)
    for path in matrices:
        matrix = DistanceMatrix.load(path)
        rows = store.take(matrix.ids)
        if matrix.provenance["representations"] != rows.digest:
            raise ValueError(f"{path}: computed from other representations than {store.path} holds")
        covariates = rows.index.reset_index(drop=True)
        labels = {key: matrix.provenance[key] for key in ("selection", "metric")}
        for name in NAMING:
            if name in covariates and covariates[name].nunique() == 1:
                labels[name] = covariates[name].iloc[0]
        is_metric = matrix.provenance["parameters"]["is_metric"]
        yield Selected(labels, matrix.values, matrix.ids, covariates, is_metric)


def labelled(table: pd.DataFrame, labels: dict[str, Any]) -> pd.DataFrame:
    """Put constant columns in front of a table, replacing those of the same name."""
    table = table.drop(columns=[name for name in labels if name in table])
    front = pd.DataFrame({name: [value] * len(table) for name, value in labels.items()})
    return pd.concat([front, table.reset_index(drop=True)], axis=1)


def collect(
    selected: Iterator[Selected], function: Callable[[Selected], pd.DataFrame]
) -> pd.DataFrame:
    """Apply a function to each selection and stack its labelled tables."""
    return pd.concat(
        [labelled(function(part), part.labels) for part in selected], ignore_index=True
    )


def long_confusion(confusion: pd.DataFrame) -> pd.DataFrame:
    """A square confusion matrix (true by predicted) as rows of true, predicted and count."""
    square = confusion.rename_axis(index="true", columns="predicted")
    return square.stack().rename("count").reset_index()


def write_table(table: pd.DataFrame, path: str | os.PathLike) -> None:
    """Write CSV under a temporary name, then rename."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.10g")


def read_tables(paths: str | os.PathLike | Sequence[str | os.PathLike]) -> pd.DataFrame:
    """Read one CSV file or stack several."""
    paths = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    return pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)
