"""How distances settle as more stimuli are used to estimate them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullFormatter

from shapemetrics.figures.intervals import blocks
from shapemetrics.figures.style import (
    DOUBLE,
    OKABE_ITO,
    SINGLE,
    finish,
    new_figure,
    plain_log_axis,
    spread_out,
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

__all__ = ["plot_distance_vs_samples"]

_FIGURE = "sample-size figure"
_COLORS = {False: OKABE_ITO["blue"], True: OKABE_ITO["vermillion"]}
_NAMES = {False: "fitted and measured on the same stimuli", True: "measured on held-out stimuli"}


@styled
def plot_distance_vs_samples(
    table: pd.DataFrame,
    *,
    distance_label: str = "Distance",
    share_y: bool = False,
    title: str | None = None,
    simulated: bool = False,
) -> Figure:
    """Draw estimated distances against the number of stimuli, a panel a metric.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a metric and number of stimuli: metric, n_stimuli, distance, low, high (interval
        over subsamples). An optional column held_out of booleans marks rows whose distance was
        measured on other stimuli than the alignment was fitted on.
    distance_label : str
        Label of the distances, with their unit.
    share_y : bool
        Whether all metrics are drawn over one range.
    title : str, optional
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing, held_out is not boolean, a value is not finite, or a metric has
        two rows for one number of stimuli.
    """
    check_columns(table, ["metric", "n_stimuli", "distance", "low", "high"], _FIGURE)
    check_finite(table, ["n_stimuli", "distance"], _FIGURE)
    if "held_out" not in table.columns:
        table = table.assign(held_out=False)
    elif not table["held_out"].isin([True, False]).all():
        raise ValueError(
            f"{_FIGURE}: column held_out has dtype {table['held_out'].dtype}, expected booleans"
        )
    table = table.assign(held_out=table["held_out"].astype(bool))
    check_unique(table, ["metric", "n_stimuli", "held_out"], _FIGURE)
    metrics = levels(table, "metric", _FIGURE)
    kinds = [kind for kind in (False, True) if (table["held_out"] == kind).any()]
    rows = blocks(metrics, 4)
    per_row = len(rows[0])
    figure = new_figure(SINGLE if per_row == 1 else DOUBLE, 0.45 + 1.75 * len(rows))
    grid = figure.subplots(len(rows), per_row, squeeze=False, sharey=share_y)
    for i, row in enumerate(rows):
        for j in range(per_row):
            if j >= len(row):
                grid[i, j].remove()
                continue
            _panel(grid[i, j], rows_of(table, metric=row[j]), kinds)
            grid[i, j].set_title(pretty(row[j]))
            grid[i, j].set_xlabel("Number of stimuli")
        grid[i, 0].set_ylabel(distance_label)
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=_COLORS[k], marker="o", markersize=2.8, label=_NAMES[k]) for k in kinds
    ]
    handles.append(Patch(facecolor="#999999", alpha=0.35, label="interval over subsamples"))
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=3 if per_row > 1 else 1,
        columnspacing=1.4,
    )
    return finish(figure, title, simulated)


def _panel(ax: Axes, part: pd.DataFrame, kinds: list[bool]) -> None:
    for kind in kinds:
        line = part[part["held_out"] == kind].sort_values("n_stimuli")
        x, low, high = (line[c].to_numpy(float) for c in ("n_stimuli", "low", "high"))
        ax.fill_between(x, low, high, color=_COLORS[kind], alpha=0.22, linewidth=0)
        ax.plot(x, line["distance"], color=_COLORS[kind], marker="o", markersize=2.8)
    ax.set_xscale("log")
    numbers = np.unique(part["n_stimuli"].to_numpy(int))
    ax.set_xlim(numbers[0] / 1.12, numbers[-1] * 1.12)
    plain_log_axis(ax.xaxis, spread_out(numbers, 4))
    ax.xaxis.set_minor_locator(FixedLocator(numbers))
    ax.xaxis.set_minor_formatter(NullFormatter())
