"""Figures of signals and of distances over time."""

from __future__ import annotations

import numpy as np
import pytest

from shapemetrics.figures import plot_signal, plot_windows


def test_signal_has_a_row_per_measure_and_says_what_was_refused(signal, signal_simulation, texts):
    figure = plot_signal(signal, signal_simulation)
    assert len(figure.axes) == 4
    found = texts(figure)
    assert "14 reliable items (of 33), chance 7%" in found
    assert {"75%", "50%", "25%"} <= set(found)
    assert "simulated data" not in found
    assert any("of 15 refused" in text for text in found)
    assert any("simulated signals of known distance" in text for text in found)


def test_without_reliable_items_all_are_shown(signal, signal_simulation, texts):
    figure = plot_signal(signal[signal["among"] == "all"], signal_simulation)
    assert "33 items, chance 3%" in texts(figure)


def test_windows_draw_distances_and_scores(windows, texts):
    left, right = plot_windows(windows, distance_label="Distance (rad)").axes
    assert [len(line.get_xdata()) for line in left.lines] == [10, 10]
    assert right.get_ylabel().startswith("Held-out R²")
    figure = plot_windows(windows[["start", "stop", "own", "others"]])
    assert "no score" in texts(figure)


def test_windows_without_distances_are_left_out_and_none_at_all_is_refused(windows):
    some = windows.assign(own=np.where(windows["start"] == 0, np.nan, windows["own"]))
    assert len(plot_windows(some).axes[0].lines[0].get_xdata()) == 9
    with pytest.raises(ValueError, match="found no window with distances"):
        plot_windows(windows.assign(own=np.nan))
