"""Figures of the networks themselves: shifts between their layers, and their accuracies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection

from shapemetrics.figures import plot_accuracies, plot_shift_gain, plot_shift_maps


def clouds(axes):
    return [np.asarray(c.get_offsets()) for c in axes.collections if isinstance(c, PathCollection)]


def test_each_pair_is_a_map_with_its_minimum_marked(shift_maps):
    figure = plot_shift_maps(shift_maps.sample(frac=1, random_state=0), distance_label="θ (rad)")
    maps = [ax for ax in figure.axes if ax.images]
    assert len(maps) == 6
    pairs = dict(iter(shift_maps.groupby("pair")))
    for axes in maps:
        short = axes.get_title().split("\n")[0]
        (part,) = [t for name, t in pairs.items() if name.startswith(short.split(" ")[0])]
        values = np.asarray(axes.images[0].get_array())
        assert values.shape == (16, 16)
        least = part.loc[part["distance"].idxmin()]
        assert values[int(least["shift_y"]) + 8, int(least["shift_x"]) + 8] == values.min()
        rings = [line.get_xydata()[0] for line in axes.lines if line.get_marker() == "o"]
        assert {tuple(ring) for ring in rings} == {(least["shift_x"], least["shift_y"])}
        assert axes.images[0].get_extent() == [-8.5, 7.5, -8.5, 7.5]
        assert axes.images[0].origin == "lower"
    assert len({ax.images[0].norm.vmax for ax in maps}) == 1
    titles = [ax.get_title() for ax in maps]
    assert sum(title.endswith("0.900 at x = 0, y = +1") for title in titles) == 1
    assert sum(title.endswith("at no shift") for title in titles) == 5
    assert figure.axes[-1].get_ylabel() == "θ (rad)"


def test_a_map_with_a_hole_is_refused(shift_maps):
    with pytest.raises(ValueError, match="has 255 shifts, expected the full grid of 16 by 16"):
        plot_shift_maps(shift_maps.drop(index=17))
    with pytest.raises(ValueError, match="several rows for pair="):
        plot_shift_maps(pd.concat([shift_maps, shift_maps]))


def test_gain_is_a_point_a_pair_under_the_identity(shift_gain):
    figure = plot_shift_gain(shift_gain, by="layer", distance_label="CKA distance (rad)")
    (axes,) = figure.axes
    found = np.concatenate(clouds(axes))
    assert len(found) == 435
    expected = shift_gain[["distance_no_shift", "distance_shift"]].to_numpy()
    np.testing.assert_allclose(np.sort(found, axis=0), np.sort(expected, axis=0))
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_xlabel() == "CKA distance (rad), no shift"
    assert axes.get_ylabel() == "CKA distance (rad), best shift"
    shorter = (expected[:, 1] < expected[:, 0] - 1e-6).mean()
    assert axes.get_title() == f"435 pairs, {100 * shorter:.0f}% shorter with a shift"
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["Stack 1", "Stack 2"]


def test_a_shift_cannot_make_a_distance_longer(shift_gain):
    wrong = shift_gain.assign(distance_shift=shift_gain["distance_shift"] + 1)
    with pytest.raises(ValueError, match=r"pair pair 0 has distance_shift .* above"):
        plot_shift_gain(wrong)


def test_accuracies_are_counted_and_set_against_size_and_depth(networks):
    figure = plot_accuracies(networks, chance=0.1)
    counts, size, depth = figure.axes
    bars = [patch.get_height() for patch in counts.patches]
    assert sum(bars) == 240
    median = networks["test_accuracy"].median()
    assert any(np.array_equal(line.get_xdata(), [median] * 2) for line in counts.lines)
    assert counts.get_title() == f"n = 240, median {median:.3f}"
    assert [t.get_text() for t in counts.get_legend().get_texts()] == ["median", "chance"]
    (points,) = clouds(size)
    np.testing.assert_array_equal(points, networks[["trainable_parameters", "test_accuracy"]])
    assert size.get_xscale() == "log"
    assert depth.get_xlabel() == "Depth"
    columns = clouds(depth)
    assert [len(c) for c in columns] == networks["depth"].value_counts().sort_index().to_list()
    for value, points in zip(sorted(networks["depth"].unique()), columns):
        assert (np.abs(points[:, 0] - value) < 0.5).all()
    rho = networks["depth"].corr(networks["test_accuracy"], method="spearman")
    assert depth.get_title() == f"Spearman ρ = {rho:.2f}".replace("-", "−")


def test_what_accuracy_is_set_against_can_be_chosen(networks):
    figure = plot_accuracies(networks, against=["depth"])
    assert len(figure.axes) == 2


def test_accuracies_in_percent_are_refused(networks):
    percent = networks.assign(test_accuracy=100 * networks["test_accuracy"])
    with pytest.raises(ValueError, match=r"column test_accuracy runs from .* expected fractions"):
        plot_accuracies(percent)
