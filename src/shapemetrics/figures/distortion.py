"""How much embedding distances in few Euclidean dimensions distorts them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from shapemetrics.figures.style import (
    DOUBLE,
    INK,
    MUTED,
    SINGLE,
    finish,
    new_figure,
    ordered_colors,
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

__all__ = ["plot_distortion"]

_FIGURE = "distortion figure"
_DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)))
_STATISTICS = (("max_distortion", "Maximum distortion"), ("mean_distortion", "Mean distortion"))
_TICKS = np.array([1, 1.1, 1.2, 1.5, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1e3, 1e4, 1e5])


@styled
def plot_distortion(
    table: pd.DataFrame, *, title: str | None = None, simulated: bool = False
) -> Figure:
    """Draw the maximum and mean distortion of embeddings against their dimension.

    Parameters
    ----------
    table : pandas.DataFrame
        One row an embedding: method, n_dimensions, max_distortion, mean_distortion (ratios, 1 or
        more), and where there are several, layer and state. An infinite distortion (two networks
        at one point) is an arrow at the upper edge.
    title : str, optional
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure
        A column a state; above the maximum, below the mean over pairs; both axes logarithmic;
        a colour a layer, a dash a method. A distortion of 1 is an isometric embedding.

    Raises
    ------
    ValueError
        If a column is missing, or a distortion is below 1 or not a number.
    """
    values = [name for name, _ in _STATISTICS]
    check_columns(table, ["method", "n_dimensions", *values], _FIGURE)
    check_finite(table, ["n_dimensions"], _FIGURE)
    check_unique(table, ["layer", "state", "method", "n_dimensions"], _FIGURE)
    for name in values:
        bad = ~(table[name] >= 1 - 1e-9)
        if bad.any():
            raise ValueError(
                f"{_FIGURE}: column {name} is {table.loc[bad, name].iloc[0]} in row "
                f"{bad.idxmax()}, expected 1 or more"
            )
    states = levels(table, "state", _FIGURE)
    layers = levels(table, "layer", _FIGURE)
    methods = levels(table, "method", _FIGURE)
    colors = ordered_colors(len(layers)) if len(layers) > 1 else [INK]
    figure = new_figure(SINGLE if len(states) == 1 else DOUBLE, 3.9)
    axes = figure.subplots(2, len(states), squeeze=False, sharex=True, sharey="row")
    for i, (name, label) in enumerate(_STATISTICS):
        for j, state in enumerate(states):
            part = rows_of(table, state=state)
            _curves(axes[i, j], part, name, layers, methods, colors)
        _scale_rows(axes[i], table, name)
        axes[i, 0].set_ylabel(label)
    for j, state in enumerate(states):
        axes[1, j].set_xlabel("Embedding dimensions")
        if state is not None:
            axes[0, j].set_title(pretty(state))
    handles = _handles(layers, methods, colors)
    if handles:
        figure.legend(
            handles=handles,
            loc="outside lower center",
            ncols=min(len(handles), 7 if len(states) > 1 else 4),
            columnspacing=1.2,
        )
    return finish(figure, title, simulated)


def _curves(
    ax: Axes,
    part: pd.DataFrame,
    name: str,
    layers: list[Any],
    methods: list[Any],
    colors: list[Any],
) -> None:
    for layer, color in zip(layers, colors, strict=True):
        for k, method in enumerate(methods):
            line = rows_of(part, layer=layer, method=method).sort_values("n_dimensions")
            x, y = line["n_dimensions"].to_numpy(float), line[name].to_numpy(float)
            finite = np.isfinite(y)
            ax.plot(
                x[finite],
                y[finite],
                color=color,
                linestyle=_DASHES[k % len(_DASHES)],
                marker=None if k else "o",
                markersize=2.6,
                markeredgewidth=0,
                linewidth=0.9 if k else 1.2,
            )
            if not finite.all():
                ax.plot(
                    x[~finite],
                    np.ones((~finite).sum()),
                    linestyle="none",
                    marker="^",
                    color=color,
                    transform=ax.get_xaxis_transform(),
                    clip_on=False,
                )


def _scale_rows(row: np.ndarray, table: pd.DataFrame, name: str) -> None:
    """Logarithmic axes with plain numbers, shared by a row of panels, and the isometric line."""
    values = table[name].to_numpy(float)
    top = max(float(values[np.isfinite(values)].max(initial=1.0)), 1.001)
    dimensions = np.unique(table["n_dimensions"].to_numpy(int))
    for ax in row:
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_ylim(top**-0.08, top**1.06)
        ax.set_xlim(dimensions[0] / 1.1, dimensions[-1] * 1.1)
        plain_log_axis(ax.xaxis, spread_out(dimensions, 9))
        plain_log_axis(ax.yaxis, _y_ticks(top))
        ax.axhline(1, color=MUTED, linewidth=0.7, linestyle=(0, (2, 2)), zorder=0)
    row[-1].annotate(
        "isometric",
        (1, 1),
        xycoords=("axes fraction", "data"),
        xytext=(2, 0),
        textcoords="offset points",
        va="center",
        fontsize=6.5,
        color=MUTED,
        annotation_clip=False,
    )


def _y_ticks(top: float) -> list[float]:
    if top < 1.5:  # so near to one, a logarithmic axis is as good as even
        ticks = MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(1.0, top)
        return list(ticks[(ticks >= 1.0) & (top**1.06 >= ticks)])
    return spread_out(_TICKS[top**1.06 >= _TICKS], 8)


def _handles(layers: list[Any], methods: list[Any], colors: list[Any]) -> list[Line2D]:
    handles = []
    if len(layers) > 1:
        handles += [
            Line2D([], [], color=color, marker="o", markersize=2.6, label=pretty(layer))
            for layer, color in zip(layers, colors, strict=True)
        ]
    if len(methods) > 1:
        handles += [
            Line2D([], [], color=MUTED, linestyle=_DASHES[k % len(_DASHES)], label=pretty(method))
            for k, method in enumerate(methods)
        ]
    return handles
