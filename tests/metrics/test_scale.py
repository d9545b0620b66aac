"""Distances of data in any units: volts or teslas, at 1e-200 or at 1e200.

Whatever factor the responses are multiplied by, angles and other scale-free values stay as they are
and Euclidean distances are multiplied with them, but for the linear family at 0 < alpha < 1 without
`scale_free`, whose formula mixes the data's units with whitened ones. The references compute all of
it in numbers whose exponents reach 10^4932. No warning, nothing on standard error (LAPACK writes
there by itself), no NaN, no zero that is none.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import reference
from recipes import RANGES, catalogue, draw, form, label, stored, values

from shapemetrics import cross_distances, pairwise_distances
from shapemetrics.metrics import (
    AngularCKA,
    Comparison,
    ConvolutionMetric,
    KernelMetric,
    LinearMetric,
    PermutationMetric,
    SoftMatchingMetric,
)

METRICS = list(catalogue())
SIZES = {"matrix": (14, (5, 4)), "gram": (10, (4, 3)), "layer": (4, (3, 2)), "trials": (4, (3, 3))}
#: Of the working precisions, float64 and float32.
FACTORS = {
    "float64": (1e-200, 1e-160, 1e-100, 1e-30, 1e-13, 1e8, 1e40, 1e100, 1e160, 1e200),
    "float32": (1e-30, 1e-22, 1e-13, 1e8, 1e18, 1e30),
}
#: Recipes in turn, so that each factor meets another kind of data.
KINDS = ("isotropic", "power law", "rectified", "counts", "low rank", "duplicates")


@pytest.fixture(autouse=True)
def silence(capfd) -> Iterator[None]:
    """No warning, and no complaint of a library written in Fortran or C."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    assert capfd.readouterr().err == ""


def networks(metric: Any, recipe: str = "power law") -> list[np.ndarray]:
    m, widths = SIZES[form(metric)]
    return [draw(metric, recipe, seed, m, n) for seed, n in enumerate(widths)]


def is_bare(metric: Any) -> bool:
    """Whether the value is blind to the scale of each network by itself."""
    if type(metric).__name__ in ("Comparison", "AngularCKA"):
        return True
    if getattr(metric, "kernel", None) == "rbf":
        return True
    if getattr(metric, "geometry", "euclidean") == "euclidean":
        return False
    return getattr(metric, "alpha", 1.0) in (0.0, 1.0) or metric.scale_free


def mistakes(
    metric: Any, factors: tuple[float, ...], pairs: list[list[np.ndarray]], distance: Any, kind: str
) -> dict[float, str]:
    """Factors at which a distance is not that of its reference, or changes where it must not."""
    found = {}
    for k, factor in enumerate(factors):
        X, Y = pairs[k % len(pairs)]
        try:
            expected = reference.distance(metric, factor * X, factor * Y)
        except reference.Undefined:
            with pytest.raises((TypeError, ValueError)):
                distance(factor * X, factor * Y)
            continue
        try:
            value = distance(factor * X, factor * Y)
            unscaled = distance(X, Y) if is_bare(metric) else value
        except (ArithmeticError, TypeError, ValueError, Warning, np.linalg.LinAlgError) as error:
            found[factor] = f"{type(error).__name__}: {error}"
            continue
        allowed = expected.allowed(kind)
        if not abs(value - expected.value) <= allowed:
            found[factor] = f"found {value!r}, expected {expected.value!r} within {allowed:.1e}"
        elif not abs(value - unscaled) <= 2.0 * allowed:
            found[factor] = f"found {value!r}, but {unscaled!r} at scale 1"
    return found


@pytest.mark.parametrize("metric", METRICS, ids=label)
def test_any_units_in_double_precision(metric):
    pairs = [networks(metric, recipe) for recipe in KINDS]
    assert mistakes(metric, FACTORS["float64"], pairs, metric.distance, "float64") == {}


