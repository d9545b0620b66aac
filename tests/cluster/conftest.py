"""A SLURM of one node on this machine's loopback interface, for as long as the tests last."""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = (
    *("slurmctld", "slurmd", "munged", "setpriv"),
    *("sbatch", "srun", "sinfo", "squeue", "scancel", "scontrol"),
)
PACKAGES = "munge slurmctld slurmd slurm-client slurm-wlm-basic-plugins"
#: Debian keeps daemons where a user's PATH may not lead.
SEARCHED = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])

CONFIGURATION = """
ClusterName=single
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MinJobAge=3600
KillWait=2
ReturnToService=2
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
NodeName=localhost NodeAddr=127.0.0.1 CPUs=2 RealMemory=8000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=UNLIMITED State=UP
"""


class Slurm:
    """A controller, one node of two cores, and the daemon by which they trust each other.

    Memory limits hold: a job that exceeds its own is killed within a second or two.

    Parameters
    ----------
    folder : Path
        For configuration, state and logs; all users may enter it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: dict[str, subprocess.Popen] = {}
        for name in ("state", "spool", "bin"):
            (folder / name).mkdir()
        controller_port, node_port = free_ports(2)
        self.configuration = folder / "slurm.conf"
        self.configuration.write_text(
            CONFIGURATION.format(
                folder=folder, controller_port=controller_port, node_port=node_port
            )
        )
        key = folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        # Snakemake's jobs call srun without SLURM_CONF, as if every cluster kept it in /etc.
        srun = folder / "bin" / "srun"
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.configuration} exec {found("srun")} "$@"\n')
        srun.chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which a process finds this SLURM and no other."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SLURM_", "SBATCH_", "SRUN_", "SNAKEMAKE_"))
        }
        path = os.pathsep.join([str(self.folder / "bin"), SEARCHED])
        return {
            **inherited,
            "SLURM_CONF": str(self.configuration),
            "SBATCH_PARTITION": "main",
            "PATH": path,
        }

    def start(self) -> None:
        self._start(
            *("munged", "--foreground", f"--key-file={self.folder}/munge.key"),
            f"--socket={self.folder}/munge.socket",
            f"--pid-file={self.folder}/munged.pid",
            f"--log-file={self.folder}/munged.log",
            f"--seed-file={self.folder}/munge.seed",
        )
        wait_until(lambda: (self.folder / "munge.socket").exists(), 20, self.logs)
        self._start("slurmctld", "-D")
        self.start_node()

    def start_node(self) -> None:
        started = self._log("slurmd").count("slurmd started")
        self._start("slurmd", "-D", "-N", "localhost")
        wait_until(lambda: self._log("slurmd").count("slurmd started") > started, 30, self.logs)
        wait_until(
            lambda: self.answer("sinfo", "-h", "-o", "%T") in ("idle", "mixed", "allocated"),
            30,
            self.logs,
        )

    def kill_node(self) -> None:
        """End the node's daemon at once, as a crash would; its jobs run on."""
        daemon = self.daemons.pop("slurmd")
        daemon.kill()
        daemon.wait()

    def stop(self) -> None:
        if "slurmctld" in self.daemons:
            self.answer("scancel", "--user=root", "--signal=KILL", "--full")
            self.answer("scancel", "--user=root")
            deadline = time.monotonic() + 15
            while self.answer("squeue", "-h") and time.monotonic() < deadline:
                time.sleep(0.2)
        for name in ("slurmd", "slurmctld", "munged"):
            daemon = self.daemons.pop(name, None)
            if daemon is None:
                continue
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def answer(self, *command: str) -> str:
        """What one of SLURM's programs prints; nothing where it fails."""
        done = subprocess.run(
            [found(command[0]), *command[1:]],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    def jobs(self) -> list[dict[str, str]]:
        """All jobs that there were, in order: `JobId`, `JobState`, `Comment`, `StdOut`, ..."""
        lines = self.answer("scontrol", "--oneliner", "show", "jobs").splitlines()
        jobs = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in lines]
        return sorted((job for job in jobs if "JobId" in job), key=lambda job: int(job["JobId"]))

    def job(self, id: str) -> dict[str, str]:
        return next(job for job in self.jobs() if job["JobId"] == id)

    def logs(self) -> str:
        logs = sorted(self.folder.glob("*.log")) + sorted(self.folder.glob("*.out"))
        return "\n".join(f"--- {log.name}\n{log.read_text()[-2000:]}" for log in logs)

    def _log(self, name: str) -> str:
        log = self.folder / f"{name}.log"
        return log.read_text() if log.exists() else ""

    def _start(self, name: str, *options: str) -> None:
        with open(self.folder / f"{name}.out", "a") as output:
            self.daemons[name] = subprocess.Popen(
                # Should the tests be killed, their daemons end too.
                [found("setpriv"), "--pdeathsig", "TERM", found(name), *options],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


def found(program: str) -> str | None:
    return shutil.which(program, path=SEARCHED)


def free_ports(n: int) -> list[int]:
    sockets = [socket.socket() for _ in range(n)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def wait_until(
    holds: Callable[[], object], seconds: float, explain: Callable[[], str] = str
) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, explain()[-6000:]
        time.sleep(0.05)


@pytest.fixture(scope="session")
def copied(root: Path) -> Callable[..., Any]:
    """Makes copies of the workflow, as its own tests do: ``copied(folder, config)``."""
    file = root / "tests" / "workflow" / "conftest.py"
    spec = importlib.util.spec_from_file_location("workflow_checkouts", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.copied


def why_not() -> str | None:
    """Why a SLURM cannot be started here; None where it can."""
    missing = [program for program in PROGRAMS if found(program) is None]
    if missing:
        return f"SLURM is not installed (on Debian: apt-get install {PACKAGES}): no {missing[0]}"
    if os.geteuid() != 0:
        return "SLURM's daemons are started by root only"
    return None


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """A SLURM that runs; without its programs the tests are skipped."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    # Short, because of its sockets, and open to all, because munged asks for that.
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o755)
    node = Slurm(folder)
    try:
        try:
            node.start()
        except (AssertionError, OSError) as error:  # as in containers that forbid what it needs
            pytest.skip(f"SLURM is installed and does not start here: {str(error)[-1000:]}")
        yield node
    finally:
        node.stop()
        shutil.rmtree(folder, ignore_errors=True)
