"""The heat map of layers against layers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shapemetrics.figures import plot_layers


def layers(n: int, p: int, floor: float = np.nan) -> pd.DataFrame:
    rows = [
        (f"conv{i}", f"block{j}", abs(i / n - j / p) + 0.1, j == i * p // n, floor)
        for i in range(n)
        for j in range(p)
    ]
    return pd.DataFrame(rows, columns=["layer_a", "layer_b", "distance", "best", "floor"])


@pytest.mark.parametrize(("n", "p"), [(4, 6), (1, 2), (30, 90)])
def test_cells_and_best_matches_are_drawn(n, p):
    figure = plot_layers(layers(n, p), names=("first", "second"))
    axes = figure.axes[0]
    assert axes.images[0].get_array().shape == (n, p)
    assert len(axes.collections[0].get_offsets()) == n


def test_the_noise_ceiling_is_on_the_colour_bar():
    assert "noise ceiling 0.2" in plot_layers(layers(3, 3, 0.2)).axes[1].get_ylabel()


def test_tables_that_are_none_are_named():
    with pytest.raises(ValueError, match="found 8 pairs of 3 and 3"):
        plot_layers(layers(3, 3).iloc[1:])
    with pytest.raises(ValueError, match="missing column"):
        plot_layers(layers(3, 3).drop(columns="best"))
