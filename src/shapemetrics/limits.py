"""Memory and cores that this process may use, which is often less than the machine has.

A job of a cluster, a container or a shell with ``ulimit`` sees the whole machine, and is killed or
throttled where it uses more than its share. Every limit has a function here that reads it below a
root folder and from an environment; the least limit binds.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

#: Larger numbers stand for "no limit": cgroup v1 writes the largest multiple of a page instead.
UNLIMITED = 2**60

_JOB = "the memory limit of this job"
_PROCESS = "the memory limit of this process"
# What a SLURM job asked for by each of these, times the number in the other variables.
_SLURM_MEMORY: dict[str, tuple[str, ...]] = {
    "SLURM_MEM_PER_NODE": (),
    "SLURM_MEM_PER_CPU": ("SLURM_CPUS_ON_NODE", "SLURM_CPUS_PER_TASK"),
    "SLURM_MEM_PER_GPU": ("SLURM_GPUS_ON_NODE",),
}
_MEGABYTES = {"": 1, "K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2}


class MemoryLimit(NamedTuple):
    """Memory that is free under one limit.

    Attributes
    ----------
    free : int
        Bytes that this process may still take.
    name : str
        What the limit is: "the memory limit of this job (cgroup)"; empty for the machine itself.
    """

    free: int
    name: str = ""


def available_memory() -> int | None:
    """Bytes that this process may still take without swapping or being killed.

    Returns
    -------
    int or None
        The least of what is free in the machine, in each cgroup that the process is in (version 1
        and 2), in its SLURM job and under its ``ulimit``. File cache that the kernel gives back
        counts as free. None where the system does not tell: outside Linux without psutil.

    Raises
    ------
    ValueError
        If a variable of SLURM does not hold what SLURM writes there.

    Notes
    -----
    The memory of other processes of the same job counts where a cgroup counts it, and not where
    only SLURM's variables or ``ulimit`` are known. Nothing but the names of files is kept between
    calls, and a call takes about a tenth of a millisecond.

    Examples
    --------
    >>> free = available_memory()
    >>> free is None or free >= 0
    True
    """
    limit = binding_memory_limit()
    return None if limit is None else limit.free


def available_cores() -> int:
    """Number of cores that this process may keep busy, at least 1.

    Returns
    -------
    int
        The least of the processors that the system lets the process run on (``taskset``, cpusets),
        the quota of each of its cgroups (version 1 and 2), rounded up, the processors of its SLURM
        job, and ``PYTHON_CPU_COUNT``. Found once per process.

    Raises
    ------
    ValueError
        If a variable of SLURM or ``PYTHON_CPU_COUNT`` holds no number of processors.

    Examples
    --------
    >>> available_cores() >= 1
    True
    """
    return _cores_of(os.getpid())


def describe_free(free: int) -> str:
    """Say how much memory is free, and which limit leaves no more, for an error message.

    Parameters
    ----------
    free : int
        Bytes, as :func:`available_memory` found them.

    Returns
    -------
    str
        For example "3.2 GB are free under the memory limit of this job (cgroup)".

    Examples
    --------
    >>> describe_free(3_200_000_000).split(" under ")[0]
    '3.2 GB are free'
    """
    limit = binding_memory_limit()
    under = f" under {limit.name}" if limit is not None and limit.name else ""
    return f"{free / 1e9:.1f} GB are free{under}"


def binding_memory_limit(
    root: str = "", environment: Mapping[str, str] = os.environ
) -> MemoryLimit | None:
    """The limit that leaves the least memory; None where no limit is known."""
    return min(memory_limits(root, environment), key=lambda limit: limit.free, default=None)


def memory_limits(root: str = "", environment: Mapping[str, str] = os.environ) -> list[MemoryLimit]:
    """All limits on the memory of this process that are known.

    `root` is the path of a folder that holds ``proc`` and ``sys``, here and below.
    """
    return [
        *machine_memory(root),
        *cgroup_memory(root),
        *slurm_memory(root, environment),
        *ulimit_memory(root),
    ]


def core_limits(root: str = "", environment: Mapping[str, str] = os.environ) -> list[int]:
    """All limits on the number of cores that are known; see :func:`memory_limits`."""
    return [
        *affinity_cores(),
        *cgroup_cores(root),
        *slurm_cores(environment),
        *python_cores(environment),
    ]


@lru_cache(maxsize=1)
def _cores_of(_: int) -> int:
    return max(1, min(core_limits()))


def machine_memory(root: str) -> Iterator[MemoryLimit]:
    """Memory of the machine that is free, or easily freed; outside Linux, as psutil tells."""
    facts = _read(f"{root}/proc/meminfo")
    free = re.search(rb"^MemAvailable: *(\d+) kB", facts, re.MULTILINE)
    if free:
        yield MemoryLimit(int(free[1]) * 1024)
    elif not sys.platform.startswith("linux"):
        try:
            import psutil
        except ImportError:
            return
        yield MemoryLimit(int(psutil.virtual_memory().available))


def affinity_cores() -> Iterator[int]:
    """Processors that the system lets this process run on; all where it does not tell."""
    told = hasattr(os, "sched_getaffinity")
    yield len(os.sched_getaffinity(0)) if told else (os.cpu_count() or 1)


def python_cores(environment: Mapping[str, str]) -> Iterator[int]:
    """``PYTHON_CPU_COUNT``, which Python 3.13 and later take for the number of processors."""
    if environment.get("PYTHON_CPU_COUNT") != "default":
        yield from _counts(environment, "PYTHON_CPU_COUNT")


class Cgroups(NamedTuple):
    """Folders of the cgroups that a process is in for one resource, its own first.

    Attributes
    ----------
    v1, v2 : tuple of str
        In the hierarchies of version 1 and version 2; one of them is usually empty. Groups above
        the process's own limit it too, as far as it can see them: a container seldom can.
    """

    v1: tuple[str, ...]
    v2: tuple[str, ...]


def cgroup_memory(root: str) -> Iterator[MemoryLimit]:
    """Memory that the cgroups of this process leave free."""
    groups = find_cgroups(root, "memory")
    for folder in groups.v2:
        limits = [_number(folder, name) for name in ("memory.max", "memory.high")]
        yield from _free(limits, folder, "memory.current", b"inactive_file")
    for folder in groups.v1:
        limits = [_number(folder, "memory.limit_in_bytes")]
        if folder == groups.v1[0]:  # also of groups above it that cannot be seen from here
            limits.append(_statistic(folder, b"hierarchical_memory_limit"))
        yield from _free(limits, folder, "memory.usage_in_bytes", b"total_inactive_file")


def _free(
    limits: list[int | None], folder: str, usage: str, reclaimable: bytes
) -> Iterator[MemoryLimit]:
    known = [limit for limit in limits if limit is not None and limit < UNLIMITED]
    if known:
        # What the kernel gives back when memory is short counts as free.
        used = (_number(folder, usage) or 0) - (_statistic(folder, reclaimable) or 0)
        yield MemoryLimit(max(0, min(known) - max(0, used)), f"{_JOB} (cgroup)")


def cgroup_cores(root: str) -> Iterator[int]:
    """Processor time that the cgroups of this process have, in cores, rounded up."""
    groups = find_cgroups(root, "cpu")
    quotas = [_read(f"{folder}/cpu.max").split() for folder in groups.v2]
    for folder in groups.v1:
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        quotas.append([word for name in names for word in _read(f"{folder}/{name}").split()])
    for words in quotas:
        # "max 100000" in version 2 and "-1" in version 1 are no limit.
        if len(words) == 2 and all(word.isdigit() for word in words):
            quota, period = map(int, words)
            if period:
                yield max(1, -(-quota // period))


def find_cgroups(root: str, controller: str) -> Cgroups:
    """Find the cgroups that limit this process's "memory" or "cpu", which `controller` names.

    Notes
    -----
    ``/proc/self/cgroup`` names the group within its hierarchy, and ``/proc/self/mountinfo`` says
    which part of the hierarchy is mounted where: see the manual pages cgroups(7) and proc(5). The
    answer is kept for as long as the first of these says the same.
    """
    return _find_cgroups(root, controller, _read(f"{root}/proc/self/cgroup"))


@lru_cache(maxsize=16)
def _find_cgroups(root: str, controller: str, listing: bytes) -> Cgroups:
    mounts = list(_cgroup_mounts(_read(f"{root}/proc/self/mountinfo")))
    v1: tuple[str, ...] = ()
    v2: tuple[str, ...] = ()
    for line in os.fsdecode(listing).splitlines():
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        if number == "0" and not controllers:
            found = [mount for mount in mounts if mount.controllers is None]
            v2 = _folders(root, path, found)
        elif controller in controllers.split(","):
            found = [mount for mount in mounts if controller in (mount.controllers or ())]
            v1 = _folders(root, path, found)
    # A group of version 1 need not count the memory of the groups below it.
    counting = [folder for folder in v1[1:] if _number(folder, "memory.use_hierarchy") != 0]
    # One of version 2 need not limit anything: the topmost never does, and in a hybrid none.
    limiting = [folder for folder in v2 if os.path.exists(f"{folder}/{controller}.max")]
    return Cgroups((*v1[:1], *counting), tuple(limiting))


class _Mount(NamedTuple):
    group: str  # the group whose folder is mounted
    point: str  # where
    controllers: tuple[str, ...] | None  # of version 1; None for version 2


def _cgroup_mounts(mountinfo: bytes) -> Iterator[_Mount]:
    for line in os.fsdecode(mountinfo).splitlines():
        # id, parent, device, root, mount point, options, optional fields, "-", type, source, ...
        fields, _, rest = line.partition(" - ")
        words, (kind, _, options) = fields.split(), (*rest.split(), "", "", "")[:3]
        if len(words) >= 5 and kind in ("cgroup", "cgroup2"):
            controllers = None if kind == "cgroup2" else tuple(options.split(","))
            yield _Mount(_unescaped(words[3]), _unescaped(words[4]), controllers)


def _unescaped(path: str) -> str:
    """A path of mountinfo, where blanks and backslashes are written as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)


