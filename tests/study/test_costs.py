"""Costs: benchmark files become a table, and time scales with the work that it follows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from shapemetrics.study import Study, load_config
from shapemetrics.study.costs import extrapolated_costs, measured_costs, write_costs

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


@pytest.fixture(scope="module")
def study_of():
    root = Path(__file__).resolve().parents[2]

    def study_of(*names: str) -> Study:
        return Study(load_config(*(root / name for name in names)))

    return study_of


@pytest.fixture
def benchmarks(tmp_path: Path) -> Path:
    def write(rule: str, name: str, seconds: float, memory: str, cpu: float) -> None:
        folder = tmp_path / rule
        folder.mkdir(exist_ok=True)
        row = f"{seconds}\t0:00:00\t{memory}\t1\t1\t1\t0\t0\t99\t{cpu}\n"
        (folder / f"{name}.tsv").write_text(HEADER + row)

    write("train_networks", "0", 721.0, "500.5", 700.0)
    write("train_networks", "1", 361.0, "480.0", 350.0)
    write("compute_distances", "pool", 37.0, "200.0", 35.0)
    write("draw_geometry", "a", 1.0, "-", 0.5)  # too short to be sampled
    return tmp_path


def test_jobs_of_a_rule_are_added_up(benchmarks: Path):
    costs = measured_costs(benchmarks).set_index("rule")
    assert list(costs.index) == ["train_networks", "compute_distances", "draw_geometry"]
    train = costs.loc["train_networks"]
    assert train["jobs"] == 2
    assert train["hours"] == pytest.approx(1082 / 3600)
    assert train["longest_job_minutes"] == pytest.approx(721 / 60)
    assert train["cpu_hours"] == pytest.approx(1050 / 3600)
    assert train["peak_memory_mb"] == 500.5
    assert pd.isna(costs.loc["draw_geometry", "peak_memory_mb"])


def test_time_scales_with_networks_and_epochs(benchmarks: Path, study_of, tmp_path: Path):
    overlay = tmp_path / "twice.yaml"
    overlay.write_text("datasets: {nasbench: {n_networks: 480, training: {epochs: 10}}}\n")
    here, there = study_of("config.yaml"), study_of("config.yaml", str(overlay))
    costs = extrapolated_costs(measured_costs(benchmarks), here, there).set_index("rule")
    # Twice the networks for twice the epochs; two jobs' starts of 1 s are no work.
    assert costs.loc["train_networks", "hours_there"] == pytest.approx(4 * 1080 / 3600)
    # Selections of all networks have four times the pairs, those of a few networks as many.
    ratio = costs.loc["compute_distances", "hours_there"] / (36 / 3600)
    assert 2.0 < ratio <= 4.0
    assert pd.isna(costs.loc["draw_geometry", "hours_there"])


def test_the_published_scale_costs_more_by_orders_of_magnitude(benchmarks: Path, study_of):
    costs = extrapolated_costs(
        measured_costs(benchmarks),
        study_of("config.yaml"),
        study_of("config.yaml", "config/paper.yaml"),
    ).set_index("rule")
    known = costs.dropna(subset=["hours_there"])
    assert (known["hours_there"] > 50 * known["hours"]).all()


def test_same_study_costs_the_same_without_the_jobs_starts(benchmarks: Path, study_of):
    study = study_of("config.yaml")
    costs = extrapolated_costs(measured_costs(benchmarks), study, study).set_index("rule")
    assert costs.loc["train_networks", "hours_there"] == pytest.approx(1080 / 3600)
    assert costs.loc["compute_distances", "hours_there"] == pytest.approx(36 / 3600)


def test_table_is_written_whole(benchmarks: Path, study_of, tmp_path: Path):
    study = study_of("config.yaml")
    write_costs(extrapolated_costs(measured_costs(benchmarks), study, study), tmp_path / "c.csv")
    table = pd.read_csv(tmp_path / "c.csv")
    assert table["rule"].iloc[0] == "train_networks"
    assert "hours_there" in table


def test_missing_and_foreign_files_are_named(tmp_path: Path):
    with pytest.raises(ValueError, match="found no benchmark files"):
        measured_costs(tmp_path)
    (tmp_path / "rule").mkdir()
    (tmp_path / "rule" / "x.tsv").write_text("a\tb\n1\t2\n")
    with pytest.raises(ValueError, match=r"x\.tsv: found no column 's'"):
        measured_costs(tmp_path)
