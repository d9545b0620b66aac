"""Geometry of a set of distances: triangles, Euclidean embeddings, means, clusters, landmarks."""

from __future__ import annotations

from shapemetrics.extras import attach_stub

# Names are loaded when first used: a job that draws does not wait for what learns.
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
