"""How distances, and a held-out score, change with the number of units and of repeats."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from shapemetrics.figures.intervals import annotate_level, null_handle
from shapemetrics.figures.style import (
    DOUBLE,
    MUTED,
    NULL,
    OKABE_ITO,
    finish,
    new_figure,
    panel_letter,
    plain_log_axis,
    spread_out,
    styled,
)
from shapemetrics.figures.tables import check_columns, check_finite, check_unique, levels, rows_of

__all__ = ["plot_growth"]

_FIGURE = "growth figure"
_COLORS = [OKABE_ITO["blue"], OKABE_ITO["vermillion"], OKABE_ITO["green"]]
_MARKERS = ["o", "s", "^"]
_SCORES = ["r2", "r2_low", "r2_high", "null_r2_low", "null_r2_high"]


@styled
def plot_growth(
    table: pd.DataFrame,
    *,
    distance_label: str = "Mean distance",
    title: str | None = None,
    simulated: bool = False,
) -> Figure:
    """Draw held-out R² and the mean distance against the median number of units.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a number of units and share of repeats (at most three): median_units, repeats
        (0 to 1), mean_distance, r2, r2_low, r2_high (interval), null_r2_low, null_r2_high (permuted
        targets).
    distance_label : str
        Label of the distances, with their unit.
    title : str, optional
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure
        Left R², right the distance; a line a share of the repeats.

    Raises
    ------
    ValueError
        If a column is missing, a value is not finite, or a point stands twice.
    """
    values = ["median_units", "repeats", "mean_distance", *_SCORES]
    check_columns(table, values, _FIGURE)
    check_finite(table, values, _FIGURE)
    check_unique(table, ["median_units", "repeats"], _FIGURE)
    shares = sorted(levels(table, "repeats", _FIGURE), reverse=True)
    if len(shares) > len(_COLORS):
        raise ValueError(f"{_FIGURE}: found {len(shares)} shares of repeats, expected at most 3")
    figure = new_figure(DOUBLE, 2.4)
    left, right = figure.subplots(1, 2)
    handles = []
    for share, color, marker in zip(shares, _COLORS, _MARKERS):
        line = rows_of(table, repeats=share).sort_values("median_units")
        look = {"color": color, "marker": marker, "markersize": 3.6}
        _scores(left, line, look, with_null=share == shares[0])
        right.plot(line["median_units"], line["mean_distance"], **look)
        name = "all repeats" if share == 1 else f"{share:.0%} of the repeats"
        handles.append(Line2D([], [], label=name, **look))
    left.axhline(0, color=MUTED, linewidth=0.8, linestyle="--", zorder=2)
    annotate_level(left, 0, "chance")
    numbers = sorted(table["median_units"].unique())
    for ax, letter, label in ((left, "a", "Held-out R²"), (right, "b", distance_label)):
        panel_letter(ax, letter)
        ax.set_xscale("log")
        plain_log_axis(ax.xaxis, spread_out(numbers, 6))
        ax.set_xlabel("Units a region (median)")
        ax.set_ylabel(label)
    handles.append(null_handle("permuted targets, 95%"))
    figure.legend(handles=handles, loc="outside lower center", ncols=3, columnspacing=1.2)
    return finish(figure, title, simulated)


def _scores(ax: Axes, line: pd.DataFrame, look: dict, with_null: bool) -> None:
    x = line["median_units"].to_numpy(float)
    below, above = line["r2"] - line["r2_low"], line["r2_high"] - line["r2"]
    errors = [below.clip(lower=0), above.clip(lower=0)]
    ax.errorbar(x, line["r2"], yerr=errors, elinewidth=0.8, zorder=3, **look)
    if with_null:
        band = line["null_r2_low"], line["null_r2_high"]
        ax.fill_between(x, *band, color=NULL, linewidth=0, zorder=1)
