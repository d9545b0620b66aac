"""Threads that share the work: everything once, little ahead, errors passed on, BLAS in bounds."""

from __future__ import annotations

import pytest
from threadpoolctl import threadpool_info

from shapemetrics.pairwise.workers import AHEAD, n_threads, workers


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_every_item_is_done_once(n_jobs):
    with workers(n_jobs) as run:
        found = list(run(lambda a, b: (a, a * b), [(k, 2) for k in range(100)]))
    assert sorted(found) == [(k, 2 * k) for k in range(100)]


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_results_are_not_made_far_ahead_of_who_takes_them(n_jobs):
    started = []
    with workers(n_jobs) as run:
        results = run(started.append, [(k,) for k in range(1000)])
        for _ in range(10):
            next(results)
    assert 10 <= len(started) <= 10 + 2 * AHEAD * n_jobs


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_error_ends_the_work(n_jobs):
    started = []

    def fail(k: int) -> None:
        started.append(k)
        raise ValueError(f"item {k}")

    with pytest.raises(ValueError, match="item"), workers(n_jobs) as run:
        list(run(fail, [(k,) for k in range(1000)]))
    assert len(started) <= 2 * AHEAD * n_jobs


def blas_threads(_: int = 0) -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.mark.parametrize(("n_jobs", "n_tasks", "expected"), [(2, 4, 1), (2, 1, 2), (1, 1, 1)])
def test_linear_algebra_and_workers_never_ask_for_more_threads_than_jobs(n_jobs, n_tasks, expected):
    before = blas_threads()
    with workers(n_jobs, n_tasks=n_tasks) as run:
        for found in run(blas_threads, [(k,) for k in range(n_tasks)]):
            assert found == {expected}
    assert blas_threads() == before


def test_all_cores():
    assert n_threads(-1) >= 1
    assert n_threads(3) == 3
