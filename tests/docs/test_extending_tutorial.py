"""The tutorial on datasets of one's own, word for word, in a copy of the repository."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from tutorial_pages import agree, run_page

pytestmark = [pytest.mark.slow, pytest.mark.workflow]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which every block was run, outputs compared on the way."""
    return run_page(
        ROOT / "docs" / "extending.md", tmp_path_factory.mktemp("tutorial") / "checkout"
    )


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
