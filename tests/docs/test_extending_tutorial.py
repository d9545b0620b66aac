"""The tutorial on datasets of one's own, word for word, in a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.workflow]

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "extending.md"
PARTS = (
    *("Snakefile", "config.yaml", "config", "envs", "profiles"),
    *("report", "rules", "scripts", "src", "docs"),
)
DECIMAL = re.compile(r"-?\d+\.\d+")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> Iterator[tuple[str, str]]:
    yield from FENCE.findall(GUIDE.read_text(encoding="utf-8"))


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


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which every block was run, outputs compared on the way."""
    folder = tmp_path_factory.mktemp("tutorial") / "checkout"
    folder.mkdir()
    for part in PARTS:
        source = ROOT / part
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "_build")
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=ignored)
        else:
            shutil.copy2(source, folder / part)
    printed = ""
    for language, text in blocks():
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


def test_every_figure_of_the_files_is_there(tutorial: Path) -> None:
    figures = tutorial / "results" / "figures" / "mlps"
    for metric in ("procrustes", "cca"):
        names = {path.stem for path in (figures / metric).glob("*.pdf")}
        assert {"embedding", "distortion", "dendrogram", "predictions_accuracy"} <= names
    assert (tutorial / "results" / "report.html").stat().st_size > 100_000


def test_printouts_agree_to_the_last_digit_of_decimals() -> None:
    assert agree("a  36 0.8\n", "a 36 0.7")
    assert not agree("a 36 0.8", "a 36 0.6")
    assert not agree("a 36", "a 35")
    assert not agree("a 36", "a 36 0.8")


def test_accuracy_is_predicted_from_distances_better_than_by_chance(tutorial: Path) -> None:
    scores = pd.read_csv(tutorial / "results/learning/mlps/procrustes/regression.csv")
    assert (scores["r2"] > scores["null_r2_high"]).all()
    assert (scores["r2"] > 0.4).all()


def test_class_route_gives_a_figure(tutorial: Path) -> None:
    assert (tutorial / "results/figures/forests/procrustes/embedding.pdf").is_file()
    index = pd.read_csv(tutorial / "results/forests/store/index.csv")
    assert len(index) == 12
    assert {"model", "depth", "accuracy"} <= set(index)
