"""Threads for analyses of K items, each with linear algebra on one core."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController, threadpool_limits

from shapemetrics.limits import available_cores
from shapemetrics.pairwise.workers import workers
from shapemetrics.validation import check_jobs

__all__ = ["item_workers", "small_matrix_threads"]

# Below about this size threads gain little, and on a busy machine they cost very much: K = 240
# regressions took 75 times longer with two contended threads than with one.
_LARGE = 700
# Threads that are taken unasked.
_MOST = 8


@contextmanager
def small_matrix_threads(n_items: int) -> Iterator[None]:
    """Hold BLAS to one thread while working on many matrices of at most n_items rows.

    For large ones it keeps the threads that it has, but no more than the process has cores: BLAS
    counts those of the machine, whatever quota a container or a job has.
    """
    _load_blas()
    threads = _blas_threads()
    most = min(threads, available_cores()) if n_items >= _LARGE else 1
    if most == threads:
        yield
        return
    with threadpool_limits(limits=most, user_api="blas"):
        yield


@contextmanager
def item_workers(n_items: int, n_jobs: int | None = None) -> Iterator[Callable]:
    """Threads that share an analysis of n_items items.

    Each thread runs its linear algebra on one core, so cores are never oversubscribed, and the
    same work gives the same bits however many threads share it.

    Parameters
    ----------
    n_items : int
        Rows of the largest matrix.
    n_jobs : int, optional
        Threads; -1 takes all cores that the process may use. By default as many as the linear
        algebra may use (``OMP_NUM_THREADS``, or a limit in force), but at most eight, since each
        needs memory of its own, and one for fewer than 700 items.

    Yields
    ------
    callable
        ``run(function, items)`` calls ``function(*item)`` for each item, and returns the results
        as a list in the order of the items.

    Raises
    ------
    ValueError
        If `n_jobs` is neither None nor -1 nor a positive integer.
    """
    _load_blas()
    if n_jobs is None:
        n_jobs = min(_blas_threads(), available_cores(), _MOST) if n_items >= _LARGE else 1
    check_jobs(n_jobs)
    with workers(n_jobs) as pool:

        def run(function: Callable, items: Iterable[tuple]) -> list[Any]:
            def at(position: int, item: tuple) -> tuple[int, Any]:
                return position, function(*item)

            found = list(pool(at, enumerate(items)))
            return [result for _, result in sorted(found, key=lambda pair: pair[0])]

        yield run


def _load_blas() -> None:
    """Load SciPy's linear algebra, since limits reach those libraries only that are loaded."""
    import scipy.linalg  # noqa: F401


def _blas_threads() -> int:
    """Threads that the linear algebra uses now."""
    counts = [
        found["num_threads"]
        for found in ThreadpoolController().info()
        if found["user_api"] == "blas"
    ]
    return max(counts, default=1)
