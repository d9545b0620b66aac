"""Distances between convolutional layers as one is shifted over the other."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from shapemetrics.figures.intervals import blocks
from shapemetrics.figures.style import (
    CATEGORIES,
    DOUBLE,
    MUTED,
    OKABE_ITO,
    SINGLE,
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
    sentence,
)

__all__ = ["plot_shift_gain", "plot_shift_maps"]

_MAPS, _GAIN = "shift-map figure", "shift-gain figure"


@styled
def plot_shift_maps(
    maps: pd.DataFrame,
    *,
    distance_label: str = "Distance",
    title: str | None = None,
    simulated: bool = False,
) -> Figure:
    """Draw, for pairs of networks, the distance at every circular shift of one over the other.

    Parameters
    ----------
    maps : pandas.DataFrame
        One row a pair and shift: pair, shift_y, shift_x (pixels of the layer), distance. Every
        pair needs every combination of its shifts.
    distance_label : str
        Label of the distances, with their unit.
    title : str, optional
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure
        A panel a pair, one colour scale for all; a ring at the smallest distance, dotted lines
        through no shift.

    Raises
    ------
    ValueError
        If a column is missing, a value is not finite, or a pair's shifts are not a full grid.
    """
    check_columns(maps, ["pair", "shift_y", "shift_x", "distance"], _MAPS)
    check_finite(maps, ["shift_y", "shift_x", "distance"], _MAPS)
    check_unique(maps, ["pair", "shift_y", "shift_x"], _MAPS)
    pairs = levels(maps, "pair", _MAPS)
    rows = blocks(pairs, 4)
    per_row = len(rows[0])
    width = SINGLE if per_row == 1 else DOUBLE
    side = min((width - 0.95) / per_row, 2.4)
    width = side * per_row + 0.95
    figure = new_figure(width, len(rows) * (side + 0.38) + 0.2, compress=True)
    grid = figure.subplots(len(rows), per_row, squeeze=False)
    norm = Normalize(float(maps["distance"].min()), float(maps["distance"].max()))
    for i, row in enumerate(rows):
        for j in range(per_row):
            ax = grid[i, j]
            if j >= len(row):
                ax.remove()
                continue
            _map(ax, rows_of(maps, pair=row[j]), row[j], norm)
            if i + 1 == len(rows) or j >= len(rows[i + 1]):
                ax.set_xlabel("Shift in x (pixels)").set_in_layout(i + 1 == len(rows))
        grid[i, 0].set_ylabel("Shift in y (pixels)")
    drawn = [ax for ax in grid.flat if ax.figure is not None]
    bar = figure.colorbar(
        ScalarMappable(norm, "viridis"), ax=drawn, shrink=0.85, aspect=18 * len(rows), pad=0.015
    )
    bar.outline.set_visible(False)
    bar.set_label(distance_label)
    return finish(figure, title, simulated)


def _map(ax: Axes, part: pd.DataFrame, pair: object, norm: Normalize) -> None:
    table = part.pivot(index="shift_y", columns="shift_x", values="distance")
    values = table.to_numpy(float)
    if np.isnan(values).any():
        raise ValueError(
            f"{_MAPS}: pair {pair} has {len(part)} shifts, expected the full grid of "
            f"{values.shape[0]} by {values.shape[1]}"
        )
    y, x = table.index.to_numpy(float), table.columns.to_numpy(float)
    ax.imshow(
        values,
        norm=norm,
        cmap="viridis",
        origin="lower",
        extent=(x[0] - 0.5, x[-1] + 0.5, y[0] - 0.5, y[-1] + 0.5),
        interpolation="nearest",
    )
    ax.axhline(0, color="white", linewidth=0.6, linestyle=(0, (1, 2)), alpha=0.8)
    ax.axvline(0, color="white", linewidth=0.6, linestyle=(0, (1, 2)), alpha=0.8)
    i, j = np.unravel_index(np.argmin(values), values.shape)
    for size, color in ((7.5, "white"), (5.5, OKABE_ITO["vermillion"])):
        ax.plot(
            x[j],
            y[i],
            marker="o",
            markersize=size,
            markerfacecolor="none",
            markeredgecolor=color,
            markeredgewidth=1.2,
        )
    where = f"x = {_shift(x[j])}, y = {_shift(y[i])}" if x[j] or y[i] else "no shift"
    ax.set_title(f"{pretty(pair)}\nsmallest {values[i, j]:.3f} at {where}", fontsize=6.5)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.spines[:].set_visible(False)


def _shift(value: float) -> str:
    return f"{value:+g}".replace("-", "−") if value else "0"


@styled
def plot_shift_gain(
    table: pd.DataFrame,
    *,
    by: str | None = None,
    distance_label: str = "distance",
    title: str | None = None,
    simulated: bool = False,
) -> Figure:
    """Scatter distances with the best shift against distances without shift, a point a pair.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a pair of networks: pair, distance_no_shift, distance_shift.
    by : str, optional
        Column of names, such as the layer, to colour by.
    distance_label : str
        Name of the distances, with their unit.
    title : str, optional
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing, a value is not finite, or a shift makes a distance larger.
    """
    columns = ["distance_no_shift", "distance_shift"]
    check_columns(table, ["pair", *columns, *([by] if by else [])], _GAIN)
    check_finite(table, columns, _GAIN)
    values = table[columns].to_numpy(float)
    worse = values[:, 1] > values[:, 0] * (1 + 1e-6) + 1e-7
    if worse.any():
        at = int(np.argmax(worse))
        raise ValueError(
            f"{_GAIN}: pair {table['pair'].iloc[at]} has distance_shift {values[at, 1]:.6g} above "
            f"distance_no_shift {values[at, 0]:.6g}, expected at most that"
        )
    figure = new_figure(SINGLE, SINGLE - 0.1)
    ax = figure.subplots()
    margin = 0.05 * max(float(np.ptp(values)), 1e-9)
    limits = (values.min() - margin, values.max() + margin)
    ax.plot(limits, limits, color=MUTED, linewidth=0.7, linestyle=(0, (2, 2)), zorder=1)
    for level, color in zip(levels(table, by, _GAIN), CATEGORIES):
        part = table if level is None else rows_of(table, **{by: level})
        ax.scatter(
            part[columns[0]],
            part[columns[1]],
            s=float(np.clip(4000.0 / len(table), 4.0, 16.0)),
            color=color,
            alpha=0.7,
            linewidths=0.25,
            edgecolors="white",
            label=None if level is None else pretty(level),
            rasterized=len(table) > 5000,
            zorder=2,
        )
    ax.set(xlim=limits, ylim=limits, aspect="equal")
    ax.set_xlabel(sentence(f"{distance_label}, no shift"))
    ax.set_ylabel(sentence(f"{distance_label}, best shift"))
    shorter = values[:, 1] < values[:, 0] - 1e-9 - 1e-6 * values[:, 0]
    ax.set_title(
        f"{len(table)} pairs, {100 * shorter.mean():.0f}% shorter with a shift", fontsize=7
    )
    if by is not None:
        ax.legend(loc="upper left", handletextpad=0.1)
    return finish(figure, title, simulated)
