"""The explorer's file: all in one, small, and nothing in it that data could turn into code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.cluster.hierarchy import linkage
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
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_all_is_in_one_file_that_asks_for_nothing(tmp_path):
    write_explorer([view_of()], tmp_path / "page.html", title="Mine & yours")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.count("Mine &amp; yours") == 2
    assert "connect-src 'none'" in text
    assert not re.search(r"@@[A-Z]+@@", text)
    assert not re.search(r'<(script|link|img)[^>]*(src|href)="https?:', text)


def test_four_hundred_networks_stay_below_ten_megabytes(tmp_path):
    views = [
        view_of(400, seed, selection=f"layer{seed}", metric=metric)
        for seed in range(10)
        for metric in ("procrustes", "cca")
    ]
    write_explorer(views, tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size < 10e6


def test_text_of_the_data_stays_text(tmp_path):
    evil = "</script><script>alert(1)</script>"
    facts = pd.DataFrame({evil: [evil, "b"] * 3})
    ids = [evil, *(f"net{k}" for k in range(5))]
    write_explorer([view_of(6, ids=ids, covariates=facts)], tmp_path / "page.html", title=evil)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert evil not in text
    selection = data_of(tmp_path / "page.html")["datasets"]["demo"]["selections"]["all"]
    assert selection["ids"][0] == evil


def test_what_is_not_known_is_left_open(tmp_path):
    facts = pd.DataFrame({"score": [1.0, np.nan, np.inf, 2.0], "kind": ["a", None, "b", "c"]})
    write_explorer([view_of(4, covariates=facts)], tmp_path / "page.html")
    columns = data_of(tmp_path / "page.html")["datasets"]["demo"]["selections"]["all"]["covariates"]
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
    with pytest.raises(ValueError, match="expected edges from earlier nodes to later"):
        CellGraph([[0, 0], [1, 0]], ["input", "output"])
    with pytest.raises(ValueError, match="adjacency of shape"):
        CellGraph([[0, 1], [0, 0]], ["input"])
    assert not list(tmp_path.iterdir())
