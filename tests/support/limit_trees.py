"""Files of the kernel as they look on machines, in containers and in jobs of several kinds."""

from __future__ import annotations

from pathlib import Path

GIB = 2**30
#: What version 1 of control groups writes for "no limit": the largest multiple of a page.
NO_LIMIT = 9223372036854771712

MEMINFO = """\
MemTotal:       65842340 kB
MemFree:         9034212 kB
MemAvailable:   24117248 kB
Buffers:          812344 kB
Cached:         14987120 kB
SwapCached:            0 kB
Active:         20313456 kB
"""
#: MemAvailable of MEMINFO in bytes.
MACHINE = 23 * GIB

STATUS = """\
Name:\tpython3
State:\tR (running)
VmPeak:\t 5242880 kB
VmSize:\t 4194304 kB
VmRSS:\t  524288 kB
VmData:\t 1048576 kB
VmStk:\t     132 kB
Threads:\t3
"""
#: Pages of 4096 bytes: 4 GiB of address space, 0.5 GiB of them resident.
STATM = "1048576 131072 8192 701 0 280000 0\n"

DOCKER = "3f4a1c9d5be2a7c08e1f6b2d9a4c7e5f1b8d3a6c9e2f5b8a1d4c7e0f3b6a9d2c"
POD = "pod6f0c3ad2-58c2-4c0e-a1be-3a5c1c6a9f11"

V2_HOST_MOUNT = (
    "35 24 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 "
    "rw,nsdelegate,memory_recursiveprot\n"
)
OTHER_MOUNTS = """\
24 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw,errors=remount-ro
25 24 0:22 / /proc rw,nosuid,nodev,noexec,relatime shared:13 - proc proc rw
26 24 0:23 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
"""
V1_HOST_MOUNTS = """\
30 26 0:26 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,mode=755
31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid,nodev,noexec,relatime shared:10 - cgroup2 cgroup2 rw
32 30 0:28 / /sys/fs/cgroup/systemd rw,nosuid,relatime shared:11 - cgroup cgroup rw,name=systemd
36 30 0:32 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid,relatime shared:16 - cgroup cgroup rw,cpu,cpuacct
41 30 0:37 / /sys/fs/cgroup/memory rw,nosuid,relatime shared:21 - cgroup cgroup rw,memory
"""


def stat_v2(inactive_file: int) -> str:
    """The lines of ``memory.stat`` around what can be given back."""
    return (
        f"anon 81920\nfile 1234\nkernel 5\ninactive_anon 7\nactive_anon 8\n"
        f"inactive_file {inactive_file}\nactive_file 11\n"
    )


def stat_v1(inactive_file: int, limit: int = NO_LIMIT) -> str:
    """The same of version 1, with the least limit of all groups above."""
    return (
        f"cache 1\nrss 2\ninactive_file 3\nhierarchical_memory_limit {limit}\n"
        f"hierarchical_memsw_limit {NO_LIMIT}\ntotal_cache 4\ntotal_inactive_file {inactive_file}\n"
    )


def group_v2(
    folder: str,
    *,
    current: int,
    maximum: object = "max",
    high: object = "max",
    cache: int = 0,
    cpu: str = "max 100000",
) -> dict[str, str]:
    """Files of a group of version 2, other than the topmost."""
    return {
        f"{folder}/memory.max": f"{maximum}\n",
        f"{folder}/memory.high": f"{high}\n",
        f"{folder}/memory.current": f"{current}\n",
        f"{folder}/memory.stat": stat_v2(cache),
        f"{folder}/cpu.max": f"{cpu}\n",
    }


def group_v1(
    folder: str,
    *,
    usage: int,
    limit: int = NO_LIMIT,
    cache: int = 0,
    hierarchical: int = NO_LIMIT,
    use_hierarchy: int = 1,
) -> dict[str, str]:
    """Files of a group of memory of version 1."""
    return {
        f"{folder}/memory.limit_in_bytes": f"{limit}\n",
        f"{folder}/memory.usage_in_bytes": f"{usage}\n",
        f"{folder}/memory.stat": stat_v1(cache, hierarchical),
        f"{folder}/memory.use_hierarchy": f"{use_hierarchy}\n",
    }


def quota_v1(folder: str, quota: int, period: int = 100000) -> dict[str, str]:
    """Files of a group of processor time of version 1."""
    return {
        f"{folder}/cpu.cfs_quota_us": f"{quota}\n",
        f"{folder}/cpu.cfs_period_us": f"{period}\n",
    }


def write_tree(folder: Path, cgroup: str, mounts: str, files: dict[str, str]) -> str:
    """Write the files of a machine below a folder, and return the folder as text."""
    everywhere = {
        "proc/meminfo": MEMINFO,
        "proc/self/status": STATUS,
        "proc/self/statm": STATM,
        "proc/self/cgroup": cgroup,
        "proc/self/mountinfo": OTHER_MOUNTS + mounts,
    }
    for name, text in {**everywhere, **files}.items():
        path = folder / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(folder)


def systemd_v2(folder: Path) -> str:
    """A shell of a desktop or server: slices within slices, of which two have limits."""
    user = "/sys/fs/cgroup/user.slice"
    service = f"{user}/user-1000.slice/user@1000.service"
    return write_tree(
        folder,
        "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-u42.scope\n",
        V2_HOST_MOUNT,
        {
            **group_v2(user, current=20 * GIB),
            **group_v2(f"{user}/user-1000.slice", current=9 * GIB, maximum=12 * GIB, cache=GIB),
            **group_v2(service, current=3 * GIB),
            **group_v2(f"{service}/app.slice", current=3 * GIB, cpu="350000 100000"),
            **group_v2(f"{service}/app.slice/run-u42.scope", current=GIB, high=6 * GIB),
            "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory hugetlb pids rdma misc\n",
            "/sys/fs/cgroup/memory.stat": stat_v2(0),
        },
    )


