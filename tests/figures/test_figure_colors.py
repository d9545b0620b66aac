"""Colours, their keys, and names placed beside points."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.colors import to_rgb

from shapemetrics.figures.colors import (
    ABSENT,
    color_scale,
    legend_handles,
    readable,
    robust_limits,
)
from shapemetrics.figures.labels import label_points
from shapemetrics.figures.style import figure_style, new_figure


def contrast_with_white(color: str) -> float:
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05)


@given(arrays(float, st.integers(1, 60), elements=st.floats(-1e6, 1e6)))
def test_limits_are_a_range_and_the_arrows_tell_what_lies_beyond(values):
    low, high, extend = robust_limits(values, (0.05, 0.95))
    assert low < high
    assert (extend in ("min", "both")) == (values.min() < low)
    assert (extend in ("max", "both")) == (values.max() > high)


def test_outliers_do_not_wash_the_colours_out():
    values = np.append(np.linspace(0.90, 0.98, 99), 0.1)
    low, high, extend = robust_limits(values, (0.05, 0.95))
    assert (low, high) == pytest.approx((0.90, 0.98), abs=0.01)
    assert extend == "both"
    table = pd.DataFrame({"accuracy": values})
    scale = color_scale(table, "accuracy", "figure")
    assert len(set(scale.hexes(table["accuracy"])[:-1])) > 60


def test_numbers_share_one_scale_and_missing_ones_are_grey():
    table = pd.DataFrame({"score": [0.0, 1.0, np.nan]})
    scale = color_scale(table, "score", "figure", quantiles=(0, 1))
    assert scale.kind == "continuous"
    assert list(scale.hexes(table["score"])) == ["#440154", "#fde725", ABSENT]
    assert [h.get_label() for h in legend_handles(table, scale, "score", "figure")] == ["no value"]


@pytest.mark.parametrize("colors", [["#70FF71", "#008040"], ["70FF71", "008040"]])
def test_colours_of_an_atlas_are_used_as_they_are(colors):
    table = pd.DataFrame({"atlas": [*colors, colors[0]], "division": ["a", "b", "a"]})
    scale = color_scale(table, "atlas", "figure")
    assert scale.kind == "given"
    assert list(scale.hexes(table["atlas"])) == ["#70ff71", "#008040", "#70ff71"]
    handles = legend_handles(table, scale, "atlas", "figure", "division")
    assert [(h.get_label(), h.get_color()) for h in handles] == [("A", "#70ff71"), ("B", "#008040")]


def test_categories_beyond_the_palette_differ_by_marker():
    table = pd.DataFrame({"kind": [f"kind {i}" for i in range(20)]})
    scale = color_scale(table, "kind", "figure")
    looks = set(zip(scale.hexes(table["kind"]), scale.markers(table["kind"])))
    assert len(looks) == 20
    assert len(scale.handles()) == 20
    with pytest.raises(ValueError, match="column kind has 99 categories, expected at most 40"):
        color_scale(pd.DataFrame({"kind": [f"k {i}" for i in range(99)]}), "kind", "figure")


def test_booleans_are_categories_and_a_palette_must_cover_them():
    table = pd.DataFrame({"trained": [True, False]})
    scale = color_scale(table, "trained", "figure", palette={True: "#0072B2", False: "#E69F00"})
    assert list(scale.hexes(table["trained"])) == ["#0072B2", "#E69F00"]
    with pytest.raises(ValueError, match="palette has no colour for True, found False"):
        color_scale(table, "trained", "figure", palette={False: "#E69F00"})


def test_a_column_without_values_is_refused():
    with pytest.raises(ValueError, match="column score has no values"):
        color_scale(pd.DataFrame({"score": [np.nan, np.nan]}), "score", "figure")
    with pytest.raises(ValueError, match="column score holds infinite values"):
        color_scale(pd.DataFrame({"score": [1.0, np.inf]}), "score", "figure")


@given(st.integers(0, 0xFFFFFF))
def test_coloured_text_can_be_read_on_white(number):
    color = f"#{number:06x}"
    assert contrast_with_white(readable(color)) >= 4.49
    if contrast_with_white(color) > 4.7:
        assert readable(color) == color


def test_names_of_crowded_points_are_kept_apart(rng):
    with figure_style():
        figure = new_figure(3.4, 3.4)
        axes = figure.subplots()
        xy = rng.normal(size=(48, 2))
        axes.scatter(*xy.T, s=20)
        label_points(axes, *xy.T, [f"VIS{i}" for i in range(48)])
        figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    named = [text for text in axes.texts if text.get_text()]
    assert len(named) == 48
    boxes = np.array([text.get_window_extent(renderer).extents for text in named])
    frame = axes.get_window_extent().extents
    assert (boxes[:, :2] >= frame[:2] - 1).all()
    assert (boxes[:, 2:] <= frame[2:] + 1).all()
    shared = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(
        boxes[:, None, :2], boxes[None, :, :2]
    )
    overlapping = (shared > 0.5).all(axis=2)
    np.fill_diagonal(overlapping, False)
    assert not overlapping.any()
    points = axes.transData.transform(xy)
    inside = (points[None] > boxes[:, None, :2]) & (points[None] < boxes[:, None, 2:])
    assert not inside.all(axis=2).any()
