"""Distances of the same numbers stored in other types are the same, and are right.

Every metric and comparison on data of every kind. A distance may differ from its reference by what
the reference allows to sound computations in float64, which it derives from the data: 1e-13 or so
where they are well conditioned, the machine precision times the spread of singular values where
whitening magnifies it (1e-7 at seven decades), sqrt(eps) where a Gram matrix is decomposed (1e-6),
and 1e-7 for angles near zero. Where rounding in float64 decides the answer, as for a low rank under
an offset, only the type must not matter.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from recipes import KINDS, RECIPES, catalogue, draw, form, label, stored, values

from shapemetrics import cross_distances, pairwise_distances
from shapemetrics.metrics import Comparison, KernelMetric, LinearMetric

METRICS = list(catalogue())
#: Numbers of stimuli, and of units of the two networks.
SIZES = {"matrix": (14, (5, 4)), "gram": (10, (4, 3)), "layer": (4, (3, 2)), "trials": (4, (3, 3))}


def quietly(function: Any, *arguments: Any) -> Any:
    """What a function returns; no warning but the one about the precision of stored data."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", UserWarning)
        return function(*arguments)


def disagreements(metric: Any, X: Any, Y: Any, *, referred: bool = True) -> list[str]:
    """What is wrong with the distance of two networks, in the type in which they are stored."""
    plain = values(X), values(Y)
    try:
        expected = reference.distance(metric, *plain)
    except reference.Undefined as reason:
        try:
            return [f"found {quietly(metric.distance, X, Y)}, expected a refusal: {reason}"]
        except (TypeError, ValueError):
            return []
    try:
        found, as_float64 = (quietly(metric.distance, *pair) for pair in ((X, Y), plain))
    except (TypeError, ValueError) as error:
        return [] if expected.may_be_refused else [f"refused: {error}"]
    wrong = []
    if abs(found - as_float64) > 1e-12 * expected.size:
        wrong.append(f"found {found!r}, but {as_float64!r} of the same values as float64")
    if referred and not abs(found - expected.value) <= expected.allowed():
        wrong.append(f"found {found!r}, expected {expected.value!r} within {expected.allowed()}")
    return wrong


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("metric", METRICS, ids=label)
def test_every_metric_on_every_kind_of_data(metric, kind):
    m, widths = SIZES[form(metric)]
    wrong = {}
    for k, recipe in enumerate(RECIPES):
        wide = m + 3 if recipe == "wide" and form(metric) == "matrix" else 0
        networks = [
            stored(draw(metric, recipe, seed, m, n + wide), kind) for seed, n in enumerate(widths)
        ]
        # References take most of the time: for stored types those of every third recipe do.
        referred = kind == "float64" or k % 3 == KINDS.index(kind)
        wrong[recipe] = disagreements(metric, *networks, referred=referred)
    assert {recipe: found for recipe, found in wrong.items() if found} == {}


@settings(max_examples=100)
@given(
    st.sampled_from(METRICS),
    st.sampled_from(sorted(RECIPES)),
    st.sampled_from(KINDS),
    st.integers(0, 10**6),
    st.integers(3, 12),
    st.integers(1, 6),
    st.integers(1, 6),
)
def test_any_sizes(metric, recipe, kind, seed, m, n, p):
    if form(metric) == "trials":
        m, n, p = min(m, 5), min(n, 3), min(n, 3)
    X, Y = (stored(draw(metric, recipe, seed + k, m, q), kind) for k, q in enumerate((n, p)))
    assert disagreements(metric, X, Y) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "metric",
    [
        LinearMetric(alpha=0.0),
        LinearMetric(alpha=0.5),
        KernelMetric("rbf", alpha=0.3),
        Comparison("mean_cca"),
        Comparison("linear_regression"),
    ],
    ids=label,
)
def test_all_pairs_know_no_type_either(metric, kind):
    recipes = ("power law", "seven decades", "clusters", "rectified")
    networks = [stored(draw(metric, name, k, 14, 4), kind) for k, name in enumerate(recipes)]
    plain = [values(X) for X in networks]
    found, expected = (quietly(pairwise_distances, arrays, metric) for arrays in (networks, plain))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    found = quietly(cross_distances, networks[:1], plain[1:], metric)
    np.testing.assert_allclose(found, expected[:1, 1:], rtol=0, atol=1e-12)
    # One network in another type than its partners.
    mixed = [networks[0], *plain[1:]]
    found = quietly(pairwise_distances, mixed, metric)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["bool", "uint8", "int8", "int16", "uint32", "int64"])
@pytest.mark.parametrize(
    "metric", [LinearMetric(alpha=0.5), KernelMetric("rbf"), Comparison("pwcca")], ids=label
)
def test_whole_numbers_and_truth_values_are_numbers(metric, kind):
    rng = np.random.default_rng(0)
    X, Y = (rng.integers(0, 2 if kind == "bool" else 100, size=(20, n)) for n in (4, 5))
    assert disagreements(metric, X.astype(kind), Y.astype(kind)) == []


# What rounding of the stored numbers limits


WHITENING = [
    LinearMetric(alpha=0.0),
    LinearMetric(alpha=0.3),
    Comparison("mean_cca"),
    Comparison("pwcca"),
]
STORED = ("float16", "bfloat16", "float32")


def warned(function: Any, *arguments: Any) -> list[Any]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(*arguments)
    return [warning.category for warning in caught]


@pytest.mark.parametrize("kind", STORED)
@pytest.mark.parametrize("metric", WHITENING, ids=label)
def test_whitening_of_what_rounding_made_is_told_once(metric, kind):
    """Of rank two before they were rounded: whitened directions hold rounding alone."""
    networks = [stored(draw(metric, "low rank", seed, 14, 5), kind) for seed in range(4)]
    for function, arguments in (
        (metric.distance, networks[:2]),
        (pairwise_distances, (networks, metric)),
        (cross_distances, (networks[:2], networks[2:], metric)),
    ):
        found = warned(function, *arguments)
        assert len(found) == 1
        assert issubclass(found[0], UserWarning)


@pytest.mark.parametrize("metric", WHITENING, ids=label)
def test_nothing_is_told_where_rounding_limits_nothing(metric):
    for kind in STORED:
        networks = [stored(draw(metric, "isotropic", seed, 14, 5), kind) for seed in range(4)]
        assert warned(pairwise_distances, networks, metric) == []
    networks = [draw(metric, "low rank", seed, 14, 5) for seed in range(4)]
    assert warned(pairwise_distances, networks, metric) == []


@pytest.mark.parametrize("kind", STORED)
def test_nothing_is_told_without_whitening(kind):
    networks = [stored(draw(LinearMetric(), "low rank", seed, 14, 5), kind) for seed in range(4)]
    for metric in (LinearMetric(), KernelMetric("rbf"), Comparison("cka")):
        assert warned(pairwise_distances, networks, metric) == []