def _folders(root: str, path: str, mounts: list[_Mount]) -> tuple[str, ...]:
    """Folders of a group and of those above it, as far as they are mounted.

    Where no mount holds the group, as in a container whose manager moved the process, the mount's
    own group is taken: it is all that the container shows. A path that begins with ``..`` lies
    outside of what is mounted, and nothing is known about it.
    """
    if not mounts or not path.startswith("/") or ".." in path.split("/"):
        return ()
    holding = [mount for mount in mounts if f"{path}/".startswith(f"{mount.group.rstrip('/')}/")]
    if holding:
        mount = min(holding, key=lambda mount: len(mount.group))
        names = [name for name in path[len(mount.group.rstrip("/")) :].split("/") if name]
    else:
        mount, names = mounts[0], []
    point = f"{root}{mount.point}"
    chain = ["/".join([point, *names[:depth]]) for depth in range(len(names), -1, -1)]
    return tuple(folder for folder in chain if os.path.isdir(folder))


def slurm_memory(root: str, environment: Mapping[str, str]) -> Iterator[MemoryLimit]:
    """Memory that the process's SLURM job asked for on this node, less what the process holds.

    ``SLURM_MEM_PER_NODE``, or ``SLURM_MEM_PER_CPU`` and ``SLURM_MEM_PER_GPU`` times the number on
    the node, in megabytes of 2^20 bytes; 0 is all memory of the node (sbatch's manual page).
    """
    if not environment.get("SLURM_JOB_ID"):
        return
    for name, factors in _SLURM_MEMORY.items():
        value = environment.get(name, "")
        if not value:
            continue
        found = re.fullmatch(r"(\d+)([KMGT]?)", value)
        if not found:
            raise ValueError(f"{name}: found {value!r}, expected a number of megabytes")
        megabytes = int(found[1]) * _MEGABYTES[found[2]]
        times = [count for factor in factors for count in _counts(environment, factor)]
        if megabytes and (times or not factors):
            total = int(megabytes * 2**20) * (times or [1])[0]
            yield MemoryLimit(max(0, total - _pages(root)[1]), f"{_JOB} (SLURM)")


