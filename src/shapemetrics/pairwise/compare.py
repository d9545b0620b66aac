"""All pairs of prepared networks, in sub-blocks whose products stay small, shared by threads."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Metric
from shapemetrics.metrics.stacked import mirrored
from shapemetrics.pairwise.backends import Backend, get_backend
from shapemetrics.pairwise.workers import WIDE, n_threads, workers
from shapemetrics.progress import Progress, reporting

#: Columns that two stacked blocks may have: bounds their product to 32 MB.
TILE_COLUMNS = 2048
#: Parts into which each thread's share is cut at least, so that threads end together.
PARTS = 4


def compare_blocks(
    prepared_a: Sequence[Any],
    prepared_b: Sequence[Any] | None,
    metric: Metric,
    *,
    n_jobs: int = 1,
    backend: str = "numpy",
    device: str | None = None,
    tolerance: float | None = None,
    block_size: int | None = None,
    progress: bool | Progress = False,
) -> Array:
    """Distances between two lists of prepared networks: one tile of a matrix.

    Parameters
    ----------
    prepared_a : sequence
        What the metric's `prepare` returned, or :func:`load_block` read from a file.
    prepared_b : sequence or None
        The others; None, or the same object, for all pairs within `prepared_a`.
    metric : Metric
    n_jobs, backend, device, tolerance, block_size, progress
        See :func:`pairwise_distances`. `progress` may be a function of pairs done and in all.

    Returns
    -------
    ndarray of shape (len(a), len(b))
        Within one list symmetric with a zero diagonal, if the metric is symmetric.

    Examples
    --------
    >>> from shapemetrics.metrics import LinearMetric
    >>> metric = LinearMetric()
    >>> prepared = [metric.prepare(np.random.default_rng(k).normal(size=(9, 2))) for k in range(5)]
    >>> compare_blocks(prepared[:2], prepared[2:], metric).shape
    (2, 3)
    """
    same = prepared_b is None or prepared_b is prepared_a
    others = prepared_a if prepared_b is None else prepared_b
    if not len(prepared_a) or not len(others):
        raise ValueError("found no prepared networks, expected at least one in each list")
    for item in [*prepared_a[1:], *others]:
        metric.check_pair(prepared_a[0], item)
    library = library_of(metric, backend, device, tolerance)
    prepared_a, order_a = by_width(prepared_a)
    others, order_b = (prepared_a, order_a) if same else by_width(others)
    rows = partition(prepared_a, block_size, n_jobs)
    columns = rows if same else partition(others, block_size, n_jobs)
    gather_a = Gatherer(metric, prepared_a, library, keep=2 * n_threads(n_jobs) + 2)
    gather_b = (
        gather_a if same else Gatherer(metric, others, library, keep=2 * n_threads(n_jobs) + 2)
    )

    def compare(some: range, other: range) -> Array:
        return metric.pairwise(gather_a(some), gather_b(other))

    with workers(n_jobs, wide=is_wide([*prepared_a[:1], *others[:1]], library)) as run:
        return fill(
            (order_a, order_b),
            [(r, c, weight(prepared_a, r) * weight(others, c)) for r in rows for c in columns],
            compare,
            run,
            symmetric=same and metric.symmetric,
            progress=progress,
        )


def library_of(
    metric: Metric, backend: str, device: str | None, tolerance: float | None
) -> Backend | None:
    """The backend that the metric's blocks are put on; None is plain NumPy.

    Raises
    ------
    ValueError
        If there is no such backend or device, or the metric cannot use it.
    """
    library = get_backend(backend, device, tolerance)
    if backend == "numpy" and tolerance is None:
        return None
    if backend not in metric.backends:
        wanted = f"backend {backend!r}" if backend != "numpy" else "a tolerance"
        raise ValueError(f"{type(metric).__name__} does not support {wanted}; LinearMetric does")
    return library


class Gatherer:
    """Blocks of prepared networks, gathered when needed, the last few kept.

    Parameters
    ----------
    metric : Metric
    prepared : sequence
    library : Backend or None
    keep : int
        Blocks kept at a time.
    """

    def __init__(
        self, metric: Metric, prepared: Sequence[Any], library: Backend | None, keep: int
    ) -> None:
        self._metric, self._prepared, self._library = metric, prepared, library
        self._keep = keep
        self._kept: OrderedDict[int, Any] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, some: range) -> Any:
        """The block of these networks; one object as long as it is kept."""
        with self._lock:
            if some.start not in self._kept:
                self._kept[some.start] = self.gathered([self._prepared[i] for i in some])
                if len(self._kept) > self._keep:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(some.start)
            return self._kept[some.start]

    def take(self, blocks: Sequence[range]) -> None:
        """Gather these blocks now, each of which has a copy of its own, and let the networks go:
        to keep both would take the memory twice. Of a list that is the gatherer's alone."""
        for some in blocks:
            self(some)
            self._prepared[some.start : some.stop] = [None] * len(some)  # type: ignore[index]

    def gathered(self, items: list[Any]) -> Any:
        """Networks as a block of the library."""
        if self._library is None:
            return self._metric.block(items)
        return self._metric.block(items, backend=self._library)  # type: ignore[call-arg]


