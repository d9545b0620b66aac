"""What users import: documented, with examples that run, and light to load."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import subprocess
import sys

import pytest

PACKAGES = (
    "shapemetrics",
    "shapemetrics.metrics",
    "shapemetrics.geometry",
    "shapemetrics.learning",
    "shapemetrics.pairwise",
    "shapemetrics.datasets",
    "shapemetrics.datasets.distances",
    "shapemetrics.datasets.files",
    "shapemetrics.datasets.recordings",
    "shapemetrics.extract",
)


def public() -> list[tuple[str, object]]:
    found = {}
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                found[f"{value.__module__}.{value.__qualname__}"] = value
    return sorted(found.items())


def is_result(value: object) -> bool:
    """Whether a class only carries what a function found: documented by its attributes."""
    return inspect.isclass(value) and "Attributes\n" in (inspect.getdoc(value) or "")


@pytest.mark.parametrize(("name", "value"), public(), ids=lambda x: x if isinstance(x, str) else "")
def test_every_public_name_is_documented(name, value):
    text = inspect.getdoc(value) or ""
    assert text.splitlines()[0].endswith(".") or ".\n" in text, f"{name} has no summary"
    if is_result(value) or inspect.isabstract(value):
        return
    assert ">>>" in text, f"{name} has no example"
    if inspect.isfunction(value):
        assert "Returns\n" in text or "None" in str(value.__annotations__["return"]), name
        parameters = inspect.signature(value).parameters
    elif dataclasses.is_dataclass(value):
        parameters = {f.name: f for f in dataclasses.fields(value) if f.init}
    else:
        parameters = {
            key: p for key, p in inspect.signature(value).parameters.items() if key != "self"
        }
    for parameter in parameters:
        assert parameter in text, f"{name} does not describe {parameter!r}"


METRICS = (
    *("LinearMetric", "ConvolutionMetric", "PermutationMetric", "KernelMetric", "AngularCKA"),
    *("SoftMatchingMetric", "GaussianStochasticMetric", "EnergyStochasticMetric", "Comparison"),
    "NeighborhoodMetric",
)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_names_its_equation_and_source(name):
    text = inspect.getdoc(getattr(importlib.import_module("shapemetrics.metrics"), name))
    assert "arXiv" in text or "doi" in text.lower() or "(20" in text or "(19" in text
    assert "Notes\n" in text


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import shapemetrics", ("torch", "snakemake", "matplotlib", "sklearn", "scipy")),
        (
            "from shapemetrics import pairwise_distances; from shapemetrics.metrics import "
            "LinearMetric, ConvolutionMetric, KernelMetric, Comparison",
            ("torch", "snakemake", "matplotlib"),
        ),
        ("import shapemetrics.learning, shapemetrics.geometry", ("torch", "snakemake")),
        (
            "from shapemetrics.learning import nested_regression, nested_classification, "
            "variance_explained, metric_agreement, linkage_table, cluster_kmeans, "
            "accuracy_agreement, gaussian_kernel; "
            "from shapemetrics.geometry import distortion_curve, embed, triangle_audit",
            ("torch", "snakemake", "sklearn", "scipy", "pandas"),
        ),
        ("from shapemetrics.datasets.nasbench import Cell, sample_cells", ("torch", "google")),
    ],
)
def test_importing_the_package_loads_no_more_than_it_needs(statement, absent):
    code = f"import sys; {statement}; print(*[m for m in {absent!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_names_of_the_design_are_importable():
    code = """
from shapemetrics import RepresentationStore, cross_distances, pairwise_distances
from shapemetrics.metrics import (LinearMetric, ConvolutionMetric, PermutationMetric, KernelMetric,
    AngularCKA, SoftMatchingMetric, GaussianStochasticMetric, EnergyStochasticMetric, Comparison)
from shapemetrics.geometry import (triangle_audit, embed, distortion, distance_vs_samples,
    bootstrap_distances)
from shapemetrics.datasets.nasbench import (Cell, enumerate_cells, sample_cells, build_network,
    read_tfrecord)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
