"""Planes of embedded networks."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba

from shapemetrics.figures import plot_embedding


def scatters(axes):
    return [artist for artist in axes.collections if isinstance(artist, PathCollection)]


def panels(figure):
    return [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]


def bars(figure):
    return [axes for axes in figure.axes if axes.get_label() == "<colorbar>"]


def test_states_are_rows_and_layers_columns_in_the_networks_order(embedding):
    figure = plot_embedding(embedding, "test_accuracy")
    shown = panels(figure)
    assert len(shown) == 10
    assert [ax.get_title() for ax in shown[:5]] == ["Stem", "Stack 1", "Stack 2", "Stack 3", "Pool"]
    rows = [ax.texts[-1].get_text() for ax in (shown[0], shown[5])]
    assert rows == ["Untrained", "Trained"]
    assert len(bars(figure)) == 1
    assert bars(figure)[0].get_ylabel() == "Test accuracy"


def test_every_row_is_one_point_at_its_place_and_in_its_colour(embedding):
    figure = plot_embedding(embedding, "test_accuracy", quantiles=(0, 1))
    layers = ("stem", "stack1", "stack2", "stack3", "pool")
    order = [(state, layer) for state in ("untrained", "trained") for layer in layers]
    for (state, layer), axes in zip(order, panels(figure), strict=True):
        part = embedding[(embedding["state"] == state) & (embedding["layer"] == layer)]
        (points,) = scatters(axes)
        np.testing.assert_array_equal(points.get_offsets(), part[["pc1", "pc2"]])
        accuracy = part["test_accuracy"]
        best = points.get_facecolors()[accuracy.to_numpy().argmax()]
        np.testing.assert_allclose(best, to_rgba("#fde725"), atol=0.01)
        low, high = sorted(axes.get_xlim()), sorted(axes.get_ylim())
        assert low[0] < part["pc1"].min()
        assert part["pc1"].max() < low[1]
        assert high[0] < part["pc2"].min()
        assert part["pc2"].max() < high[1]
        assert f"({100 * part['pc1_fraction'].iloc[0]:.0f}%)" in axes.get_xlabel()
        assert f"({100 * part['pc2_fraction'].iloc[0]:.0f}%)" in axes.get_ylabel()


def test_one_unit_is_as_long_in_both_directions_and_in_the_scale_bar(embedding):
    figure = plot_embedding(embedding, "test_accuracy", unit="rad")
    figure.draw_without_rendering()
    for axes in panels(figure):
        (x0, y0), (x1, y1), (x2, y2) = axes.transData.transform([(0, 0), (1, 0), (0, 1)])
        assert np.hypot(x1 - x0, y1 - y0) == pytest.approx(np.hypot(x2 - x0, y2 - y0), rel=1e-6)
        (bar,) = axes.lines
        written = next(t.get_text() for t in axes.texts if t.get_text().endswith("rad"))
        assert np.ptp(bar.get_xdata()) == pytest.approx(float(written.split()[0]))


def test_a_shared_scale_gives_all_panels_one_width(embedding):
    apart = panels(plot_embedding(embedding, "depth"))
    shared = panels(plot_embedding(embedding, "depth", share_scale=True))
    assert np.ptp([np.ptp(ax.get_xlim()) for ax in apart]) > 0.1
    assert np.ptp([np.ptp(ax.get_xlim()) for ax in shared]) == pytest.approx(0)


def test_whole_numbers_have_whole_ticks(embedding):
    (bar,) = bars(plot_embedding(embedding, "depth"))
    assert np.array_equal(bar.get_yticks(), np.round(bar.get_yticks()))


def test_a_combination_without_rows_says_so(embedding):
    part = embedding[embedding["selection"] != "pool_untrained"]
    empty = panels(plot_embedding(part, "test_accuracy"))[4]
    assert "not computed" in [text.get_text() for text in empty.texts]
    assert scatters(empty) == []


def test_order_of_columns_can_be_chosen(embedding):
    figure = plot_embedding(
        embedding, "depth", row="layer", col="state", col_order=["trained", "untrained"]
    )
    assert [ax.get_title() for ax in panels(figure)[:2]] == ["Trained", "Untrained"]
    assert len(panels(figure)) == 10


def test_regions_have_atlas_colours_names_and_a_legend(regions):
    figure = plot_embedding(regions, "atlas_color", legend="division", label="id")
    (axes,) = figure.axes
    (points,) = scatters(axes)
    expected = [to_rgba(color) for color in regions["atlas_color"]]
    np.testing.assert_allclose(points.get_facecolors(), expected)
    assert set(regions["id"]) <= {text.get_text() for text in axes.texts}
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["Isocortex", "Thalamus", "Hippocampus", "Midbrain"]
    assert figure.get_size_inches()[0] == pytest.approx(3.4)


def test_points_without_value_are_open_and_explained(regions):
    figure = plot_embedding(regions, "hierarchy_score")
    known, unknown = scatters(panels(figure)[0])
    assert len(known.get_offsets()) == regions["hierarchy_score"].notna().sum()
    assert len(unknown.get_offsets()) == regions["hierarchy_score"].isna().sum()
    assert len(unknown.get_facecolors()) == 0
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["no value"]


def test_state_and_layer_may_be_absent_but_other_columns_not(regions):
    bare = regions.drop(columns=["state", "layer"])
    assert len(panels(plot_embedding(bare, "hierarchy_score"))) == 1
    with pytest.raises(ValueError, match="missing column session"):
        plot_embedding(bare, "hierarchy_score", col="session")


def test_selections_thrown_together_are_refused(embedding):
    with pytest.raises(ValueError, match="several rows for id="):
        plot_embedding(embedding, "test_accuracy", row=None, col="layer")


def test_a_coordinate_that_is_no_number_is_refused(regions):
    with pytest.raises(ValueError, match="column pc2 is nan in row 3"):
        plot_embedding(regions.assign(pc2=regions["pc2"].where(regions.index != 3)), "division")
