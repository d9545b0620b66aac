"""Figures of brain regions: the noise floor, and growth with units and repeats."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shapemetrics.figures import plot_growth, plot_noise_floor


def texts(figure) -> list[str]:
    return [t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text"))]


def test_noise_floor_has_a_panel_a_metric_and_a_mark_an_item(noise):
    figure = plot_noise_floor(noise, distance_label="Distance (rad)", simulated=True)
    assert len(figure.axes) == 2
    for ax in figure.axes:
        assert ax.get_ylabel() == "Distance (rad)"
        assert [len(line.get_xdata()) for line in ax.lines] == [34, 34, 34]
        assert "75%" in ax.get_title()
        assert "chance 2.9%" in ax.get_title()
    assert "simulated data" in texts(figure)
    assert "simulated data" not in texts(plot_noise_floor(noise))


def test_noise_floor_names_what_is_missing(noise):
    with pytest.raises(ValueError, match="floor"):
        plot_noise_floor(noise.drop(columns="floor"))
    unknown = noise.assign(nearest=np.where(noise["item"] == "R0", np.nan, noise["nearest"]))
    with pytest.raises(ValueError, match="nearest"):
        plot_noise_floor(unknown)


def test_growth_draws_scores_and_distances(growth):
    figure = plot_growth(growth, distance_label="Mean distance (rad)", simulated=True)
    left, right = figure.axes
    assert left.get_ylabel() == "Held-out R²"
    assert right.get_ylabel() == "Mean distance (rad)"
    assert len(right.lines) == 2
    assert "simulated data" in texts(figure)
    assert "all repeats" in texts(figure)
    assert "50% of the repeats" in texts(figure)


def test_growth_names_what_is_wrong(growth):
    with pytest.raises(ValueError, match="mean_distance"):
        plot_growth(growth.drop(columns="mean_distance"))
    with pytest.raises(ValueError, match="found 4 shares of repeats, expected at most 3"):
        plot_growth(pd.concat([growth, growth.assign(repeats=lambda t: t["repeats"] / 3)]))
