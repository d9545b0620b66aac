"""The Allen half of the study, from simulated sessions read by AllenSDK to figures."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import yaml

from shapemetrics import RepresentationStore
from shapemetrics.study.figures import FIGURES as STUDY_FIGURES

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

FIGURES = [
    *("agreement", "audit", "classification", "growth", "noise_floor", "regression", "samples"),
    *(
        f"{metric}/{figure}"
        for metric in ("procrustes", "cca")
        for figure in ("atlas", "dendrogram", "distortion", "embedding", "predictions")
    ),
]


def test_every_figure_is_there_in_every_form(regions):
    folder = regions.results / "figures" / "allen"
    for name in FIGURES:
        assert (folder / f"{name}.pdf").read_bytes()[:5] == b"%PDF-"
        assert (folder / f"{name}.png").read_bytes()[1:4] == b"PNG"
        assert len(pd.read_csv(folder / f"{name}.csv")) > 0
    assert len(list(folder.rglob("*.pdf"))) == len(FIGURES)
    assert (regions.results / "report.html").stat().st_size > 100_000


def test_what_is_simulated_says_so(regions, root):
    dataset = json.loads((regions.results / "allen" / "store" / "dataset.json").read_text())
    assert dataset["simulated"] is True
    assert "simulated" in dataset["source"]
    for name in sorted({figure.script for figure in STUDY_FIGURES}):
        script = (root / "scripts" / f"{name}.py").read_text()
        assert "simulated=is_simulated(snakemake.input.dataset)" in script, name


def test_store_holds_every_region_whole_and_in_halves(regions):
    store = RepresentationStore(regions.results / "allen" / "store")
    store.verify()
    counts = store.index.groupby("half")["structure_acronym"].nunique()
    assert counts.to_dict() == {"all": counts["all"], "odd": counts["all"], "even": counts["all"]}
    assert counts["all"] >= 15
    assert {"division", "ccf_color", "hierarchy_score", "n_units"} <= set(store.index)
    table = pd.read_csv(regions.results / "allen" / "regions.csv")
    assert table["kept"].sum() == counts["all"]
    assert (table.loc[~table["kept"], "n_units"] < 10).all()


def test_hierarchy_is_regressed_only_where_it_is_known(regions):
    store = RepresentationStore(regions.results / "allen" / "store").select(half="all")
    known = store.index["hierarchy_score"].notna().sum()
    scores = pd.read_csv(regions.results / "learning" / "allen" / "procrustes" / "regression.csv")
    assert scores["n"].tolist() == [known]
    assert scores["n_outer"].tolist() == [known]  # one region left out at a time
    assert known < len(store)


def test_metrics_violate_no_triangle(regions):
    audit = pd.read_csv(regions.results / "geometry" / "allen" / "procrustes" / "audit.csv")
    assert (audit["n_violations"] == 0).all()


def test_a_second_run_does_nothing(regions):
    assert "Nothing to be done" in regions.run()


@pytest.fixture(scope="session")
def steinmetz(tmp_path_factory, shared, copy_workflow):
    """A checkout whose analyses are done on real recordings of several regions."""
    recordings = shared / "data" / "steinmetz2019"
    if not recordings.is_dir():
        pytest.skip("needs the recordings of Steinmetz et al. 2019, which are absent here")
    folder = tmp_path_factory.mktemp("steinmetz")
    (folder / "sessions").mkdir()
    for file in sorted(recordings.glob("session_*.npz"))[:6]:
        (folder / "sessions" / file.name).symlink_to(file)
    checkout = copy_workflow(folder / "study", "test_allen.yaml")
    file = checkout.folder / "config" / checkout.config
    settings = yaml.safe_load(file.read_text())
    settings["datasets"]["allen"]["enabled"] = False
    settings["datasets"]["steinmetz"] = {
        "folder": str(folder / "sessions"),
        "regions": {"min_units": 80, "n_components": 20},
        "signal": {"enabled": True, "measures": ["cka"], "n_resamples": 4, "n_pairs": 2},
        "windows": {"enabled": True, "n_windows": 4},
    }
    settings["analyses"]["growth"]["units"] = [80]
    file.write_text(yaml.safe_dump(settings))
    checkout.run()
    return checkout


def test_the_same_analyses_run_on_real_recordings(steinmetz):
    store = RepresentationStore(steinmetz.results / "steinmetz" / "store")
    assert store.simulated is False
    regions = store.select(half="all")
    assert len(regions) >= 12
    assert (regions.index["n_units"] >= 80).all()
    folder = steinmetz.results / "figures" / "steinmetz"
    assert len(list(folder.rglob("*.png"))) == len(FIGURES) + len(("signal", "windows"))


def test_signals_and_windows_of_single_trials_are_measured(steinmetz):
    folder = steinmetz.results / "geometry" / "steinmetz"
    table = pd.read_csv(folder / "signal.csv")
    rates = table[table["among"] == "all"].groupby("estimate")["identified"].mean()
    # Noise alone tells regions from one another: identification is no evidence of signals.
    assert rates["noise"] > 2 / table["n"].max()
    simulation = pd.read_csv(folder / "signal_bias.csv")
    assert set(simulation["reliability"]) == {0.03, 0.1, 0.3}
    windows = pd.read_csv(folder / "windows.csv")
    assert windows[["start", "stop"]].to_numpy().tolist() == [[0, 10], [10, 20], [20, 30], [30, 40]]
    assert (windows["own"] < windows["others"]).all()


def test_real_recordings_are_reported_as_noisy_as_they_are(steinmetz):
    floor = pd.read_csv(
        steinmetz.results / "geometry" / "steinmetz" / "procrustes" / "noise_floor.csv"
    )
    # A region's two halves are nearly as far apart as two regions are.
    assert floor["floor"].median() > 0.85 * floor["median"].median()
    assert floor["identified"].mean() < 0.6
    audit = pd.read_csv(steinmetz.results / "geometry" / "steinmetz" / "procrustes" / "audit.csv")
    assert (audit["n_violations"] == 0).all()
