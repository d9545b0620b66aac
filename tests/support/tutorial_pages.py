"""Pages of the documentation that are run word for word, in a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    *("Snakefile", "config.yaml", "config", "envs", "profiles"),
    *("report", "rules", "scripts", "src", "docs"),
)
DECIMAL = re.compile(r"-?\d+\.\d+")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Language and text of each block of code of a page."""
    yield from FENCE.findall(page.read_text(encoding="utf-8"))


def agree(found: str, expected: str) -> bool:
    """Whether two printouts are the same but for spaces and the last digit of decimals."""
    words, wanted = found.split(), expected.split()
    if len(words) != len(wanted):
        return False
    return all(a == b or _near(a, b) for a, b in zip(words, wanted, strict=True))


def _near(found: str, expected: str) -> bool:
    if not (DECIMAL.fullmatch(found) and DECIMAL.fullmatch(expected)):
        return False
    return abs(float(found) - float(expected)) <= 1.01 * 10.0 ** -len(expected.split(".")[1])


def environment(folder: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "SNAKEMAKE_PROFILE")}
    programs = str(Path(sys.executable).parent)
    return {
        **kept,
        "PATH": os.pathsep.join([programs, kept.get("PATH", "")]),
        # As in an environment that this copy is installed in.
        "PYTHONPATH": str(folder / "src"),
        "OMP_NUM_THREADS": "1",
    }


def run(folder: Path, command: list[str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout


def run_page(page: Path, folder: Path) -> Path:
    """Make a checkout in which every block of a page was run, outputs compared on the way."""
    folder.mkdir()
    for part in PARTS:
        source = ROOT / part
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "_build")
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=ignored)
        else:
            shutil.copy2(source, folder / part)
    printed = ""
    for language, text in blocks(page):
        if language == "yaml":
            name = re.match(r"# (\S+)\n", text)
            assert name, f"a block of YAML does not say its file: {text}"
            (folder / name[1]).write_text(text, encoding="utf-8")
        elif language == "text":
            assert agree(printed, text), printed
        else:
            shell = ["bash", "-euc"] if language == "bash" else [sys.executable, "-c"]
            printed = run(folder, [*shell, text])
    return folder
