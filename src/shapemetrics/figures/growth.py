"""How a held-out score grows with the number of units and of repeats."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from shapemetrics.figures.intervals import annotate_level, null_handle
from shapemetrics.figures.style import (
    MUTED,
    NULL,
    OKABE_ITO,
    SINGLE,
    finish,
    new_figure,
    plain_log_axis,
    spread_out,
    styled,
)
from shapemetrics.figures.tables import check_columns, check_finite, check_unique, levels, rows_of

__all__ = ["plot_growth"]

_FIGURE = "growth figure"
_COLORS = [OKABE_ITO["blue"], OKABE_ITO["vermillion"], OKABE_ITO["green"]]
_MARKERS = ["o", "s", "^"]


@styled
def plot_growth(
    table: pd.DataFrame,
    *,
    title: str | None = None,
    simulated: bool = False,
) -> Figure:
    """Draw held-out R² against the median number of units, a line a share of the repeats.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a number of units and share of repeats: median_units, repeats (0 to 1), r2, r2_low,
        r2_high (interval), null_r2_low, null_r2_high (permuted targets).
    title : str, optional
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing, a value is not finite, or a point stands twice.
    """
    values = ["median_units", "repeats", "r2", "r2_low", "r2_high", "null_r2_low", "null_r2_high"]
    check_columns(table, values, _FIGURE)
    check_finite(table, values, _FIGURE)
    check_unique(table, ["median_units", "repeats"], _FIGURE)
    figure = new_figure(SINGLE, 2.5)
    ax = figure.subplots()
    shares = sorted(levels(table, "repeats", _FIGURE), reverse=True)
    handles = []
    for share, color, marker in zip(shares, _COLORS, _MARKERS, strict=False):
        line = rows_of(table, repeats=share).sort_values("median_units")
        x = line["median_units"].to_numpy(float)
        below, above = line["r2"] - line["r2_low"], line["r2_high"] - line["r2"]
        ax.errorbar(
            x,
            line["r2"],
            yerr=[below.clip(lower=0), above.clip(lower=0)],
            color=color,
            marker=marker,
            markersize=3.6,
            elinewidth=0.8,
            zorder=3,
        )
        if share == shares[0]:
            ax.fill_between(
                x, line["null_r2_low"], line["null_r2_high"], color=NULL, linewidth=0, zorder=1
            )
        name = "all repeats" if share == 1 else f"{share:.0%} of the repeats"
        handles.append(Line2D([], [], color=color, marker=marker, markersize=3.6, label=name))
    ax.axhline(0, color=MUTED, linewidth=0.8, linestyle="--", zorder=2)
    annotate_level(ax, 0, "chance")
    ax.set_xscale("log")
    numbers = sorted(table["median_units"].unique())
    plain_log_axis(ax.xaxis, spread_out(numbers, 6))
    ax.set_xlabel("Units a region (median)")
    ax.set_ylabel("Held-out R²")
    handles.append(null_handle("permuted targets, 95%"))
    figure.legend(handles=handles, loc="outside lower center", ncols=2, columnspacing=1.2)
    return finish(figure, title, simulated)
