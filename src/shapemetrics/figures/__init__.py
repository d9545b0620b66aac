"""Figures of the study: functions from tidy tables to matplotlib Figures.

They read no files and know nothing of the rest of the package. Every function checks its columns
and takes ``simulated=True``, which is then said on the figure's face.
"""

from __future__ import annotations

import lazy_loader

# Names are loaded when first used: a job that draws does not wait for what learns.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "agreement": ["plot_agreement"],
        "audit": ["plot_audit"],
        "classification": ["plot_classification"],
        "covariates": ["plot_covariates"],
        "dendrogram": ["plot_dendrogram"],
        "distortion": ["plot_distortion"],
        "embedding": ["plot_embedding"],
        "growth": ["plot_growth"],
        "noise_floor": ["plot_noise_floor"],
        "predictions": ["plot_predictions"],
        "published": ["plot_published"],
        "regression": ["plot_regression_scores"],
        "samples": ["plot_distance_vs_samples"],
        "shift_map": ["plot_shift_gain", "plot_shift_maps"],
        "style": ["figure_style", "mark_simulated", "save_figure"],
        "training": ["plot_accuracies"],
    },
)
