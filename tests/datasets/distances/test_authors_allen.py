"""The published matrix of 55 regions, from the real figures through a loopback server."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shapemetrics.datasets.distances import AuthorsAllen
from shapemetrics.datasets.distances.authors_allen import FILES
from shapemetrics.datasets.download import DamagedError
from shapemetrics.datasets.http import Retry
from shapemetrics.learning import nested_classification, nested_regression

QUICK = Retry(attempts=3, first_wait=0.01, longest_wait=0.05, timeout=2.0)


@pytest.fixture
def published(http_server, shared):
    """The real figures behind a server."""
    for name in FILES:
        content = (shared / "data" / "authors_allen" / name).read_bytes()
        (http_server.folder / name).write_bytes(content)
    return http_server


@pytest.fixture(scope="module")
def table(shared):
    """The recovered matrix."""
    from shapemetrics.datasets.distances.authors_allen import recover_distances

    folder = shared / "data" / "authors_allen"
    return recover_distances(*(folder / name for name in FILES))


def test_figures_are_fetched_once_resumed_and_checked(published, tmp_path):
    published.cuts = [9_000]  # the first connection breaks
    source = AuthorsAllen(tmp_path, published.url, QUICK)
    paths = source.fetch()
    assert [path.name for path in paths] == list(FILES)
    asked = len(published.asked)
    assert source.fetch() == paths
    assert len(published.asked) == asked
    assert sum(path.stat().st_size for path in paths) == 53_214


def test_other_figures_are_refused(published, tmp_path):
    name = "Procrustes_dn.pdf"
    content = bytearray((published.folder / name).read_bytes())
    content[5000] ^= 1
    (published.folder / name).write_bytes(content)
    with pytest.raises(DamagedError, match=r"found sha256 [0-9a-f]{64}, expected 7c4e9d70"):
        AuthorsAllen(tmp_path, published.url, QUICK).fetch()


def test_matrix_is_the_one_recovered_before(table, shared):
    known = pd.read_csv(shared / "data" / "authors_allen" / "procrustes_distances.csv", index_col=0)
    step = table.provenance["recovery"]["grey_step"]
    assert len(table) == 55
    # That table left open which of these two is which; the map decides it the other way.
    other = {"MGv": "VPM", "VPM": "MGv"}
    names = [other.get(id, id) for id in table.ids]
    np.testing.assert_allclose(known.loc[names, names].to_numpy(), table.values, atol=step)


def test_residuals_prove_the_recovery(table):
    recovery = table.provenance["recovery"]
    assert recovery["heights_rms"] < 0.5 * recovery["grey_step"]
    assert recovery["heights_max"] < 1.5 * recovery["grey_step"]
    assert recovery["pairs_max"] < 0.5 * recovery["grey_step"]
    assert recovery["undecided"] == []
    # The map computed from the matrix lies on the one drawn: within half a point of 456.
    assert recovery["map_rms_points"] < 0.5
    assert min(recovery["map_rms_points_exchanged"].values()) > 1.2 * recovery["map_rms_points"]


def test_division_is_told_apart_and_hierarchy_only_within_areas(table):
    known = table.covariates["division"].isin(["Isocortex", "HPF", "TH"]).to_numpy()
    D, facts = table.values[np.ix_(known, known)], table.covariates[known]
    options = {"leave_one_out": True, "n_permutations": 19, "neighbors": (1,)}
    for groups in (None, facts["area"].to_numpy()):
        found = nested_classification(D, facts["division"].to_numpy(), groups=groups, **options)
        score = found.summary.iloc[0]
        assert (score["n"], round(score["chance_majority"], 2)) == (53, 0.62)
        assert score["accuracy"] > 0.86
        assert score["p_value"] == 0.05
    scored = table.covariates["hierarchy_score"].notna().to_numpy()
    D, facts = table.values[np.ix_(scored, scored)], table.covariates[scored]
    options = {"leave_one_out": True, "n_permutations": 19, "n_bootstrap": 0}
    alone, kept = (
        nested_regression(D, facts["hierarchy_score"].to_numpy(), groups=g, **options).summary.iloc[
            0
        ]
        for g in (None, facts["area"].to_numpy())
    )
    assert alone["n"] == 42
    assert alone["r2"] == pytest.approx(0.32, abs=0.03)
    assert alone["p_value"] == 0.05
    assert kept["r2"] < 0.05
    assert kept["p_value"] > 0.1
