"""Memory that a process may use, read from what kernels, containers and SLURM show."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import numpy as np
import pytest
from limit_trees import (
    DOCKER,
    GIB,
    MACHINE,
    NO_LIMIT,
    V1_HOST_MOUNTS,
    V2_HOST_MOUNT,
    docker_v1,
    docker_v2,
    group_v1,
    group_v2,
    hybrid,
    kubernetes_v1,
    kubernetes_v2,
    slurm_v1,
    systemd_v2,
    write_tree,
)

from shapemetrics import pairwise_distances
from shapemetrics.limits import (
    available_memory,
    binding_memory_limit,
    cgroup_memory,
    describe_free,
    find_cgroups,
    machine_memory,
    memory_limits,
    slurm_memory,
    ulimit_memory,
)
from shapemetrics.metrics import LinearMetric

CGROUP = "the memory limit of this job (cgroup)"
SLURM = "the memory limit of this job (SLURM)"


@pytest.fixture
def ulimits(monkeypatch):
    """Limits by option of ``ulimit``; none at first, whatever the shell of the tests has."""
    found = {}
    names = {resource.RLIMIT_AS: "v", resource.RLIMIT_DATA: "d"}

    def soft(name: int) -> tuple[int, int]:
        return found.get(names[name], resource.RLIM_INFINITY), resource.RLIM_INFINITY

    monkeypatch.setattr(resource, "getrlimit", soft)
    return found


@pytest.mark.parametrize(
    ("machine", "free"),
    [
        (systemd_v2, 4 * GIB),  # 12 of a slice above, less the 9 - 1 in use there
        (docker_v2, 5 * GIB // 2),  # 4 - (2 - 0.5)
        (docker_v1, 3 * GIB),  # 5 - (3 - 1)
        (hybrid, 3 * GIB),  # 10 of the slice above, less 8 - 1
        (slurm_v1, 5 * GIB // 4),  # 3 of the job, less 2 - 0.25, of which this task holds half
        (kubernetes_v1, GIB),  # 2 of a group that cannot be seen, less the container's own 1
        (kubernetes_v2, 2 * GIB),  # 8 of the pod, less 6
    ],
)
def test_the_least_of_all_groups_binds(machine, free, tmp_path, ulimits):
    root = machine(tmp_path)
    assert binding_memory_limit(root, {}) == (free, CGROUP)
    assert (MACHINE, "") in memory_limits(root, {})


def test_values_are_read_anew_at_each_call(tmp_path):
    root = docker_v2(tmp_path)
    (before,) = cgroup_memory(root)
    (tmp_path / "sys/fs/cgroup/memory.current").write_text(f"{3 * GIB}\n")
    (after,) = cgroup_memory(root)
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("max\n")
    assert (before.free, after.free) == (5 * GIB // 2, 3 * GIB // 2)
    assert list(cgroup_memory(root)) == []


def test_a_process_that_is_moved_to_another_group_has_the_limits_of_that(tmp_path):
    files = {
        **group_v2("/sys/fs/cgroup/a", current=0, maximum=GIB),
        **group_v2("/sys/fs/cgroup/b", current=0, maximum=2 * GIB),
    }
    root = write_tree(tmp_path, "0::/a\n", V2_HOST_MOUNT, files)
    assert [limit.free for limit in cgroup_memory(root)] == [GIB]
    (tmp_path / "proc/self/cgroup").write_text("0::/b\n")
    assert [limit.free for limit in cgroup_memory(root)] == [2 * GIB]


def test_a_group_that_holds_more_than_its_limit_leaves_nothing(tmp_path):
    group = group_v2("/sys/fs/cgroup/a", current=3 * GIB, high=2 * GIB)
    root = write_tree(tmp_path, "0::/a\n", V2_HOST_MOUNT, group)
    assert [limit.free for limit in cgroup_memory(root)] == [0]


def test_cache_beyond_what_is_in_use_frees_no_more_than_the_limit(tmp_path):
    group = group_v2("/sys/fs/cgroup/a", current=GIB, maximum=2 * GIB, cache=5 * GIB)
    root = write_tree(tmp_path, "0::/a\n", V2_HOST_MOUNT, group)
    assert [limit.free for limit in cgroup_memory(root)] == [2 * GIB]


@pytest.mark.parametrize("huge", [NO_LIMIT, 9223372036854710272, 2**63 - 1])
def test_the_largest_number_of_version_1_is_no_limit(huge, tmp_path, ulimits):
    group = group_v1("/sys/fs/cgroup/memory/a", usage=GIB, limit=huge, hierarchical=huge)
    root = write_tree(tmp_path, "4:memory:/a\n", V1_HOST_MOUNTS, group)
    assert list(cgroup_memory(root)) == []
    assert binding_memory_limit(root, {}) == (MACHINE, "")


def test_a_group_of_version_1_without_hierarchy_does_not_limit_those_below(tmp_path):
    memory = "/sys/fs/cgroup/memory"
    files = {
        **group_v1(f"{memory}/a", usage=GIB, limit=2 * GIB, use_hierarchy=0),
        **group_v1(f"{memory}/a/b", usage=GIB, limit=9 * GIB, hierarchical=9 * GIB),
    }
    root = write_tree(tmp_path, "4:memory:/a/b\n", V1_HOST_MOUNTS, files)
    assert [limit.free for limit in cgroup_memory(root)] == [8 * GIB]


def test_a_mount_whose_name_has_blanks_is_found(tmp_path):
    mount = r"35 24 0:30 / /my\040groups\011of\134mine rw shared:9 - cgroup2 cgroup2 rw" + "\n"
    group = group_v2("/my groups\tof\\mine/a", current=0, maximum=GIB)
    root = write_tree(tmp_path, "0::/a\n", mount, group)
    assert [limit.free for limit in cgroup_memory(root)] == [GIB]


def test_of_two_mounts_the_one_that_shows_more_groups_counts(tmp_path):
    mounts = "40 24 0:30 /a/b /inner rw - cgroup2 cgroup2 rw\n" + V2_HOST_MOUNT
    files = {
        **group_v2("/sys/fs/cgroup/a", current=0, maximum=GIB),
        **group_v2("/sys/fs/cgroup/a/b", current=0, maximum=2 * GIB),
        **group_v2("/inner", current=0, maximum=2 * GIB),
    }
    root = write_tree(tmp_path, "0::/a/b\n", mounts, files)
    assert find_cgroups(root, "memory").v2 == tuple(
        f"{root}/sys/fs/cgroup/{name}" for name in ("a/b", "a")
    )


def test_a_container_whose_process_was_moved_has_the_limit_that_it_shows(tmp_path):
    mount = f"1041 1034 0:37 /docker/{DOCKER} /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
    group = group_v1("/sys/fs/cgroup/memory", usage=0, limit=GIB)
    root = write_tree(tmp_path, "4:memory:/elsewhere\n", mount, group)
    assert {limit.free for limit in cgroup_memory(root)} == {GIB}


def test_nothing_is_known_of_a_group_outside_of_the_namespace(tmp_path):
    group = group_v2("/sys/fs/cgroup", current=0, maximum=GIB)
    root = write_tree(tmp_path, "0::/../../other\n", V2_HOST_MOUNT, group)
    assert list(cgroup_memory(root)) == []


@pytest.mark.parametrize("name", ["memory.max", "memory.current", "memory.stat"])
@pytest.mark.parametrize("unreadable", [False, True], ids=["missing", "unreadable"])
def test_what_cannot_be_read_limits_no_more_than_what_can(name, unreadable, tmp_path):
    root = docker_v2(tmp_path)
    path = tmp_path / "sys/fs/cgroup" / name
    path.unlink()
    if unreadable:
        path.mkdir()  # a folder cannot be read, not even by root
    expected = {
        "memory.max": [],
        "memory.current": [4 * GIB],  # nothing known to be in use
        "memory.stat": [2 * GIB],  # nothing known to be reclaimable
    }
    assert [limit.free for limit in cgroup_memory(root)] == expected[name]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("proc/self/cgroup", ""),
        ("proc/self/cgroup", "nonsense\n0:\n:\n"),
        ("proc/self/mountinfo", ""),
        ("proc/self/mountinfo", "35 24 - cgroup2\n\n - \n"),
        ("sys/fs/cgroup/memory.max", "lots\n"),
    ],
)
def test_strange_contents_are_no_limit(name, text, tmp_path, ulimits):
    root = docker_v2(tmp_path)
    (tmp_path / name).write_text(text)
    assert binding_memory_limit(root, {}) == (MACHINE, "")


def test_a_machine_that_shows_nothing_has_no_known_limit(tmp_path, ulimits):
    assert memory_limits(str(tmp_path), {}) == []
    assert binding_memory_limit(str(tmp_path), {}) is None


def test_a_group_that_was_removed_leaves_the_limits_of_those_above(tmp_path):
    group = group_v2("/sys/fs/cgroup/a", current=0, maximum=GIB)
    root = write_tree(tmp_path, "0::/a/gone (deleted)\n", V2_HOST_MOUNT, group)
    assert [limit.free for limit in cgroup_memory(root)] == [GIB]


def test_elsewhere_than_linux_psutil_tells(tmp_path, monkeypatch):
    psutil = pytest.importorskip("psutil")
    monkeypatch.setattr("sys.platform", "darwin")
    (limit,) = machine_memory(str(tmp_path))
    assert 0 < limit.free <= psutil.virtual_memory().total
    monkeypatch.setitem(sys.modules, "psutil", None)  # not installed
    assert list(machine_memory(str(tmp_path))) == []
    assert list(ulimit_memory(str(tmp_path))) == []


# SLURM: 0.5 GiB of the process is resident.
@pytest.mark.parametrize(
    ("environment", "free"),
    [
        ({"SLURM_MEM_PER_NODE": "4096"}, 7 * GIB // 2),
        ({"SLURM_MEM_PER_NODE": "3G"}, 5 * GIB // 2),
        ({"SLURM_MEM_PER_NODE": "256"}, 0),
        ({"SLURM_MEM_PER_CPU": "2048", "SLURM_CPUS_ON_NODE": "3"}, 11 * GIB // 2),
        (
            {
                "SLURM_MEM_PER_CPU": "2048",
                "SLURM_CPUS_ON_NODE": "6",
                "SLURM_CPUS_PER_TASK": "2",
            },
            23 * GIB // 2,
        ),
        ({"SLURM_MEM_PER_CPU": "2048", "SLURM_CPUS_PER_TASK": "2"}, 7 * GIB // 2),
        ({"SLURM_MEM_PER_GPU": "1024", "SLURM_GPUS_ON_NODE": "2"}, 3 * GIB // 2),
    ],
)
def test_memory_of_a_slurm_job(environment, free, tmp_path, ulimits):
    root = write_tree(tmp_path, "0::/\n", "", {})
    assert list(slurm_memory(root, {"SLURM_JOB_ID": "4242", **environment})) == [(free, SLURM)]
    assert list(slurm_memory(root, environment)) == []  # variables that no job has set
    assert binding_memory_limit(root, {"SLURM_JOB_ID": "4242", **environment}) == (free, SLURM)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"SLURM_MEM_PER_NODE": ""},
        {"SLURM_MEM_PER_NODE": "0"},  # all memory of the node
        {"SLURM_MEM_PER_CPU": "0", "SLURM_CPUS_ON_NODE": "4"},
        {"SLURM_MEM_PER_CPU": "1024"},  # of how many processors is not known
    ],
)
def test_a_slurm_job_without_a_limit(environment, tmp_path):
    root = write_tree(tmp_path, "0::/\n", "", {})
    assert list(slurm_memory(root, {"SLURM_JOB_ID": "4242", **environment})) == []


def test_a_variable_of_slurm_that_is_no_number_is_refused(tmp_path):
    root = write_tree(tmp_path, "0::/\n", "", {})
    environment = {"SLURM_JOB_ID": "4242", "SLURM_MEM_PER_NODE": "plenty"}
    with pytest.raises(ValueError, match="SLURM_MEM_PER_NODE: found 'plenty', expected a number"):
        memory_limits(root, environment)


# 4 GiB of address space and 1 GiB of data are in use.
@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, []),
        ({"v": 5 * GIB}, [(GIB, "v")]),
        ({"v": 3 * GIB}, [(0, "v")]),
        ({"d": 3 * GIB}, [(2 * GIB, "d")]),
        ({"v": 5 * GIB, "d": GIB}, [(GIB, "v"), (0, "d")]),
    ],
)
def test_memory_under_ulimit(limits, expected, tmp_path, ulimits, monkeypatch):
    monkeypatch.setattr("os.sysconf", lambda name: 4096)
    root = write_tree(tmp_path, "0::/\n", "", {})
    ulimits.update(limits)
    assert list(ulimit_memory(root)) == [
        (free, f"the memory limit of this process (ulimit -{option})") for free, option in expected
    ]


def test_the_message_names_the_limit_that_binds(monkeypatch, tmp_path, ulimits):
    limits = [(3_200_000_000, CGROUP), (25_000_000_000, "")]
    found = [type(binding_memory_limit())(*limit) for limit in limits]
    monkeypatch.setattr("shapemetrics.limits.memory_limits", lambda *_: found)
    assert available_memory() == 3_200_000_000
    assert describe_free(3_200_000_000) == f"3.2 GB are free under {CGROUP}"
    found.pop(0)
    assert describe_free(25_000_000_000) == "25.0 GB are free"
    found.clear()
    assert available_memory() is None


def test_all_pairs_that_do_not_fit_into_the_job_name_its_limit(monkeypatch):
    job = {"SLURM_JOB_ID": "1", "SLURM_MEM_PER_NODE": "1"}  # 1 MB, less than the process holds
    for name, value in job.items():
        monkeypatch.setenv(name, value)
    arrays = [np.random.default_rng(k).normal(size=(20, 3)) for k in range(3)]
    with pytest.raises(MemoryError) as caught:
        pairwise_distances(arrays, LinearMetric())
    assert f"and 0.0 GB are free under {SLURM}; give scratch=FOLDER" in str(caught.value)


def test_this_machine_leaves_some_memory():
    free = available_memory()
    if not Path("/proc/meminfo").exists():
        pytest.skip("this system has no /proc/meminfo")
    assert free is not None
    total = next(
        int(line.split()[1]) * 1024
        for line in Path("/proc/meminfo").read_text().splitlines()
        if line.startswith("MemTotal")
    )
    assert 0 < free <= total
