"""The one loop over pairs: stacks whose products stay small, shared by threads.

All doors (in memory, between two lists, tiles, out of core, landmarks) come here with prepared
networks. They are sorted by width, cut into stacks, and the stacks are compared pair by pair.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from shapemetrics.backends.base import Backend
from shapemetrics.backends.choice import get_backend
from shapemetrics.backends.numpy_backend import EXACT
from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Metric, not_finite, warn_of_doubts
from shapemetrics.metrics.stacked import mirrored
from shapemetrics.pairwise.workers import n_threads, workers
from shapemetrics.progress import Progress, reporting
from shapemetrics.validation import check_integer, check_jobs

#: Columns that two stacks may have: bounds their product to 32 MB.
TILE_COLUMNS = 2048
#: Parts into which each thread's share is cut at least, so that threads end together.
PARTS = 4
#: Seconds of work of a part below which handing it out costs more than it gains.
LEAST_SECONDS = 2e-3


def compare_blocks(
    prepared_a: Sequence[Any],
    prepared_b: Sequence[Any] | None,
    metric: Metric,
    *,
    heldout_a: Sequence[Any] | None = None,
    heldout_b: Sequence[Any] | None = None,
    n_jobs: int = 1,
    backend: str | None = None,
    device: str | None = None,
    tolerance: float | None = None,
    block_size: int | None = None,
    progress: bool | Progress = False,
) -> Array:
    """Distances between two lists of prepared networks: one tile of a matrix.

    Parameters
    ----------
    prepared_a : sequence of Prepared
        What the metric's `prepare` returned, or :func:`load_block` read from a file.
    prepared_b : sequence of Prepared or None
        The others; None, or the same object, for all pairs within `prepared_a`.
    metric : Metric
    heldout_a, heldout_b : sequence of Prepared, optional
        Held-out responses of the same networks, from the metric's `prepare_heldout`.
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
    warn_of_doubts(item.origin for item in [*prepared_a, *(prepared_b or [])])
    return compare_prepared(
        prepared_a,
        prepared_b,
        metric,
        heldout_a=heldout_a,
        heldout_b=heldout_b,
        n_jobs=n_jobs,
        backend=backend,
        device=device,
        tolerance=tolerance,
        block_size=block_size,
        progress=progress,
    )


def compare_prepared(
    prepared_a: Sequence[Any],
    prepared_b: Sequence[Any] | None,
    metric: Metric,
    *,
    heldout_a: Sequence[Any] | None,
    heldout_b: Sequence[Any] | None,
    n_jobs: int,
    backend: str | None,
    device: str | None,
    tolerance: float | None,
    block_size: int | None = None,
    progress: bool | Progress,
) -> Array:
    """What :func:`compare_blocks` does, without a word on rounding, which callers say once."""
    same = prepared_b is None or prepared_b is prepared_a
    others = prepared_a if prepared_b is None else prepared_b
    if not len(prepared_a) or not len(others):
        raise ValueError("found no prepared networks, expected at least one in each list")
    for item in [*prepared_a[1:], *others]:
        metric.check_pair(prepared_a[0], item)
    engine = PairEngine(metric, n_jobs, backend_of(metric, backend, device, tolerance), block_size)
    rows = engine.side(prepared_a, heldout_a)
    columns = None if same else engine.side(others, heldout_b)
    with reporting(
        progress, total=engine.n_pairs(rows, columns), desc="distances", unit="pairs"
    ) as report:
        return engine.compare(rows, columns, report)