@pytest.mark.parametrize("metric", METRICS, ids=label)
def test_any_units_in_single_precision(metric):
    pairs = [networks(metric, recipe) for recipe in KINDS]

    def distance(X: np.ndarray, Y: np.ndarray) -> float:
        return pairwise_distances([X, Y], metric, dtype="float32")[0, 1]

    assert mistakes(metric, FACTORS["float32"], pairs, distance, "float32") == {}


@pytest.mark.parametrize("kind", ["bfloat16", "float32"])
@pytest.mark.parametrize(
    "metric", [LinearMetric(), LinearMetric(alpha=0.3), AngularCKA(), SoftMatchingMetric("angular")]
)
def test_any_units_of_stored_types(metric, kind):
    for exponent in (-RANGES[kind], RANGES[kind]):
        X, Y = (stored(10.0**exponent * Z, kind) for Z in networks(metric))
        expected = reference.distance(metric, values(X), values(Y))
        for dtype in ("float64", "float32"):
            found = pairwise_distances([X, Y], metric, dtype=dtype)[0, 1]
            assert found == pytest.approx(expected.value, abs=expected.allowed(dtype))


@pytest.mark.parametrize(("small", "large"), [(1e-200, 1e200), (1e-200, 1.0), (1e160, 1e-13)])
@pytest.mark.parametrize("metric", [m for m in METRICS if is_bare(m)], ids=label)
def test_networks_in_units_of_their_own(metric, small, large):
    X, Y = networks(metric)
    expected = reference.distance(metric, X, Y)
    for one, other in ((small, large), (large, small)):
        found = metric.distance(one * X, other * Y)
        assert found == pytest.approx(expected.value, abs=2.0 * expected.allowed())


@pytest.mark.parametrize(("small", "large"), [(1e-30, 1e30), (1e-30, 1.0)])
@pytest.mark.parametrize("metric", [m for m in METRICS if is_bare(m)], ids=label)
def test_networks_in_units_of_their_own_in_single_precision(metric, small, large):
    X, Y = networks(metric)
    expected = reference.distance(metric, X, Y)
    for one, other in ((small, large), (large, small)):
        found = pairwise_distances([one * X, other * Y], metric, dtype="float32")[0, 1]
        assert found == pytest.approx(expected.value, abs=2.0 * expected.allowed("float32"))


@pytest.mark.parametrize("factor", [1e-200, 1e-13, 1e100, 1e200])
@pytest.mark.parametrize("make", [KernelMetric, AngularCKA])
def test_bandwidths_are_in_the_same_units(make, factor):
    X, Y = networks(make("rbf"))
    expected = reference.distance(make("rbf", bandwidth=2.0), X, Y)
    found = make("rbf", bandwidth=2.0 * factor).distance(factor * X, factor * Y)
    assert found == pytest.approx(expected.value, abs=2.0 * expected.allowed())


def test_partial_whitening_follows_its_formula():
    """As the data grow, alpha = 0.5 becomes alpha = 1, and as they shrink, alpha = 0."""
    X, Y = networks(LinearMetric())
    metric = LinearMetric(alpha=0.5)
    for factor, alpha in ((1e-200, 0.0), (1e-30, 0.0), (1e30, 1.0), (1e200, 1.0)):
        limit = LinearMetric(alpha=alpha).distance(X, Y)
        assert metric.distance(factor * X, factor * Y) == pytest.approx(limit, abs=1e-12)


# Other doors


ALIGNING = [
    LinearMetric(alpha=0.0),
    LinearMetric(),
    LinearMetric(geometry="euclidean"),
    ConvolutionMetric(alpha=0.5),
    PermutationMetric(),
    PermutationMetric("euclidean"),
    SoftMatchingMetric("correlation"),
    SoftMatchingMetric("euclidean"),
    KernelMetric("rbf"),
    KernelMetric("rbf", alpha=0.3, approximation="nystroem", n_components=6),
]


