"""Data of many kinds, types and scales for tests of the metrics, and a catalogue of metrics.

A recipe is an expression of `rng`, `m` stimuli and `n` units, so that a test can print what it did.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    PermutationMetric,
    SoftMatchingMetric,
)

TURN = "np.linalg.qr(rng.normal(size=(n, n)))[0]"
RECIPES = {
    "isotropic": "rng.normal(size=(m, n))",
    "power law": f"rng.normal(size=(m, n)) / np.arange(1, n + 1) @ {TURN}",
    "seven decades": f"rng.normal(size=(m, n)) * np.logspace(0, -7, n) @ {TURN}",
    "clusters": "9 * rng.normal(size=(3, n))[np.arange(m) % 3] + 0.1 * rng.normal(size=(m, n))",
    "offset": "rng.normal(size=(m, n)) + 1e3",
    "rectified": "np.maximum(rng.normal(size=(m, n)), 0)",
    "counts": "rng.poisson(3, size=(m, n)).astype(float)",
    "duplicates": "rng.normal(size=(m, -(-n // 2))).repeat(2, axis=1)[:, :n]",
    "low rank": "rng.normal(size=(m, 2)) @ rng.normal(size=(2, n))",
    "wide": "rng.normal(size=(m, n))",  # asked for with more units than stimuli
}
#: Types that numbers are stored in: half of those that deep learning uses, then all of NumPy's.
KINDS = ("float16", "bfloat16", "float32", "float64")
#: Largest power of ten by which data of each type may be multiplied without loss.
RANGES = {"float16": 0, "bfloat16": 30, "float32": 30, "float64": 200}

#: Trials per stimulus, and the grid of positions.
TRIALS, GRID = 4, (2, 3)


def evaluate(recipe: str, rng: np.random.Generator, m: int, n: int) -> np.ndarray:
    """What an expression of `rng`, `m` and `n` gives."""
    return eval(recipe, {"np": np, "rng": rng, "m": m, "n": n})


def form(metric: Any) -> str:
    """What a metric takes: "matrix", "layer", "trials" or "gram"."""
    if getattr(metric, "kernel", None) == "precomputed":
        return "gram"
    return {4: "layer", 3: "trials", 2: "matrix"}[metric.axes[0]]


def draw(metric: Any, recipe: str, seed: int, m: int, n: int) -> np.ndarray:
    """One network of a kind, in float64, in the form that the metric takes."""
    rng = np.random.default_rng(seed)
    what = form(metric)
    if what == "layer":
        h, w = GRID
        return evaluate(RECIPES[recipe], rng, m * h * w, n).reshape(m, h, w, n)
    X = evaluate(RECIPES[recipe], rng, m, n)
    if what == "gram":
        K = X @ X.T
        return K / np.abs(K).max()
    if what == "trials":
        spread = 0.3 * np.std(X)
        return X[:, None, :] + spread * rng.normal(size=(m, TRIALS, n))
    return X


def stored(X: np.ndarray, kind: str) -> Any:
    """The numbers in a type: an array, or a tensor where only PyTorch has the type."""
    if kind != "bfloat16":
        return X.astype(kind)
    try:
        import ml_dtypes
    except ImportError:
        torch = pytest.importorskip("torch", reason="bfloat16 needs ml_dtypes or torch")
        return torch.from_numpy(X.astype(np.float64)).to(torch.bfloat16)
    return X.astype(ml_dtypes.bfloat16)


def values(X: Any) -> np.ndarray:
    """The numbers themselves, in float64."""
    return X.double().numpy() if hasattr(X, "double") else np.asarray(X).astype(np.float64)


ALPHAS = (0.0, 0.3, 0.5, 1.0)
GEOMETRIES = ("angular", "euclidean")
RDMS = ("correlation", "euclidean", "squared_euclidean")


def catalogue() -> Iterator[Any]:
    """Every metric and comparison, with every option at some of its values."""
    for alpha in ALPHAS:
        for geometry in GEOMETRIES:
            yield LinearMetric(alpha=alpha, geometry=geometry)
            yield ConvolutionMetric(alpha=alpha, geometry=geometry)
        yield KernelMetric("linear", alpha=alpha)
        yield KernelMetric("rbf", alpha=alpha, n_components=None if alpha else 4)
        yield KernelMetric("precomputed", alpha=alpha, n_components=None if alpha else 3)
        for approximation in ("nystroem", "random_features"):
            yield KernelMetric("rbf", alpha=alpha, approximation=approximation, n_components=6)
        for group in ("identity", "perm"):
            yield GaussianStochasticMetric(alpha=2.0 * alpha, group=group)
    yield LinearMetric(alpha=0.0, n_components=3)
    yield LinearMetric(alpha=1.0, n_components=2, center=False)
    yield LinearMetric(alpha=0.0, center=False, preserve_variance=False, geometry="euclidean")
    yield LinearMetric(alpha=0.5, preserve_variance=False, geometry="euclidean")
    yield LinearMetric(alpha=0.3, scale_free=True)
    yield LinearMetric(alpha=0.5, scale_free=True, geometry="euclidean", preserve_variance=False)
    yield LinearMetric(alpha=0.3, rank_tolerance=1e-3)
    yield LinearMetric(alpha=0.5, truncation=0.1)
    yield ConvolutionMetric(alpha=0.5, scale_free=True, n_components=2, shifts=False)
    yield ConvolutionMetric(alpha=1.0, resample=(3, 4), center=False)
    for geometry in GEOMETRIES:
        yield KernelMetric("rbf", alpha=0.3, geometry=geometry, scale_free=True)
        for padding in ("pair", "free"):
            yield PermutationMetric(geometry, padding=padding)
    yield PermutationMetric(center=False)
    for geometry in (*GEOMETRIES, "correlation"):
        yield SoftMatchingMetric(geometry)
    yield SoftMatchingMetric("angular", center=False)
    for center in (True, False):
        for kernel in ("linear", "rbf", "precomputed"):
            yield AngularCKA(kernel, center=center)
    for measure in ("cka", "mean_cca", "pwcca", "linear_regression"):
        yield Comparison(measure)
    for measure in ("mean_cca", "pwcca"):
        yield Comparison(measure, n_components=2)
    yield Comparison("linear_regression", n_folds=None)
    yield Comparison("linear_regression", n_folds=3, ridge=0.1, seed=1)
    for rdm in RDMS:
        for correlation in ("pearson", "spearman"):
            yield Comparison("rsa_correlation", rdm=rdm, correlation=correlation)
    yield GaussianStochasticMetric(alpha=2.0)
    yield GaussianStochasticMetric(alpha=1.0, group="perm", center=True)
    for group in ("identity", "perm"):
        for estimator in ("unbiased", "empirical"):
            yield EnergyStochasticMetric(group, estimator)


def label(metric: Any) -> str:
    """The metric's name and what differs from its defaults, for the name of a test."""
    import dataclasses

    parts = [type(metric).__name__]
    for field in dataclasses.fields(metric):
        value = getattr(metric, field.name)
        if value != field.default:
            parts.append(f"{field.name}={value}")
    return " ".join(parts)
