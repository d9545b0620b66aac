"""One BLAS thread for small matrices: where several threads only wait for one another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

__all__ = ["small_matrix_threads"]

# Below about this size threads gain little, and on a busy machine they cost very much: K = 240
# regressions took 75 times longer with two contended threads than with one.
_LARGE = 700


@contextmanager
def small_matrix_threads(n_items: int) -> Iterator[None]:
    """Hold BLAS to one thread while working on many matrices of at most n_items rows."""
    if n_items >= _LARGE:
        yield
        return
    with threadpool_limits(limits=1, user_api="blas"):
        yield