@pytest.mark.parametrize("factor", [1e-200, 1e200])
@pytest.mark.parametrize("metric", ALIGNING, ids=label)
def test_alignments_hold_in_any_units(metric, factor):
    X, Y = (factor * Z for Z in networks(metric))
    found = metric.align(X, Y)
    expected = reference.distance(metric, X, Y)
    assert found.distance == pytest.approx(expected.value, abs=expected.allowed(), rel=0)
    moved = [found.apply_x(X), found.apply_y(Y)]
    peak = max(np.abs(Z).max() for Z in moved)
    A, B = (Z / peak for Z in moved)
    reached = np.linalg.norm(A - B) * peak
    if getattr(metric, "geometry", "") == "angular":
        reached = np.arccos(np.sum(A * B) / np.linalg.norm(A) / np.linalg.norm(B))
    assert reached == pytest.approx(expected.value, abs=1e-6 * expected.size, rel=0)


@pytest.mark.parametrize("factor", [1e-200, 1e-13, 1e160, 1e200])
@pytest.mark.parametrize("metric", ALIGNING, ids=label)
def test_heldout_distances_in_any_units(metric, factor):
    m, widths = SIZES[form(metric)]
    whole = [factor * draw(metric, "isotropic", seed, 2 * m, n) for seed, n in enumerate(widths)]
    fitted, tests = [X[:m] for X in whole], [X[m:] for X in whole]
    found = pairwise_distances(fitted, metric, heldout=tests)[0, 1]
    expected = reference.heldout(metric, *fitted, *tests)
    assert expected.is_determined
    assert found == pytest.approx(expected.value, abs=expected.allowed(), rel=0)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("factor", [1e-200, 1e-13, 1e100, 1e200])
@pytest.mark.parametrize("metric", [LinearMetric(), LinearMetric(alpha=0.0), KernelMetric("rbf")])
def test_certified_routes_in_any_units(metric, factor, backend):
    if backend == "torch":
        pytest.importorskip("torch", reason="the torch backend needs torch")
    X, Y = networks(metric, "isotropic")
    expected = reference.distance(metric, X, Y)
    options = {"backend": backend, "tolerance": 1e-9}
    found = pairwise_distances([factor * X, factor * Y], metric, **options)[0, 1]
    assert found == pytest.approx(expected.value, abs=2.0 * expected.allowed() + 1e-9)
    found = cross_distances([factor * X], [Y / factor], metric, **options)[0, 0]
    assert found == pytest.approx(expected.value, abs=2.0 * expected.allowed() + 1e-9)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_near_copies_stay_near_in_any_units(dtype):
    """Small distances, which are measured by what is left after alignment."""
    X = networks(LinearMetric(), "isotropic")[0]
    Q = np.linalg.qr(np.random.default_rng(5).normal(size=(5, 5)))[0]
    Y = X @ Q + 1e-4 * np.random.default_rng(6).normal(size=X.shape)
    for metric in (LinearMetric(), LinearMetric(geometry="euclidean"), Comparison("cka")):
        for factor in FACTORS[dtype]:
            expected = reference.distance(metric, factor * X, factor * Y)
            found = pairwise_distances([factor * X, factor * Y], metric, dtype=dtype)[0, 1]
            assert abs(found - expected.value) <= expected.allowed(dtype)


@pytest.mark.parametrize("geometry", ["angular", "euclidean"])
def test_scales_do_not_mix_among_many_networks(geometry):
    """Networks of all sizes side by side in one product."""
    metric = LinearMetric(geometry=geometry)
    base = [draw(metric, "power law", seed, 14, 4) for seed in range(5)]
    scaled = [X * s for X, s in zip(base, (1e-200, 1e-100, 1.0, 1e100, 1e200))]
    D = pairwise_distances(scaled, metric)
    for i in range(5):
        for j in range(i):
            expected = reference.distance(replace(metric), scaled[i], scaled[j])
            assert abs(D[i, j] - expected.value) <= 2.0 * expected.allowed()
