"""The benchmarks run from one command, and keep what they print."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest


def bench(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_quick_cases_leave_tables_and_facts_about_the_machine(root: Path, tmp_path: Path) -> None:
    done = bench(root, "--quick", "--only", "bound", "scaling", "memory", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    bound = pd.read_csv(tmp_path / "bound.csv")
    assert (bound["largest difference (rad)"] < 1e-9).all()
    assert (bound["pairs / bound"] > 0).all()
    assert set(pd.read_csv(tmp_path / "scaling.csv")["K"]) == {25, 50}
    memory = pd.read_csv(tmp_path / "memory.csv")
    assert (memory["peak (MB)"] >= memory["imports (MB)"]).all()
    assert {"processor", "cores", "blas", "load average"} <= set(
        pd.read_csv(tmp_path / "machine.csv")["what"]
    )
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert report.strip() == done.stdout.strip()
    assert [line for line in report.splitlines() if line.startswith("## ")] == [
        "## bound: all pairs against the same products and singular values alone",
        "## scaling: time a pair against the number of networks",
        "## memory: peak of resident memory, out of core",
    ]


def test_a_folder_that_is_no_checkout_is_refused(root: Path, tmp_path: Path) -> None:
    done = bench(root, "--netrep", str(tmp_path))
    assert done.returncode == 2
    assert "holds no folder netrep" in done.stderr