def slurm_cores(environment: Mapping[str, str]) -> Iterator[int]:
    """Processors of the process's SLURM job: per task, and on this node."""
    if environment.get("SLURM_JOB_ID"):
        yield from _counts(environment, "SLURM_CPUS_PER_TASK")
        yield from _counts(environment, "SLURM_CPUS_ON_NODE")


def _counts(environment: Mapping[str, str], name: str) -> Iterator[int]:
    """The count that a variable holds, if it is set."""
    value = environment.get(name, "")
    if value and not (value.isascii() and value.isdigit() and int(value)):
        raise ValueError(f"{name}: found {value!r}, expected a whole number of 1 or more")
    if value:
        yield int(value)


def ulimit_memory(root: str) -> Iterator[MemoryLimit]:
    """Address space (``ulimit -v``) and data (``ulimit -d``) that this process may still map."""
    if not sys.platform.startswith("linux"):
        return  # Windows has no such limits, and macOS does not enforce them
    import resource

    space, _ = resource.getrlimit(resource.RLIMIT_AS)
    if space != resource.RLIM_INFINITY:
        yield MemoryLimit(max(0, space - _pages(root)[0]), f"{_PROCESS} (ulimit -v)")
    data, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if data != resource.RLIM_INFINITY:
        status = _read(f"{root}/proc/self/status")
        found = re.search(rb"^VmData:\s*(\d+) kB", status, re.MULTILINE)
        used = int(found[1]) * 1024 if found else 0
        yield MemoryLimit(max(0, data - used), f"{_PROCESS} (ulimit -d)")


def _pages(root: str) -> tuple[int, int]:
    """Bytes of address space and of resident memory of this process."""
    words = _read(f"{root}/proc/self/statm").split()
    size = os.sysconf("SC_PAGE_SIZE") if words else 0
    return (int(words[0]) * size, int(words[1]) * size) if len(words) > 1 else (0, 0)


def _read(path: str) -> bytes:
    """All of a file of the kernel's; nothing where it is absent or may not be read."""
    try:
        stream = os.open(path, os.O_RDONLY)  # two thirds of the time that open() takes
    except OSError:
        return b""
    try:
        return b"".join(iter(lambda: os.read(stream, 65536), b""))
    except OSError:
        return b""
    finally:
        os.close(stream)


def _number(folder: str, name: str) -> int | None:
    """The number in a file of a cgroup; None for "max" and where there is none."""
    text = _read(f"{folder}/{name}").strip()
    return int(text) if text.isdigit() else None


def _statistic(folder: str, name: bytes) -> int | None:
    """A line of a cgroup's ``memory.stat``."""
    found = re.search(rb"^%b (\d+)$" % name, _read(f"{folder}/memory.stat"), re.MULTILINE)
    return int(found[1]) if found else None
