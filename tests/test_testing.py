"""The public check of metrics: ours pass it, and broken ones are told what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

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
    NeighborhoodMetric,
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
    AngularCKA(debias="song"),
    AngularCKA("rbf", debias="lange"),
    NeighborhoodMetric(),
    NeighborhoodMetric("jaccard", n_neighbors=4, nearness="euclidean"),
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
    if isinstance(metric, SoftMatchingMetric) or "partial_soft" in repr(metric):
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


def local_metric() -> Metric:
    class Local(MeanMetric):
        pass

    return Local()


class Nothing(MeanMetric):
    def compare(self, x, y):
        return None


class ManyNumbers(MeanMetric):
    def compare(self, x, y):
        return np.array([super().compare(x, y)])


class Dividing(MeanMetric):
    def compare(self, x, y):
        return super().compare(x, y) / 0


class Asserting(MeanMetric):
    def compare(self, x, y):
        raise AssertionError("first line\nsecond line")


@dataclass
class Thawed(Metric):
    power: float = 1.0
    prepare = MeanMetric.prepare
    compare = MeanMetric.compare


@dataclass(frozen=True)
class WithAField(MeanMetric):
    extra: Any = None


class ListOfInvariances(MeanMetric):
    @property
    def invariances(self):
        return ["permutation"]


class FailingInvariances(MeanMetric):
    @property
    def invariances(self):
        return self.absent


class Unknown(MeanMetric):
    backends = ("cupy",)


class FiveAxes(MeanMetric):
    axes = (5,)


class ListOfAxes(MeanMetric):
    axes: ClassVar = [2]


class OtherAxes(MeanMetric):
    axes = (3,)  # of which the means have two


class Flat(MeanMetric):
    def pairwise(self, stack_a, stack_b):
        return super().pairwise(stack_a, stack_b).ravel()


class Turned(MeanMetric):
    def pairwise(self, stack_a, stack_b):
        return super().pairwise(stack_a, stack_b).T


class NoArray(MeanMetric):
    def pairwise(self, stack_a, stack_b):
        return super().pairwise(stack_a, stack_b).tolist()


class Unprepared(MeanMetric):
    def prepare(self, X, *, name="X", dtype=np.float64):
        return self.read(X, name).values


class Unaligned(MeanMetric):
    def align(self, X, Y):
        return None


class AlignedByStrings(MeanMetric):
    def align(self, X, Y):
        x, y = self.ready_pair(X, Y)
        return SimpleNamespace(distance=self.compare(x, y), apply_x=len, apply_y=str.upper)


class Writing(MeanMetric):
    def prepare(self, X, *, name="X", dtype=np.float64):
        item = super().prepare(X, name=name, dtype=dtype)
        values = X.values if hasattr(X, "values") else np.asarray(X)
        values -= values.mean()
        return item


class WritingWhileAligning(MeanMetric):
    def align(self, X, Y):
        x, y = self.ready_pair(X, Y)
        X *= 2.0
        return SimpleNamespace(distance=self.compare(x, y), apply_x=np.array, apply_y=np.array)


class Timed(MeanMetric):
    def pair_seconds(self, m, n, *, grid=(1, 1), trials=10):
        raise ZeroDivisionError("m")


class Unnamed(MeanMetric):
    def read(self, X, name, **options):
        if not np.isfinite(np.asarray(getattr(X, "values", X))).all():
            raise IndexError("no name")
        return super().read(X, name, **options)


class HeldoutByAccident(MeanMetric):
    def prepare_heldout(self, item, X):
        return None

    def heldout_pairwise(self, stack_a, stack_b, heldout_a, heldout_b):
        raise KeyError("rotation")


BROKEN = [
    (local_metric(), r"pickling: found \w+: .*local.*, expected an instance of a class that can"),
    (Nothing(), "compare: found None, expected a number"),
    (ManyNumbers(), r"compare: found array\(.*\), expected a number"),
    (Dividing(), "compare: found ZeroDivisionError: .*, expected a number"),
    (Asserting(), "compare: found AssertionError: first line second line, expected a number"),
    (Thawed(), "hash: found TypeError: .*, expected a frozen dataclass whose fields are hashable"),
    (WithAField(extra=np.arange(30.0)), "hash: found TypeError: unhashable"),
    (WithAField(extra=len), "parameters: found TypeError: .*, expected fields that JSON can hold"),
    (ListOfInvariances(), r"invariances: found \['permutation'\], expected a frozenset"),
    (FailingInvariances(), "invariances: found AttributeError: .*absent.*, expected some of"),
    (Unknown(), r"backends: found \('cupy',\), expected a tuple of some of numpy, torch"),
    (FiveAxes(), r"axes: found \(5,\), expected 2, 3, 4 first"),
    (ListOfAxes(), r"axes: found \[2\], expected a tuple"),
    (OtherAxes(), "compare: found ValueError: operands could not .*, expected a number"),
    (Flat(), r"shape of pairwise: found \(4,\), expected \(1, 4\)"),
    (Turned(), r"shape of pairwise: found \(4, 1\), expected \(1, 4\)"),
    (NoArray(), "pairwise: found 'list', expected an ndarray"),
    (Unprepared(), "prepare: found 'ndarray', expected a Prepared"),
    (Unaligned(), "align: found None, expected an object with distance, apply_x and apply_y"),
    (AlignedByStrings(), "apply_y: found TypeError: .*, expected an array"),
    (Writing(), "prepare: found an array that was written to, expected arrays left as they are"),
    (WritingWhileAligning(), "align: found an array that was written to"),
    (Timed(), "pair_seconds: found ZeroDivisionError: m, expected a positive time"),
    (Unnamed(), "NaN: found IndexError: no name, expected a ValueError that names the network"),
    (HeldoutByAccident(), "heldout of the fitted responses: found AttributeError: .*, expected"),
]


@pytest.mark.parametrize(
    ("metric", "message"), BROKEN, ids=[type(metric).__name__ for metric, _ in BROKEN]
)
def test_every_failure_of_a_metric_is_one_line(metric, message):
    with pytest.raises(AssertionError, match=message) as caught:
        check_metric(metric)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(type(metric).__name__) or "Local" in text
    if "Error" in message:
        assert type(caught.value.__cause__).__name__ in text


ARRAYS = list(np.random.default_rng(0).normal(size=(4, 12, 3)))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"atol": -1}, ValueError, "atol: found -1, expected .*>= 0"),
        ({"atol": "x"}, TypeError, "atol: found 'x', expected"),
        ({"seed": -1}, ValueError, "seed: found -1"),
        ({"arrays": 3}, TypeError, "arrays: found 3, expected a sequence of at least 4 arrays"),
        ({"arrays": "four"}, TypeError, "arrays: found 'four', expected a sequence"),
        ({"arrays": dict(enumerate(ARRAYS))}, TypeError, "arrays: found dict, expected a sequence"),
        ({"arrays": ARRAYS[:3]}, ValueError, "arrays: found 3, expected at least 4"),
        ({"arrays": []}, ValueError, "arrays: found 0, expected at least 4"),
        ({"arrays": [1.0] * 4}, ValueError, "arrays: found a number as array 0"),
        ({"arrays": [A[:, 0] for A in ARRAYS]}, ValueError, "arrays: found 1 axes of array 0"),
        ({"arrays": [*ARRAYS[:3], ARRAYS[3] * np.nan]}, ValueError, "arrays: found NaN .*array 3"),
    ],
)
def test_arguments_are_checked(options, error, message):
    with pytest.raises(error, match=message):
        check_metric(MeanMetric(), **options)


def test_arrays_may_be_given_as_one_and_stay_as_they_are():
    arrays = np.stack(ARRAYS)
    copy = arrays.copy()
    check_metric(MeanMetric(), arrays)
    np.testing.assert_array_equal(arrays, copy)


def test_only_metrics_can_be_checked():
    with pytest.raises(TypeError, match="metric: found 'procrustes'"):
        check_metric("procrustes")
