"""Networks prepared for a metric: in parallel, checked against one another and against memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from shapemetrics.metrics.base import Metric, Prepared
from shapemetrics.pairwise.inputs import Networks
from shapemetrics.pairwise.memory import check_prepared, size_of
from shapemetrics.pairwise.workers import workers

#: Numbers in the first representation below which one thread prepares all.
SMALL = 2**15


def working_dtype(dtype: Any) -> np.dtype:
    """The precision of products and singular values; ValueError for others than the two."""
    for name in ("float64", "float32"):
        try:
            if np.dtype(dtype) == np.dtype(name):
                return np.dtype(name)
        except TypeError:
            break
    raise ValueError(f"dtype: found {dtype}, expected float64 or float32")


def prepare_networks(
    networks: Networks,
    metric: Metric,
    dtype: Any,
    *,
    heldout: Networks | None = None,
    positions: Sequence[int] | np.ndarray | None = None,
    n_jobs: int = 1,
    bounded: bool = False,
) -> tuple[list[Any], list[Any] | None]:
    """Prepare networks, and check that all can be compared.

    Parameters
    ----------
    networks : Networks
    metric : Metric
    dtype : dtype
        Precision of what is compared.
    heldout : Networks, optional
        Held-out responses of the same networks.
    positions : sequence of int, optional
        Which networks; by default all.
    n_jobs : int
        Threads.
    bounded : bool
        Whether the networks are as few as the caller chose to fit into memory.

    Returns
    -------
    fitted : list of Prepared
    heldout : list of Prepared or None

    Raises
    ------
    TypeError, ValueError
        If a network is not valid, or cannot be compared with the first; the message names it.
    MemoryError
        If they cannot fit into the memory that is free, estimated from the first one.
    """
    dtype = working_dtype(dtype)
    chosen = range(len(networks)) if positions is None else positions
    fitted: list[Any] = [None] * len(chosen)
    moved: list[Any] | None = None if heldout is None else [None] * len(chosen)

    def prepare(k: int) -> tuple[int, Any, Any]:
        i = int(chosen[k])
        X = networks.responses(i)
        if isinstance(X, Prepared):
            metric.check_prepared(X)
            item: Any = X
        else:
            item = metric.prepare(X, name=networks.names[i], dtype=dtype)
        if heldout is None:
            return k, item, None
        return k, item, metric.prepare_heldout(item, heldout.responses(i))

    first = prepare(0)
    if not bounded:
        arrays = [networks.read(int(i)) for i in chosen]
        check_prepared(first[1], arrays[0], arrays)
    rest: Iterable[tuple[int]] = ((k,) for k in range(1, len(chosen)))
    # Small networks are done before threads have waited for the interpreter.
    few = size_of(networks.read(int(chosen[0]))) < SMALL
    with workers(1 if few else n_jobs, n_tasks=max(1, len(chosen) - 1)) as run:
        for k, item, other in [first, *run(prepare, list(rest))]:
            fitted[k] = item
            if moved is not None:
                moved[k] = other
    for item in fitted[1:]:
        metric.check_pair(fitted[0], item)
    for item in (moved or [])[1:]:
        metric.check_pair(moved[0], item)  # type: ignore[index]
    return fitted, moved
