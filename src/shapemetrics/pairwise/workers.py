"""Threads that share all pairs, with the linear algebra's own threads kept in bounds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from itertools import islice
from typing import Any

from threadpoolctl import ThreadpoolController

from shapemetrics.limits import available_cores

#: Pieces of work that are handed out at a time, for each thread.
AHEAD = 4


@cache
def _blas(with_scipy: bool, with_torch: bool) -> ThreadpoolController:
    """The BLAS libraries that are loaded. Looking for them takes milliseconds, many times what a
    small distance does, so it is done once, and again when a package that brings its own came."""
    return ThreadpoolController()


def n_threads(n_jobs: int) -> int:
    """Number of threads that `n_jobs` stands for; -1 is all cores that the process may use."""
    return available_cores() if n_jobs == -1 else n_jobs


@contextmanager
def workers(n_jobs: int, *, n_tasks: int | None = None) -> Iterator[Callable]:
    """Threads that share the work, so that cores are never oversubscribed.

    NumPy releases the interpreter lock in products and decompositions, so threads suffice and
    nothing is pickled. Each worker's linear algebra has one thread: several that share a matrix
    wait for one another by spinning, which on a busy machine takes many times the work itself, and
    on a quiet one is no faster. Only where there are fewer tasks than threads do tasks share the
    threads that would be idle.

    Parameters
    ----------
    n_jobs : int
        Threads; -1 takes all cores that the process may use.
    n_tasks : int, optional
        Tasks that there will be.

    Yields
    ------
    callable
        ``run(function, items)`` yields ``function(*item)`` for each item, in any order.
    """
    n_jobs, each = n_threads(n_jobs), 1
    if n_tasks is not None and n_tasks < n_jobs:
        n_jobs, each = max(1, n_tasks), max(1, n_jobs // max(1, n_tasks))
    controller = _blas("scipy.linalg" in sys.modules, "torch" in sys.modules)
    with controller.limit(limits=each, user_api="blas"), _torch_threads(each) as limit:
        if n_jobs == 1:
            yield lambda function, items: (function(*item) for item in items)
            return
        with ThreadPoolExecutor(n_jobs, initializer=limit) as pool:

            def run(function: Callable, items: Sequence[tuple]) -> Iterator[Any]:
                # A few at a time: the results of millions of pairs would all be kept otherwise.
                waiting = iter(items)
                futures = {pool.submit(function, *item) for item in islice(waiting, AHEAD * n_jobs)}
                try:
                    while futures:
                        done, futures = wait(futures, return_when=FIRST_COMPLETED)
                        more = islice(waiting, len(done))
                        futures |= {pool.submit(function, *item) for item in more}
                        for future in done:
                            yield future.result()
                finally:
                    for future in futures:
                        future.cancel()

            yield run


@contextmanager
def _torch_threads(each: int) -> Iterator[Callable[[], None] | None]:
    """Limit torch's own threads, which threadpoolctl does not reach, where torch is loaded.

    Yields
    ------
    callable or None
        What every other thread has to call as well.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        yield None
        return
    before = torch.get_num_threads()
    torch.set_num_threads(each)
    try:
        yield lambda: torch.set_num_threads(each)
    finally:
        torch.set_num_threads(before)
