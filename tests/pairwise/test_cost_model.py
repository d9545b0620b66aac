"""The cost model: every family has one, it is the same everywhere, and it grows as work does."""

from __future__ import annotations

import dataclasses

import pytest

from shapemetrics.metrics import (
    AngularCKA,
    Comparison,
    ConvolutionMetric,
    EnergyStochasticMetric,
    GaussianStochasticMetric,
    KernelMetric,
    LinearMetric,
    NeighborhoodMetric,
    PermutationMetric,
    SoftMatchingMetric,
)
from shapemetrics.metrics.base import Metric
from shapemetrics.metrics.registry import FAMILIES
from shapemetrics.pairwise import estimated_pair_seconds

METRICS = [
    LinearMetric(),
    ConvolutionMetric(),
    ConvolutionMetric(shifts=False),
    PermutationMetric(),
    KernelMetric("linear"),
    KernelMetric("rbf"),
    KernelMetric("rbf", approximation="nystroem", n_components=30),
    AngularCKA(),
    AngularCKA("rbf"),
    AngularCKA(debias="song"),
    NeighborhoodMetric(),
    SoftMatchingMetric(),
    GaussianStochasticMetric(),
    EnergyStochasticMetric(),
    *(Comparison(measure) for measure in Comparison.names()),
]


def test_every_family_is_tried() -> None:
    assert {type(metric).__name__ for metric in METRICS} == {name for _, name in FAMILIES.values()}


@pytest.mark.parametrize("metric", METRICS, ids=repr)
def test_estimates_are_positive_and_grow_with_the_stimuli(metric: Metric) -> None:
    seconds = [estimated_pair_seconds(metric, m, 20, grid=(4, 4)) for m in (40, 400, 4000)]
    assert 0.0 < seconds[0] < seconds[1] < seconds[2]
    assert seconds[0] == estimated_pair_seconds(metric, 40, 20, grid=(4, 4))


def test_a_product_and_singular_values_make_a_linear_pair() -> None:
    metric = LinearMetric(alpha=0.5)
    times = [estimated_pair_seconds(metric, 1000 * k, 64) for k in (1, 2, 3)]
    assert times[2] - times[1] == pytest.approx(times[1] - times[0])
    assert times[1] - times[0] == pytest.approx(2 * 1000 * 64**2 / 5.2e10)
    between = [estimated_pair_seconds(metric, 1000, n) for n in range(1, 1200)]
    assert between == sorted(between)


def test_fewer_dimensions_cost_what_smaller_networks_do() -> None:
    reduced = estimated_pair_seconds(LinearMetric(n_components=20), 500, 300)
    assert reduced == estimated_pair_seconds(LinearMetric(), 500, 20)
    wide = estimated_pair_seconds(LinearMetric(), 50, 4000)
    assert wide == estimated_pair_seconds(LinearMetric(), 50, 50)


def test_a_layer_without_shifts_costs_what_its_flattening_does() -> None:
    layer = estimated_pair_seconds(ConvolutionMetric(shifts=False), 100, 32, grid=(8, 8))
    assert layer == estimated_pair_seconds(LinearMetric(), 6400, 32)
    assert layer < estimated_pair_seconds(ConvolutionMetric(), 100, 32, grid=(8, 8))


def test_searches_cost_by_their_starts_and_trials() -> None:
    metric = EnergyStochasticMetric()
    one = dataclasses.replace(metric, n_starts=1)
    assert estimated_pair_seconds(one, 100, 8) < 0.2 * estimated_pair_seconds(metric, 100, 8)
    few, many = (estimated_pair_seconds(metric, 100, 8, trials=t) for t in (5, 50))
    assert few < estimated_pair_seconds(metric, 100, 8) < many


def test_what_has_no_estimate_is_named() -> None:
    class Unknown(Metric):
        def prepare(self, X, *, name="X", dtype=float):
            return X

    with pytest.raises(TypeError, match=r"Unknown.*not known"):
        estimated_pair_seconds(Unknown(), 10, 10)
    with pytest.raises(ValueError, match=r"n: found 0"):
        estimated_pair_seconds(LinearMetric(), 10, 0)
