"""All pairs of representations: prepare each once, then compare stack by stack."""

from __future__ import annotations

import os
from typing import Any

from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Metric, warn_of_doubts
from shapemetrics.pairwise.compare import PairEngine, Side, backend_of
from shapemetrics.pairwise.inputs import Arrays, Networks
from shapemetrics.pairwise.memory import check_memory
from shapemetrics.pairwise.out_of_core import scratch_distances
from shapemetrics.pairwise.preparation import prepare_networks, working_dtype
from shapemetrics.progress import Progress, check_progress, reporting
from shapemetrics.stimuli import StimulusOrder


def pairwise_distances(
    arrays: Arrays,
    metric: Metric,
    *,
    heldout: Arrays | None = None,
    n_jobs: int = 1,
    backend: str | None = None,
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
        K representations of the same stimuli. Names appear in messages. Each is anything that
        :func:`shapemetrics.arrays.as_numeric` takes. Where stimuli are labelled (the index of a
        DataFrame, a coordinate of xarray) networks are aligned by their labels.
    metric : Metric
        For example ``LinearMetric(alpha=1.0)``.
    heldout : like `arrays`, optional
        The same K networks' responses to other stimuli: the alignment is fitted on `arrays` and
        the distance measured here.
    n_jobs : int, default=1
        Threads. Each runs its linear algebra on one core; -1 takes all cores that the process may
        use.
    backend : {"numpy", "torch"}, optional
        Array library of products and nuclear norms; torch for GPUs (linear, kernel and
        convolutional metrics). By default torch on their device where the arrays are tensors on a
        GPU, and NumPy otherwise.
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
        Representations that are compared as one stack (with `scratch`: in a block file); by default
        as many as keep products in 32 MB and all threads busy.
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
    product of two stacks of at most 32 MB per thread. With `scratch`: two block files of 128 MB of
    prepared networks (of one network each, where that is larger), 8 K^2 bytes, and for each thread
    the product and copies of at most `TILE_COLUMNS` columns of the networks compared.

    **Precision of the data.** The numbers are taken as they are given, whatever type stores them.
    Where whitening gives weight to directions below the rounding of stored float16, bfloat16 or
    float32 numbers, one :class:`shapemetrics.arrays.RoundingWarning` says how much hangs on them.

    **Rounding.** Stack sizes change the order of sums within products, so results agree between
    stack sizes, numbers of threads and `scratch` to rounding and no further: nuclear norms to
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
    return _distances(
        arrays,
        None,
        metric,
        heldout=None if heldout is None else (heldout, None),
        n_jobs=n_jobs,
        backend=backend,
        device=device,
        tolerance=tolerance,
        dtype=dtype,
        block_size=block_size,
        scratch=scratch,
        progress=progress,
    )


def cross_distances(
    arrays_a: Arrays,
    arrays_b: Arrays,
    metric: Metric,
    *,
    heldout: tuple[Arrays, Arrays] | None = None,
    n_jobs: int = 1,
    backend: str | None = None,
    device: str | None = None,
    tolerance: float | None = None,
    dtype: Any = "float64",
    block_size: int | None = None,
    scratch: str | os.PathLike | None = None,
    progress: bool | Progress = False,
) -> Array:
    """Distances from each representation of one list to each of another.

    Parameters
    ----------
    arrays_a, arrays_b : sequence, mapping or RepresentationStore
        K_a and K_b representations of the same stimuli.
    heldout : pair of collections, optional
        Responses of the networks of both to other stimuli: alignments are fitted on `arrays_a` and
        `arrays_b`, and distances measured here.
    metric, n_jobs, backend, device, tolerance, dtype, block_size, scratch, progress
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
    return _distances(
        arrays_a,
        arrays_b,
        metric,
        heldout=heldout,
        n_jobs=n_jobs,
        backend=backend,
        device=device,
        tolerance=tolerance,
        dtype=dtype,
        block_size=block_size,
        scratch=scratch,
        progress=progress,
    )


def _distances(
    arrays_a: Arrays,
    arrays_b: Arrays | None,
    metric: Metric,
    *,
    heldout: tuple[Arrays, Arrays | None] | None,
    n_jobs: int,
    backend: str | None,
    device: str | None,
    tolerance: float | None,
    dtype: Any,
    block_size: int | None,
    scratch: str | os.PathLike | None,
    progress: bool | Progress,
) -> Array:
    """What both doors do."""
    check_progress(progress)
    if scratch is not None and not isinstance(scratch, str | os.PathLike):
        raise TypeError(f"scratch: found {scratch!r}, expected the path of a folder")
    order, others_order = StimulusOrder(), StimulusOrder()
    rows = Networks(arrays_a, "arrays" if arrays_b is None else "arrays_a", order)
    columns = None if arrays_b is None else Networks(arrays_b, "arrays_b", order)
    dtype = working_dtype(dtype)
    library = backend_of(metric, backend, device, tolerance, [rows.read(0)])
    engine = PairEngine(metric, n_jobs, library, block_size)
    moved_rows = moved_columns = None
    if heldout is not None:
        moved_rows = _heldout_of(rows, heldout[0], metric, others_order)
        if columns is not None:
            moved_columns = _heldout_of(columns, heldout[1], metric, others_order)
    if scratch is not None:
        return scratch_distances(
            rows,
            columns,
            metric,
            scratch,
            heldout=None if moved_rows is None else (moved_rows, moved_columns),
            n_jobs=n_jobs,
            backend=library.name,
            device=device,
            tolerance=tolerance,
            dtype=dtype,
            block_size=block_size,
            progress=progress,
        )
    held = [networks for networks in (rows, columns, moved_rows, moved_columns) if networks]
    n_pairs = len(rows) * len(rows if columns is None else columns)
    check_memory([X for networks in held for X in networks.values()], n_pairs, dtype)

    def side(networks: Networks, moved: Networks | None, other: Side | None = None) -> Side:
        fitted, others = prepare_networks(networks, metric, dtype, heldout=moved, n_jobs=n_jobs)
        if other is not None:
            other.check_pair(fitted[0])
        found = engine.side(fitted, others, keep_all=True)
        del fitted, others
        found.take()
        return found

    left = side(rows, moved_rows)
    right = None if columns is None else side(columns, moved_columns, left)
    warn_of_doubts([*left.origins, *(right.origins if right else [])], stacklevel=4)
    total = engine.n_pairs(left, right)
    with reporting(progress, total=total, desc="distances", unit="pairs") as report:
        return engine.compare(left, right, report)


def _heldout_of(
    networks: Networks, arrays: Arrays | None, metric: Metric, order: StimulusOrder
) -> Networks:
    """Held-out responses of the same networks."""
    if not metric.has_heldout:
        raise ValueError(f"heldout: {type(metric).__name__} has no held-out distance")
    if arrays is None:
        raise ValueError("heldout: found none for the second collection, expected a pair of both")
    found = Networks(arrays, "heldout", order)
    networks.check_same(found, "heldout")
    return found
