"""All pairs of representations: prepare each once, then compare block by block."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Metric
from shapemetrics.pairwise.compare import (
    Gatherer,
    by_width,
    compare_blocks,
    fill,
    is_wide,
    library_of,
    partition,
    weight,
)
from shapemetrics.pairwise.inputs import Arrays, named
from shapemetrics.pairwise.memory import check_memory, check_prepared, size_of
from shapemetrics.pairwise.scratch import scratch_distances
from shapemetrics.pairwise.workers import workers
from shapemetrics.progress import Progress
from shapemetrics.store.reader import RepresentationStore

#: Numbers in the first representation below which one thread prepares all.
SMALL = 2**15


def pairwise_distances(
    arrays: Arrays,
    metric: Metric,
    *,
    heldout: Arrays | None = None,
    n_jobs: int = 1,
    backend: str = "numpy",
    device: str | None = None,
    tolerance: float | None = None,
    dtype: Any = "float64",
    block_size: int | None = None,
    scratch: str | os.PathLike | None = None,
    progress: bool | Progress = False,
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
        Threads. Each runs its linear algebra on one core; -1 takes all cores that the process may
        use.
    backend : {"numpy", "torch"}
        Array library of products and nuclear norms; torch for GPUs (linear, kernel and
        convolutional metrics).
    device : str, optional
        Of torch, for example ``"cuda"``; by default a GPU where there is one.
    tolerance : float, optional
        Largest certified error of a distance, in radians (Euclidean: in the data's units), that a
        faster route to nuclear norms may make (linear and kernel metrics; on torch convolutional
        ones too). A pair for which the certificate fails is computed from singular values, as all
        are by default.
    dtype : {"float64", "float32"}
        Precision of products and singular values; preparation is always in float64.
    block_size : int, optional
        Representations in a block; by default as many as keep a tile's product in 32 MB.
    scratch : path-like, optional
        Folder for work out of core: networks are read and prepared a block at a time and kept in
        files there, and each tile reads two blocks, so that the memory does not grow with K but for
        the matrix itself. Finished tiles stay in the folder: a run that was killed resumes, and
        one with further networks at the end computes only the new tiles.
    progress : bool or callable, default=False
        Show pairs done, rate and time left on the standard error stream; or a function that is
        told pairs done and in all.

    Returns
    -------
    ndarray of shape (K, K)
        Entry (i, j) is the distance from i to j; symmetric with a zero diagonal for symmetric
        metrics. On `heldout` the diagonal is zero too, by definition.

    Raises
    ------
    TypeError, ValueError
        If a representation is not valid; the message names it.
    MemoryError
        If it cannot fit into the memory that is free; with `scratch` far less is needed.

    Notes
    -----
    **Memory.** In memory: every network once as it is prepared (most take what their array does in
    the working precision, kernels' Gram matrices far more), 8 K^2 bytes for the matrix, and a
    tile's product of at most 32 MB a thread. With `scratch`: two blocks of 128 MB of prepared
    networks (of one network each, where that is larger), 8 K^2 bytes, and for each thread the
    product and copies of at most `TILE_COLUMNS` columns of the networks compared.

    **Rounding.** Block sizes change the order of sums within products, so results agree between
    block sizes, numbers of threads and `scratch` to rounding and no further: nuclear norms to
    about ten times the machine precision relative to the norms' product, hence angles theta to
    that divided by sin(theta). In float32 that is about 1e-6 / sin(theta) radians.

    Examples
    --------
    >>> import numpy as np
    >>> from shapemetrics.metrics import LinearMetric
    >>> rng = np.random.default_rng(0)
    >>> D = pairwise_distances([rng.normal(size=(20, 3)) for _ in range(4)], LinearMetric())
    >>> D.shape, bool(np.all(D == D.T))
    ((4, 4), True)
    """
    check_options(metric, n_jobs, block_size)
    library = library_of(metric, backend, device, tolerance)
    if scratch is not None:
        if heldout is not None:
            raise ValueError("scratch: held-out distances are computed in memory only")
        return scratch_distances(
            arrays,
            metric,
            scratch,
            n_jobs=n_jobs,
            backend=backend,
            device=device,
            tolerance=tolerance,
            dtype=dtype,
            block_size=block_size,
            progress=progress,
        )
    if heldout is not None and library is not None:
        raise ValueError("heldout: expected backend 'numpy' and no tolerance")
    names, arrays = named(arrays)
    check_memory(arrays, len(names) ** 2, np.dtype(dtype))
    with workers(n_jobs) as run:
        prepared = prepare_all(names, arrays, metric, run, np.dtype(dtype))
    wide = is_wide(prepared, library)
    prepared, order = by_width(prepared)
    blocks = partition(prepared, block_size, 1 if wide else n_jobs)
    weights = {rows.start: weight(prepared, rows) for rows in blocks}
    gatherer = Gatherer(metric, prepared, library, keep=len(blocks))
    compare = _comparer(metric, prepared, order, blocks, gatherer, heldout, names)
    gatherer.take(blocks)
    with workers(n_jobs, wide=wide) as run:
        return fill(
            (order, order),
            [(r, c, weights[r.start] * weights[c.start]) for r in blocks for c in blocks],
            compare,
            run,
            symmetric=metric.symmetric,
            progress=progress,
        )