def docker_v2(folder: Path) -> str:
    """A container with a namespace of its own: its group is all there is."""
    mount = (
        "1029 1028 0:30 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup "
        "rw,nsdelegate,memory_recursiveprot\n"
    )
    group = group_v2(
        "/sys/fs/cgroup", current=2 * GIB, maximum=4 * GIB, cache=GIB // 2, cpu="150000 100000"
    )
    return write_tree(folder, "0::/\n", mount, group)


def docker_v1(folder: Path) -> str:
    """A container that sees its group by the host's name, mounted as if it were the topmost."""
    mounts = f"""\
1034 1033 0:60 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,mode=755
1038 1034 0:32 /docker/{DOCKER} /sys/fs/cgroup/cpu,cpuacct ro,nosuid - cgroup cgroup rw,cpu,cpuacct
1041 1034 0:37 /docker/{DOCKER} /sys/fs/cgroup/memory ro,nosuid master:21 - cgroup cgroup rw,memory
"""
    listing = f"11:memory:/docker/{DOCKER}\n4:cpu,cpuacct:/docker/{DOCKER}\n0::/system.slice\n"
    return write_tree(
        folder,
        listing,
        mounts,
        {
            **group_v1(
                "/sys/fs/cgroup/memory",
                usage=3 * GIB,
                limit=5 * GIB,
                cache=GIB,
                hierarchical=5 * GIB,
            ),
            **quota_v1("/sys/fs/cgroup/cpu,cpuacct", 200000),
        },
    )


def hybrid(folder: Path) -> str:
    """Version 1 limits memory, and version 2 is mounted beside it without controllers."""
    memory = "/sys/fs/cgroup/memory"
    return write_tree(
        folder,
        "12:memory:/user.slice/limited.scope\n5:cpu,cpuacct:/user.slice\n"
        "1:name=systemd:/user.slice/limited.scope\n0::/user.slice/limited.scope\n",
        V1_HOST_MOUNTS,
        {
            **group_v1(memory, usage=30 * GIB),
            **group_v1(f"{memory}/user.slice", usage=8 * GIB, limit=10 * GIB, cache=GIB),
            **group_v1(f"{memory}/user.slice/limited.scope", usage=GIB, hierarchical=10 * GIB),
            **quota_v1("/sys/fs/cgroup/cpu,cpuacct", -1),
            **quota_v1("/sys/fs/cgroup/cpu,cpuacct/user.slice", -1),
            "/sys/fs/cgroup/unified/user.slice/limited.scope/cgroup.procs": "4242\n",
        },
    )


def slurm_v1(folder: Path) -> str:
    """A step of a SLURM job: the job has a limit, the task beneath it none of its own."""
    job = "/sys/fs/cgroup/memory/slurm/uid_1000/job_4242"
    return write_tree(
        folder,
        "9:memory:/slurm/uid_1000/job_4242/step_0/task_0\n4:cpu,cpuacct:/\n",
        V1_HOST_MOUNTS,
        {
            **group_v1("/sys/fs/cgroup/memory", usage=40 * GIB),
            **group_v1("/sys/fs/cgroup/memory/slurm", usage=20 * GIB),
            **group_v1("/sys/fs/cgroup/memory/slurm/uid_1000", usage=9 * GIB),
            **group_v1(job, usage=2 * GIB, limit=3 * GIB, cache=GIB // 4),
            **group_v1(f"{job}/step_0", usage=2 * GIB, hierarchical=3 * GIB),
            **group_v1(f"{job}/step_0/task_0", usage=GIB, hierarchical=3 * GIB),
        },
    )


def kubernetes_v1(folder: Path) -> str:
    """A pod's container: a group above, which cannot be seen, leaves less than its own."""
    group = f"/kubepods/burstable/{POD}/{DOCKER}"
    mounts = f"""\
2430 2429 0:331 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,mode=755
2437 2430 0:32 {group} /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct
2441 2430 0:37 {group} /sys/fs/cgroup/memory ro,nosuid master:21 - cgroup cgroup rw,memory
"""
    return write_tree(
        folder,
        f"11:memory:{group}\n4:cpuacct,cpu:{group}\n",
        mounts,
        {
            **group_v1("/sys/fs/cgroup/memory", usage=GIB, hierarchical=2 * GIB),
            **quota_v1("/sys/fs/cgroup/cpu,cpuacct", 50000),
        },
    )


def kubernetes_v2(folder: Path) -> str:
    """The container of a pod whose whole hierarchy is mounted; the pod has the limit."""
    names = ["kubepods.slice", "kubepods-burstable.slice", f"kubepods-burstable-{POD}.slice"]
    scope = "/".join([*names, f"cri-containerd-{DOCKER}.scope"])
    pod = "/sys/fs/cgroup/" + "/".join(names)
    return write_tree(
        folder,
        f"0::/{scope}\n",
        V2_HOST_MOUNT,
        {
            **group_v2(pod, current=6 * GIB, maximum=8 * GIB, cpu="250000 50000"),
            **group_v2(f"/sys/fs/cgroup/{scope}", current=5 * GIB, cpu="max 100000"),
        },
    )
