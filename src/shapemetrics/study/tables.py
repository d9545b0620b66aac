"""Matrices of distances beside the covariates of what they compare, and tables written whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from logging import Logger
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from shapemetrics.files import atomic_path
from shapemetrics.linalg import Array
from shapemetrics.pairwise.matrix import DistanceMatrix
from shapemetrics.store.reader import RepresentationStore
from shapemetrics.study.facts import class_counts, equal_in
from shapemetrics.study.needs import LeftOut, Note


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
        One row per representation, in the order of the matrix.
    is_metric : bool
        Whether the measure is a metric by construction.
    floor : float
        Distances up to it are zero but for rounding.
    left_out : str or None
        Why there are no distances, where the measure could not be computed.
    """

    labels: dict[str, Any]
    distances: Array
    ids: list[str]
    covariates: pd.DataFrame
    is_metric: bool
    floor: float = 0.0
    left_out: str | None = None

    @property
    def equal(self) -> tuple[int, ...]:
        """Numbers of items at distance zero, each set that several belong to."""
        return equal_in(self.distances, self.floor)

    def covariate(self, name: str) -> pd.Series:
        """One covariate; ValueError names those that there are."""
        if name not in self.covariates:
            raise ValueError(
                f"selection {self.labels['selection']!r} has no covariate {name!r}; "
                f"there are: {', '.join(self.covariates)}"
            )
        return self.covariates[name]

    def with_known(self, name: str) -> Selected:
        """The part whose covariate `name` is known."""
        return self._part(self.covariate(name).notna().to_numpy())

    def with_min_count(self, name: str, least: int, group: str | None = None) -> Selected:
        """The part whose class, by covariate `name`, has at least so many members.

        With `group`, a covariate, at least so many different groups hold the class.
        """
        counts = class_counts(self.covariates, name, group)
        large = counts.index[counts >= least]
        return self._part(self.covariate(name).isin(large).to_numpy())

    def _part(self, keep: np.ndarray) -> Selected:
        return Selected(
            self.labels,
            self.distances[np.ix_(keep, keep)],
            [id for id, kept in zip(self.ids, keep) if kept],
            self.covariates[keep].reset_index(drop=True),
            self.is_metric,
            self.floor,
        )


#: Covariates that may name a whole selection.
NAMING = ("layer", "state")
#: Angles up to this are zero but for rounding (the floor of arccos in double precision is 2e-8).
ANGLE_FLOOR = 1e-7
#: Column of tables, empty but in rows about what could not be done: why.
LEFT_OUT = "left_out"


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
        parameters = matrix.provenance["parameters"]
        angular = parameters.get("geometry") == "angular" or parameters["metric"] == "AngularCKA"
        yield Selected(
            labels,
            matrix.values,
            matrix.ids,
            covariates,
            parameters["is_metric"],
            ANGLE_FLOOR if angular else 0.0,
            matrix.provenance.get(LEFT_OUT),
        )


def labelled(table: pd.DataFrame, labels: dict[str, Any]) -> pd.DataFrame:
    """Put constant columns in front of a table, replacing those of the same name."""
    table = table.drop(columns=[name for name in labels if name in table])
    front = pd.DataFrame({name: [value] * len(table) for name, value in labels.items()})
    return pd.concat([front, table.reset_index(drop=True)], axis=1)


def collect(
    selected: Iterator[Selected], function: Callable[[Selected], pd.DataFrame], log: Logger
) -> pd.DataFrame:
    """Apply a function to each selection and stack its labelled tables.

    Where the function raises LeftOut, one row of column ``left_out`` says why, and so does the log.
    """
    return pd.concat(
        [
            labelled(attempted(lambda p=part: function(p), part.labels, log), part.labels)
            for part in selected
        ],
        ignore_index=True,
    )


def attempted(
    attempt: Callable[[], pd.DataFrame], labels: dict[str, Any], log: Logger
) -> pd.DataFrame:
    """The table that `attempt` returns, or one row that says why it could not be made."""
    try:
        return attempt()
    except LeftOut as reason:
        log.warning("%s: %s", labels, reason)
        return not_done(reason)


def log_notes(log: Logger, labels: dict[str, Any], notes: Sequence[Note]) -> None:
    """Write to the log what was changed to fit the data."""
    for note in notes:
        log.warning("%s: %s", labels, note)


def not_done(reason: object) -> pd.DataFrame:
    """One row about something that could not be done."""
    return pd.DataFrame({LEFT_OUT: [str(reason)]})


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


def done_rows(table: pd.DataFrame, **wanted: Any) -> pd.DataFrame:
    """Rows of a table that are about what could be done.

    Parameters
    ----------
    table : pandas.DataFrame
    **wanted
        Columns and their values; None does not select.

    Raises
    ------
    NothingDone
        If there are none, with the reasons.
    """
    for name, value in wanted.items():
        if value is not None and name in table:
            table = table[table[name] == value]
    if LEFT_OUT not in table:
        return table
    done = table[table[LEFT_OUT].isna()].drop(columns=LEFT_OUT)
    if done.empty:
        raise NothingDone(table[LEFT_OUT].drop_duplicates().tolist())
    return done


class NothingDone(Exception):
    """Nothing of a table could be done.

    Parameters
    ----------
    reasons : list of str
    """

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons
