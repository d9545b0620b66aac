"""Estimates from stimuli in any order and any units."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from shapemetrics.estimation import (
    bootstrap_distances,
    distance_vs_samples,
    half_distances,
    moment_angle,
    split_half_floor,
)
from shapemetrics.metrics import LinearMetric

EUCLIDEAN = LinearMetric(geometry="euclidean")
UNITS = [2.0**-664, 2.0**-19, 2.0**664]


@pytest.fixture
def pair(rng):
    common = rng.normal(size=(50, 4))
    return [common + 0.5 * rng.normal(size=(50, 4)) for _ in range(2)]


def assert_same(found, wanted):
    # Halving one of the two moves a root of two about, whose rounding is all that may change.
    for field in dataclasses.fields(wanted):
        values = getattr(found, field.name), getattr(wanted, field.name)
        np.testing.assert_allclose(*values, rtol=1e-9, err_msg=field.name)


@pytest.mark.parametrize("unit", UNITS)
def test_an_angle_has_no_units(pair, unit):
    X, Y = pair
    wanted = moment_angle(X, Y, n_orders=2)
    assert_same(moment_angle(unit * X, Y, n_orders=2), wanted)
    assert_same(moment_angle(X, unit * Y, n_orders=2), wanted)
    assert_same(moment_angle(unit * X, unit * Y, n_orders=2), wanted)


def test_an_angle_aligns_labelled_stimuli(pair, rng):
    X, Y = pair
    names = [f"image {i}" for i in range(50)]
    frame = pd.DataFrame(Y, index=names).iloc[rng.permutation(50)]
    wanted = moment_angle(X, Y, n_orders=2)
    found = moment_angle(pd.DataFrame(X, index=names), frame, n_orders=2)
    assert found.angle == pytest.approx(wanted.angle, rel=1e-9)
    assert found.standard_error == pytest.approx(wanted.standard_error, rel=1e-9)
    shuffled = moment_angle(X, frame.to_numpy(), n_orders=2)
    assert shuffled.angle != pytest.approx(wanted.angle, abs=0.1)
    with pytest.raises(ValueError, match="'Y': found stimuli with"):
        moment_angle(pd.DataFrame(X, index=names), pd.DataFrame(Y, index=range(50)))


@pytest.mark.parametrize("unit", UNITS)
def test_standard_errors_have_the_units_of_the_data(pair, unit):
    wanted = bootstrap_distances(pair, EUCLIDEAN, n_bootstrap=8)
    found = bootstrap_distances([unit * X for X in pair], EUCLIDEAN, n_bootstrap=8)
    assert wanted["standard_error"].item() > 0
    for column in ("distance", "standard_error", "bias", "low", "high"):
        assert found[column].item() == unit * wanted[column].item()


@pytest.mark.parametrize("seed", [True, 1.5, "2", -1, [1]])
@pytest.mark.parametrize(
    "call",
    [
        lambda pair, seed: moment_angle(*pair, seed=seed),
        lambda pair, seed: bootstrap_distances(pair, EUCLIDEAN, seed=seed),
        lambda pair, seed: distance_vs_samples(pair, EUCLIDEAN, [10], seed=seed),
        lambda pair, seed: split_half_floor(np.stack(pair, 1), EUCLIDEAN, seed=seed),
    ],
)
def test_a_seed_is_an_integer(pair, call, seed):
    with pytest.raises(ValueError, match=r"seed: found .*, expected an integer >= 0"):
        call(pair, seed)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, Y: distance_vs_samples([X, Y], EUCLIDEAN, 1.5), "sizes: found 1.5, expected a"),
        (lambda X, Y: distance_vs_samples([X, Y], EUCLIDEAN, [2.5]), "sizes: found 2.5"),
        (lambda X, Y: moment_angle(X, Y, n_moments=1.5), "n_moments: found 1.5"),
        (lambda X, Y: moment_angle(X, Y, n_orders=True), "n_orders: found True"),
        (lambda X, Y: moment_angle(X, Y, n_jackknife="a"), "n_jackknife: found 'a'"),
        (lambda X, Y: moment_angle(X, Y, max_bias="a"), "max_bias: found 'a'"),
        (lambda X, Y: moment_angle(X, Y, max_bias=1e-9), "max_bias: found 1e-09, expected more"),
        (lambda X, Y: moment_angle(1j * X, Y), "'X': found dtype complex128"),
        (
            lambda X, Y: half_distances(np.ma.masked_less(Y[:4], 0), list("aabb"), [0, 1] * 2),
            "mask",
        ),
    ],
)
def test_options_are_named_in_one_line(pair, call, message):
    with pytest.raises((TypeError, ValueError), match=message) as told:
        call(*pair)
    assert "\n" not in str(told.value)
