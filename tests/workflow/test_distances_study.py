"""Matrices of distances as datasets of a study: one's own in a file, and a published one."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from shapemetrics.pairwise import DistanceMatrix

pytestmark = [pytest.mark.slow, pytest.mark.workflow]

N = 16
FIGURES = {
    *("audit", "classification", "regression_place", "chord/embedding", "chord/distortion"),
    *("chord/dendrogram", "chord/predictions_place", "chord/covariates"),
}


def write_matrix(folder: Path) -> pd.DataFrame:
    """Points on a line with some width, and a table that names a site which the matrix lacks."""
    rng = np.random.default_rng(0)
    points = np.column_stack([np.linspace(0, 4, N), 0.2 * rng.normal(size=(N, 2))])
    D = np.linalg.norm(points[:, None] - points, axis=-1)
    ids = [f"site {k}/a" for k in range(N)]
    matrix = pd.DataFrame(D, index=ids, columns=ids)
    matrix.to_csv(folder / "distances.csv")
    table = pd.DataFrame({"id": ids, "place": points[:, 0], "side": ["left", "right"] * (N // 2)})
    table["side"] = np.where(points[:, 0] < 2, "left", "right")
    table.sample(frac=1, random_state=0).to_csv(folder / "sites.csv", index=False)
    return matrix


def configured(checkout, **changes) -> None:
    config = yaml.safe_load((checkout.folder / "config" / "test.yaml").read_text())
    own = {"kind": "distances", "path": "distances.csv", "metadata": "sites.csv"}
    own |= {"metric": "chord", "unit": "mm", "regression": ["place"], "classification": ["side"]}
    own |= {"covariates": ["place", "side"], "exclude": ["site 3/a"], "simulated": True}
    off = {"nasbench": {"enabled": False}, "allen": {"enabled": False}}
    config["datasets"] = {**off, "sites": {**own, **changes}}
    (checkout.folder / "config" / "sites.yaml").write_text(yaml.safe_dump(config))
    checkout.config = "sites.yaml"


@pytest.fixture(scope="module")
def sites(copy_workflow, tmp_path_factory):
    checkout = copy_workflow(tmp_path_factory.mktemp("distances") / "study")
    checkout.matrix = write_matrix(checkout.folder)
    configured(checkout)
    checkout.run()
    return checkout


def test_everything_that_needs_no_responses_is_drawn(sites):
    folder = sites.results / "figures" / "sites"
    for form in ("png", "pdf", "csv"):
        found = {str(p.relative_to(folder).with_suffix("")) for p in folder.rglob(f"*.{form}")}
        assert found == FIGURES
    for page in ("report.html", "explorer.html"):
        assert (sites.results / page).stat().st_size > 100_000


def test_numbers_are_those_of_the_file(sites):
    found = DistanceMatrix.load(
        sites.results / "distances" / "sites" / "all" / "chord" / "distances.npz"
    )
    kept = [id for id in sites.matrix.index if id != "site 3/a"]
    assert found.ids == kept
    np.testing.assert_array_equal(found.values, sites.matrix.loc[kept, kept].to_numpy())
    scores = pd.read_csv(sites.results / "learning" / "sites" / "chord" / "regression.csv")
    assert scores["n"].tolist() == [N - 1]
    assert scores["r2"].item() > 0.9
    classes = pd.read_csv(sites.results / "learning" / "sites" / "chord" / "classification.csv")
    assert classes["accuracy"].min() > 0.8


def test_an_edit_of_the_table_reruns_what_it_touches(sites, tmp_path):
    assert sites.planned() == {}
    checkout = sites.copy(tmp_path / "study")
    (checkout.folder / "sites.csv").write_text((checkout.folder / "sites.csv").read_text() + "\n")
    assert "import_distances" in checkout.planned()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"regression": ["plaec"]}, "datasets.sites.regression': found 'plaec', expected one of"),
        ({"group": "animal"}, "datasets.sites.group': found 'animal', expected one of id, place"),
        ({"exclude": ["site 99"]}, "exclude: found 'site 99'"),
        ({"path": "sites.csv"}, "sites.csv"),
        ({"metric": "a b"}, "datasets.sites.metric"),
    ],
)
def test_mistakes_are_one_line_before_anything_runs(sites, tmp_path, changes, message):
    checkout = sites.copy(tmp_path / "study")
    configured(checkout, **changes)
    output = checkout.run("--dry-run", expect=1)
    assert message in output
    assert "Traceback" not in output


@pytest.fixture(scope="module")
def published_figures(shared) -> Iterator[str]:
    """Address of a loopback server with the figures."""
    folder = shared / "data" / "authors_allen"
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def test_real_regions_are_told_apart_and_their_hierarchy_is_not(published_figures, fresh):
    checkout = fresh
    config = yaml.safe_load((checkout.folder / "config" / "authors_allen.yaml").read_text())
    del config["results"]
    for name in ("regions", "areas"):
        config["datasets"][name]["url"] = published_figures
    (checkout.folder / "config" / "served.yaml").write_text(yaml.safe_dump(config))
    checkout.config = "served.yaml"
    checkout.run()

    def scores(dataset: str, table: str) -> pd.DataFrame:
        return pd.read_csv(checkout.results / "learning" / dataset / "procrustes" / f"{table}.csv")

    for dataset in ("regions", "areas"):
        knn = scores(dataset, "classification").set_index("classifier").loc["knn"]
        assert knn["n"] == 53
        assert knn["chance"] == pytest.approx(33 / 53)
        assert knn["accuracy"] > 0.8
        assert knn["p_value"] < 0.05
    single, whole = (scores(name, "regression").iloc[0] for name in ("regions", "areas"))
    assert single["r2"] == pytest.approx(0.32, abs=0.02)
    # Layers of an area are neighbours: once they are left out together, nothing is left.
    assert whole["n_groups"] < 20
    assert whole["r2"] < 0.1
    assert whole["p_value"] > 0.05