def backend_of(
    metric: Metric,
    backend: str | None,
    device: str | None,
    tolerance: float | None,
    arrays: Sequence[Any] = (),
) -> Backend:
    """The array library that the metric's stacks are put on.

    Raises
    ------
    ValueError
        If there is no such backend or device, or the metric cannot use it.
    """
    if not isinstance(metric, Metric):
        raise TypeError(f"metric: found {metric!r}, expected an instance of a Metric")
    library = get_backend(backend, device, tolerance, arrays=arrays)
    if library is EXACT:
        return library
    if library.name not in metric.backends:
        if backend is None and library.name != "numpy" and tolerance is None:
            return EXACT  # inferred from the arrays, which are brought to the host
        name, wanted = (
            ("tolerance", "no tolerance") if library.name == "numpy" else ("backend", "'numpy'")
        )
        found = tolerance if library.name == "numpy" else library.name
        raise ValueError(
            f"{name}: found {found!r}, expected {wanted}, as {type(metric).__name__} has no other "
            "route; LinearMetric has"
        )
    return library


class Side:
    """Prepared networks, sorted by width and cut into ranges that are compared as stacks.

    Parameters
    ----------
    metric : Metric
    backend : Backend
    prepared : sequence of Prepared
    heldout : sequence of Prepared or None
        The same networks' held-out responses.
    ranges : callable
        From the sorted networks to ranges.
    keep : int or None
        Stacks kept at a time; None keeps all.
    """

    def __init__(
        self,
        metric: Metric,
        backend: Backend,
        prepared: Sequence[Any],
        heldout: Sequence[Any] | None,
        ranges: Callable[[list[Any]], list[range]],
        keep: int | None,
    ) -> None:
        self._metric, self._backend, self._keep = metric, backend, keep
        # Cross-covariances of one shape are decomposed together. Where widths vary from network to
        # network, as those of layers do whose silent units are left out, pairs in the given order
        # would come one at a time, and threads would wait for the interpreter more than they
        # compute.
        self.order = np.argsort([item.width for item in prepared], kind="stable")
        self._fitted: list[Any] = [prepared[k] for k in self.order]
        self._heldout = None if heldout is None else [heldout[k] for k in self.order]
        self._first = self._fitted[0]
        self.names = [item.name for item in self._fitted]
        self.origins = [item.origin for item in self._fitted]
        self.widths = [item.width for item in self._fitted]
        self.ranges = ranges(self._fitted)
        self._kept: OrderedDict[int, tuple[Any, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.names)

    def check_pair(self, item: Any) -> None:
        """ValueError where a prepared network cannot be compared with these."""
        self._metric.check_pair(self._first, item)

    def stacks(self, some: range) -> tuple[Any, Any]:
        """The stack of these networks, and that of their held-out responses or None; the same
        objects as long as they are kept."""
        with self._lock:
            if some.start not in self._kept:
                self._kept[some.start] = self._stacked(some)
                if self._keep is not None and len(self._kept) > self._keep:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(some.start)
            return self._kept[some.start]

    def _stacked(self, some: range) -> tuple[Any, Any]:
        parts = (self._fitted, self._heldout)
        fitted, heldout = (
            None
            if items is None
            else self._metric.stack([items[i] for i in some], backend=self._backend)
            for items in parts
        )
        return fitted, heldout

    def take(self) -> None:
        """Stack all networks now and let them go: a stack has a copy of its own, and to keep both
        would take the memory twice. The prepared networks must not be used elsewhere."""
        for some in self.ranges:
            self.stacks(some)
            for items in (self._fitted, self._heldout):
                if items is not None:
                    items[some.start : some.stop] = [None] * len(some)

    def weight(self, some: range) -> float:
        """What a stack costs, up to a factor."""
        return float(sum(self.widths[i] ** 1.5 for i in some))


class PairEngine:
    """Compares lists of prepared networks by one metric: what all doors run.

    Parameters
    ----------
    metric : Metric
    n_jobs : int
        Threads; -1 takes all cores.
    backend : Backend
    block_size : int or None
        Networks in a stack; by default as many as keep products in 32 MB and threads busy.
    """

    def __init__(
        self, metric: Metric, n_jobs: int, backend: Backend, block_size: int | None = None
    ) -> None:
        check_jobs(n_jobs)
        check_integer(block_size, "block_size", 1, optional=True)
        self.metric, self.backend, self.block_size = metric, backend, block_size
        self.n_jobs = n_threads(n_jobs) if backend.on_cpu else 1

    def side(
        self,
        prepared: Sequence[Any],
        heldout: Sequence[Any] | None = None,
        *,
        keep_all: bool = False,
    ) -> Side:
        """Networks as one side of a comparison.

        Parameters
        ----------
        prepared, heldout : sequence of Prepared
        keep_all : bool
            Keep all stacks, not just the last few.
        """
        if heldout is not None and not self.metric.has_heldout:
            raise ValueError(f"heldout: {type(self.metric).__name__} has no held-out distance")
        keep = None if keep_all else 2 * self.n_jobs + 2
        return Side(self.metric, self.backend, prepared, heldout, self._ranges, keep)

    def n_pairs(self, rows: Side, columns: Side | None = None) -> int:
        """Pairs that are counted: of a symmetric matrix each once."""
        if columns is None and self.metric.symmetric:
            return len(rows) * (len(rows) - 1) // 2
        return len(rows) * len(rows if columns is None else columns)

    def compare(self, rows: Side, columns: Side | None, report: Progress) -> Array:
        """All distances between two sides, or within one: (len(rows), len(columns)).

        Raises
        ------
        ValueError
            If one is not finite; the message names the pair.
        """
        within = columns is None
        others = rows if columns is None else columns
        symmetric = within and self.metric.symmetric
        total, done = self.n_pairs(rows, columns), 0
        parts = [
            (a, b)
            for a in rows.ranges
            for b in others.ranges
            if not symmetric or b.start >= a.start
        ]
        # Expensive parts come first, so that threads end together.
        parts.sort(key=lambda part: -rows.weight(part[0]) * others.weight(part[1]))
        D = np.zeros((len(rows), len(others)))

        def compare(a: range, b: range) -> tuple[range, range, Array]:
            fitted_a, heldout_a = rows.stacks(a)
            fitted_b, heldout_b = others.stacks(b)
            if heldout_a is None:
                return a, b, self.metric.pairwise(fitted_a, fitted_b)
            values = self.metric.heldout_pairwise(fitted_a, fitted_b, heldout_a, heldout_b)
            return a, b, values

        with workers(self.n_jobs, n_tasks=len(parts)) as run:
            for a, b, values in run(compare, parts):
                own = symmetric and a == b
                if not np.isfinite(values).all():
                    i, j = np.argwhere(~np.isfinite(values))[0]
                    names = rows.names[a[i]], others.names[b[j]]
                    raise ValueError(not_finite(*names, values[i, j]))
                i, j = rows.order[a.start : a.stop], others.order[b.start : b.stop]
                D[np.ix_(i, j)] = mirrored(values) if own else values
                if symmetric and not own:
                    D[np.ix_(j, i)] = values.T
                done += len(a) * (len(a) - 1) // 2 if own else values.size
                report(done, total)
        return D

    def _ranges(self, items: list[Any]) -> list[range]:
        """Ranges of networks whose products with one another stay small, about equal in size."""
        n = len(items)
        size = self.block_size
        if size is not None:
            return [range(start, min(start + size, n)) for start in range(0, n, size)]
        size = max(1, TILE_COLUMNS // max(item.width for item in items))
        if self.n_jobs > 1:
            # As many parts as threads can share evenly, but none of less work than it is worth.
            seconds = self._pair_seconds(items) * n * n / 2.0
            worth = max(1, int(math.sqrt(2.0 * seconds / LEAST_SECONDS)))
            wanted = max(2 * self.n_jobs - 1, min(PARTS * self.n_jobs, worth))
            size = min(size, max(1, n // wanted))
        cuts = np.linspace(0, n, -(-n // size) + 1).round().astype(int).tolist()
        return [range(start, stop) for start, stop in itertools.pairwise(cuts)]

    def _pair_seconds(self, items: list[Any]) -> float:
        typical = items[len(items) // 2]
        try:
            return self.metric.pair_seconds(typical.n_samples, max(1, typical.width))
        except TypeError:
            return LEAST_SECONDS  # unknown: each pair may be worth a part
