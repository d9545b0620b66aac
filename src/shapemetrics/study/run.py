"""Run the study's workflow, taking up a killed run where it stopped: what `make run` calls.

Snakemake locks its working directory, and a run that was killed outright leaves the lock behind.
Here a lock is lifted if, and only if, no run is at work in the directory any more.

Snakemake's ``--cores all`` counts the processors that a process may run on, whatever quota a
container or a job has. Here it means the cores that the process may use.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from shapemetrics.limits import available_cores
from shapemetrics.study.provenance import damaged_files

#: Held by the operating system for as long as the run lives, so a killed run never keeps it.
OWN_LOCK = Path(".snakemake") / "run.lock"
SNAKEMAKE_LOCKS = Path(".snakemake") / "locks"

SNAKEMAKE = (sys.executable, "-m", "snakemake")
DRY_RUN = {"-n", "--dry-run", "--dryrun"}


def main(arguments: Sequence[str]) -> int:
    """Run Snakemake in the working directory.

    Parameters
    ----------
    arguments : sequence of str
        For Snakemake; or ``--verify`` and the results folder, to look for damaged results.

    Returns
    -------
    int
        Snakemake's exit status; 1 where another run is at work here.
    """
    if arguments and arguments[0] == "--verify":
        return verify(*arguments[1:])
    arguments = with_number_of_cores(arguments)
    if DRY_RUN & set(arguments):  # it changes nothing, whatever else is at work here
        return subprocess.run([*SNAKEMAKE, *arguments]).returncode
    OWN_LOCK.parent.mkdir(exist_ok=True)
    try:
        with FileLock(OWN_LOCK, timeout=0):
            return _run(arguments)
    except Timeout:
        return _refused("another run")


def _run(arguments: Sequence[str]) -> int:
    if _locked():
        others = runs_at_work(Path.cwd())
        if others:
            return _refused(f"process {others[0]}")
        print("a run was cut off here; taking it up where it stopped", file=sys.stderr)
        unlocked = subprocess.run(
            [*SNAKEMAKE, *arguments, "--unlock"], capture_output=True, text=True
        )
        if unlocked.returncode:
            sys.stderr.write(unlocked.stdout + unlocked.stderr)
            return unlocked.returncode
    return subprocess.run([*SNAKEMAKE, *arguments]).returncode


def with_number_of_cores(arguments: Sequence[str]) -> list[str]:
    """Snakemake's arguments, with the number of cores that the process may use for "all".

    Parameters
    ----------
    arguments : sequence of str
        For Snakemake, where ``--cores all`` is also ``--cores=all``, ``-c all`` and ``-call``.

    Returns
    -------
    list of str

    Examples
    --------
    >>> with_number_of_cores(["--cores", "2", "--", "all"])
    ['--cores', '2', '--', 'all']
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    named = list(arguments)
    for k, word in enumerate(arguments[:end]):
        if word in ("--cores=all", "-call", "-c=all"):
            named[k] = f"--cores={available_cores()}"
        elif word == "all" and k and arguments[k - 1] in ("--cores", "-c"):
            named[k] = str(available_cores())
    return named


def verify(results: str = "results") -> int:
    """Compare every result with its digest; print those that are damaged.

    Parameters
    ----------
    results : str
        Folder of results.

    Returns
    -------
    int
        0 if all are whole, 1 otherwise.
    """
    try:
        damaged = damaged_files(results)
    except ValueError as error:
        damaged = [str(error)]
    print(*(damaged or ["every result is what the last whole run wrote"]), sep="\n")
    return int(bool(damaged))


def runs_at_work(folder: Path) -> list[int]:
    """Ids of the processes in which Snakemake works in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            is_snakemake = any(
                Path(word).name == "snakemake" or word == "snakemake" for word in words[:4]
            )
            if is_snakemake and Path(process.cwd()) == folder:
                found.append(process.pid)
        except psutil.Error:
            continue  # it ended, or is somebody else's
    return found


def _locked() -> bool:
    return SNAKEMAKE_LOCKS.is_dir() and any(SNAKEMAKE_LOCKS.iterdir())


def _refused(who: str) -> int:
    print(
        f"error: {who} is at work in {Path.cwd()}; wait for it, or end it and run again",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
