"""Several datasets of one kind, under names of the user's own, in one workflow."""

from __future__ import annotations

import pandas as pd
import pytest
import yaml

from shapemetrics import RepresentationStore

pytestmark = [pytest.mark.slow, pytest.mark.workflow]

NETWORKS = {
    "kind": "networks",
    "n_networks": 6,
    "max_vertices": 4,
    "n_train": 100,
    "n_probe": 20,
    "networks_per_job": 3,
    "layers": ["stem", "pool"],
    "training": {"stem_channels": 4, "epochs": 1},
}
RECORDINGS = {
    "kind": "recordings",
    "regions": {"min_units": 10, "n_components": 4},
    "simulation": {"n_sessions": 1, "n_frames": 40, "n_repeats": 2},
}
STORES = [f"results/{name}/store/index.csv" for name in ("narrow", "wide")]


@pytest.fixture(scope="module")
def several(tmp_path_factory, copy_workflow):
    """A checkout with two datasets of networks, whose representations are made, and two of
    recordings."""
    checkout = copy_workflow(tmp_path_factory.mktemp("several") / "study")
    config = yaml.safe_load((checkout.folder / "config" / "test.yaml").read_text())
    config["datasets"] = {
        "nasbench": {"enabled": False},
        "allen": {"enabled": False},
        "narrow": NETWORKS,
        "wide": {**NETWORKS, "training": {"stem_channels": 8, "epochs": 1}},
        "first": RECORDINGS,
        "second": {**RECORDINGS, "stimulus": "natural_movie_three"},
    }
    (checkout.folder / "config" / "several.yaml").write_text(yaml.safe_dump(config))
    checkout.config = "several.yaml"
    checkout.output = checkout.run("--cores", "2", *STORES)
    return checkout


def test_each_has_jobs_of_its_own(several):
    planned = several.planned("--forceall")
    assert planned["train_networks"] == 4
    assert planned["choose_networks"] == planned["store_activations"] == 2
    sessions = {rule for rule in planned if rule.startswith("simulate_sessions")}
    assert sum(planned[rule] for rule in sessions) == 2
    drawn = {f"draw_geometry_{name}" for name in ("narrow", "wide", "first", "second")}
    assert drawn <= set(planned)


def test_they_differ_by_their_settings_alone(several):
    narrow, wide = (pd.read_csv(several.folder / path) for path in STORES)
    assert narrow["network"].tolist() == wide["network"].tolist()
    stores = [RepresentationStore(several.results / name / "store") for name in ("narrow", "wide")]
    widths = [{store.load(item).shape[-1] for item in store.index["id"]} for store in stores]
    assert max(widths[1]) == 2 * max(widths[0])


def test_a_change_to_one_leaves_the_other(several, tmp_path):
    edited = several.copy(tmp_path / "study")
    file = edited.folder / "config" / "several.yaml"
    config = yaml.safe_load(file.read_text())
    config["datasets"]["wide"]["training"]["epochs"] = 2
    file.write_text(yaml.safe_dump(config))
    assert set(edited.planned("--cores", "2", STORES[0])) == set()
    assert edited.planned("--cores", "2", STORES[1])["train_networks"] == 2
