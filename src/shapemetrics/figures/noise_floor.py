"""Distances of items to themselves from other trials, against distances to other items."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from shapemetrics.figures.style import (
    DOUBLE,
    MUTED,
    OKABE_ITO,
    finish,
    new_figure,
    styled,
)
from shapemetrics.figures.tables import (
    check_columns,
    check_finite,
    check_unique,
    levels,
    pretty,
    rows_of,
)

__all__ = ["plot_noise_floor"]

_FIGURE = "noise-floor figure"
_VALUES = ["floor", "nearest", "median", "identified"]


@styled
def plot_noise_floor(
    table: pd.DataFrame,
    *,
    distance_label: str = "Distance",
    title: str | None = None,
    simulated: bool = False,
) -> Figure:
    """Draw each item's split-half distance beside its distances to the others.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a metric and item: metric, item, floor (distance between the item's two halves),
        nearest and median (distances to the other half of other items), identified (share of the
        halves whose nearest other half is its own).
    distance_label : str
        Label of the distances, with their unit.
    title : str, optional
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure
        A panel a metric, items ordered by their floor. An item stands above the noise where its
        floor (filled) lies below the nearest other (open).

    Raises
    ------
    ValueError
        If a column is missing, a value is not finite, or an item stands twice.
    """
    check_columns(table, ["metric", "item", *_VALUES], _FIGURE)
    check_finite(table, _VALUES, _FIGURE)
    check_unique(table, ["metric", "item"], _FIGURE)
    metrics = levels(table, "metric", _FIGURE)
    figure = new_figure(DOUBLE, 0.5 + 2.1 * len(metrics))
    grid = figure.subplots(len(metrics), 1, squeeze=False)[:, 0]
    for ax, metric in zip(grid, metrics):
        part = rows_of(table, metric=metric).sort_values("floor").reset_index(drop=True)
        x = np.arange(len(part))
        ax.vlines(x, part["floor"], part["nearest"], color="#d0d0d0", linewidth=0.8, zorder=1)
        ax.plot(x, part["median"], "_", color=MUTED, markersize=5, zorder=2)
        ax.plot(x, part["nearest"], "o", color="white", mec=OKABE_ITO["vermillion"], ms=3.6)
        ax.plot(x, part["floor"], "o", color=OKABE_ITO["blue"], ms=3.6)
        ax.set_xticks(x, part["item"], rotation=90, fontsize=6)
        ax.set_xlim(-0.8, len(part) - 0.2)
        ax.set_ylim(bottom=0)
        ax.set_ylabel(distance_label)
        identified, chance = part["identified"].mean(), 1 / len(part)
        ax.set_title(
            f"{pretty(metric)}: the nearest other half is its own in {identified:.0%} of halves "
            f"(chance {chance:.1%})"
        )
    handles = [
        _mark("o", OKABE_ITO["blue"], OKABE_ITO["blue"], "to itself, other repeats (noise floor)"),
        _mark("o", "white", OKABE_ITO["vermillion"], "to the nearest other"),
        _mark("_", MUTED, MUTED, "median to all others"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, columnspacing=1.4)
    return finish(figure, title, simulated)


def _mark(marker: str, face: str, edge: str, label: str) -> Line2D:
    return Line2D([], [], linestyle="none", marker=marker, color=face, mec=edge, ms=4, label=label)
