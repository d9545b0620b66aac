"""The benchmark of measures: its networks, its scores, and that the page holds its table."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from shapemetrics.metrics.registry import FAMILIES

torch = pytest.importorskip("torch")
ROOT = Path(__file__).resolve().parents[2]
#: Families whose arrays have more than two axes.
OTHER_AXES = {"convolution", "gaussian_stochastic", "energy_stochastic"}


@pytest.fixture(scope="module")
def command():
    spec = importlib.util.spec_from_file_location(
        "which_measure", ROOT / "docs" / "which_measure.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look for their module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def networks(command):
    return command.train(command.settings(n_seeds=2), n_steps=150)


def test_every_measure_of_matrices_takes_part(command):
    families = {type(metric).__name__ for metric in command.MEASURES.values()}
    assert families == {name for key, (_, name) in FAMILIES.items() if key not in OTHER_AXES}


def test_networks_learn_what_their_setting_says(networks):
    accuracy = (networks.predictions == networks.digits).mean(axis=1)
    groups = np.array([f"{s.test} {s.group}" for s in networks.settings])
    found = {group: accuracy[groups == group].mean() for group in groups}
    assert found["layers plain"] > 0.8
    assert found["outputs 40 images"] < found["outputs 600 images"]
    assert found["labels 100%"] < 0.3
    # A shortcut that always names the digit is all that a network needs, until it misleads.
    assert found["shortcut 100%"] < found["shortcut 0%"] - 0.2
    assert networks.hidden.shape == (len(networks.settings), 5, 150, 48)


def test_training_again_gives_the_same_networks(command, networks):
    again = command.train(command.settings(n_seeds=2), n_steps=150)
    np.testing.assert_allclose(again.hidden, networks.hidden, atol=1e-4)


def test_scores_have_chance_beside_them(command, networks):
    measures = {name: command.MEASURES[name] for name in ("Procrustes", "Normalised Bures")}
    table = command.score(networks, measures, n_permutations=19)
    assert len(table) == 12
    assert set(table["test"]) == set(command.TESTS)
    assert table["score"].between(-1, 1).all()
    assert table["p_value"].between(0.05, 1).all()
    chance = table.set_index("test").loc[["accuracy", "labels", "shortcut", "layers"], "chance"]
    assert sorted({round(value, 4) for value in chance}) == [0.0, 0.0769, 0.1111, 0.5]
    # The cosine of an angle orders pairs as the angle does.
    first, second = (table[table["measure"] == name]["score"] for name in measures)
    np.testing.assert_allclose(first, second, atol=1e-12)
    assert command.mean_ranks(table).tolist() == [1.5, 1.5]
    assert command.plot_scores(table).axes


def test_units_that_never_change_are_left_out_where_a_measure_refuses_them(command, networks):
    silenced = networks.hidden.copy()
    silenced[..., :3] = 0.0
    silent = dataclasses.replace(networks, hidden=silenced)
    name = "Partial soft matching"
    table = command.score(silent, {name: command.MEASURES[name]}, n_permutations=9)
    assert np.isfinite(table["score"]).all()


def test_the_page_holds_the_table(command):
    table = pd.read_csv(command.TABLE)
    assert list(dict.fromkeys(table["measure"])) == list(command.MEASURES)
    assert command.markdown(table) in command.PAGE.read_text(encoding="utf-8")


def test_other_arguments_are_refused(command):
    with pytest.raises(SystemExit, match="found \\['--fast'\\], expected nothing or --draw"):
        command.main(["--fast"])
