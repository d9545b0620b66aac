"""Distances between signals: plug-in, corrected and true ones, and what they identify."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from shapemetrics.figures.style import (
    DOUBLE,
    MUTED,
    NULL,
    OKABE_ITO,
    finish,
    new_figure,
    styled,
)
from shapemetrics.figures.tables import (
    check_columns,
    check_finite,
    levels,
    pretty,
    rows_of,
)

__all__ = ["plot_signal"]

_FIGURE = "signal figure"
_COLORS = {
    "plug_in": OKABE_ITO["vermillion"],
    "corrected": OKABE_ITO["blue"],
    "noise": NULL,
}
_NAMES = {"plug_in": "plug-in", "corrected": "corrected", "noise": "noise alone"}
_UNITS = {"cka": "CKA angle (rad)", "procrustes": "Angle (rad)", "rsa": "1 − correlation"}


@styled
def plot_signal(
    table: pd.DataFrame,
    simulation: pd.DataFrame,
    *,
    title: str | None = None,
    simulated: bool = False,
) -> Figure:
    """Draw corrected distances beside plug-in and true ones, and identification by both.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per measure, estimate, set of items and item: measure, estimate (``plug_in``,
        ``corrected``, ``noise``), among (``all``, ``reliable``), item, n, identified.
    simulation : pandas.DataFrame
        One row per measure and simulated pair: measure, reliability, shared, truth, plug_in,
        corrected (NaN where there is none).
    title : str, optional
    simulated : bool
        Whether the data of `table` were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure
        A row of two panels per measure.

    Raises
    ------
    ValueError
        If a column is missing, or a value that must be known is not finite.
    """
    check_columns(table, ["measure", "estimate", "among", "item", "n", "identified"], _FIGURE)
    check_finite(table, ["n", "identified"], _FIGURE)
    needed = ["measure", "reliability", "shared", "truth", "plug_in"]
    check_columns(simulation, [*needed, "corrected"], _FIGURE)
    check_finite(simulation, needed[1:], _FIGURE)
    measures = levels(table, "measure", _FIGURE)
    figure = new_figure(DOUBLE, 0.6 + 2.1 * len(measures))
    grid = figure.subplots(len(measures), 2, squeeze=False, width_ratios=(1.6, 1))
    for (left, right), measure in zip(grid, measures):
        _distances(left, rows_of(simulation, measure=measure))
        left.set_ylabel(_UNITS.get(str(measure), "Distance"))
        left.set_title(f"{pretty(measure)}: simulated signals of known distance")
        _identification(right, rows_of(table, measure=measure))
    handles = [
        Line2D([], [], color=MUTED, linewidth=2.0, label="true distance"),
        *(
            Line2D([], [], linestyle="none", marker="o", markersize=4, color=color, label=name)
            for color, name in ((_COLORS[k], _NAMES[k]) for k in ("plug_in", "corrected"))
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, columnspacing=1.4)
    return finish(figure, title, simulated)


def _distances(ax: Axes, part: pd.DataFrame) -> None:
    """Means over simulated pairs with their spread, by reliability and share."""
    reliabilities = sorted(part["reliability"].unique())
    shares = sorted(part["shared"].unique())
    for i, reliability in enumerate(reliabilities):
        for j, share in enumerate(shares):
            own = part[(part["reliability"] == reliability) & (part["shared"] == share)]
            x = i + 0.75 * ((j + 0.5) / len(shares) - 0.5)
            half = 0.3 / len(shares)
            ax.hlines(own["truth"].mean(), x - half, x + half, color=MUTED, linewidth=2.0)
            for shift, name in ((-0.3, "plug_in"), (0.3, "corrected")):
                values = own[name].dropna()
                # Fewer than half of the pairs would show those that noise favours.
                if len(values) * 2 < len(own):
                    continue
                mean, spread = values.mean(), values.std(ddof=0)
                ax.errorbar(
                    x + shift * half,
                    mean,
                    yerr=[[min(spread, mean)], [spread]],  # no distance is negative
                    fmt="o",
                    markersize=3,
                    elinewidth=0.8,
                    color=_COLORS[name],
                )
        wanted = len(part[part["reliability"] == reliability])
        known = part.loc[part["reliability"] == reliability, "corrected"].notna().sum()
        if known < wanted:
            ax.annotate(
                f"{wanted - known} of {wanted} refused",
                (i, 0.02),
                xycoords=("data", "axes fraction"),
                ha="center",
                fontsize=6,
                color=MUTED,
            )
    ax.set_xticks(range(len(reliabilities)), [f"{r:g}" for r in reliabilities])
    ax.set_xlim(-0.5, len(reliabilities) - 0.5)
    ax.set_ylim(bottom=-0.12 * ax.get_ylim()[1])
    ax.set_xlabel("Reliability of a unit's mean")


def _identification(ax: Axes, part: pd.DataFrame) -> None:
    """Share of halves identified, among reliable items where there are two or more."""
    reliable = part[part["among"] == "reliable"]
    shown = part[part["among"] == "all"] if reliable.empty else reliable
    rates = shown.groupby("estimate")["identified"].mean()
    names = [name for name in ("plug_in", "corrected", "noise") if name in rates.index]
    number = int(shown["n"].iloc[0])
    ax.bar(range(len(names)), [rates[n] for n in names], color=[_COLORS[n] for n in names])
    for k, name in enumerate(names):
        ax.annotate(f"{rates[name]:.0%}", (k, rates[name]), ha="center", va="bottom", fontsize=7)
    ax.axhline(1 / number, color=MUTED, linestyle="--", linewidth=0.8)
    ax.set_xticks(range(len(names)), [_NAMES[n] for n in names])
    ax.set_ylim(0, 1.12)
    ax.set_ylabel("Share of halves identified")
    total = part.loc[part["among"] == "all", "item"].nunique()
    which = f"{number} items" if reliable.empty else f"{number} reliable items (of {total})"
    ax.set_title(f"{which}, chance {1 / number:.0%}")
