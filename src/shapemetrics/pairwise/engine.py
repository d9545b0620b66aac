"""All pairs of representations: prepared once, then block against block on threads."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Metric
from shapemetrics.progress import ProgressLine
from shapemetrics.store import RepresentationStore

#: Columns that the two stacked blocks of a tile may have: bounds a tile's product to 32 MB.
TILE_COLUMNS = 2048

Arrays = Sequence[Any] | Mapping[str, Any] | RepresentationStore


def pairwise_distances(
    arrays: Arrays,
    metric: Metric,
    *,
    heldout: Arrays | None = None,
    n_jobs: int = 1,
    backend: str = "numpy",
    dtype: Any = "float64",
    block_size: int | None = None,
    progress: bool = False,
) -> Array:
    """Distances between all pairs of representations.

    Parameters
    ----------
    arrays : sequence of array-like, mapping from name to array-like, or RepresentationStore
        K representations of the same stimuli. Names appear in messages.
    metric : Metric
        For example ``LinearMetric(alpha=1.0)``.
    heldout : like `arrays`, optional
        The same K networks' responses to other stimuli: the alignment is fitted on `arrays` and
        the distance measured here.
    n_jobs : int, default=1
        Threads. Each runs its linear algebra on one core; -1 takes all cores.
    backend : {"numpy"}
        Array library.
    dtype : {"float64", "float32"}
        Precision of products and singular values; preparation is always in float64.
    block_size : int, optional
        Representations in a block; by default as many as keep a tile's product in 32 MB.
    progress : bool, default=False
        Show pairs done, rate and time left on the standard error stream.

    Returns
    -------
    ndarray of shape (K, K)
        Entry (i, j) is the distance from i to j; symmetric with a zero diagonal for symmetric
        metrics. On `heldout` the diagonal is zero too, by definition.

    Raises
    ------
    TypeError, ValueError
        If a representation is not valid; the message names it.

    Examples
    --------
    >>> import numpy as np
    >>> from shapemetrics.metrics import LinearMetric
    >>> rng = np.random.default_rng(0)
    >>> D = pairwise_distances([rng.normal(size=(20, 3)) for _ in range(4)], LinearMetric())
    >>> D.shape, bool(np.all(D == D.T))
    ((4, 4), True)
    """
    check_options(metric, backend, n_jobs, block_size)
    names, arrays = named(arrays)
    check_memory(arrays, len(names) ** 2, np.dtype(dtype))
    with workers(n_jobs) as run:
        prepared = prepare_all(names, arrays, metric, run, np.dtype(dtype))
        blocks = _blocks(prepared, block_size)
        compare = _comparer(metric, prepared, blocks, heldout, names)
        return _fill(
            (len(names), len(names)), blocks, blocks, compare, run, metric.symmetric, progress
        )


def cross_distances(
    arrays_a: Arrays,
    arrays_b: Arrays,
    metric: Metric,
    *,
    n_jobs: int = 1,
    backend: str = "numpy",
    dtype: Any = "float64",
    block_size: int | None = None,
    progress: bool = False,
) -> Array:
    """Distances from each representation of one list to each of another.

    Parameters
    ----------
    arrays_a, arrays_b : sequence, mapping or RepresentationStore
        K_a and K_b representations of the same stimuli.
    metric, n_jobs, backend, dtype, block_size, progress
        See :func:`pairwise_distances`.

    Returns
    -------
    ndarray of shape (K_a, K_b)

    Examples
    --------
    >>> import numpy as np
    >>> from shapemetrics.metrics import LinearMetric
    >>> X = [np.random.default_rng(k).normal(size=(20, 3)) for k in range(5)]
    >>> cross_distances(X[:2], X[2:], LinearMetric()).shape
    (2, 3)
    """
    check_options(metric, backend, n_jobs, block_size)
    names_a, arrays_a = named(arrays_a)
    names_b, arrays_b = named(arrays_b)
    check_memory([*arrays_a, *arrays_b], len(names_a) * len(names_b), np.dtype(dtype))
    with workers(n_jobs) as run:
        prepared_a = prepare_all(names_a, arrays_a, metric, run, np.dtype(dtype))
        prepared_b = prepare_all(names_b, arrays_b, metric, run, np.dtype(dtype))
        metric.check_pair(prepared_a[0], prepared_b[0])
        blocks_a, blocks_b = _blocks(prepared_a, block_size), _blocks(prepared_b, block_size)

        def compare(rows: range, columns: range) -> Array:
            return metric.pairwise(
                metric.block([prepared_a[i] for i in rows]),
                metric.block([prepared_b[j] for j in columns]),
            )

        shape = (len(names_a), len(names_b))
        return _fill(shape, blocks_a, blocks_b, compare, run, False, progress)


def check_options(metric: Any, backend: str, n_jobs: int, block_size: int | None) -> None:
    """TypeError or ValueError for options that no engine takes."""
    if not isinstance(metric, Metric):
        raise TypeError(f"metric: found {metric!r}, expected an instance of a Metric")
    if backend != "numpy":
        raise ValueError(f"backend: found {backend!r}, expected 'numpy'")
    if n_jobs != -1 and n_jobs < 1:
        raise ValueError(f"n_jobs: found {n_jobs}, expected a positive number or -1")
    if block_size is not None and block_size < 1:
        raise ValueError(f"block_size: found {block_size}, expected a positive number or None")


def check_memory(arrays: Sequence[Any], n_pairs: int, dtype: np.dtype) -> None:
    """Refuse, before anything is computed, what cannot fit into the memory that is free.

    Prepared networks take no more than their arrays do in the working precision, and every pair
    one number. What comes on top (a tile for each thread) is bounded.

    Raises
    ------
    MemoryError
        With what is needed and what is free.
    """
    sizes = [int(np.prod(shape)) for a in arrays if (shape := getattr(a, "shape", None))]
    needed = sum(sizes) * dtype.itemsize + n_pairs * 8
    free = _free_memory()
    if free is not None and needed > free:
        raise MemoryError(
            f"{len(arrays)} representations and {n_pairs} distances need {needed / 1e9:.1f} GB, "
            f"and {free / 1e9:.1f} GB are free; take fewer stimuli or units, n_components, "
            "or dtype='float32'"
        )


def _free_memory() -> int | None:
    """Bytes that can be had without swapping; None where the system does not tell."""
    try:
        with open("/proc/meminfo", encoding="ascii") as stream:
            facts = dict(line.split(":", 1) for line in stream)
        return int(facts["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None


def named(arrays: Arrays) -> tuple[list[str], list[Any]]:
    """Names and arrays of any of the accepted collections."""
    if isinstance(arrays, RepresentationStore):
        names, values = arrays.ids, arrays.arrays()
    elif isinstance(arrays, Mapping):
        names, values = [str(name) for name in arrays], list(arrays.values())
    else:
        values = list(arrays)
        names = [f"array {i}" for i in range(len(values))]
    if not values:
        raise ValueError("found no representations, expected at least one")
    return names, values


@cache
def _blas(with_scipy: bool, with_torch: bool) -> ThreadpoolController:
    """The BLAS libraries that are loaded. Looking for them takes milliseconds, many times what a
    small distance does, so it is done once, and again when a package that brings its own came."""
    return ThreadpoolController()


@contextmanager
def workers(n_jobs: int) -> Iterator[Callable]:
    """Threads that share the work; one BLAS thread each, so that cores are never oversubscribed.

    NumPy releases the interpreter lock in products and decompositions, so threads suffice and
    nothing is pickled.
    """
    n_jobs = (os.cpu_count() or 1) if n_jobs == -1 else n_jobs
    with _blas("scipy.linalg" in sys.modules, "torch" in sys.modules).limit(
        limits=1, user_api="blas"
    ):
        if n_jobs == 1:
            yield lambda function, items: (function(*item) for item in items)
            return
        with ThreadPoolExecutor(n_jobs) as pool:

            def run(function: Callable, items: Sequence[tuple]) -> Iterator[Any]:
                futures = [pool.submit(function, *item) for item in items]
                try:
                    for future in as_completed(futures):
                        yield future.result()
                finally:
                    for future in futures:
                        future.cancel()

            yield run


def prepare_all(
    names: Sequence[str], arrays: Sequence[Any], metric: Metric, run: Callable, dtype: np.dtype
) -> list[Any]:
    """Prepare every network, and check that all can be compared."""
    if dtype not in (np.dtype("float64"), np.dtype("float32")):
        raise ValueError(f"dtype: found {dtype}, expected float64 or float32")
    prepared: list[Any] = [None] * len(names)

    def prepare(i: int) -> tuple[int, Any]:
        return i, metric.prepare(arrays[i], name=names[i], dtype=dtype)

    for i, item in run(prepare, [(i,) for i in range(len(names))]):
        prepared[i] = item
    for item in prepared[1:]:
        metric.check_pair(prepared[0], item)
    return prepared


def _blocks(prepared: Sequence[Any], block_size: int | None) -> list[range]:
    n = len(prepared)
    if block_size is None:
        block_size = max(1, TILE_COLUMNS // max(_columns(item) for item in prepared))
        # Blocks of equal size keep threads busy to the end.
        block_size = -(-n // -(-n // block_size))
    return [range(start, min(start + block_size, n)) for start in range(0, n, block_size)]


def _columns(item: Any) -> int:
    """Columns of a tile's product that a prepared network takes, or what weighs as much."""
    if hasattr(item, "columns"):
        return item.columns
    features = getattr(item, "features", None)
    return features.shape[-1] if isinstance(features, np.ndarray) else TILE_COLUMNS // 16


