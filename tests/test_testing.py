"""The public check of metrics: ours pass it, and broken ones are told what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from shapemetrics.metrics import (
    AngularCKA,
    Comparison,
    ConvolutionMetric,
    EnergyStochasticMetric,
    GaussianStochasticMetric,
    KernelMetric,
    LinearMetric,
    Metric,
    PermutationMetric,
    Prepared,
    SoftMatchingMetric,
)
from shapemetrics.testing import check_metric

OURS = [
    *(LinearMetric(alpha=a, geometry=g) for a in (0.0, 0.5, 1.0) for g in ("angular", "euclidean")),
    LinearMetric(alpha=0.5, scale_free=True, preserve_variance=False, geometry="euclidean"),
    LinearMetric(alpha=0.0, preserve_variance=False, geometry="euclidean"),
    LinearMetric(center=False),
    LinearMetric(n_components=2),
    LinearMetric(alpha=0.0, truncation=0.5),
    LinearMetric(alpha=0.0, rank_tolerance=0.5),
    ConvolutionMetric(),
    ConvolutionMetric(resample=(2, 2)),
    ConvolutionMetric(alpha=0.0, geometry="euclidean"),
    ConvolutionMetric(shifts=False),
    PermutationMetric(padding="free"),
    PermutationMetric(padding="free", geometry="euclidean", center=False),
    SoftMatchingMetric(),
    SoftMatchingMetric("euclidean"),
    SoftMatchingMetric("correlation"),
    KernelMetric("linear", alpha=0.5),
    KernelMetric("rbf"),
    KernelMetric("rbf", alpha=0.5, geometry="euclidean"),
    KernelMetric("rbf", bandwidth=2.0),
    KernelMetric("rbf", approximation="nystroem", n_components=8),
    KernelMetric("rbf", approximation="random_features", n_components=8),
    AngularCKA(),
    AngularCKA("rbf"),
    AngularCKA(center=False),
    *(Comparison(name) for name in Comparison.names()),
    Comparison("rsa_correlation", rdm="squared_euclidean", correlation="spearman"),
    Comparison("linear_regression", ridge=0.1, n_folds=None),
    GaussianStochasticMetric(alpha=2.0),
    GaussianStochasticMetric(group="identity", center=True),
    EnergyStochasticMetric(group="identity", estimator="empirical"),
    EnergyStochasticMetric(group="identity"),
]


@pytest.mark.parametrize("metric", OURS, ids=repr)
def test_our_metrics_keep_the_contract(metric):
    if isinstance(metric, SoftMatchingMetric):
        pytest.importorskip("ot")
    check_metric(metric)


def test_promises_end_where_options_take_them_away():
    assert "linear" in LinearMetric(0.0).invariances
    assert "linear" not in LinearMetric(0.0, truncation=0.5).invariances
    assert "shift" in ConvolutionMetric().invariances
    assert "shift" not in ConvolutionMetric(resample=(2, 2)).invariances
    assert EnergyStochasticMetric(estimator="empirical").is_metric
    assert not EnergyStochasticMetric().is_metric


def test_gram_matrices_are_given():
    rng = np.random.default_rng(0)
    grams = [X @ X.T for X in rng.normal(size=(4, 20, 5))]
    check_metric(KernelMetric("precomputed"), grams)
    check_metric(AngularCKA("precomputed"), grams)


@dataclass(frozen=True, eq=False)
class PreparedMeans(Prepared):
    values: np.ndarray

    @property
    def n_samples(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class MeanMetric(Metric):
    """Distance between mean responses to each stimulus: a metric in one class."""

    power: float = 1.0

    @property
    def invariances(self) -> frozenset[str]:
        return frozenset({"permutation", "duplication"})

    def prepare(self, X: Any, *, name: str = "X", dtype: Any = np.float64) -> PreparedMeans:
        responses = self.read(X, name)
        means = np.ldexp(responses.values.mean(axis=1), responses.exponent)
        return PreparedMeans(self.origin_of(responses), means.astype(dtype))

    def compare(self, x: PreparedMeans, y: PreparedMeans) -> float:
        return float(np.linalg.norm(x.values - y.values)) ** self.power


def test_a_metric_of_ones_own():
    check_metric(MeanMetric())


class NotZero(MeanMetric):
    def compare(self, x, y):
        return 1.0 + super().compare(x, y)


class OneSided(MeanMetric):
    def compare(self, x, y):
        return super().compare(x, y) * (1.5 if x.values[0] > y.values[0] else 1.0)


class Promising(MeanMetric):
    @property
    def invariances(self):
        return frozenset({"rotation"})


class ByStorage(MeanMetric):
    def prepare(self, X, *, name="X", dtype=np.float64):
        item = super().prepare(X, name=name, dtype=dtype)
        return item if np.asarray(X).dtype == float else PreparedMeans(item.origin, 2 * item.values)


class Silent(MeanMetric):
    def check_pair(self, x, y):
        pass

    def compare(self, x, y):
        n = min(len(x.values), len(y.values))
        return float(np.linalg.norm(x.values[:n] - y.values[:n]))


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (NotZero(), "distances to oneself: found 1.0, expected 0.0"),
        (OneSided(), "triangle inequality|symmetry"),
        (MeanMetric(power=2.0), "triangle inequality, by: found"),
        (Promising(), "invariance to rotation"),
        (ByStorage(), "the same numbers as float32"),
        (Silent(), "fewer stimuli: found no error"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_broken_is_told(metric, message):
    with pytest.raises(AssertionError, match=message):
        check_metric(metric)


def test_only_metrics_can_be_checked():
    with pytest.raises(TypeError, match="metric: found 'procrustes'"):
        check_metric("procrustes")
