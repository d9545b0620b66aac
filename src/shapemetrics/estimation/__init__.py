"""How far to trust distances: numbers of stimuli, noise, resampling, and estimates that correct."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "limited_samples": ["MomentEstimate", "moment_angle"],
        "noise": ["half_distances"],
        "resampling": ["bootstrap_distances", "distance_vs_samples", "split_half_floor"],
    },
)
