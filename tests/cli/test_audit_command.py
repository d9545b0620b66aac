"""`shapemetrics audit` and `shapemetrics info`: verdicts that programs read."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest

from shapemetrics import StoreWriter, pairwise_distances
from shapemetrics.geometry import triangle_audit
from shapemetrics.metrics import LinearMetric


def write(path, D, ids="abc"):
    pd.DataFrame(D, index=list(ids), columns=list(ids)).to_csv(path)
    return path


BROKEN = [[0.0, 1.0, 3.0], [1.0, 0.0, 1.0], [3.0, 1.0, 0.0]]
ASYMMETRIC = [[0.0, 1.0, 1.5], [1.1, 0.0, 1.0], [1.5, 1.0, 0.0]]


def test_what_holds_has_exit_code_0(files, tmp_path, run, networks):
    run("distances", *files, "-q", "-o", tmp_path / "d.npz")
    result = run("audit", tmp_path / "d.npz")
    found = json.loads(result.stdout)
    expected = triangle_audit(pairwise_distances(networks, LinearMetric()), list(networks))
    assert found["is_metric"] is True
    assert found["n_triples"] == expected.n_triples == 60
    assert found["max_excess"] == expected.max_excess
    assert "no contradiction" in result.stderr
    assert "0 of 60" in result.stderr


@pytest.mark.parametrize(
    ("D", "said"),
    [
        (BROKEN, {"n_violations": 2, "symmetric": True, "max_violation": 1.0}),
        (ASYMMETRIC, {"n_violations": 0, "symmetric": False}),
        ([[1.0, 1, 1], [1, 1, 1], [1, 1, 1]], {"max_diagonal": 1.0}),
    ],
    ids=["triangle", "asymmetric", "diagonal"],
)
def test_what_fails_has_exit_code_1(D, said, tmp_path, run):
    result = run("audit", write(tmp_path / "d.csv", D), expect=1)
    found = json.loads(result.stdout)
    assert found["is_metric"] is False
    assert {key: found[key] for key in said} == pytest.approx(said)
    assert "not a metric" in result.stderr


def test_the_worst_triangle_is_named(tmp_path, run):
    found = json.loads(run("audit", write(tmp_path / "d.csv", BROKEN), expect=1).stdout)
    assert {found["worst_i"], found["worst_k"]} == {"a", "c"}
    assert found["worst_j"] == "b"


def test_tolerance_forgives(tmp_path, run):
    D = np.array(BROKEN)
    D[0, 2] = D[2, 0] = 2.0 + 1e-6
    path = write(tmp_path / "d.csv", D)
    run("audit", path, "-q", expect=1)
    assert run("audit", path, "-q", "--tolerance", "1e-5").stderr == ""


def test_infinite_ratios_are_null_in_json(tmp_path, run):
    D = [[0.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    found = json.loads(run("audit", write(tmp_path / "d.csv", D), expect=1).stdout)
    assert found["max_relative_violation"] is None
    assert found["max_violation"] == 1.0


def test_tables_and_files(tmp_path, run):
    path = write(tmp_path / "d.csv", BROKEN)
    result = run("audit", path, "--format", "csv", expect=1)
    run("audit", path, "-o", tmp_path / "audit.csv", expect=1)
    assert (tmp_path / "audit.csv").read_text() == result.stdout
    assert pd.read_csv(io.StringIO(result.stdout))["n_violations"].item() == 2


def test_matrices_that_are_none(tmp_path, mistake):
    (tmp_path / "words.csv").write_text("mine")
    assert "words.csv: not a matrix of distances" in mistake("audit", tmp_path / "words.csv")
    write(tmp_path / "d.csv", [[0, 1], [1, 0]], "ab")
    assert "found 2 items, expected at least 3" in mistake("audit", tmp_path / "d.csv")
    (tmp_path / "gap.csv").write_text("id,a,b\na,0,\nb,1,0\n")
    assert "gap.csv: not a matrix of distances" in mistake("audit", tmp_path / "gap.csv")
    (tmp_path / "other.csv").write_text("id,a,c\na,0,1\nb,1,0\n")
    assert "ids of columns differ" in mistake("audit", tmp_path / "other.csv")
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    assert "not a readable matrix" in mistake("audit", tmp_path / "other.npz")
    (tmp_path / "d.txt").write_text("0 1\n1 0\n")
    assert "found suffix '.txt'" in mistake("audit", tmp_path / "d.txt")
    assert "standard input: not a matrix" in mistake("audit", "-", input="")


def test_info_tells_what_a_file_holds(files, networks, tmp_path, run, run_json):
    assert run_json("info", files[0]) == {
        "kind": "responses",
        "arrays": {"net0": {"shape": [20, 3], "dtype": "float64"}},
    }
    np.savez(tmp_path / "all.npz", **networks)
    found = run_json("info", tmp_path / "all.npz")
    assert found["arrays"]["net4"] == {"shape": [20, 7], "dtype": "float64"}
    run("distances", *files, "-q", "-o", tmp_path / "d.npz")
    found = run_json("info", tmp_path / "d.npz")
    assert (found["kind"], found["n_items"], found["symmetric"]) == ("distances", 5, True)
    assert found["minimum"] <= found["median"] <= found["maximum"]


def test_info_verifies_stores(networks, tmp_path, run_json, mistake):
    target = tmp_path / "store"
    with StoreWriter(target, source="demo", simulated=True, stimuli=range(20)) as store:
        for name, X in networks.items():
            store.add(name, X, depth=len(X.T))
    found = run_json("info", target, "--verify")
    assert (found["kind"], found["n_representations"], found["verified"]) == ("store", 5, True)
    assert found["simulated"] is True
    assert found["covariates"] == {"depth": {"n_levels": 5, "n_missing": 0}}
    np.save(target / "net0.npy", networks["net0"] + 1.0)
    assert "verified" not in run_json("info", target)
    assert "net0.npy: found sha256" in mistake("info", target, "--verify")
