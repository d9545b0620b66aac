"""What all commands share: help that is light, one-line mistakes, files never half-written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from shapemetrics import __version__
from shapemetrics.cli import main
from shapemetrics.cli.metric_names import METRICS
from shapemetrics.metrics.registry import FAMILIES, build_metric


def test_help_and_version_load_nothing_heavy():
    code = (
        "import sys; from click.testing import CliRunner; from shapemetrics.cli import main\n"
        "for line in ([], ['--version'], *([name] for name in main.commands)):\n"
        "    asked = line if '--version' in line else [*line, '--help']\n"
        "    assert CliRunner().invoke(main, asked).exit_code == 0\n"
        "heavy = ('torch', 'matplotlib', 'snakemake', 'sklearn', 'scipy', 'pandas', 'numpy')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_distances_load_no_more_than_they_need(files):
    code = (
        "import sys; from shapemetrics.cli import main\n"
        f"try: main(['distances', *{files!r}, '-q'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = ('torch', 'matplotlib', 'snakemake', 'sklearn')\n"
        "print([m for m in heavy if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("name", [None, *main.commands])
def test_every_command_has_help_with_examples(name, run):
    text = run(*([] if name is None else [name]), "--help").stdout
    assert name == "metrics" or "Examples:\n" in text
    assert "-h, --help" in text


def test_version(run):
    assert run("--version").stdout.strip() == f"shapemetrics, version {__version__}"


def test_every_name_is_a_metric_and_every_family_has_a_name(run, run_json):
    listed = {row["name"]: row for row in run_json("metrics", "--format", "json")}
    assert list(listed) == list(METRICS)
    assert {named.family for named in METRICS.values()} == set(FAMILIES)
    for name, named in METRICS.items():
        metric = build_metric({"family": named.family, **named.usual, **named.fixed})
        no_metric = name.startswith("comparison-") or name == "energy-stochastic"  # an estimate
        assert listed[name]["is_metric"] is metric.is_metric is not no_metric
        assert set(listed[name]["parameters"]).isdisjoint(named.fixed)
    text = run("metrics").stdout
    assert "procrustes: rotations" in text
    assert "    padding=pair\n" in text


def test_listed_parameters_can_be_given_back(files, run, run_json):
    defaults = next(r for r in run_json("metrics", "--format", "json") if r["name"] == "kernel")
    given = [f"{key}={json.dumps(value)}" for key, value in defaults["parameters"].items()]
    params = [part for text in given for part in ("-p", text)]
    shown = run("distances", *files, "-m", "kernel", *params, "-q").stdout
    assert shown == run("distances", *files, "-m", "kernel", "-q").stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-m", "procustes"), "--metric: found 'procustes'; did you mean 'procrustes'?"),
        (("-m", "zzz"), "`shapemetrics metrics` lists them"),
        (("-m", "partial", "-p", "alhpa=1"), "did you mean 'alpha'?"),
        (("-p", "alpha"), "--param: found 'alpha', expected NAME=VALUE"),
        (("-m", "linear", "--alpha", "1", "-p", "alpha=0"), "'alpha' is given twice"),
        (("-m", "cca", "--alpha", "1"), "--metric cca means alpha=0.0, found 1.0"),
        (("-m", "comparison-cka", "-p", "measure=pwcca"), "means measure=cka"),
        (("-m", "partial", "--alpha", "2"), "expected a number from 0 to 1"),
        (("-m", "partial", "-p", "alpha=much"), "alpha: found 'much'"),
        (("-m", "permutation", "--alpha", "1"), "has no parameter 'alpha'"),
        (("--geometry", "round"), "geometry: found 'round', expected one of"),
        (("--n-jobs", "0"), "n_jobs: found 0"),
        (("--n-jobs", "many"), "'many' is not a valid integer"),
        (("--dtype", "float16"), "'float16' is not one of"),
        (("--select", "layer=x"), "--select: expected a representation store"),
        (("--backend", "numpy", "--device", "cuda"), "NumPy computes on the CPU"),
        (("--tolerance", "-1"), "tolerance: found -1.0"),
        (("-o", "d.xyz"), "d.xyz: found suffix '.xyz', expected .csv, .tsv, .json, .npz"),
        (("--nonsense",), "No such option"),
    ],
)
def test_mistakes_in_options_are_one_line(options, said, files, mistake):
    assert said in mistake("distances", *files, *options)


def test_usage_errors_point_to_the_help(mistake):
    assert "(see shapemetrics distances --help)" in mistake("distances")
    assert "No such command" in mistake("distance")
    assert "does not exist" in mistake("audit", "absent.npz")


def test_mistakes_in_files_name_them(folder, files, networks, tmp_path, mistake):
    def said(content: bytes | str | np.ndarray, name: str) -> str:
        path = folder / name
        if isinstance(content, np.ndarray):
            np.save(path, content)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        message = mistake("distances", *files, path, "-q")
        path.unlink()
        return message

    assert "odd.mp3: found suffix '.mp3', expected one of .npy" in said(b"", "odd.mp3")
    assert "words.csv: line 2, column 2 holds 'x'" in said("a,b\n1,x\n", "words.csv")
    assert "cut.npy: damaged" in said(b"\x93NUMPY\x01\x00", "cut.npy")
    assert "cut.npz: damaged" in said(b"PK\x03\x04", "cut.npz")
    assert "'short': found 3" in said(np.eye(3), "short.npy")
    assert "'nan': found 1 values that are NaN" in said(
        np.where(np.arange(40).reshape(20, 2) == 3, np.nan, 1.0), "nan.npy"
    )
    assert "found shape (20,), expected (stimuli, units)" in said(np.ones(20), "flat.npy")
    assert "given twice" in mistake("distances", *files, files[0])
    (tmp_path / "empty").mkdir()
    assert "empty: found no .npy" in mistake("distances", tmp_path / "empty")
    np.savez(tmp_path / "none.npz")
    assert "none.npz: found no array of numbers" in mistake("distances", tmp_path / "none.npz")


def test_mistakes_in_held_out_files(folder, files, networks, tmp_path, mistake):
    np.savez(tmp_path / "test.npz", **{k: X for k, X in networks.items() if k != "net3"})
    assert "--heldout: found no responses of 'net3'" in mistake(
        "distances", folder, "--heldout", tmp_path / "test.npz"
    )
    np.savez(tmp_path / "test.npz", **networks, net9=networks["net0"])
    assert "--heldout: found 'net9'" in mistake(
        "distances", folder, "--heldout", tmp_path / "test.npz"
    )
    assert "AngularCKA has no held-out distance" in mistake(
        "distances", folder, "--heldout", folder, "-m", "angular-cka", "-q"
    )


def test_nothing_is_replaced_without_force(files, tmp_path, run, mistake):
    target = tmp_path / "there.csv"
    target.write_text("mine")
    line = ("distances", *files, "-q", "-o", target)
    assert "there.csv exists; --force replaces it" in mistake(*line)
    assert target.read_text() == "mine"
    run(*line, "--force")
    assert target.read_text().startswith("id,net0")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["there.csv"]
    assert "is a folder" in mistake("distances", *files, "-o", tmp_path, "--format", "csv")


def test_pickles_are_refused_and_not_run(tmp_path, mistake):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    evil = np.array([Evil()], dtype=object)
    np.save(tmp_path / "evil.npy", evil, allow_pickle=True)
    np.savez(tmp_path / "evil.npz", a=evil)
    np.savez(tmp_path / "matrix.npz", distances=evil, ids=["a"], provenance="{}")
    for name in ("evil.npy", "evil.npz"):
        for command in ("distances", "info"):
            message = mistake(command, tmp_path / name)
            assert f"{name}: " in message
            assert "Python objects" in message
    assert "matrix.npz: not a readable matrix" in mistake("audit", tmp_path / "matrix.npz")
    for name in ("matrix.npz", "evil.npy"):
        given = (tmp_path / name).read_bytes()
        assert "standard input: not a matrix" in mistake("audit", "-", input=given)
    assert not (tmp_path / "ran").exists()


def test_a_traceback_is_there_for_who_wants_it(files, run, monkeypatch):
    monkeypatch.setenv("SHAPEMETRICS_TRACEBACK", "1")
    result = run("distances", *files, "--n-jobs", "0", expect=2)
    assert "Traceback" in result.stderr
    assert result.stderr.strip().splitlines()[-1].startswith("shapemetrics: error: n_jobs")
