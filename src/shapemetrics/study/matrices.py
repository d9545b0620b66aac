"""A matrix of distances as the study keeps it: with what it belongs to, for programs and people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from logging import Logger
from typing import Any

import numpy as np
import pandas as pd

from shapemetrics import __version__
from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Metric
from shapemetrics.pairwise.matrix import DistanceMatrix
from shapemetrics.store.reader import RepresentationStore
from shapemetrics.study.facts import sizes_of
from shapemetrics.study.fitting import fitted_measure
from shapemetrics.study.selection import Selection


def write_study_matrix(
    values: Array,
    ids: Sequence[str],
    store: RepresentationStore,
    metric: Metric,
    engine: Mapping[str, Any],
    names: Any,
    output: Any,
) -> None:
    """Write distances with their provenance.

    Parameters
    ----------
    values : ndarray of shape (K, K)
    ids : sequence of str
        Representations, in order.
    store : RepresentationStore
        That holds them.
    metric : Metric
    engine : mapping
        Precision, backend, device and tolerance.
    names : object
        With attributes `dataset`, `selection` and `metric`, as a rule's wildcards have them.
    output : object
        With the paths `matrix` and `table`, as a rule's output has them.
    """
    provenance = {
        "dataset": names.dataset,
        "selection": names.selection,
        "metric": names.metric,
        "parameters": metric.parameters(),
        **engine,
        "representations": store.take(ids).digest,
        "simulated": store.simulated,
        "version": __version__,
    }
    matrix = DistanceMatrix(values, list(ids), provenance)
    matrix.save_table(output.table)
    matrix.save(output.matrix)


def write_left_out(
    reason: str,
    store: RepresentationStore,
    metric: Metric,
    engine: Mapping[str, Any],
    names: Any,
    output: Any,
) -> None:
    """Write that a measure could not be computed: a matrix of nothing, whose provenance says why.

    Parameters
    ----------
    reason : str
    store, metric, engine, names, output
        As for :func:`write_study_matrix`.
    """
    write_study_matrix(
        np.zeros((0, 0)), [], store, metric, {**engine, "left_out": reason}, names, output
    )


def fitting_measure(
    rows: pd.DataFrame, selection: Selection, names: Any, params: Any, log: Logger
) -> dict[str, Any]:
    """Settings of a rule's measure that fit the sizes of what it compares; changes are logged.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of the store's index, those of the selection.
    selection : Selection
    names : object
        With attributes `dataset` and `selection`.
    params : object
        With attributes `metric` (its settings), `entry` (its configuration key) and `fixed`
        (names of settings that the user chose).
    log : logging.Logger

    Raises
    ------
    Refused, LeftOut
        As :func:`shapemetrics.study.requirements.fitted_measure`.
    """
    sizes = sizes_of(rows, selection.positions, names.dataset, names.selection)
    settings, notes = fitted_measure(params.metric, sizes, entry=params.entry, fixed=params.fixed)
    for note in notes:
        log.warning("%s", note)
    return settings
