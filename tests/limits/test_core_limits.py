"""Cores that a process may use, and what follows them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from limit_trees import (
    V1_HOST_MOUNTS,
    V2_HOST_MOUNT,
    docker_v1,
    docker_v2,
    group_v2,
    hybrid,
    kubernetes_v1,
    kubernetes_v2,
    quota_v1,
    systemd_v2,
    write_tree,
)

from shapemetrics.limits import available_cores, cgroup_cores, core_limits
from shapemetrics.pairwise.workers import n_threads
from shapemetrics.study.run import with_number_of_cores


@pytest.mark.parametrize(
    ("machine", "cores"),
    [
        (systemd_v2, [4]),  # three and a half
        (docker_v2, [2]),  # one and a half
        (docker_v1, [2]),
        (hybrid, []),
        (kubernetes_v1, [1]),  # half a core
        (kubernetes_v2, [5]),  # of the pod
    ],
)
def test_quotas_are_rounded_up(machine, cores, tmp_path):
    assert list(cgroup_cores(machine(tmp_path))) == cores


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("max 100000\n", []),
        ("100000 100000\n", [1]),
        ("100001 100000\n", [2]),
        ("1000 100000\n", [1]),
        ("200000 0\n", []),
        ("200000\n", []),
        ("", []),
    ],
)
def test_what_cpu_max_may_hold(text, cores, tmp_path):
    group = group_v2("/sys/fs/cgroup/a", current=0, cpu=text.strip())
    assert list(cgroup_cores(write_tree(tmp_path, "0::/a\n", V2_HOST_MOUNT, group))) == cores


def test_each_group_of_version_1_limits(tmp_path):
    cpu = "/sys/fs/cgroup/cpu,cpuacct"
    files = {
        **quota_v1(f"{cpu}/a", 300000),
        **quota_v1(f"{cpu}/a/b", 800000),
        **quota_v1(cpu, -1),
    }
    root = write_tree(tmp_path, "4:cpu,cpuacct:/a/b\n", V1_HOST_MOUNTS, files)
    assert list(cgroup_cores(root)) == [8, 3]


@pytest.mark.parametrize(
    ("environment", "cores"),
    [
        ({"SLURM_CPUS_PER_TASK": "3", "SLURM_CPUS_ON_NODE": "12"}, [3, 12]),
        ({"SLURM_CPUS_ON_NODE": "12"}, [12]),
        ({"SLURM_CPUS_PER_TASK": ""}, []),
        ({"PYTHON_CPU_COUNT": "5"}, [5]),
        ({"PYTHON_CPU_COUNT": "default"}, []),
    ],
)
def test_variables_of_slurm_and_python(environment, cores, tmp_path):
    (machine,) = core_limits(str(tmp_path), {})
    job = {"SLURM_JOB_ID": "4242", **environment}
    assert core_limits(str(tmp_path), job) == [machine, *cores]
    if "PYTHON_CPU_COUNT" not in environment:  # variables that no job has set
        assert core_limits(str(tmp_path), environment) == [machine]


@pytest.mark.parametrize("name", ["SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE", "PYTHON_CPU_COUNT"])
@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "²"])
def test_what_is_no_number_of_cores_is_refused(name, value, tmp_path):
    with pytest.raises(ValueError, match=f"{name}: found '{value}', expected a whole number of 1"):
        core_limits(str(tmp_path), {"SLURM_JOB_ID": "4242", name: value})


def test_a_system_without_affinity_has_all_its_cores(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert core_limits(str(tmp_path), {}) == [7]
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert core_limits(str(tmp_path), {}) == [1]


def in_a_job(code: str, **variables: str) -> str:
    """What a program prints that runs with further variables in its environment."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_all_cores_of_a_job_are_those_of_the_job():
    code = (
        "from shapemetrics.limits import available_cores\n"
        "from shapemetrics.pairwise.workers import n_threads\n"
        "print(available_cores(), n_threads(-1), n_threads(5))"
    )
    variables = {"SLURM_JOB_ID": "1", "SLURM_CPUS_PER_TASK": "1"}
    assert in_a_job(code, **variables) == "1 1 5"
    assert in_a_job(code, PYTHON_CPU_COUNT="1") == "1 1 5"
    assert n_threads(-1) == available_cores()


def test_large_matrices_take_no_more_blas_threads_than_there_are_cores():
    code = (
        "import numpy\n"
        "from threadpoolctl import threadpool_info\n"
        "from shapemetrics.pairwise.threads import small_matrix_threads\n"
        "def threads(): return {x['num_threads'] for x in threadpool_info()}\n"
        "with small_matrix_threads(5000): print(threads())"
    )
    assert in_a_job(code, OMP_NUM_THREADS="3", PYTHON_CPU_COUNT="1") == "{1}"
    assert in_a_job(code, OMP_NUM_THREADS="1") == "{1}"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["--cores", "all"], ["--cores", "N"]),
        (["-c", "all", "figures"], ["-c", "N", "figures"]),
        (["--cores=all"], ["--cores=N"]),
        (["-call"], ["--cores=N"]),
        (["--cores", "3", "all"], ["--cores", "3", "all"]),
        (["all", "--dry-run"], ["all", "--dry-run"]),
        (["--cores", "2", "--", "--cores", "all"], ["--cores", "2", "--", "--cores", "all"]),
        ([], []),
    ],
)
def test_the_workflow_runs_on_the_cores_that_the_process_may_use(given, expected):
    cores = str(available_cores())
    assert with_number_of_cores(given) == [word.replace("N", cores) for word in expected]


def test_a_bare_snakemake_runs_on_them_too(root):
    pytest.importorskip("snakemake")
    code = (
        "from snakemake.profiles import ProfileConfigFileParser\n"
        f"with open({str(root / 'profiles' / 'default' / 'config.yaml')!r}) as stream:\n"
        "    print(ProfileConfigFileParser().parse(stream)['cores'])"
    )
    assert in_a_job(code, PYTHON_CPU_COUNT="1") == "1"
    assert in_a_job(code) == str(available_cores())
    without = "import sys; sys.modules['shapemetrics'] = None\n"
    assert in_a_job(without + code) == "all"
