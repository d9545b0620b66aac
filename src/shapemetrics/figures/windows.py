"""Distances, and a held-out score, over time."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from shapemetrics.figures.intervals import annotate_level
from shapemetrics.figures.style import (
    DOUBLE,
    MUTED,
    NULL,
    OKABE_ITO,
    finish,
    new_figure,
    panel_letter,
    styled,
)
from shapemetrics.figures.tables import check_columns, check_finite, check_unique

__all__ = ["plot_windows"]

_FIGURE = "figure of time windows"
_SCORES = ["r2", "r2_low", "r2_high", "null_r2_low", "null_r2_high"]


@styled
def plot_windows(
    table: pd.DataFrame,
    *,
    distance_label: str = "Distance",
    time_label: str = "Time bin from stimulus onset",
    title: str | None = None,
    simulated: bool = False,
) -> Figure:
    """Draw distances of items to themselves and to others, and a held-out R², window by window.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per window: start, stop, own and others (median distances between halves of the
        trials); and, where the table has them, r2, r2_low, r2_high, null_r2_low, null_r2_high.
        Windows without distances (NaN) are left out.
    distance_label, time_label : str
        Labels of the axes.
    title : str, optional
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing, a window stands twice, or none has distances.
    """
    check_columns(table, ["start", "stop", "own", "others"], _FIGURE)
    check_finite(table, ["start", "stop"], _FIGURE)
    check_unique(table, ["start", "stop"], _FIGURE)
    known = table.dropna(subset=["own", "others"]).sort_values("start")
    if known.empty:
        raise ValueError(f"{_FIGURE}: found no window with distances, expected at least one")
    scored = known.dropna(subset=_SCORES) if set(_SCORES) <= set(known) else known.iloc[:0]
    figure = new_figure(DOUBLE, 2.4)
    left, right = figure.subplots(1, 2)
    middle = (known["start"] + known["stop"]) / 2
    lines = [
        left.plot(middle, known[name], marker=marker, ms=3.2, color=color, label=label)[0]
        for name, marker, color, label in (
            ("others", "o", OKABE_ITO["vermillion"], "to others (median)"),
            ("own", "s", OKABE_ITO["blue"], "to itself, other trials (median)"),
        )
    ]
    left.set_ylabel(distance_label)
    figure.legend(handles=lines, loc="outside lower center", ncols=2, columnspacing=1.4)
    if len(scored):
        x = (scored["start"] + scored["stop"]) / 2
        right.fill_between(
            x, scored["null_r2_low"], scored["null_r2_high"], color=NULL, linewidth=0
        )
        errors = [
            (scored["r2"] - scored["r2_low"]).clip(lower=0),
            (scored["r2_high"] - scored["r2"]).clip(lower=0),
        ]
        right.errorbar(
            x, scored["r2"], yerr=errors, fmt="o-", ms=3.2, elinewidth=0.8, color=OKABE_ITO["blue"]
        )
        right.axhline(0, color=MUTED, linewidth=0.8, linestyle="--")
        annotate_level(right, 0, "chance")
        right.set_ylabel("Held-out R² (grey: permuted)")
    else:
        right.text(0.5, 0.5, "no score", ha="center", transform=right.transAxes, color=MUTED)
        right.set_yticks([])
    for ax, letter in ((left, "a"), (right, "b")):
        panel_letter(ax, letter)
        ax.set_xlim(table["start"].min(), table["stop"].max())
        ax.set_xlabel(time_label)
    return finish(figure, title, simulated)
