"""Baselines beside distances: folds, joins, gains and nulls."""

from __future__ import annotations

import numpy as np
import pytest

from shapemetrics.learning import nested_baselines, nested_regression


def pairs(x: np.ndarray) -> np.ndarray:
    return np.abs(x[:, None] - x)


@pytest.fixture(scope="module")
def items() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    seen, unseen, noise = rng.uniform(size=(3, 80))
    columns = np.column_stack([seen, noise, rng.uniform(size=80)])
    return {"y": seen + unseen, "seen": seen, "unseen": unseen, "noise": noise, "columns": columns}


@pytest.fixture(scope="module")
def found(items):
    return nested_baselines(
        items["y"],
        {"one": items["seen"], "cell": items["columns"]},
        {"new": pairs(items["unseen"]), "noise": pairs(items["noise"])},
        seed=4,
        n_trees=40,
        n_permutations=10,
    )


def row(found, description, distances):
    table = found.summary.set_index(["description", "distances"])
    return table.loc[(description, distances)]


def test_a_row_per_description_and_per_join(found):
    names = list(zip(found.summary["description"], found.summary["distances"]))
    assert names == [("one", ""), ("cell", ""), ("cell", "new"), ("cell", "noise"), ("cell", "all")]


def test_distances_that_hold_something_new_add_to_a_description(found):
    assert row(found, "cell", "new")["gain_low"] > 0.2
    assert row(found, "cell", "all")["r2"] > row(found, "cell", "")["r2"] + 0.2


def test_distances_that_hold_nothing_add_little(found):
    joined = row(found, "cell", "noise")
    assert abs(joined["gain"]) < 0.08
    assert joined["gain"] == pytest.approx(joined["r2"] - row(found, "cell", "")["r2"])
    assert joined["gain_low"] < joined["gain"] < joined["gain_high"]


def test_nulls_are_of_permuted_targets(found):
    alone = row(found, "cell", "")
    assert alone["null_r2_high"] < 0.25 < alone["r2"]
    assert alone["p_value"] == pytest.approx(1 / 11)
    assert np.isnan(row(found, "cell", "new")["null_r2_mean"])


def test_folds_are_those_of_the_regression_from_distances(items, found):
    other = nested_regression(
        pairs(items["unseen"]), items["y"], seed=4, n_permutations=0, n_bootstrap=0
    ).predictions
    mine = found.predictions.query("description == 'cell' and distances == 'new'")
    assert mine["fold"].tolist() == other["fold"].tolist()
    assert mine["baseline"].to_numpy() == pytest.approx(other["baseline"].to_numpy())


def test_scores_are_those_of_the_predictions(found):
    for row in found.summary.itertuples():
        mine = found.predictions[
            (found.predictions["description"] == row.description)
            & (found.predictions["distances"] == row.distances)
        ]
        error = ((mine["observed"] - mine["predicted"]) ** 2).sum()
        chance = ((mine["observed"] - mine["baseline"]) ** 2).sum()
        assert row.r2 == pytest.approx(1 - error / chance)


def test_a_test_item_has_no_part_in_its_prediction(items):
    """A target changed in one item changes no prediction of its own fold."""
    options = {"seed": 1, "n_trees": 5, "n_permutations": 0, "n_bootstrap": 0}
    changed = items["y"].copy()
    changed[7] += 100
    one, other = (
        nested_baselines(
            y, {"cell": items["columns"]}, {"new": pairs(items["unseen"])}, **options
        ).predictions
        for y in (items["y"], changed)
    )
    fold = one.loc[one["index"] == 7, "fold"].iloc[0]
    same = one["fold"] == fold
    assert (one["predicted"][same] == other["predicted"][same]).all()
    assert (one["predicted"][~same] != other["predicted"][~same]).any()


def test_threads_do_not_change_the_numbers(items):
    options = {"n_trees": 5, "n_permutations": 2, "n_bootstrap": 20}
    one, two = (
        nested_baselines(
            items["y"],
            {"cell": items["columns"]},
            {"new": pairs(items["unseen"])},
            n_jobs=n_jobs,
            **options,
        )
        for n_jobs in (1, 2)
    )
    assert one.summary.equals(two.summary)


def test_bad_input_is_named(items):
    y = items["y"]
    with pytest.raises(ValueError, match="descriptions: found none, expected at least one"):
        nested_baselines(y, {})
    with pytest.raises(ValueError, match=r"descriptions\['a'\]: found shape \(3, 1\), expected"):
        nested_baselines(y, {"a": [1.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match=r"distances\['d'\]: found 3 items, expected 80"):
        nested_baselines(y, {"a": y}, {"d": pairs(np.arange(3.0))})
    with pytest.raises(ValueError, match="n_trees: found 0, expected at least 1"):
        nested_baselines(y, {"a": y}, n_trees=0)
