"""Figures of the study: functions from tidy tables to matplotlib Figures.

They read no files and know nothing of the rest of the package. Every function checks its columns
and takes ``simulated=True``, which is then said on the figure's face.
"""

from __future__ import annotations

from shapemetrics.figures.agreement import plot_agreement
from shapemetrics.figures.audit import plot_audit
from shapemetrics.figures.classification import plot_classification
from shapemetrics.figures.dendrogram import plot_dendrogram
from shapemetrics.figures.distortion import plot_distortion
from shapemetrics.figures.embedding import plot_embedding
from shapemetrics.figures.predictions import plot_predictions
from shapemetrics.figures.regression import plot_regression_scores
from shapemetrics.figures.samples import plot_distance_vs_samples
from shapemetrics.figures.shift_map import plot_shift_gain, plot_shift_maps
from shapemetrics.figures.style import figure_style, mark_simulated, save_figure
from shapemetrics.figures.training import plot_accuracies

__all__ = [
    "figure_style",
    "mark_simulated",
    "plot_accuracies",
    "plot_agreement",
    "plot_audit",
    "plot_classification",
    "plot_dendrogram",
    "plot_distance_vs_samples",
    "plot_distortion",
    "plot_embedding",
    "plot_predictions",
    "plot_regression_scores",
    "plot_shift_gain",
    "plot_shift_maps",
    "save_figure",
]
