"""Limits that are really set: a process of its own runs into each, where the package says so."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shapemetrics.limits import available_cores

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these limits are Linux's")

MIB = 2**20
#: Folders of cgroups in which a test may make another, as in PATH.
VARIABLE = "SHAPEMETRICS_TEST_CGROUP"

ASK = """
import mmap, sys
from shapemetrics.limits import available_memory, describe_free
free = available_memory()
print(free, describe_free(free).partition(" under ")[2])
"""
#: Takes so many parts of what is free in address space that may be written.
MAP = f"""{ASK}
private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
block = mmap.mmap(-1, int(free * float(sys.argv[1])), flags=private)
print("taken")
"""
#: The same, and writes to each page of it.
WRITE = f"""{MAP}
for k in range(0, len(block), 4096):
    block[k] = 1
print("written")
"""


def started(
    code: str, *arguments: str, prepare: Callable[[], None] | None = None, **variables: str
) -> subprocess.CompletedProcess:
    """Run a program that takes limits upon itself first."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        preexec_fn=prepare,
        env={**os.environ, "OMP_NUM_THREADS": "1", **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("which", "option"), [(resource.RLIMIT_AS, "v"), (resource.RLIMIT_DATA, "d")]
)
def test_ulimit_leaves_what_it_is_said_to_leave(which, option):
    def limit() -> None:
        resource.setrlimit(which, (700 * MIB, resource.getrlimit(which)[1]))

    done = started(MAP, "0.9", prepare=limit)
    assert done.returncode == 0, done.stderr
    free, whose = done.stdout.splitlines()[0].split(" ", 1)
    assert whose == f"the memory limit of this process (ulimit -{option})"
    assert 0 < int(free) < 700 * MIB
    done = started(MAP, "1.05", prepare=limit)
    assert "taken" not in done.stdout
    assert "Cannot allocate memory" in done.stderr


def test_all_pairs_that_do_not_fit_are_refused_under_ulimit():
    code = (
        "import numpy as np\n"
        "from shapemetrics import pairwise_distances\n"
        "from shapemetrics.metrics import LinearMetric\n"
        "X = np.broadcast_to(1.0, (2**20, 1000))\n"
        "pairwise_distances([X, X], LinearMetric())"
    )

    def limit() -> None:
        most = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (1000 * MIB, most))

    done = started(code, prepare=limit)
    assert done.returncode == 1
    assert "MemoryError: 2 representations and 4 distances need 16.8 GB, and " in done.stderr
    assert "GB are free under the memory limit of this process (ulimit -v); give " in done.stderr


CORES = "from shapemetrics.limits import available_cores; print(available_cores())"


def test_affinity_is_seen():
    one = min(os.sched_getaffinity(0))
    done = started(CORES, prepare=lambda: os.sched_setaffinity(0, {one}))
    assert done.stdout.strip() == "1", done.stderr


@pytest.mark.skipif(shutil.which("taskset") is None, reason="needs taskset")
def test_taskset_is_seen():
    one = str(min(os.sched_getaffinity(0)))
    done = subprocess.run(
        ["taskset", "--cpu-list", one, sys.executable, "-c", CORES], capture_output=True, text=True
    )
    assert done.stdout.strip() == "1", done.stderr


@contextlib.contextmanager
def group_within(limited: str) -> Iterator[Path]:
    """Make a cgroup that has a file `limited`, where this is allowed."""
    parents = [Path(name) for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name]
    if not parents:
        pytest.skip(f"{VARIABLE} names no cgroup in which a test may make another")
    for parent in parents:
        folder = parent / f"shapemetrics_test_{os.getpid()}"
        try:
            folder.mkdir()
        except OSError as error:
            pytest.skip(f"a cgroup cannot be made here: {error}")
        try:
            if (folder / limited).exists():
                yield folder
                return
        finally:
            for _ in range(50):  # a process that has ended may still be listed
                with contextlib.suppress(OSError):
                    folder.rmdir()
                if not folder.exists():
                    break
                time.sleep(0.1)
    pytest.skip(f"{VARIABLE} names no cgroup whose groups have {limited}")


def entering(folder: Path) -> Callable[[], None]:
    return lambda: (folder / "cgroup.procs").write_text(str(os.getpid()))


@pytest.mark.parametrize("limited", ["memory.max", "memory.high", "memory.limit_in_bytes"])
def test_a_cgroup_leaves_what_it_is_said_to_leave(limited):
    with group_within(limited) as folder:
        (folder / limited).write_text(str(200 * MIB))
        for without_swap in ("memory.swap.max", "memory.memsw.limit_in_bytes"):
            if (folder / without_swap).exists():
                (folder / without_swap).write_text("0" if "swap." in without_swap else "200M")
        done = started(WRITE, "0.9", prepare=entering(folder))
        assert done.returncode == 0, done.stderr
        free, whose = done.stdout.splitlines()[0].split(" ", 1)
        assert whose == "the memory limit of this job (cgroup)"
        assert 100 * MIB < int(free) < 200 * MIB
        assert "written" in done.stdout
        if limited == "memory.high":
            return  # what exceeds it is slowed down, not killed
        done = started(WRITE, "1.2", prepare=entering(folder))
        assert done.returncode == -signal.SIGKILL
        assert "written" not in done.stdout


@pytest.mark.parametrize(
    ("limited", "value"), [("cpu.max", "50000 100000"), ("cpu.cfs_quota_us", "50000")]
)
def test_a_quota_of_half_a_core_is_one_core(limited, value):
    with group_within(limited) as folder:
        (folder / limited).write_text(value)
        done = started(CORES, prepare=entering(folder))
        assert done.stdout.strip() == "1", done.stderr
        twice = {"cpu.max": "max 100000", "cpu.cfs_quota_us": "-1"}[limited]
        (folder / limited).write_text(twice)
        done = started(CORES, prepare=entering(folder))
        assert done.stdout.strip() == str(available_cores()), done.stderr
