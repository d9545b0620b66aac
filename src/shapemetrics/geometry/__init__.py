"""Geometry of a set of distances: triangles, Euclidean embeddings, means, clusters, landmarks."""

from __future__ import annotations

import lazy_loader

# Names are loaded when first used: a job that draws does not wait for what learns.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "audit": ["TriangleAudit", "Triple", "triangle_audit"],
        "clusters": ["Medoids", "ShapeClusters", "kmeans_shapes", "kmedoids"],
        "distortions": ["Distortion", "distortion", "distortion_curve"],
        "embedding": ["Embedding", "embed"],
        "estimates": [
            "MomentEstimate",
            "bootstrap_distances",
            "check_distances",
            "distance_vs_samples",
            "half_distances",
            "moment_angle",
            "split_half_floor",
        ],
        "landmark_embedding": ["LandmarkEmbedding", "landmark_distortion"],
        "landmark_selection": ["select_landmarks"],
        "landmarks": ["LandmarkDistances", "triangle_bounds"],
        "means": ["FrechetMean", "frechet_mean"],
    },
)
