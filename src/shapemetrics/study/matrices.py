"""A matrix of distances as the study keeps it: with what it belongs to, for programs and people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shapemetrics import __version__
from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Metric
from shapemetrics.pairwise.matrix import DistanceMatrix
from shapemetrics.store.reader import RepresentationStore


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
