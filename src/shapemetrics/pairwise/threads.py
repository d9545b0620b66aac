"""One BLAS thread for small matrices: where several threads only wait for one another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController

from shapemetrics.limits import available_cores

__all__ = ["small_matrix_threads"]

# Below about this size threads gain little, and on a busy machine they cost very much: K = 240
# regressions took 75 times longer with two contended threads than with one.
_LARGE = 700


@contextmanager
def small_matrix_threads(n_items: int) -> Iterator[None]:
    """Hold BLAS to one thread while working on many matrices of at most n_items rows.

    For large ones it keeps the threads that it has, but no more than the process has cores: BLAS
    counts those of the machine, whatever quota a container or a job has.
    """
    controller = ThreadpoolController().select(user_api="blas")
    threads = max((library["num_threads"] for library in controller.info()), default=1)
    most = min(threads, available_cores()) if n_items >= _LARGE else 1
    if most == threads:
        yield
        return
    with controller.limit(limits=most):
        yield
