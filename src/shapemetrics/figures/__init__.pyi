# Names of this package, for type checkers and editors; __init__.py loads them when first used.
from .agreement import plot_agreement as plot_agreement
from .audit import plot_audit as plot_audit
from .baselines import plot_baselines as plot_baselines
from .classification import plot_classification as plot_classification
from .covariates import plot_covariates as plot_covariates
from .dendrogram import plot_dendrogram as plot_dendrogram
from .distortion import plot_distortion as plot_distortion
from .embedding import plot_embedding as plot_embedding
from .growth import plot_growth as plot_growth
from .layers import plot_layers as plot_layers
from .noise_floor import plot_noise_floor as plot_noise_floor
from .predictions import plot_predictions as plot_predictions
from .published import plot_published as plot_published
from .regression import plot_regression_scores as plot_regression_scores
from .samples import plot_distance_vs_samples as plot_distance_vs_samples
from .shift_map import plot_shift_gain as plot_shift_gain
from .shift_map import plot_shift_maps as plot_shift_maps
from .signal import plot_signal as plot_signal
from .style import (
    figure_style as figure_style,
)
from .style import (
    mark_simulated as mark_simulated,
)
from .style import (
    save_figure as save_figure,
)
from .training import plot_accuracies as plot_accuracies
from .windows import plot_windows as plot_windows
