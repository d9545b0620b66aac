"""Geometry of a set of distances: triangles, Euclidean embeddings, means, clusters, estimates."""

from __future__ import annotations

from shapemetrics.geometry.audit import TriangleAudit, Triple, triangle_audit
from shapemetrics.geometry.checks import check_distances
from shapemetrics.geometry.clusters import Medoids, ShapeClusters, kmeans_shapes, kmedoids
from shapemetrics.geometry.distortion import Distortion, distortion, distortion_curve
from shapemetrics.geometry.embedding import Embedding, embed
from shapemetrics.geometry.estimation import (
    bootstrap_distances,
    distance_vs_samples,
    split_half_floor,
)
from shapemetrics.geometry.limited_samples import MomentEstimate, moment_angle
from shapemetrics.geometry.means import FrechetMean, frechet_mean

__all__ = [
    "Distortion",
    "Embedding",
    "FrechetMean",
    "Medoids",
    "MomentEstimate",
    "ShapeClusters",
    "TriangleAudit",
    "Triple",
    "bootstrap_distances",
    "check_distances",
    "distance_vs_samples",
    "distortion",
    "distortion_curve",
    "embed",
    "frechet_mean",
    "kmeans_shapes",
    "kmedoids",
    "moment_angle",
    "split_half_floor",
    "triangle_audit",
]
