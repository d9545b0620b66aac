"""Learning from distances: clusters, labels, numbers, and the agreement of metrics."""

from __future__ import annotations

import lazy_loader

# Names are loaded when first used: a job that draws does not wait for what learns.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "accuracy": ["accuracy_agreement"],
        "agreement": ["Mantel", "mantel", "mean_of_directions", "metric_agreement"],
        "classification": ["ClassificationResult", "nested_classification"],
        "clustering": [
            "Tree",
            "cluster_agreement",
            "cluster_distances",
            "cluster_kmeans",
            "linkage_table",
        ],
        "covariates": ["axis_correlations", "variance_explained"],
        "distance_kernel": ["DistanceKernel"],
        "kernels": ["gaussian_kernel", "median_distance"],
        "regression": ["RegressionResult", "nested_regression"],
        "ridge": ["DistanceKernelRidge"],
        "transformers": ["ShapeDistances"],
    },
)
