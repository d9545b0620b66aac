"""`shapemetrics extract`: from a function that makes a model to a store."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from shapemetrics import RepresentationStore
from shapemetrics.cli import main

pytest.importorskip("torch")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    (tmp_path / "models_of_the_command_test.py").write_text(
        "import torch\n\ndef net():\n    torch.manual_seed(0)\n    return torch.nn.Sequential("
        "torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(64, 5))\n"
    )
    rng = np.random.default_rng(0)
    np.save(tmp_path / "stimuli.npy", rng.normal(size=(12, 1, 6, 6)).astype(np.float32))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str):
    return CliRunner().invoke(main, ["extract", "models_of_the_command_test:net", *arguments])


def test_layers_are_listed_and_written(folder):
    listed = run("stimuli.npy")
    assert listed.exit_code == 0, listed.output
    table = pd.read_csv(io.StringIO(listed.stdout), dtype=str)
    assert table["layer"].tolist() == ["0", "1", "2", "3", "output"]
    done = run("stimuli.npy", "-l", "[03]", "-o", "store", "--positions", "mean", "--name", "net")
    assert done.exit_code == 0, done.output
    assert "2 layers of 12 stimuli" in done.stderr
    store = RepresentationStore(folder / "store")
    assert store.ids == ["net.0", "net.3"]
    assert [store.load(id).shape for id in store.ids] == [(12, 4), (12, 5)]


def test_mistakes_are_one_line(folder):
    for arguments, line in (
        (("stimuli.npy", "-l", "conv*", "-o", "store"), "layers: found 'conv*'"),
        (("stimuli.npy", "-l", "0"), "--layer and --output go together"),
        ((".", "-l", "0", "-o", "store"), "stimuli: found no image"),
    ):
        done = run(*arguments)
        assert done.exit_code == 2
        assert line in done.stderr
        assert done.stderr.count("\n") == 1
    (folder / "store").mkdir()
    assert "exists" in run("stimuli.npy", "-l", "0", "-o", "store").stderr


def test_layers_are_compared_in_the_shell(folder):
    pytest.importorskip("matplotlib")
    assert (
        run("stimuli.npy", "-l", "[0123]", "-o", "store", "--positions", "flatten").exit_code == 0
    )
    arguments = ["layers", "store", "-m", "debiased-cka", "--figure", "map.png", "-o", "map.csv"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    table = pd.read_csv("map.csv", dtype={"layer_a": str, "layer_b": str})
    assert len(table) == 16
    assert table["best"].sum() == 4
    assert (folder / "map.png").stat().st_size > 1000
    bad = CliRunner().invoke(main, ["layers", "store", "-m", "dibiased-cka"])
    assert "did you mean 'debiased-cka'" in bad.stderr
