"""The page on NWB files, word for word, in a copy of the repository."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from tutorial_pages import blocks, run_page

pytestmark = [pytest.mark.slow, pytest.mark.workflow]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "nwb.md"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a checkout in which every block was run."""
    return run_page(PAGE, tmp_path_factory.mktemp("nwb") / "checkout") / "results"


def test_ten_lines_are_ten_lines() -> None:
    first = next(text for language, text in blocks(PAGE) if language == "yaml")
    lines = [line for line in first.splitlines() if not line.startswith("#")]
    assert len(lines) == 10


def test_everything_says_that_it_is_simulated(results: Path) -> None:
    assert json.loads((results / "laboratory/store/dataset.json").read_text())["simulated"] is True


def test_regions_are_told_from_one_another(results: Path) -> None:
    floor = pd.read_csv(results / "geometry/laboratory/procrustes/noise_floor.csv")
    assert (floor["floor"] < floor["median"]).all()
    assert floor["identified"].mean() > 0.5


def test_the_table_of_use_adds_up(results: Path) -> None:
    use = pd.read_csv(results / "laboratory/used.csv", keep_default_na=False)
    sums = use.groupby(["session", "kind"])["number"].sum().unstack()
    assert (sums["units"] == 140).all()
    assert sums["trials"].tolist() == [96, 96, 87]