def _comparer(
    metric: Metric,
    prepared: list[Any],
    blocks: list[range],
    heldout: Arrays | None,
    names: list[str],
) -> Callable[[range, range], Array]:
    gathered = {rows.start: metric.block([prepared[i] for i in rows]) for rows in blocks}
    if heldout is None:
        return lambda rows, columns: metric.pairwise(gathered[rows.start], gathered[columns.start])
    if not hasattr(metric, "heldout_pairwise"):
        raise ValueError(f"heldout: {type(metric).__name__} has no held-out distance")
    names_heldout, others = named(heldout)
    if len(others) != len(names):
        raise ValueError(f"heldout: found {len(others)} networks, expected {len(names)}")
    if isinstance(heldout, Mapping | RepresentationStore) and names_heldout != names:
        raise ValueError("heldout: names differ from those of the fitted networks, or their order")
    moved = {
        rows.start: metric.heldout_block([prepared[i] for i in rows], [others[i] for i in rows])
        for rows in blocks
    }
    return lambda rows, columns: metric.heldout_pairwise(
        gathered[rows.start], gathered[columns.start], moved[rows.start], moved[columns.start]
    )


def _fill(
    shape: tuple[int, int],
    blocks_a: list[range],
    blocks_b: list[range],
    compare: Callable[[range, range], Array],
    run: Callable,
    symmetric: bool,
    progress: bool,
) -> Array:
    """Compute tile by tile; of a symmetric matrix only the upper tiles, then mirror."""
    D = np.zeros(shape)
    tiles = [
        (rows, columns)
        for rows in blocks_a
        for columns in blocks_b
        if not symmetric or columns.start >= rows.start
    ]
    total = sum(len(rows) * len(columns) for rows, columns in tiles)

    def tile(rows: range, columns: range) -> tuple[range, range, Array]:
        return rows, columns, compare(rows, columns)

    line = ProgressLine(total=total, desc="distances", unit="pairs") if progress else None
    for rows, columns, values in run(tile, tiles):
        D[rows.start : rows.stop, columns.start : columns.stop] = values
        if line is not None:
            line.update(values.size)
    if line is not None:
        line.close()
    if symmetric:
        upper = np.triu(D, 1)
        D = upper + upper.T
    return D
