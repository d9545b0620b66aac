"""Distances against chance and against one another: calibrated, paired, and reproducible."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shapemetrics import pairwise_distances
from shapemetrics.estimation import distance_difference, layer_distances, null_distances
from shapemetrics.metrics import AngularCKA, Comparison, LinearMetric, NeighborhoodMetric

METRICS = [LinearMetric(), AngularCKA(), NeighborhoodMetric(n_neighbors=5), Comparison("pwcca")]


def networks(rng: np.random.Generator, shared: float = 1.0) -> dict[str, np.ndarray]:
    common = rng.normal(size=(40, 4))
    return {
        name: shared * common @ rng.normal(size=(4, n)) + rng.normal(size=(40, n))
        for name, n in (("a", 6), ("b", 8), ("c", 5))
    }


@pytest.mark.parametrize("metric", METRICS, ids=repr)
@pytest.mark.parametrize("null", ["permutation", "rotation"])
def test_alike_networks_stand_out_and_others_do_not(metric, null, rng):
    alike = null_distances(networks(rng), metric, null=null, n_nulls=39)
    assert (alike["p"] == 1 / 40).all()
    assert (alike["z"] < -2.5).all()
    assert alike["effect"].between(0.0, 1.0).all()
    D = pairwise_distances(networks(np.random.default_rng(3)), metric)
    table = null_distances(networks(np.random.default_rng(3)), metric, null=null, n_nulls=2)
    assert len(table) == (3 if metric.symmetric else 6)
    assert table["distance"].iloc[0] == D[0, 1]


def test_p_is_uniform_where_nothing_is_shared():
    found = []
    for seed in range(25):
        draw = networks(np.random.default_rng(seed), shared=0.0)
        found += null_distances(draw, AngularCKA(), n_nulls=19, seed=seed)["p"].tolist()
    assert np.mean(found) == pytest.approx(0.525, abs=0.12)
    assert np.mean(np.array(found) <= 0.2) == pytest.approx(0.2, abs=0.12)


def test_wide_random_networks_look_alike_to_a_biased_measure_and_are_at_chance():
    rng = np.random.default_rng(0)
    wide = {"a": rng.normal(size=(20, 400)), "b": rng.normal(size=(20, 400))}
    table = null_distances(wide, Comparison("cka"), n_nulls=39)
    assert table["distance"].item() < 0.1  # CKA above 0.9
    assert abs(table["effect"].item()) < 0.2
    assert table["p"].item() > 0.05


def test_matched_random_networks_have_the_same_covariance(rng):
    X = rng.normal(size=(30, 5)) @ rng.normal(size=(5, 9)) + 3.0
    seen = []

    def look(array, generator):
        seen.append(array)
        return generator.permutation(array)

    table = null_distances({"x": X, "y": X[::-1]}, LinearMetric(), null=look, n_nulls=3)
    assert len(seen) == 6
    assert isinstance(table, pd.DataFrame)
    from shapemetrics.estimation.nulls import _rotated

    other = _rotated(X, rng)
    np.testing.assert_allclose(np.cov(other.T), np.cov(X.T), atol=1e-10)
    np.testing.assert_allclose(other.mean(axis=0), X.mean(axis=0))
    with pytest.raises(ValueError, match="rotation"):
        _rotated(rng.normal(size=(6, 3, 3, 2)), rng)


@pytest.mark.parametrize("options", [{"null": "shuffle"}, {"n_nulls": 0}, {"seed": -1}])
def test_wrong_options_are_named(options, rng):
    with pytest.raises(ValueError, match=next(iter(options))):
        null_distances(networks(rng), LinearMetric(), **options)


def test_differences_have_the_right_error_and_sign():
    """The jackknife's error is the spread of the difference over draws of the stimuli."""
    found, errors = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        X, Y, Z = rng.normal(size=(3, 150, 4))
        draw = {"x": X, "y": X + 0.5 * Y, "z": X + 0.6 * Z}
        result = distance_difference(draw, LinearMetric(), ("x", "y"), ("x", "z"), n_groups=25)
        found.append(result.difference)
        errors.append(result.error)
        assert result.low < result.difference < result.high
        assert result.first - result.second == pytest.approx(result.difference)
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.35)
    assert np.mean(found) < 0.0


def test_equal_pairs_do_not_differ(rng):
    result = distance_difference(networks(rng), LinearMetric(), ("a", "b"), ("b", "a"))
    assert abs(result.difference) < 1e-9
    same = distance_difference(networks(rng), AngularCKA(), ("a", "b"), ("a", "b"))
    assert same.difference == 0.0
    assert same.p_value == 1.0


def test_what_a_difference_needs_is_named(rng):
    arrays = networks(rng)
    with pytest.raises(ValueError, match="found 'd', expected two of a, b, c"):
        distance_difference(arrays, LinearMetric(), ("a", "d"), ("a", "b"))
    for options in ({"n_groups": 41}, {"n_groups": 1}, {"level": 1.0}):
        with pytest.raises(ValueError, match=next(iter(options))):
            distance_difference(arrays, LinearMetric(), ("a", "b"), ("a", "c"), **options)


def test_layers_find_their_counterparts_and_the_floor_is_noise(rng):
    layers = [rng.normal(size=(50, 6))]
    for _ in range(3):
        layers.append(np.tanh(layers[-1] @ rng.normal(size=(6, 6))))
    a = {f"a{i}": X for i, X in enumerate(layers)}
    b = {f"b{i}": X[:, ::-1] * 2.0 for i, X in enumerate(layers)}
    trials = {"a1": layers[1][:, None] + 0.1 * rng.normal(size=(50, 8, 6))}
    table = layer_distances(a, b, LinearMetric(), trials=trials)
    best = table[table["best"]]
    assert best["layer_b"].tolist() == ["b0", "b1", "b2", "b3"]
    assert table["floor"].notna().sum() == 4
    assert 0.0 < table["floor"].min() < 0.3
    own = layer_distances(a, None, LinearMetric())
    assert (own.loc[own["best"], "layer_a"] != own.loc[own["best"], "layer_b"]).all()
    with pytest.raises(ValueError, match="trials: found 'x'"):
        layer_distances(a, b, LinearMetric(), trials={"x": trials["a1"]})
    with pytest.raises(ValueError, match="found 1 layer"):
        layer_distances({"a": layers[0]}, None, LinearMetric())
