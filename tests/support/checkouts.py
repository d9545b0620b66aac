"""Copies of the workflow that tests may edit, run and break."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    *("Snakefile", "config.yaml", "config", "envs", "profiles"),
    *("report", "rules", "scripts", "src"),
)


@dataclass
class Checkout:
    """A copy of the workflow that a test may edit, and run in place."""

    folder: Path
    config: str = "test.yaml"
    runner: str = "snakemake"
    extra: str = ""

    @property
    def results(self) -> Path:
        return self.folder / "results"

    def command(self, *options: str) -> list[str]:
        return [
            *(sys.executable, "-m", self.runner, *options),
            # Last, since it would take targets for further files.
            *("--configfile", str(self.folder / "config" / self.config)),
        ]

    def environment(self) -> dict[str, str]:
        # The workflow puts its own sources first; nothing of the caller's may interfere.
        return {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "SNAKEMAKE_PROFILE")}

    def start(self, *options: str) -> subprocess.Popen:
        return subprocess.Popen(
            self.command(*options),
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *options: str, expect: int = 0) -> str:
        process = self.start(*options)
        try:
            output, _ = process.communicate(timeout=1200)
        finally:
            if process.poll() is None:  # too slow, or the test was interrupted: with its jobs
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        assert process.returncode == expect, output[-6000:]
        return output

    def planned(self, *options: str) -> dict[str, int]:
        """Jobs by rule that a run would do."""
        output = self.run("--dry-run", "--quiet", "host", "reason", *options)
        if "Nothing to be done" in output:
            return {}
        lines = output.splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith("job "))
        jobs = {}
        for line in lines[start + 2 :]:
            parts = line.split()
            if len(parts) != 2:
                break
            jobs[parts[0]] = int(parts[1])
        jobs.pop("total", None)
        return jobs

    def copy(self, target: Path) -> Checkout:
        shutil.copytree(self.folder, target, symlinks=True)
        return Checkout(target, self.config, self.runner, self.extra)


def copied(folder: Path, config: str = "test.yaml") -> Checkout:
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(source, folder / part, ignore=ignored)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / part)
    return Checkout(folder, config)
