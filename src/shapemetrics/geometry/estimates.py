"""Names of :mod:`shapemetrics.estimation` that are public here too."""

from __future__ import annotations

from shapemetrics.estimation.limited_samples import MomentEstimate, moment_angle
from shapemetrics.estimation.noise import half_distances
from shapemetrics.estimation.resampling import (
    bootstrap_distances,
    distance_vs_samples,
    split_half_floor,
)
from shapemetrics.pairwise.checks import check_distances

__all__ = [
    "MomentEstimate",
    "bootstrap_distances",
    "check_distances",
    "distance_vs_samples",
    "half_distances",
    "moment_angle",
    "split_half_floor",
]