def cross_distances(
    arrays_a: Arrays,
    arrays_b: Arrays,
    metric: Metric,
    *,
    n_jobs: int = 1,
    backend: str = "numpy",
    device: str | None = None,
    tolerance: float | None = None,
    dtype: Any = "float64",
    block_size: int | None = None,
    progress: bool | Progress = False,
) -> Array:
    """Distances from each representation of one list to each of another.

    Parameters
    ----------
    arrays_a, arrays_b : sequence, mapping or RepresentationStore
        K_a and K_b representations of the same stimuli.
    metric, n_jobs, backend, device, tolerance, dtype, block_size, progress
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
    check_options(metric, n_jobs, block_size)
    names_a, arrays_a = named(arrays_a)
    names_b, arrays_b = named(arrays_b)
    check_memory([*arrays_a, *arrays_b], len(names_a) * len(names_b), np.dtype(dtype))
    with workers(n_jobs) as run:
        prepared_a = prepare_all(names_a, arrays_a, metric, run, np.dtype(dtype))
        prepared_b = prepare_all(names_b, arrays_b, metric, run, np.dtype(dtype))
    return compare_blocks(
        prepared_a,
        prepared_b,
        metric,
        n_jobs=n_jobs,
        backend=backend,
        device=device,
        tolerance=tolerance,
        block_size=block_size,
        progress=progress,
    )


def check_options(metric: Any, n_jobs: int, block_size: int | None) -> None:
    """TypeError or ValueError for options that no engine takes."""
    if not isinstance(metric, Metric):
        raise TypeError(f"metric: found {metric!r}, expected an instance of a Metric")
    if n_jobs != -1 and n_jobs < 1:
        raise ValueError(f"n_jobs: found {n_jobs}, expected a positive number or -1")
    if block_size is not None and block_size < 1:
        raise ValueError(f"block_size: found {block_size}, expected a positive number or None")


def prepare_all(
    names: Sequence[str],
    arrays: Sequence[Any],
    metric: Metric,
    run: Callable,
    dtype: np.dtype,
    *,
    bounded: bool = False,
) -> list[Any]:
    """Prepare every network, and check that all can be compared; and that they fit into memory,
    unless they are as few as the caller chose for that (`bounded`)."""
    if dtype not in (np.dtype("float64"), np.dtype("float32")):
        raise ValueError(f"dtype: found {dtype}, expected float64 or float32")
    prepared: list[Any] = [None] * len(names)

    def prepare(i: int, X: Any) -> tuple[int, Any]:
        return i, metric.prepare(X, name=names[i], dtype=dtype)

    first = arrays[0]
    prepared[0] = prepare(0, first)[1]
    if not bounded:
        check_prepared(prepared[0], first, arrays)
    rest = range(1, len(names))
    if size_of(first) < SMALL:  # less than threads lose by waiting for the interpreter
        found: Iterable = (prepare(i, arrays[i]) for i in rest)
    else:
        found = run(lambda i: prepare(i, arrays[i]), [(i,) for i in rest])
    for i, item in found:
        prepared[i] = item
    for item in prepared[1:]:
        metric.check_pair(prepared[0], item)
    return prepared


def _comparer(
    metric: Metric,
    prepared: list[Any],
    order: np.ndarray,
    blocks: list[range],
    gatherer: Gatherer,
    heldout: Arrays | None,
    names: list[str],
) -> Callable[[range, range], Array]:
    if heldout is None:
        return lambda rows, columns: metric.pairwise(gatherer(rows), gatherer(columns))
    if not hasattr(metric, "heldout_pairwise"):
        raise ValueError(f"heldout: {type(metric).__name__} has no held-out distance")
    names_heldout, others = named(heldout)
    if len(others) != len(names):
        raise ValueError(f"heldout: found {len(others)} networks, expected {len(names)}")
    if isinstance(heldout, Mapping | RepresentationStore) and names_heldout != names:
        raise ValueError("heldout: names differ from those of the fitted networks, or their order")
    moved = {
        rows.start: metric.heldout_block(
            [prepared[i] for i in rows], [others[order[i]] for i in rows]
        )
        for rows in blocks
    }
    return lambda rows, columns: metric.heldout_pairwise(
        gatherer(rows), gatherer(columns), moved[rows.start], moved[columns.start]
    )
