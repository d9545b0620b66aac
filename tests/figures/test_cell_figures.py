"""Figures of published accuracies and of what the cells' properties explain."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection

from shapemetrics.figures import plot_covariates, plot_published


@pytest.fixture
def networks() -> pd.DataFrame:
    published = np.linspace(0.8, 0.95, 12)
    return pd.DataFrame(
        {"test_accuracy": published - 0.1, "published_test_accuracy": published, "n": 1}
    )


def points(figure) -> np.ndarray:
    clouds = [c for c in figure.axes[0].collections if isinstance(c, PathCollection)]
    return np.concatenate([np.asarray(cloud.get_offsets()) for cloud in clouds])


def test_errors_stand_side_by_side(networks):
    figure = plot_published(networks)
    expected = 1 - networks[["published_test_accuracy", "test_accuracy"]].to_numpy()
    np.testing.assert_allclose(points(figure), expected)
    (axes,) = figure.axes
    assert axes.get_title() == "n = 12, Spearman ρ = 1.00"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Published test error", "Test error, here")
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_diverged_networks_and_perfect_ones_are_drawn(networks):
    networks["diverged"] = [False] * 11 + ["True"]
    networks.loc[0, "published_test_accuracy"] = 1.0
    figure = plot_published(networks)
    assert len(points(figure)) == 12
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert names == ["network", "diverged here", "equal"]
    with pytest.raises(ValueError, match=r"column test_accuracy runs from .* to 1.2"):
        plot_published(networks.assign(test_accuracy=np.linspace(0.1, 1.2, 12)))


@pytest.fixture
def shares() -> pd.DataFrame:
    rows = [
        (name, layer, state, 0.01 * (i + 1), p)
        for i, (name, p) in enumerate((("depth", 0.2), ("width", 0.01)))
        for layer in ("pool", "stem")
        for state in ("trained", "untrained")
    ]
    return pd.DataFrame(rows, columns=["covariate", "layer", "state", "r2", "p_value"])


def test_each_share_is_a_cell(shares):
    figure = plot_covariates(shares)
    left, right, _ = figure.axes
    assert [left.get_title(), right.get_title()] == ["Untrained", "Trained"]
    assert [label.get_text() for label in left.get_yticklabels()] == ["Width", "Depth"]
    assert [label.get_text() for label in left.get_xticklabels()] == ["Stem", "Pool"]
    np.testing.assert_allclose(np.asarray(right.images[0].get_array()), [[2, 2], [1, 1]])
    assert [text.get_text() for text in right.texts] == ["2.0", "2.0", "1.0\nn.s.", "1.0\nn.s."]


def test_one_metric_is_drawn(shares):
    both = pd.concat([shares.assign(metric="a"), shares.assign(metric="b", r2=0.5)])
    with pytest.raises(ValueError, match="holds metrics a, b; choose one"):
        plot_covariates(both)
    with pytest.raises(ValueError, match="no rows for metric c, found a, b"):
        plot_covariates(both, metric="c")
    assert np.asarray(plot_covariates(both, metric="b").axes[0].images[0].get_array()).min() == 50
    with pytest.raises(ValueError, match="value 'r3', expected one of r2, unique_r2"):
        plot_covariates(shares, value="r3")


def test_one_selection_needs_no_layer(shares):
    only = shares[(shares["layer"] == "stem") & (shares["state"] == "trained")]
    figure = plot_covariates(only.drop(columns=["layer", "state"]))
    assert figure.axes[0].images[0].get_array().shape == (2, 1)
