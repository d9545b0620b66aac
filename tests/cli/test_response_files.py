"""Files that people bring to the command line: folders, archives, tables, and their axes."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse

from shapemetrics import pairwise_distances
from shapemetrics.metrics import ConvolutionMetric, LinearMetric

JSON = ("--format", "json")


def said(result) -> list[str]:
    """Remarks on the standard error stream, without the progress."""
    lines = [line.removeprefix("distances: ") for line in result.stderr.splitlines()]
    return [line for line in lines if "pairs/s" not in line]


def test_a_folder_is_read_as_the_study_reads_it(folder, networks, run, run_json):
    expected = run_json("distances", folder, *JSON, "-q")["distances"]
    (folder / "._net0.npy").write_bytes(b"\x00\x05\x16\x07" + b"\0" * 60)
    rows = "".join(f"{name},{k}\n" for k, name in enumerate(networks))
    (folder / "networks.csv").write_text(f"id,depth\n{rows}")
    (folder / "README.txt").write_text("mine")
    (folder / "net3.npy").rename(folder / "net3.NPY")
    found = run_json("distances", folder, *JSON, "-q")
    assert found["ids"] == list(networks)
    assert found["distances"] == expected
    assert said(run("distances", folder)) == [
        f"{folder / 'networks.csv'}: left out, a table about the files",
        f"{folder}: left out, no files of responses: 1 .txt",
    ]


def test_labels_beside_matrices_do_not_spoil_an_archive(tmp_path, networks, run, run_json):
    V1, LM = networks["net0"], networks["net1"]
    path = tmp_path / "resp.npz"
    np.savez(path, V1=V1, LM=LM, labels=np.arange(20), names=np.array(["cat"] * 20))
    found = run_json("distances", path, *JSON, "-q")
    assert found["ids"] == ["V1", "LM"]
    np.testing.assert_array_equal(found["distances"], pairwise_distances([V1, LM], LinearMetric()))
    assert said(run("distances", path)) == [
        f"{path}: left out, no matrix: labels (20,), names (20,) holds text"
    ]
    np.savez(tmp_path / "other.npz", X=LM, labels=np.arange(20))
    assert run_json("distances", tmp_path / "other.npz", path, "-q", *JSON)["ids"] == [
        *("other", "resp/V1", "resp/LM")
    ]
    by_name = run_json("distances", path, "--variable", "V1", *JSON, "-q")
    assert (by_name["ids"], by_name["distances"]) == (["resp"], [[0.0]])
    assert by_name["provenance"]["reading"] == {"variable": "V1", "orientation": "stimuli_first"}


def test_archives_of_any_kind_hold_several_networks(tmp_path, networks, run_json):
    V1, LM = networks["net0"], networks["net1"]
    expected = pairwise_distances([V1, LM], LinearMetric()).tolist()
    scipy.io.savemat(tmp_path / "a.mat", {"V1": V1, "LM": LM, "rate": 30.0})
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["V1"], file["LM"], file["labels"] = V1, LM, np.arange(20)
    torch = pytest.importorskip("torch")
    torch.save({"V1": torch.tensor(V1), "LM": torch.tensor(LM)}, tmp_path / "a.pt")
    for name, ids in (("a.mat", ["V1", "LM"]), ("a.h5", ["LM", "V1"]), ("a.pt", ["V1", "LM"])):
        found = run_json("distances", tmp_path / name, "-q", *JSON)
        assert found["ids"] == ids
        assert found["distances"] == expected


def test_arrays_that_cannot_be_read_beside_others_are_named(tmp_path, networks, mistake):
    path = tmp_path / "resp.mat"
    scipy.io.savemat(path, {"V1": networks["net0"], "S": scipy.sparse.eye(5, format="csc")})
    assert "expected one, or variable: its name (--variable)" in mistake("distances", path, "-q")


def test_info_tells_what_an_archive_holds_and_reads_what_is_asked_for(tmp_path, networks, run_json):
    path = tmp_path / "resp.mat"
    scipy.io.savemat(path, {"V1": networks["net0"], "LM": networks["net1"], "rate": 30.0, "s": {}})
    assert run_json("info", path) == {
        "kind": "responses",
        "arrays": {
            "V1": {"shape": [20, 3], "dtype": "float64"},
            "LM": {"shape": [20, 4], "dtype": "float64"},
        },
        "left_out": {
            "rate": {"shape": [1, 1]},
            "s": {"shape": [1, 1], "unreadable": "is a MATLAB struct"},
        },
    }
    found = run_json("info", path, "--variable", "LM", "--orientation", "stimuli_last")
    assert found["arrays"] == {"resp": {"shape": [4, 20], "dtype": "float64"}}
    np.savez(tmp_path / "a.npz", X=networks["net0"], labels=np.arange(20))
    assert run_json("info", tmp_path / "a.npz") == {
        "kind": "responses",
        "arrays": {"a": {"shape": [20, 3], "dtype": "float64"}},
        "left_out": {"labels": {"shape": [20]}},
    }


def test_info_tells_how_a_table_is_read(tmp_path, run_json):
    path = tmp_path / "a.csv"
    path.write_text("id;u1;u2\ncat;0,5;1\ndog;0,7;2\n")
    assert run_json("info", path) == {
        "kind": "responses",
        "arrays": {"a": {"shape": [2, 2], "dtype": "float64"}},
        "remarks": [
            f"{path}: line 1 is names, column 1 ('id') is names, delimiter ';', decimal ','"
        ],
    }


@pytest.fixture
def tables(tmp_path: Path, networks: dict[str, np.ndarray]) -> dict[str, Path]:
    """Two networks as pandas writes them with named stimuli, the second in another order."""
    paths = {}
    for seed, name in enumerate(("net0", "net1")):
        table = pd.DataFrame(networks[name]).add_prefix("u")
        table.index = [f"image{k}" for k in range(20)]
        paths[name] = tmp_path / f"{name}.csv"
        (table.sample(frac=1.0, random_state=seed) if seed else table).to_csv(paths[name])
    return paths


def test_tables_are_put_into_one_order_by_their_names(tables, networks, run, run_json):
    found = run_json("distances", *tables.values(), *JSON, "-q")
    expected = pairwise_distances([networks["net0"], networks["net1"]], LinearMetric())
    np.testing.assert_allclose(found["distances"], expected, atol=1e-12)
    first, second = tables.values()
    assert said(run("distances", *tables.values())) == [
        f"{first} and 1 other: line 1 is names, column 1 ('') is names",
        f"{second}: stimuli are put into the order of {first}",
    ]


def test_tables_of_other_stimuli_are_refused(tables, folder, mistake):
    first, second = tables.values()
    text = second.read_text()
    second.write_text(text.replace("image7,", "other,"))
    assert f"{second}: found stimuli without 'image7' (1 such)" in mistake(
        "distances", *tables.values()
    )
    second.write_text(text)
    message = mistake("distances", *tables.values(), folder / "net2.npy")
    assert f"{second}: found stimuli in another order than {first}, and" in message
    assert "net2.npy; expected names in all of them" in message


def test_options_of_tables(tmp_path, run_json, mistake):
    for name, top in (("a", "0,1,2"), ("b", "2,1,0")):
        (tmp_path / f"{name}.csv").write_text(f"{top}\n0.5,6,7.5\n8,0.5,1\n0.25,3,1\n")
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    line = ("distances", *paths, *JSON, "-q")
    assert "expected header: true or header: false (--header or --no-header)" in mistake(*line)
    found = run_json(*line, "--header", "--no-index")
    np.testing.assert_allclose(found["distances"], np.zeros((2, 2)), atol=1e-7)
    assert found["provenance"]["reading"] == {
        **{"orientation": "stimuli_first", "header": True, "index": False}
    }
    X = np.array([[0, 1, 2], [0.5, 6, 7.5], [8, 0.5, 1], [0.25, 3, 1]])
    Y = np.vstack([[2, 1, 0], X[1:]])
    found = run_json(*line, "--no-header", "--no-index")
    np.testing.assert_array_equal(found["distances"], pairwise_distances([X, Y], LinearMetric()))
    for path, names in zip(paths, ("pqr", "rqp"), strict=True):
        numbers = dict(zip("pqr", ("1,5", "2,5", "8"), strict=True))
        rows = "".join(f"{numbers[name]}|{name}\n" for name in names)
        path.write_text(f"u1|picture\n{rows}")
    options = ("--delimiter", "|", "--decimal", ",", "--stimulus-column", "picture")
    np.testing.assert_allclose(run_json(*line, *options)["distances"], np.zeros((2, 2)), atol=1e-7)


def test_compressed_tables_and_their_ids(tmp_path, networks, run_json, mistake):
    for name, text in (("a.csv.gz", ","), ("B.TSV.GZ", "\t")):
        X = networks["net0"] if name == "a.csv.gz" else networks["net1"]
        rows = "\n".join(text.join(map(repr, row)) for row in X.tolist())
        (tmp_path / name).write_bytes(gzip.compress(rows.encode()))
    found = run_json("distances", tmp_path, *JSON, "-q")
    assert found["ids"] == ["B", "a"]
    (tmp_path / "a.csv.gz").write_bytes((tmp_path / "a.csv.gz").read_bytes()[:-30])
    assert "a.csv.gz: damaged, or not compressed by gzip" in mistake("distances", tmp_path, "-q")


def test_channels_first_is_an_option_and_a_hint(tmp_path, run, run_json, mistake):
    arrays = {f"x{k}": np.random.default_rng(k).normal(size=(5, 4, 4, 3)) for k in range(3)}
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array.transpose(0, 3, 1, 2))
    line = ("distances", tmp_path, "-m", "convolution", "-p", "resample=[4, 4]")
    (hint,) = said(run(*line))
    assert hint == (
        f"{tmp_path / 'x0.npy'} and 2 others: shape (5, 3, 4, 4) looks like stimuli x channels x "
        "height x width, but is read as stimuli x height x width x channels; if so, say axes: "
        "[stimuli, channels, height, width] (--axes stimuli,channels,height,width)"
    )
    axes = ("--axes", "stimuli,channels,height,width")
    assert said(run(*line, *axes)) == []
    found = run_json(*line, *axes, *JSON, "-q")
    expected = pairwise_distances(arrays, ConvolutionMetric(resample=(4, 4)))
    np.testing.assert_allclose(found["distances"], expected, atol=1e-12)
    assert "axes: found stimuli, depth" in mistake(*line, "--axes", "stimuli,depth")
    assert "found stimuli_last beside axes" in mistake(
        *line, *axes, "--orientation", "stimuli_last"
    )


def test_covariates_of_a_map_as_spreadsheets_write_them(tmp_path, folder, networks, run):
    run("distances", folder, "-q", "-o", tmp_path / "d.npz")
    rows = "".join(f"{name};{k}\n" for k, name in enumerate(networks))
    (tmp_path / "nets.csv").write_text(f"id;depth\n{rows}", encoding="utf-8-sig")
    options = ("--figure", tmp_path / "map.svg", "--metadata", tmp_path / "nets.csv")
    run("embed", tmp_path / "d.npz", *options, "--color", "depth", "-o", tmp_path / "map.csv")
    assert (tmp_path / "map.svg").stat().st_size > 1000
