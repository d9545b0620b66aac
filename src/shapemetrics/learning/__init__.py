"""Learning from distances: clusters, labels, numbers, and the agreement of metrics."""

from __future__ import annotations

from shapemetrics.learning.agreement import Mantel, mantel, metric_agreement
from shapemetrics.learning.classification import ClassificationResult, nested_classification
from shapemetrics.learning.clustering import (
    Tree,
    cluster_agreement,
    cluster_kmeans,
    linkage_table,
)
from shapemetrics.learning.kernels import DistanceKernel, gaussian_kernel, median_distance
from shapemetrics.learning.regression import RegressionResult, nested_regression
from shapemetrics.learning.ridge import DistanceKernelRidge
from shapemetrics.learning.transformers import ShapeDistances

__all__ = [
    "ClassificationResult",
    "DistanceKernel",
    "DistanceKernelRidge",
    "Mantel",
    "RegressionResult",
    "ShapeDistances",
    "Tree",
    "cluster_agreement",
    "cluster_kmeans",
    "gaussian_kernel",
    "linkage_table",
    "mantel",
    "median_distance",
    "metric_agreement",
    "nested_classification",
    "nested_regression",
]
