"""`shapemetrics distances`: the library's numbers, in every form, for every metric."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io

from shapemetrics import StoreWriter, __version__, pairwise_distances
from shapemetrics.files import sha256_of
from shapemetrics.metrics import (
    AngularCKA,
    Comparison,
    ConvolutionMetric,
    EnergyStochasticMetric,
    GaussianStochasticMetric,
    KernelMetric,
    LinearMetric,
    PermutationMetric,
    SoftMatchingMetric,
)
from shapemetrics.pairwise import DistanceMatrix

JSON = ("--format", "json", "--quiet")


def test_every_form_has_the_numbers_of_the_library(files, networks, tmp_path, run):
    expected = pairwise_distances(networks, LinearMetric(alpha=0.5, scale_free=True))
    options = ("distances", *files, "--metric", "partial", "--quiet")
    for form in ("npz", "csv", "tsv", "json"):
        assert run(*options, "-o", tmp_path / f"d.{form}").stdout == ""
    matrix = DistanceMatrix.load(tmp_path / "d.npz")
    assert matrix.ids == list(networks)
    np.testing.assert_array_equal(matrix.values, expected)
    content = json.loads((tmp_path / "d.json").read_text())
    assert content["ids"] == list(networks)
    np.testing.assert_array_equal(content["distances"], expected)
    for form, separator in (("csv", ","), ("tsv", "\t")):
        rows = (tmp_path / f"d.{form}").read_text().splitlines()
        assert rows[0].split(separator) == ["id", *networks]
        np.testing.assert_array_equal(
            [[float(x) for x in row.split(separator)[1:]] for row in rows[1:]], expected
        )
        printed = run(*options, "--format", form).stdout
        assert printed == (tmp_path / f"d.{form}").read_text()


def test_npz_goes_through_a_pipe_too(files, networks, run):
    piped = run("distances", *files, "--format", "npz", "-o", "-", "-q").stdout_bytes
    with np.load(io.BytesIO(piped), allow_pickle=False) as parts:
        np.testing.assert_array_equal(
            parts["distances"], pairwise_distances(networks, LinearMetric())
        )


def test_provenance_says_what_was_computed_from_what(files, run_json):
    content = run_json("distances", *files, "-m", "cca", "--n-components", "2", *JSON)
    found = content["provenance"]
    assert found["parameters"] == LinearMetric(alpha=0.0, n_components=2).parameters()
    assert found["version"] == __version__
    assert found["files"] == {file: sha256_of(file) for file in files}
    assert found["dtype"] == "float64"


@pytest.mark.parametrize(
    ("options", "metric"),
    [
        (("procrustes",), LinearMetric()),
        (("procrustes", "--geometry", "euclidean"), LinearMetric(geometry="euclidean")),
        (("procrustes", "--no-center"), LinearMetric(center=False)),
        (("cca", "--n-components", "2"), LinearMetric(alpha=0.0, n_components=2)),
        (("partial", "--alpha", "0.2"), LinearMetric(alpha=0.2, scale_free=True)),
        (("partial", "-p", "scale_free=false"), LinearMetric(alpha=0.5)),
        (
            ("linear", "-p", "alpha=0", "-p", "rank_tolerance=1e-6"),
            LinearMetric(0, rank_tolerance=1e-6),
        ),
        (("permutation", "-p", "padding=free"), PermutationMetric(padding="free")),
        (("soft-matching", "--geometry", "angular"), SoftMatchingMetric("angular")),
        (("kernel", "-p", "kernel=rbf"), KernelMetric("rbf")),
        (("angular-cka",), AngularCKA()),
        (("angular_cka", "-p", "kernel=rbf"), AngularCKA("rbf")),
        (("comparison-mean-cca",), Comparison("mean_cca")),
        (
            ("comparison-linear-regression", "-p", "ridge=1"),
            Comparison("linear_regression", ridge=1),
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_metrics_by_name(options, metric, files, networks, run_json):
    found = run_json("distances", *files, "--metric", *options, *JSON)
    np.testing.assert_array_equal(found["distances"], pairwise_distances(networks, metric))


@pytest.mark.parametrize(
    ("name", "parameter", "metric", "shape"),
    [
        ("convolution", "resample=[4, 4]", ConvolutionMetric(resample=(4, 4)), (5, 4, 4, 2)),
        ("gaussian-stochastic", "n_starts=2", GaussianStochasticMetric(n_starts=2), (5, 6, 3)),
        ("energy-stochastic", "n_starts=2", EnergyStochasticMetric(n_starts=2), (5, 6, 3)),
    ],
)
def test_metrics_of_grids_and_trials(name, parameter, metric, shape, tmp_path, run_json):
    arrays = {f"x{k}": np.random.default_rng(k).normal(size=shape) for k in range(3)}
    np.savez(tmp_path / "all.npz", **arrays)
    found = run_json("distances", tmp_path / "all.npz", "-m", name, "-p", parameter, *JSON)
    np.testing.assert_array_equal(found["distances"], pairwise_distances(arrays, metric))


def test_positions_make_grids_into_matrices(tmp_path, run_json):
    X = np.random.default_rng(0).normal(size=(3, 6, 2, 2, 3))
    np.savez(tmp_path / "all.npz", **{f"x{k}": x for k, x in enumerate(X)})
    found = run_json("distances", tmp_path / "all.npz", "--positions", "features", *JSON)
    expected = pairwise_distances(list(X.reshape(3, 6, 12)), LinearMetric())
    np.testing.assert_array_equal(found["distances"], expected)
    assert found["provenance"]["positions"] == "features"


def test_held_out_distances_pair_files_by_their_ids(networks, tmp_path, run_json):
    train, test = ({k: X[some] for k, X in networks.items()} for some in (slice(12), slice(12, 20)))
    expected = pairwise_distances(train, LinearMetric(), heldout=test)
    for name, arrays in (("train", train), ("test", test)):
        (tmp_path / name).mkdir()
        for key, X in arrays.items():
            np.save(tmp_path / name / f"{key}.npy", X)
    np.savez(tmp_path / "test.npz", **dict(reversed(test.items())))
    for heldout in (
        [tmp_path / "test"],
        [tmp_path / "test.npz"],
        sorted((tmp_path / "test").iterdir()),
    ):
        given = [part for path in heldout for part in ("--heldout", path)]
        found = run_json("distances", tmp_path / "train", *given, *JSON)
        assert found["ids"] == list(networks)
        np.testing.assert_array_equal(found["distances"], expected)
    assert len(found["provenance"]["heldout"]) == len(networks)


def test_options_of_the_engine(files, networks, tmp_path, run, run_json):
    expected = pairwise_distances(networks, LinearMetric())
    engine = ("--n-jobs", "2", "--block-size", "2", "--tolerance", "1e-6")
    found = run_json("distances", *files, *engine, "--scratch", tmp_path / "scratch", *JSON)
    np.testing.assert_allclose(found["distances"], expected, atol=1e-6)
    assert len(list((tmp_path / "scratch").glob("tile_*.npz"))) == 6
    single = run_json("distances", *files, "--dtype", "float32", *JSON)
    np.testing.assert_array_equal(
        single["distances"], pairwise_distances(networks, LinearMetric(), dtype="float32")
    )


def test_torch_is_a_backend(files, networks, run_json):
    pytest.importorskip("torch")
    found = run_json("distances", *files, "--backend", "torch", "--device", "cpu", *JSON)
    expected = pairwise_distances(networks, LinearMetric())
    np.testing.assert_allclose(found["distances"], expected, atol=1e-9)


def test_archives_tables_folders_and_stores_together(networks, tmp_path, run_json):
    np.savez(tmp_path / "all.npz", **networks)
    np.savez(tmp_path / "one.npz", X=networks["net3"])
    np.savetxt(tmp_path / "more.csv", networks["net1"], delimiter=",")
    np.savetxt(tmp_path / "tabs.tsv", networks["net4"], delimiter="\t")
    with StoreWriter(tmp_path / "store", source="x", simulated=False, stimuli=range(20)) as store:
        store.add("kept", networks["net2"])
    paths = [tmp_path / name for name in ("all.npz", "one.npz", "more.csv", "tabs.tsv", "store")]
    found = run_json("distances", *paths, *JSON)
    assert found["ids"] == [
        *(f"all/{name}" for name in networks),
        *("one", "more", "tabs", "store/kept"),
    ]
    D = np.array(found["distances"])
    for i, j in ((1, 6), (2, 8), (3, 5), (4, 7)):
        assert D[i, j] == pytest.approx(0.0, abs=1e-7)
    # Of a single archive the names are ids by themselves.
    assert run_json("distances", paths[0], *JSON)["ids"] == list(networks)


def test_variables_and_axes_of_other_programs_files(networks, tmp_path, run_json):
    X, Y, Z = (networks[f"net{k}"] for k in range(3))
    scipy.io.savemat(tmp_path / "x.mat", {"hidden": X.T, "weights": np.ones((2, 2))})
    with h5py.File(tmp_path / "y.h5", "w") as file:
        file["hidden"], file["weights"] = Y.T, np.ones(2)
    np.savez(tmp_path / "z.npz", hidden=Z.T, weights=np.ones(2))
    options = ("--variable", "hidden", "--orientation", "stimuli_last")
    found = run_json(
        "distances", *(tmp_path / n for n in ("x.mat", "y.h5", "z.npz")), *options, *JSON
    )
    assert found["ids"] == ["x", "y", "z"]
    np.testing.assert_allclose(found["distances"], pairwise_distances([X, Y, Z], LinearMetric()))


def test_a_store_is_selected_from_by_its_covariates(networks, tmp_path, run_json, mistake):
    with StoreWriter(tmp_path / "store", source="x", simulated=False, stimuli=range(20)) as store:
        for k, (name, X) in enumerate(networks.items()):
            store.add(name, X, layer="stem" if k % 2 else "pool", depth=k // 2, trained=k > 1)
    target = tmp_path / "store"
    assert run_json("distances", target, *JSON)["ids"] == list(networks)
    for text, ids in (
        ("layer=pool", ["net0", "net2", "net4"]),
        ("depth=1", ["net2", "net3"]),
        ("trained=True", ["net2", "net3", "net4"]),
    ):
        assert run_json("distances", target, "--select", text, *JSON)["ids"] == ids
    both = ("--select", "layer=pool", "--select", "depth=2")
    assert run_json("distances", target, *both, *JSON)["ids"] == ["net4"]
    assert "no covariate 'colour'; there are: layer, depth" in mistake(
        "distances", target, "--select", "colour=red"
    )
    assert "no representation has" in mistake("distances", target, "--select", "layer=top")


def test_ids_of_files_of_one_name_have_their_folders(networks, tmp_path, run_json):
    for place in ("a", "b"):
        (tmp_path / "ü" / place).mkdir(parents=True)
        np.save(tmp_path / "ü" / place / "net.npy", networks["net0"])
    paths = [tmp_path / "ü" / place / "net.npy" for place in ("a", "b")]
    assert run_json("distances", *paths, *JSON)["ids"] == ["a/net", "b/net"]


def test_scratch_resumes_and_keeps_memory_mapped_files(files, networks, tmp_path, run_json):
    options = ("--scratch", tmp_path / "work", "--block-size", "2", *JSON)
    first = run_json("distances", *files, *options)
    tiles = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").glob("tile_*.npz")}
    again = run_json("distances", *files, *options)
    assert again["distances"] == first["distances"]
    assert {path: path.stat().st_mtime_ns for path in tiles} == tiles


def test_as_a_program_in_a_pipe(folder, networks, program):
    done = program(
        "shapemetrics distances 'réponses du réseau ψ'/*.npy | shapemetrics audit - --format tsv",
        folder.parent,
    )
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(io.StringIO(done.stdout), sep="\t")
    assert table["is_metric"].item()
    assert table["n"].item() == 5
    assert "pairs" in done.stderr


def test_an_interrupted_run_leaves_no_output(tmp_path):
    for k in range(2):
        trials = np.random.default_rng(k).normal(size=(30, 20, 8))
        np.save(tmp_path / f"trials{k}.npy", trials)
    metric = ("-m", "gaussian-stochastic", "-p", "n_starts=100000")
    arguments = ("distances", "trials0.npy", "trials1.npy", *metric, "-o", "out.npz")
    running = subprocess.Popen(
        [sys.executable, "-m", "shapemetrics.cli", *arguments],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        # What runs in the background ignores interrupts, as do its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert running.stderr.readline().startswith("distances: 0/")  # now it computes
    running.send_signal(signal.SIGINT)
    assert "shapemetrics: interrupted" in running.communicate(timeout=60)[1]
    assert running.returncode == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trials0.npy", "trials1.npy"]


def test_a_reader_that_is_gone_ends_the_program_in_silence(files):
    read, write = os.pipe()
    os.close(read)
    for arguments in (["distances", *files, "-q"], ["metrics"]):
        done = subprocess.run(
            [sys.executable, "-m", "shapemetrics.cli", *arguments],
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert (done.returncode, done.stderr) == (141, "")
    os.close(write)


def test_module_is_the_program_too(files):
    done = subprocess.run(
        [sys.executable, "-m", "shapemetrics.cli", "distances", *files, "-q"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("id,net0,net1")
    assert done.stderr == ""
