"""Datasets of kind `models`: settings, checks, and the representations that they make."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shapemetrics.datasets import ModelsDataset, check_dataset, write_store
from shapemetrics.study import Study, validated
from shapemetrics.study.user_data import make_dataset

pytest.importorskip("torch")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    (tmp_path / "models_of_the_study_test.py").write_text(
        "import torch\nfrom torch import nn\n\n"
        "def make(seed):\n    torch.manual_seed(seed)\n"
        "    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5))\n"
        "def a():\n    return make(0)\ndef b():\n    return make(1)\n"
    )
    rng = np.random.default_rng(0)
    np.save(tmp_path / "stimuli.npy", rng.normal(size=(12, 1, 6, 6)).astype(np.float32))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def study(**settings) -> Study:
    own = {
        "kind": "models",
        "models": {name: f"models_of_the_study_test:{name}" for name in ("a", "b")},
        "stimuli": "stimuli.npy",
        "layers": ["0", "3"],
        **settings,
    }
    config = {"datasets": {"own": own}, "metrics": {"procrustes": {"family": "linear"}}}
    return Study(validated(config))


def test_representations_and_covariates(folder, tmp_path):
    dataset = study(grid="mean").dataset("own")
    assert list(dataset.selections) == ["all"]
    assert dataset.color == "model"
    assert "stimuli.npy" in dataset.input_files
    assert "models_of_the_study_test.py" in dataset.input_files
    source = make_dataset(dataset.reading)
    check_dataset(source)
    store = write_store(source, tmp_path / "store")
    assert store.ids == ["a.0", "a.3", "b.0", "b.3"]
    assert store.index["depth"].tolist() == [0.0, 1.0, 0.0, 1.0]
    assert store.index["units"].tolist() == [4, 5, 4, 5]
    assert store.load("a.0").shape == (12, 4)


def test_layers_can_be_compared_among_models(folder):
    assert list(study(layer="layer").dataset("own").selections) == ["0", "3"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stimuli": "absent.npy"}, r"datasets.own.stimuli': found no absent.npy"),
        ({"models": {"a": "absent_module:a"}}, r"datasets.own.models.a': .*no module"),
        ({"models": {"a": "no function"}}, "models"),
        ({"layer": "layer", "layers": ["*"]}, r"datasets.own.layers': found '\*'"),
        ({"layer": "model"}, r"datasets.own.layer': found 'model'"),
        ({"grid": "sample"}, "n_positions"),
        ({"layers": []}, "layers"),
    ],
)
def test_mistakes_are_found_before_anything_runs(folder, settings, message):
    with pytest.raises(ValueError, match=message):
        study(**settings).dataset("own").check_settings()


def test_a_layer_that_is_in_no_model_is_named(folder):
    models = {"a": "models_of_the_study_test:a"}
    assert [one.id for one in ModelsDataset(models, "stimuli.npy", ["[03]"])] == ["a.0", "a.3"]
    with pytest.raises(ValueError, match=r"layers: found 'blocks.\*', which matches no layer"):
        list(ModelsDataset(models, "stimuli.npy", ["0", "blocks.*"]))
    with pytest.raises(ValueError, match="model 'a': layers: found 'blocks"):
        list(ModelsDataset(models, "stimuli.npy", ["blocks.*"]))
