"""`shapemetrics embed`: the library's coordinates, from any form of distances, and a figure."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest

from shapemetrics import pairwise_distances
from shapemetrics.geometry import embed
from shapemetrics.metrics import LinearMetric


@pytest.fixture
def D(networks) -> np.ndarray:
    return pairwise_distances(networks, LinearMetric())


@pytest.fixture
def distances(files, tmp_path, run):
    """The distances of the files in each form."""
    paths = {form: tmp_path / f"d.{form}" for form in ("npz", "csv", "tsv", "json")}
    for path in paths.values():
        run("distances", *files, "-q", "-o", path)
    return paths


@pytest.mark.parametrize("form", ["npz", "csv", "tsv", "json"])
@pytest.mark.parametrize("method", ["metric", "classical"])
def test_coordinates_are_the_librarys_to_the_last_digit(distances, D, networks, form, method, run):
    expected = embed(D, 3, method, seed=4)
    options = ("-n", "3", "--method", method, "--seed", "4")
    result = run("embed", distances[form], *options)
    table = pd.read_csv(io.StringIO(result.stdout))
    assert list(table) == ["id", "axis_1", "axis_2", "axis_3"]
    assert list(table["id"]) == list(networks)
    np.testing.assert_array_equal(table.iloc[:, 1:].to_numpy(), expected.coordinates)
    assert f"stress {expected.stress:.4g}" in result.stderr
    piped = run("embed", "-", *options, "-q", input=distances[form].read_bytes())
    assert piped.stdout == result.stdout
    assert piped.stderr == ""


def test_json_and_npz_have_everything(distances, D, tmp_path, run, run_json):
    expected = embed(D, 2)
    found = run_json("embed", distances["npz"], "--format", "json", "-q")
    np.testing.assert_array_equal(found["coordinates"], expected.coordinates)
    np.testing.assert_array_equal(found["variance"], expected.variance)
    assert (found["stress"], found["converged"]) == (expected.stress, expected.converged)
    assert found["distances"]["parameters"]["alpha"] == 1.0
    run("embed", distances["npz"], "-q", "-o", tmp_path / "map.npz")
    with np.load(tmp_path / "map.npz", allow_pickle=False) as parts:
        np.testing.assert_array_equal(parts["coordinates"], expected.coordinates)
        assert json.loads(str(parts["provenance"]))["stress"] == expected.stress


def test_a_square_array_needs_no_ids(D, tmp_path, run_json):
    np.save(tmp_path / "d.npy", D)
    found = run_json("embed", tmp_path / "d.npy", "--format", "json", "-q")
    assert found["ids"] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("suffix", "start"), [(".pdf", b"%PDF"), (".png", b"\x89PNG"), (".svg", b"<?xml")]
)
def test_figures(distances, tmp_path, run, suffix, start):
    figure = tmp_path / "ça" / f"map{suffix}"
    run("embed", distances["npz"], "-q", "--figure", figure, "-o", tmp_path / "map.csv")
    assert figure.read_bytes().startswith(start)


def test_figures_are_coloured_by_a_table(distances, networks, tmp_path, run, mistake):
    table = pd.DataFrame({"id": [*networks, "other"], "depth": range(6), "kind": list("abcabc")})
    table.to_csv(tmp_path / "nets.csv", index=False)
    options = ("embed", distances["csv"], "-q", "--metadata", tmp_path / "nets.csv")
    drawn = set()
    for color in ("depth", "kind"):
        figure = tmp_path / f"{color}.svg"
        run(*options, "--color", color, "--figure", figure)
        drawn.add(figure.read_bytes())
    assert len(drawn) == 2
    text = (tmp_path / "kind.svg").read_text()
    assert text.count("<path") > 0
    figure = ("--figure", tmp_path / "x.svg")
    assert "expected 'size'" in mistake(*options, "--color", "size", *figure)
    table[1:].to_csv(tmp_path / "nets.csv", index=False)
    assert "found no row of 'net0'" in mistake(*options, "--color", "kind", *figure)
    assert "go together" in mistake(*options, *figure)
    assert "expected --figure" in mistake(*options, "--color", "kind")


def test_one_dimension_and_too_many(distances, run, mistake):
    assert run("embed", distances["npz"], "-n", "1", "-q").stdout.startswith("id,axis_1\n")
    assert "--n-components of at least 2" in mistake(
        "embed", distances["npz"], "-n", "1", "--figure", "x.pdf"
    )
    assert "n_components: found 9, expected an integer from 1 to 5" in mistake(
        "embed", distances["npz"], "-n", "9"
    )
