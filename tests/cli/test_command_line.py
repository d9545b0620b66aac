"""The command line: the library's numbers, for programs on the standard output, one-line errors."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from shapemetrics import StoreWriter, pairwise_distances
from shapemetrics.cli import main
from shapemetrics.geometry import embed
from shapemetrics.metrics import Comparison, LinearMetric
from shapemetrics.pairwise import DistanceMatrix


@pytest.fixture
def networks() -> dict[str, np.ndarray]:
    return {f"net{k}": np.random.default_rng(k).normal(size=(20, 3 + k)) for k in range(5)}


@pytest.fixture
def folder(tmp_path: Path, networks) -> Path:
    target = tmp_path / "réponses du réseau"
    target.mkdir()
    for name, X in networks.items():
        np.save(target / f"{name}.npy", X)
    return target


@pytest.fixture
def files(folder: Path) -> list[str]:
    return [str(path) for path in sorted(folder.iterdir())]


def run(*arguments: str, expect: int = 0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == expect, result.output
    return result


def test_distances_are_the_librarys_in_every_form(files, networks, tmp_path):
    expected = pairwise_distances(networks, LinearMetric(alpha=0.5))
    options = ("--metric", "linear", "--param", "alpha=0.5", "--quiet")
    for form in ("npz", "csv", "tsv", "json"):
        output = tmp_path / f"distances.{form}"
        run("distances", *files, *options, "-o", output)
        audit = json.loads(run("audit", output).stdout)
        assert audit["is_metric"] is True
        if form == "npz":
            matrix = DistanceMatrix.load(output)
            assert matrix.ids == list(networks)
            assert matrix.provenance["parameters"]["alpha"] == 0.5
            np.testing.assert_array_equal(matrix.values, expected)
        if form == "json":
            content = json.loads(output.read_text())
            np.testing.assert_array_equal(content["distances"], expected)
    table = pd.read_csv(io.StringIO(run("distances", *files, *options).stdout), index_col="id")
    np.testing.assert_array_equal(table.to_numpy(), expected)


@pytest.mark.parametrize(
    ("name", "alpha"), [("procrustes", 1.0), ("cca", 0.0)], ids=["procrustes", "cca"]
)
def test_short_names(files, networks, name, alpha):
    result = run("distances", *files, "--metric", name, "--quiet", "--format", "json")
    expected = pairwise_distances(networks, LinearMetric(alpha=alpha))
    np.testing.assert_array_equal(json.loads(result.stdout)["distances"], expected)


def test_options_of_the_engine(files, networks, tmp_path):
    expected = pairwise_distances(networks, LinearMetric())
    options = ("--n-jobs", "2", "--scratch", tmp_path / "scratch", "--tolerance", "1e-6")
    result = run("distances", *files, *options, "--format", "json", "--quiet")
    np.testing.assert_allclose(json.loads(result.stdout)["distances"], expected, atol=1e-6)
    assert list((tmp_path / "scratch").glob("tile_*.npz"))


def test_archives_tables_and_stores_are_read(networks, tmp_path):
    np.savez(tmp_path / "all.npz", **networks)
    np.savetxt(tmp_path / "more.csv", networks["net1"], delimiter=",")
    with StoreWriter(tmp_path / "store", source="x", simulated=False, stimuli=range(20)) as store:
        store.add("kept", networks["net2"])
    paths = (tmp_path / "all.npz", tmp_path / "more.csv", tmp_path / "store")
    result = run("distances", *paths, "--quiet", "--format", "json")
    content = json.loads(result.stdout)
    assert content["ids"] == [*(f"all/{name}" for name in networks), "more", "kept"]
    D = np.array(content["distances"])
    assert D[1, 5] == pytest.approx(0.0, abs=1e-7)
    assert D[2, 6] == pytest.approx(0.0, abs=1e-7)


def test_equal_file_names_are_told_apart_by_their_folders(networks, tmp_path):
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        np.save(tmp_path / place / "net.npy", networks["net0"])
    paths = [tmp_path / place / "net.npy" for place in ("a", "b")]
    content = json.loads(run("distances", *paths, "--quiet", "--format", "json").stdout)
    assert content["ids"] == [str(path.with_suffix("")) for path in paths]


def test_embedding_and_its_figure(files, networks, tmp_path):
    matrix, figure = tmp_path / "d.npz", tmp_path / "map.png"
    run("distances", *files, "--quiet", "-o", matrix)
    result = run("embed", matrix, "-n", "3", "--seed", "4", "--figure", figure)
    table = pd.read_csv(io.StringIO(result.stdout))
    expected = embed(DistanceMatrix.load(matrix).values, 3, seed=4).coordinates
    np.testing.assert_allclose(table[["axis_1", "axis_2", "axis_3"]].to_numpy(), expected)
    assert list(table["id"]) == list(networks)
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_an_audit_that_fails_has_exit_code_1(tmp_path):
    D = np.array([[0.0, 1.0, 3.0], [1.0, 0.0, 1.0], [3.0, 1.0, 0.0]])
    pd.DataFrame(D, index=list("abc"), columns=list("abc")).to_csv(tmp_path / "d.csv")
    found = json.loads(run("audit", tmp_path / "d.csv", expect=1).stdout)
    assert found["is_metric"] is False
    assert {found["worst_i"], found["worst_k"]} == {"a", "c"}


def test_measures_that_are_no_metrics(files, networks):
    parameters = ("--param", "measure=linear_regression", "--param", "ridge=0.1")
    result = run("distances", *files, "--metric", "comparison", *parameters, "--format", "json")
    expected = pairwise_distances(networks, Comparison("linear_regression", ridge=0.1))
    np.testing.assert_array_equal(json.loads(result.stdout)["distances"], expected)


def test_mistakes_are_one_line_and_exit_code_2(files, folder, tmp_path):
    def message(*arguments) -> str:
        text = run(*arguments, expect=2).stderr.strip()
        assert len(text.splitlines()) == 1
        return text

    assert "did you mean 'alpha'?" in message(
        "distances", *files, "--metric", "linear", "--param", "alhpa=1"
    )
    assert "metric family 'procustes' is unknown" in message(
        "distances", *files, "--metric", "procustes"
    )
    assert "expected NAME=VALUE" in message("distances", *files, "--param", "alpha")
    assert "found suffix '.xyz'" in message("distances", *files, "-o", tmp_path / "d.xyz")
    (tmp_path / "there.csv").write_text("mine")
    assert "--force replaces it" in message("distances", *files, "-o", tmp_path / "there.csv")
    assert (tmp_path / "there.csv").read_text() == "mine"
    (folder / "odd.mp3").write_bytes(b"")
    assert "odd.mp3: found .mp3, expected .npy" in message("distances", folder / "odd.mp3")
    (folder / "words.csv").write_text("a,b\n")
    assert "words.csv: not readable as an array" in message("distances", folder / "words.csv")
    np.save(folder / "short.npy", np.ones((3, 2)))
    assert "'short'" in message("distances", *files, folder / "short.npy", "--quiet")
    assert "not a matrix of distances" in message("audit", tmp_path / "there.csv")
    assert "not a readable matrix" in message("audit", _npz(tmp_path))


def _npz(folder: Path) -> Path:
    np.savez(folder / "other.npz", a=np.ones(3))
    return folder / "other.npz"


def test_pickles_are_refused_and_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    np.save(tmp_path / "evil.npy", np.array([Evil()], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "evil.npz", a=np.array([Evil()], dtype=object))
    for name in ("evil.npy", "evil.npz"):
        result = run("distances", tmp_path / name, expect=2)
        assert f"{name}: not readable" in result.stderr
    assert not (tmp_path / "ran").exists()


def test_as_a_program_in_a_pipe(files):
    program = [sys.executable, "-m", "shapemetrics.cli"]
    options = {"capture_output": True, "text": True, "check": True}
    done = subprocess.run([*program, "distances", *files], **options)
    assert done.stdout.startswith("id,net0,net1")
    assert "pairs" in done.stderr
    helped = subprocess.run([*program, "--help"], **options)
    assert "shapemetrics audit distances.npz" in helped.stdout
    assert subprocess.run([*program, "--version"], **options).stdout


def test_help_is_there_for_every_command_and_loads_nothing_heavy():
    code = (
        "import sys; from click.testing import CliRunner; from shapemetrics.cli import main\n"
        "for name in main.commands:\n"
        "    assert CliRunner().invoke(main, [name, '--help']).exit_code == 0\n"
        "print([m for m in ('torch', 'matplotlib', 'snakemake', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_metrics_are_listed_with_their_parameters():
    text = run("metrics").stdout
    assert "procrustes: linear with alpha=1.0" in text
    assert "soft_matching: geometry=" in text
    assert "comparison: measure," in text
