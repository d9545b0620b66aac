"""All pairs: representations prepared once, compared block by block."""

from __future__ import annotations

from shapemetrics.pairwise.engine import cross_distances, pairwise_distances
from shapemetrics.pairwise.matrix import DistanceMatrix

__all__ = ["DistanceMatrix", "cross_distances", "pairwise_distances"]
