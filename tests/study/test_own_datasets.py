"""What a study asks of datasets of a user's own, and what it says about mistakes in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shapemetrics.study import ConfigError, Study, validated

ROOT = Path(__file__).resolve().parents[2]
HEADER = "id,layer,family,score,architecture,remark"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        f"n{i}{layer},{layer},f{i % 6},{i / 10},{'cnn' if i >= 6 else 'mlp'},note {i}{layer}"
        for i in range(12)
        for layer in ("early", "late layer")
    ]
    for row in rows:
        np.save(tmp_path / f"{row.split(',')[0]}.npy", np.ones((4, 3)))
    (tmp_path / "table.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    return tmp_path


def edit(folder: Path, change: Callable[[list[list[str]]], Any]) -> None:
    path = folder / "table.csv"
    rows = [line.split(",") for line in path.read_text().splitlines()]
    change(rows)
    path.write_text("\n".join(map(",".join, rows)) + "\n")


@pytest.fixture
def make(folder: Path) -> Callable[..., Study]:
    def made(**settings: Any) -> Study:
        own = {"kind": "files", "folder": str(folder), "metadata": "table.csv", **settings}
        config = {"datasets": {"mine": own}, "metrics": {"procrustes": {"family": "linear"}}}
        return Study(validated(config))

    return made


def test_targets_are_sorted_by_what_their_columns_hold(make) -> None:
    study = make(targets=["score", "architecture"], group="family", layer="layer")
    kind = study.dataset("mine")
    assert study.dataset("mine").targets == ("score",)
    assert kind.labels == ("architecture",)
    assert kind.group == kind.regression_group == "family"
    figures = study.figures("mine")
    assert {"regression_score", "classification", "procrustes/predictions_score"} <= set(figures)
    assert not {"accuracies", "shift_maps", "noise_floor", "atlas"} & set(figures)


def test_each_layer_is_a_selection_and_the_last_one_is_drawn(make) -> None:
    study = make(layer="layer")
    assert {name: s.where for name, s in study.dataset("mine").selections.items()} == {
        "early": {"layer": "early"},
        "late_layer": {"layer": "late layer"},
    }
    assert study.dataset("mine").dendrogram["selection"] == "late_layer"
    assert study.dataset("mine").panels == (None, "layer")
    compared = study.selection("mine", "compared")
    assert compared.where == {"layer": "late layer"}
    assert compared.n_networks == study.config["analyses"]["compared"]["n_networks"]


def test_without_layers_all_are_compared_with_all(make) -> None:
    study = make()
    assert list(study.dataset("mine").selections) == ["all"]
    assert study.dataset("mine").panels == (None, None)
    assert "classification" not in study.figures("mine")
    assert not [figure for figure in study.figures("mine") if "regression" in figure]


def test_covariates_are_those_that_can_explain(make) -> None:
    # Not the remark, which differs for every row, nor the layer.
    assert make(layer="layer").dataset("mine").covariates == ("family", "score", "architecture")
    assert make(covariates=["score"]).dataset("mine").covariates == ("score",)
    assert "procrustes/covariates" not in make(covariates=[]).figures("mine")


def test_a_number_may_stand_for_classes(make, folder) -> None:
    edit(folder, lambda rows: [row.__setitem__(4, str(i % 2)) for i, row in enumerate(rows[1:])])
    study = make(targets=["architecture"], layer=None)
    assert study.dataset("mine").targets == ("architecture",)
    study = make(targets=["architecture"], classification=["architecture"])
    assert study.dataset("mine").targets == ()
    assert study.dataset("mine").labels == ("architecture",)


def test_what_is_left_out_is_said_beforehand(make, folder) -> None:
    def change(rows):
        rows[1][3] = rows[2][3] = "NA"
        rows[3][4] = "rnn"

    edit(folder, change)
    lines = make(targets=["score", "architecture"]).announcements()
    assert any("score: unknown for 2 of 24 representations" in line for line in lines)
    assert any("class rnn has 1 members" in line for line in lines)


def test_axes_in_doubt_are_said_beforehand(make, folder) -> None:
    for path in folder.glob("*.npy"):
        np.save(path, np.ones((4, 16, 8, 8)))
    first = folder / "n0early.npy"
    (line,) = (line for line in make().announcements() if "channels" in line)
    assert line.startswith(f"mine: {first} and 23 others: shape (4, 16, 8, 8) looks like stimuli x")
    assert "axes: [stimuli, channels, height, width]" in line
    axes = ["stimuli", "channels", "height", "width"]
    assert make(axes=axes).announcements() == []


def test_arrays_passed_over_are_said_beforehand(make, folder) -> None:
    for path in folder.glob("*.npy"):
        np.savez(path.with_suffix(".npz"), X=np.ones((4, 3)), labels=np.arange(4))
        path.unlink()
    (line,) = make().announcements()
    assert line == f"mine: {folder / 'n0early.npz'} and 23 others: left out, no matrix: labels (4,)"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"axes": ["stimuli", "channels"]}, "'datasets.mine.axes': found stimuli, channels"),
        (
            {"axes": ["units", "stimuli"], "orientation": "stimuli_last"},
            "'datasets.mine.orientation': found stimuli_last beside axes",
        ),
        (
            {"stimulus_column": "a", "index": "b"},
            "'datasets.mine.stimulus_column': found 'a' beside index: b",
        ),
    ],
)
def test_options_that_contradict_name_their_key(make, settings, expected) -> None:
    with pytest.raises(ValueError, match=expected):
        make(**settings)


def test_how_files_are_read_is_part_of_what_is_kept(make) -> None:
    study = make(axes=["units", "stimuli"], header=True, index="picture", decimal=",")
    found = study.dataset("mine").reading
    assert found["axes"] == ["units", "stimuli"]
    assert (found["header"], found["index"], found["decimal"]) == (True, "picture", ",")


def test_too_many_colours_are_refused(make, monkeypatch) -> None:
    monkeypatch.setattr("shapemetrics.study.datasets.user.MOST_COLORS", 10)
    assert make(color="family").dataset("mine").color == "family"
    with pytest.raises(ValueError, match="'remark' has 24 values that are no numbers"):
        make(color="remark")


def test_without_anything_known_shapes_are_the_colours(make, folder) -> None:
    edit(folder, lambda rows: [row.__delitem__(slice(1, None)) for row in rows])
    study = make()
    assert study.dataset("mine").color == "shape"
    assert "procrustes/covariates" not in study.figures("mine")


MISTAKES = {
    "unknown target": ({"targets": ["scroe"]}, None, "no column 'scroe'; found layer, family"),
    "unknown group": ({"group": "x", "targets": ["score"]}, None, "no column 'x'"),
    "unknown layer": ({"layer": "x"}, None, "no column 'x'"),
    "unknown layer value": ({"layer": "layer", "layers": ["deep"]}, None, "'deep' is none of the"),
    "unknown colour": ({"color": "x"}, None, "no column 'x'"),
    "unknown label": ({"label": "x"}, None, "no column 'x'"),
    "layers alone": ({"layers": ["early"]}, None, "needs 'layer'"),
    "no such layer's dendrogram": ({"dendrogram": "x"}, None, "mine.dendrogram': found 'x'"),
    "typing error in a number": (
        {"targets": ["score"]},
        lambda rows: rows[3].__setitem__(3, "0.9l"),
        "line 4, column 'score' holds '0.9l', while 23 other rows hold numbers",
    ),
    "text for regression": (
        {"regression": ["architecture"]},
        None,
        "'architecture' of .* holds text, expected numbers",
    ),
    "constant target": (
        {"targets": ["score"]},
        lambda rows: [row.__setitem__(3, "1.5") for row in rows[1:]],
        "mine.targets': found 24 known values of 'score', 1 of them different, expected at least 8",
    ),
    "one class": (
        {"targets": ["architecture"]},
        lambda rows: [row.__setitem__(4, "cnn") for row in rows[1:]],
        "mine.targets': found 1 classes of 'architecture' with 3 members or more",
    ),
    "class in few groups": (
        {"targets": ["architecture"], "group": "family"},
        lambda rows: [row.__setitem__(2, f"{row[4]} family") for row in rows[1:]],
        r"found 0 classes of 'architecture' with 3 different family or more \(cnn 1, mlp 1\)",
    ),
    "empty group": (
        {"group": "family", "targets": ["score"]},
        lambda rows: rows[1].__setitem__(2, ""),
        "group 'family' is empty in some rows",
    ),
    "empty layer": (
        {"layer": "layer"},
        lambda rows: rows[1].__setitem__(1, ""),
        "line 2, column 'layer' is empty",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_is_one_line_before_anything_runs(make, folder, name: str) -> None:
    settings, change, expected = MISTAKES[name]
    if change is not None:
        edit(folder, change)
    with pytest.raises(ValueError, match=expected) as caught:
        make(**settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("datasets", "expected"),
    [
        ({"nasbnech": {"n_networks": 4}}, r"did you mean 'nasbench'\?"),
        ({"mine": {"folder": "x"}}, "'datasets.mine' is unknown: key 'kind' is missing"),
        ({"mine": {"kind": "file"}}, r"did you mean 'files'\?"),
        ({"mine": {"kind": "files", "metadata": "t.csv"}}, "key 'folder' is missing"),
        (
            {"mine": {"kind": "files", "folder": "x", "metadata": "t", "targest": []}},
            r"did you mean 'targets'\?",
        ),
        (
            {"figures": {"kind": "files", "folder": "x", "metadata": "t"}},
            "'figures' is not allowed: a folder",
        ),
        ({"a_b": {"kind": "files", "folder": "x", "metadata": "t"}}, "'a_b' is not allowed"),
        (
            {"mine": {"kind": "files", "folder": "x", "metadata": "t", "axes": ["stimuli", "x"]}},
            "expected one of 'stimuli', 'units', 'trials'",
        ),
        (
            {"mine": {"kind": "files", "folder": "x", "metadata": "t", "header": "yes"}},
            "mine.header': 'yes' is not of type 'boolean', 'null'",
        ),
        ({"mine": {"kind": "python", "class": "module.Class"}}, "does not match"),
    ],
)
def test_mistakes_in_the_configuration_name_the_key(datasets, expected: str) -> None:
    config = {"datasets": datasets, "metrics": {"procrustes": {"family": "linear"}}}
    with pytest.raises(ConfigError, match=expected) as caught:
        validated(config)
    assert "\n" not in str(caught.value)