def by_width(prepared: Sequence[Any]) -> tuple[list[Any], np.ndarray]:
    """Networks in the order of their widths, and the position that each had.

    Cross-covariances of one shape are decomposed together. Where widths vary from network to
    network, as those of layers do whose silent units are left out, pairs in the given order would
    come one at a time, and threads would wait for the interpreter more than they compute.
    """
    order = np.argsort([n_columns(item) for item in prepared], kind="stable")
    return [prepared[k] for k in order], order


def partition(prepared: Sequence[Any], block_size: int | None, n_jobs: int = 1) -> list[range]:
    """Ranges of networks whose products with one another stay small, about equal in size."""
    n = len(prepared)
    if block_size is not None:
        return [range(start, min(start + block_size, n)) for start in range(0, n, block_size)]
    size = max(1, TILE_COLUMNS // max(n_columns(item) for item in prepared))
    if n_threads(n_jobs) > 1:
        size = min(size, max(1, n // (PARTS * n_threads(n_jobs))))
    cuts = np.linspace(0, n, -(-n // size) + 1).round().astype(int).tolist()
    return [range(start, stop) for start, stop in itertools.pairwise(cuts)]


def n_columns(item: Any) -> int:
    """Columns of a product that a prepared network takes, or what weighs as much."""
    if hasattr(item, "columns"):
        return item.columns
    features = getattr(item, "features", None)
    return features.shape[-1] if isinstance(features, np.ndarray) else TILE_COLUMNS // 16


def is_wide(prepared: Sequence[Any], library: Backend | None) -> bool:
    """Whether linear algebra, or a GPU, uses the machine better than several workers would."""
    on_gpu = library is not None and not library.on_cpu
    return on_gpu or any(
        getattr(item, "features", None) is not None and n_columns(item) >= WIDE for item in prepared
    )


def weight(prepared: Sequence[Any], some: range) -> float:
    """What a block costs, up to a factor."""
    return float(sum(n_columns(prepared[i]) ** 1.5 for i in some))


def fill(
    orders: tuple[np.ndarray, np.ndarray],
    parts: Sequence[tuple[range, range, float]],
    compare: Callable[[range, range], Array],
    run: Callable,
    *,
    symmetric: bool,
    progress: bool | Progress,
) -> Array:
    """Compute part by part; of a symmetric matrix only the upper parts, mirrored.

    Expensive parts come first, so that threads end together. `orders` are the rows and columns of
    the result that the networks stand for, by their position.
    """
    order_a, order_b = orders
    D = np.zeros((len(order_a), len(order_b)))
    wanted = [part for part in parts if not symmetric or part[1].start >= part[0].start]
    wanted.sort(key=lambda part: (-part[2], part[0].start, part[1].start))
    total = sum(len(rows) * len(columns) for rows, columns, _ in wanted)

    def part(rows: range, columns: range, _: float) -> tuple[range, range, Array]:
        return rows, columns, compare(rows, columns)

    done = 0
    with reporting(progress, total=total, desc="distances", unit="pairs") as report:
        for rows, columns, values in run(part, wanted):
            within = symmetric and rows == columns
            block = mirrored(values) if within else values
            i, j = order_a[rows.start : rows.stop], order_b[columns.start : columns.stop]
            D[np.ix_(i, j)] = block
            if symmetric and not within:
                D[np.ix_(j, i)] = values.T
            done += values.size
            report(done, total)
    return D
