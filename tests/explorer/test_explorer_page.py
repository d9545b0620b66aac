"""The explorer's file: all in one, small, and nothing in it that data could turn into code."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.cluster.hierarchy import dendrogram, linkage
from scipy.spatial.distance import pdist, squareform

from shapemetrics.explorer import CellGraph, View, write_explorer


def view_of(n: int = 12, seed: int = 0, **changes) -> View:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    facts = pd.DataFrame({"accuracy": rng.uniform(size=n), "kind": ["a", "b"] * (n // 2)})
    parts = {
        "dataset": "demo",
        "selection": "all",
        "metric": "euclidean",
        "ids": [f"net{k}" for k in range(n)],
        "coordinates": X[:, :3],
        "distances": squareform(pdist(X)),
        "linkage": linkage(pdist(X), "average"),
        "covariates": facts,
        "simulated": False,
    }
    return View(**{**parts, **changes})


def data_of(path: Path) -> dict:
    text = path.read_text(encoding="utf-8")
    found = re.search(r'id="data">([A-Za-z0-9+/=]*)</script>', text)
    return json.loads(gzip.decompress(base64.b64decode(found[1])))


def numbers(packed: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed), dtype)


def metric_of(path: Path) -> dict:
    return data_of(path)["datasets"]["demo"]["selections"]["all"]["metrics"]["euclidean"]


def columns_of(path: Path) -> dict:
    dataset = data_of(path)["datasets"]["demo"]
    places = dataset["selections"]["all"]["covariates"]
    return {name: dataset["columns"][place] for name, place in places.items()}


def test_all_is_in_one_file_that_asks_for_nothing(tmp_path):
    write_explorer([view_of()], tmp_path / "page.html", title="Mine & yours")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.count("Mine &amp; yours") == 2
    assert "connect-src 'none'" in text
    assert not re.search(r"@@[A-Z]+@@", text)
    assert not re.search(r'<(script|link|img)[^>]*(src|href)="https?:', text)


def test_four_hundred_networks_stay_below_ten_megabytes(tmp_path):
    """As the study has them: five layers before and after training, two metrics, 20 facts."""
    rng = np.random.default_rng(3)
    hashes = [rng.bytes(16).hex() for _ in range(400)]
    facts = pd.DataFrame(
        {"network": hashes, **{f"fact{k}": rng.normal(size=400) for k in range(18)}}
    )
    X = rng.normal(size=(400, 10))
    views = [
        view_of(
            *(400, seed),
            selection=f"layer{seed}",
            metric=metric,
            ids=[f"layer{seed}_{name[:12]}" for name in hashes],
            coordinates=X + seed,
            covariates=facts.assign(layer=f"layer{seed}"),
        )
        for seed in range(10)
        for metric in ("procrustes", "cca")
    ]
    cell = CellGraph(np.triu(np.ones((7, 7), dtype=int), 1).tolist(), ["conv3x3-bn-relu"] * 7)
    write_explorer(views, tmp_path / "page.html", graphs={"demo": dict.fromkeys(hashes, cell)})
    assert (tmp_path / "page.html").stat().st_size < 8e6


def test_numbers_are_kept_to_the_stated_precision(tmp_path):
    view = view_of(10)
    write_explorer([view], tmp_path / "page.html")
    metric = metric_of(tmp_path / "page.html")
    step = metric["largest"] / 65535
    found = numbers(metric["distances"], "<u2") * step
    assert np.abs(found - view.distances[np.triu_indices(10, 1)]).max() <= step / 2 * (1 + 1e-9)
    coordinates = numbers(metric["coordinates"], "<f4").reshape(3, 10)
    np.testing.assert_allclose(coordinates, view.coordinates.T, rtol=1e-6)


def test_what_json_cannot_hold_in_a_provenance_is_null_or_text(tmp_path):
    facts = {"noise": float("nan"), "bound": np.float32(np.inf), "n": np.int64(3)}
    provenance = {**facts, "sizes": np.array([1.5, np.nan]), "folder": Path("data")}
    write_explorer([view_of(provenance=provenance)], tmp_path / "page.html")
    assert metric_of(tmp_path / "page.html")["provenance"] == {
        **{"noise": None, "bound": None, "n": 3},
        **{"sizes": [1.5, None], "folder": "data"},
    }


def test_branches_are_those_of_scipy(tmp_path):
    view = view_of(30)
    write_explorer([view], tmp_path / "page.html")
    metric = metric_of(tmp_path / "page.html")
    drawn = dendrogram(view.linkage, no_plot=True)
    assert list(numbers(metric["leaves"], "<u4")) == drawn["leaves"]
    places, heights = numbers(metric["branches"], "<f4").reshape(2, 29, 4)
    expected = {
        (*np.round((np.array(x) - 5) / 10, 3), *np.round(y, 3))
        for x, y in zip(drawn["icoord"], drawn["dcoord"])
    }
    found = {
        (*np.round(x.astype(float), 3), *np.round(y.astype(float), 3))
        for x, y in zip(places, heights)
    }
    np.testing.assert_allclose(sorted(found), sorted(expected), atol=2e-3)


def test_many_items_keep_their_nearest_neighbours(tmp_path):
    """Items in a chain, for which a recursive dendrogram would go too deep."""
    n = 1500
    X = np.cumsum(1.01 ** np.arange(n))[:, None] * np.ones(2)
    D = squareform(pdist(X))
    view = view_of(
        n,
        coordinates=X,
        distances=D,
        linkage=linkage(X, "single"),
    )
    write_explorer([view], tmp_path / "page.html")
    metric = metric_of(tmp_path / "page.html")
    shown = numbers(metric["shown"], "<u4")
    assert len(shown) == 400
    assert len(numbers(metric["distances"], "<u2")) == 400 * 399 // 2
    assert len(numbers(metric["branches"], "<f4")) == 8 * (n - 1)
    near = numbers(metric["neighbours"]["items"], "<u4").reshape(n, 20)
    assert list(near[n - 1]) == list(range(n - 2, n - 22, -1))
    assert set(near[0]) == set(range(1, 21))


def test_text_of_the_data_stays_text(tmp_path):
    evil = "</script><script>alert(1)</script>"
    facts = pd.DataFrame({evil: [evil, "b"] * 3})
    ids = [evil, *(f"net{k}" for k in range(5))]
    write_explorer([view_of(6, ids=ids, covariates=facts)], tmp_path / "page.html", title=evil)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert evil not in text
    selection = data_of(tmp_path / "page.html")["datasets"]["demo"]["selections"]["all"]
    assert selection["ids"][0] == evil
    assert columns_of(tmp_path / "page.html")[evil]["values"][0] == evil


def test_what_is_not_known_is_left_open(tmp_path):
    facts = pd.DataFrame({"score": [1.0, np.nan, np.inf, 2.0], "kind": ["a", None, "b", "c"]})
    write_explorer([view_of(4, covariates=facts)], tmp_path / "page.html")
    columns = columns_of(tmp_path / "page.html")
    assert columns["score"] == {"numeric": True, "values": [1.0, None, None, 2.0]}
    assert columns["kind"] == {"numeric": False, "values": ["a", None, "b", "c"]}


def test_same_views_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_explorer([view_of()], tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"distances": np.zeros((3, 3))}, "found distances of shape"),
        ({"ids": ["net0"] * 12}, "found ids that repeat"),
        ({"coordinates": np.zeros((12, 1))}, "at least two axes"),
        ({"coordinates": np.full((12, 2), np.nan)}, "coordinates that are not finite"),
        ({"covariates": pd.DataFrame({"a": [1]})}, "found covariates of shape"),
        ({"covariates": pd.DataFrame(np.zeros((12, 2)), columns=["a", "a"])}, "names repeat"),
        ({"linkage": np.full((11, 4), np.nan)}, "linkage that are not finite"),
        ({"distances": -np.ones((12, 12))}, "distances below zero"),
        ({"distances": np.arange(144.0).reshape(12, 12)}, "distances that are not symmetric"),
        ({"ids": ["net0"]}, "found 1 items, expected at least two"),
    ],
)
def test_views_that_do_not_fit_are_named(changes, message):
    with pytest.raises(ValueError, match=f"view demo/all/euclidean: .*{message}"):
        view_of(**changes)


def test_pages_that_cannot_be(tmp_path):
    with pytest.raises(ValueError, match="found no views"):
        write_explorer([], tmp_path / "page.html")
    with pytest.raises(ValueError, match="is there twice"):
        write_explorer([view_of(), view_of()], tmp_path / "page.html")
    with pytest.raises(ValueError, match="found other ids than another metric has"):
        other = view_of(metric="other", ids=[f"x{k}" for k in range(12)])
        write_explorer([view_of(), other], tmp_path / "page.html")
    with pytest.raises(ValueError, match="found other covariates than another metric has"):
        other = view_of(metric="other", covariates=pd.DataFrame({"a": range(12)}))
        write_explorer([view_of(), other], tmp_path / "page.html")
    with pytest.raises(ValueError, match="found simulated and other data in one dataset"):
        other = view_of(selection="other", simulated=True)
        write_explorer([view_of(), other], tmp_path / "page.html")
    with pytest.raises(ValueError, match="found graphs of 'nets', expected one of"):
        write_explorer([view_of()], tmp_path / "page.html", graphs={"nets": {}})
    with pytest.raises(ValueError, match="expected edges from earlier nodes to later"):
        CellGraph([[0, 0], [1, 0]], ["input", "output"])
    with pytest.raises(ValueError, match="adjacency of shape"):
        CellGraph([[0, 1], [0, 0]], ["input"])
    assert not list(tmp_path.iterdir())
