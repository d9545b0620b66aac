"""Distances between halves of an item against distances between items."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from shapemetrics.geometry import half_distances


def measured_twice(rng, K: int, noise: float):
    truth = rng.normal(size=(K, 5))
    points = np.concatenate([truth + noise * rng.normal(size=truth.shape) for _ in range(2)])
    return cdist(points, points), [f"r{i}" for i in range(K)] * 2, ["odd"] * K + ["even"] * K


def test_little_noise_identifies_every_item(rng):
    table = half_distances(*measured_twice(rng, 12, 0.01))
    assert (table["identified"] == 1).all()
    assert (table["floor"] < table["nearest"]).all()
    assert (table["nearest"] <= table["median"]).all()
    assert (table["nearest_item"] != table["item"]).all()


def test_nothing_but_noise_identifies_at_chance(rng):
    shares = [half_distances(*measured_twice(rng, 20, 1e3))["identified"].mean() for _ in range(40)]
    assert np.mean(shares) == pytest.approx(1 / 20, abs=0.02)


def test_values_are_those_of_the_matrix_in_any_order_of_rows(rng):
    D, items, halves = measured_twice(rng, 4, 0.3)
    order = rng.permutation(8)
    table = half_distances(D, items, halves).set_index("item")
    shuffled = half_distances(
        D[np.ix_(order, order)], [items[i] for i in order], [halves[i] for i in order]
    ).set_index("item")
    for name in ("floor", "nearest", "median", "identified"):
        np.testing.assert_allclose(shuffled.loc[table.index, name], table[name])
    assert table.loc["r2", "floor"] == D[2, 6]
    across = [D[2, 4 + j] for j in (0, 1, 3)] + [D[j, 6] for j in (0, 1, 3)]
    assert table.loc["r2", "nearest"] == min(across)
    assert table.loc["r2", "median"] == pytest.approx(np.median(across))


@pytest.mark.parametrize(
    ("items", "halves", "message"),
    [
        (["a", "a", "b"], ["odd", "even", "odd"], "items: found 3, expected 4, one per row of D"),
        (["a", "a", "b", "b"], ["odd"] * 4, r"halves: found \['odd'\], expected two"),
        (
            ["a", "a", "b", "b"],
            ["odd", "odd", "odd", "even"],
            "items: found 'a' missing or repeated",
        ),
        (
            ["a", "a", "b", "c"],
            ["odd", "even", "odd", "even"],
            "items: found 'b' missing or repeated",
        ),
    ],
)
def test_items_that_are_not_in_both_halves(rng, items, halves, message):
    points = rng.normal(size=(4, 2))
    with pytest.raises(ValueError, match=message):
        half_distances(cdist(points, points), items, halves)
