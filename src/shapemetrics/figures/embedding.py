"""Planes of embedded networks: small multiples over states and layers, or one labelled panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from shapemetrics.figures.colors import ABSENT, ColorScale, color_scale, legend_handles
from shapemetrics.figures.labels import label_points
from shapemetrics.figures.style import DOUBLE, MUTED, SINGLE, finish, new_figure, styled
from shapemetrics.figures.tables import (
    check_columns,
    check_finite,
    check_unique,
    levels,
    pretty,
    rows_of,
)

__all__ = ["plot_embedding"]

_FIGURE = "embedding figure"
_RASTERIZE_ABOVE = 5000  # points; a PDF of more of them is slow to show


@styled
def plot_embedding(
    table: pd.DataFrame,
    color: str,
    *,
    row: str | None = "state",
    col: str | None = "layer",
    row_order: Sequence[Any] | None = None,
    col_order: Sequence[Any] | None = None,
    color_label: str | None = None,
    palette: Mapping[Any, str] | Sequence[str] | None = None,
    cmap: str = "viridis",
    quantiles: tuple[float, float] = (0.05, 0.95),
    legend: str | None = None,
    label: str | None = None,
    unit: str = "",
    share_scale: bool = False,
    width: float | None = None,
    title: str | None = None,
    simulated: bool = False,
) -> Figure:
    """Scatter the first two principal components of embedded distances, coloured by a covariate.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a network and panel: id, pc1, pc2, pc1_fraction, pc2_fraction (share of the
        embedding's variance, the same within a panel), the `color` column, and the `row` and
        `col` columns.
    color : str
        Column of numbers (one colour bar for all panels), of names (legend), or of hexadecimal
        colours such as those of an atlas. Points with no value are open and grey.
    row, col : str or None
        Columns whose levels make the grid's rows and columns; None, a column that is empty in all
        rows, or state or layer where the table has no such column, makes one.
    row_order, col_order : sequence, optional
        Orders of the levels. See `shapemetrics.figures.tables.levels` for those without.
    color_label : str, optional
        Name of the colour scale.
    palette : mapping or sequence, optional
        Colours of names.
    cmap : str
        Map for numbers.
    quantiles : (float, float)
        Limits of the colour bar, as quantiles over all panels, so that a few outliers do not wash
        the colours out; values beyond them are drawn in the end colours, shown by arrows.
    legend : str, optional
        Where `color` holds colours: the column of names that they stand for.
    label : str, optional
        Column of names to write beside the points.
    unit : str
        Unit of the distances (rad for angular ones), written at the scale bars.
    share_scale : bool
        Whether all panels show the same range of distances.
    width : float, optional
        Inches; one text column for a single panel, else a page.
    title : str, optional
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing or a coordinate is not finite.

    Notes
    -----
    Both axes of a panel have one scale, given by its scale bar; directions are arbitrary, since
    an embedding is defined up to rotation.
    """
    asked = [c for c in (row, col) if c in table.columns or c not in (None, "state", "layer")]
    named = [*asked, *(c for c in (legend, label) if c is not None)]
    numbers = ["pc1", "pc2", "pc1_fraction", "pc2_fraction"]
    check_columns(table, ["id", *numbers, *named, color], _FIGURE)
    check_finite(table, numbers, _FIGURE)
    check_unique(table, ["id", *asked], _FIGURE)
    scale = color_scale(
        table, color, _FIGURE, label=color_label, palette=palette, cmap=cmap, quantiles=quantiles
    )
    rows = levels(table, row, _FIGURE, row_order)
    cols = levels(table, col, _FIGURE, col_order)
    single = len(rows) * len(cols) == 1
    if width is None:
        width = SINGLE if len(cols) == 1 else DOUBLE
    keyed = 0.75 if scale.kind == "continuous" else 0.0
    side = (width - keyed - 0.15) / len(cols) - 0.19
    keys = legend_handles(table, scale, color, _FIGURE, legend)
    heading = pretty(legend) if legend else scale.label if scale.kind == "categorical" else None
    key_columns = _key_columns(keys, width)
    key_rows = -(-len(keys) // key_columns) + (heading is not None and bool(keys))
    shape = _panel_shape(table, asked)
    height = len(rows) * (side * (shape + 0.11) + 0.2) + 0.2 + 0.17 * key_rows
    figure = new_figure(width, height, compress=True)
    axes = figure.subplots(len(rows), len(cols), squeeze=False)
    half = _half_width(table, shape) if share_scale else None
    panels = []
    for i, row_level in enumerate(rows):
        for j, col_level in enumerate(cols):
            ax = axes[i, j]
            part = rows_of(table, **_wanted(row, row_level), **_wanted(col, col_level))
            _panel(ax, part, scale, color, large=single)
            if len(part):
                _limits_and_scale_bar(ax, part, unit, half, shape)
            if i == 0 and col_level is not None:
                ax.set_title(pretty(col_level))
            if j == 0 and row_level is not None:
                _row_name(ax, pretty(row_level))
            panels.append((ax, part))
    if scale.kind == "continuous":
        tall = 18 * max(len(rows), 1) if not single else 22
        scale.add_bar(figure, axes, location="right", aspect=tall, shrink=0.85, pad=0.015)
    if keys:
        figure.legend(
            handles=keys,
            loc="outside lower center",
            ncols=key_columns,
            title=heading,
            columnspacing=1.2,
            handletextpad=0.1,
        )
    finish(figure, title, simulated)
    if label is not None:
        for ax, part in panels:
            if len(part):
                names = part[label].astype(str).to_list()
                label_points(ax, part["pc1"], part["pc2"], names)
    return figure


def _wanted(column: str | None, level: Any) -> dict[str, Any]:
    return {} if column is None else {column: level}


def _extent(part: pd.DataFrame) -> np.ndarray:
    """Ranges of the points along both axes."""
    return np.maximum(np.ptp(part[["pc1", "pc2"]].to_numpy(dtype=float), axis=0), 1e-12)


def _panel_shape(table: pd.DataFrame, by: list[str]) -> float:
    """Height of all panels over their width: that of the tallest cloud, 0.6 to 1."""
    parts = [part for _, part in table.groupby(by, observed=True, dropna=False)] if by else [table]
    ratios = [extent[1] / extent[0] for extent in map(_extent, parts or [table])]
    return float(np.clip(max(ratios) * 1.08, 0.6, 1.0))


def _half_width(part: pd.DataFrame, shape: float) -> float:
    """Half the width of a panel of this shape that holds the points."""
    across, up = _extent(part)
    return 0.5 * float(max(across, up / shape)) * 1.08


def _key_columns(keys: list[Any], width: float) -> int:
    longest = max((len(key.get_label()) for key in keys), default=1)
    fitting = max(int((width - 0.1) / (0.32 + 0.063 * longest)), 1)
    rows = max(-(-len(keys) // fitting), 1)
    return max(-(-len(keys) // rows), 1)


def _panel(
    ax: Axes,
    part: pd.DataFrame,
    scale: ColorScale,
    color: str,
    large: bool,
) -> None:
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[["top", "right"]].set_visible(True)
    for spine in ax.spines.values():
        spine.set_color("#B0B0B0")
    if part.empty:
        ax.text(0.5, 0.5, "not computed", transform=ax.transAxes, ha="center", color=MUTED)
        return
    size = float(np.clip((3500.0 if large else 900.0) / len(part), 4.0, 26.0 if large else 14.0))
    hexes, markers = scale.hexes(part[color]), scale.markers(part[color])
    missing = part[color].isna().to_numpy()
    rasterized = len(part) > _RASTERIZE_ABOVE
    for marker in dict.fromkeys(markers[~missing]):
        at = (markers == marker) & ~missing
        ax.scatter(
            part["pc1"][at],
            part["pc2"][at],
            s=size,
            c=hexes[at],
            marker=marker,
            linewidths=0.3,
            edgecolors="white",
            zorder=2,
            rasterized=rasterized,
        )
    if missing.any():
        ax.scatter(
            part["pc1"][missing],
            part["pc2"][missing],
            s=size,
            facecolors="none",
            edgecolors=ABSENT,
            linewidths=0.8,
            zorder=2,
            rasterized=rasterized,
        )
    fractions = part[["pc1_fraction", "pc2_fraction"]].iloc[0]
    ax.set_xlabel(f"PC 1 ({100 * fractions['pc1_fraction']:.0f}%)", fontsize=7)
    ax.set_ylabel(f"PC 2 ({100 * fractions['pc2_fraction']:.0f}%)", fontsize=7)


def _limits_and_scale_bar(
    ax: Axes, part: pd.DataFrame, unit: str, half: float | None, shape: float
) -> None:
    """Limits around the points, with a strip below them for a bar of round length."""
    half = _half_width(part, shape) if half is None else half
    strip = 0.22 * half
    low = part[["pc1", "pc2"]].min().to_numpy()
    x, y = 0.5 * (low + part[["pc1", "pc2"]].max().to_numpy())
    ax.set_xlim(x - half, x + half)
    ax.set_ylim(y - half * shape - strip, y + half * shape)
    length = _round_length(0.6 * half)
    left, height = x - 0.92 * half, y - half * shape - 0.55 * strip
    ax.plot([left, left + length], [height, height], color="#333333", linewidth=1.2, zorder=3)
    ax.annotate(
        f"{length:g} {unit}".strip(),
        (left + length, height),
        xytext=(3, 0),
        textcoords="offset points",
        va="center",
        fontsize=6.5,
        color="#333333",
    )


def _round_length(longest: float) -> float:
    """Largest of 1, 2, 5 times a power of ten that is no longer than `longest`."""
    power = 10.0 ** np.floor(np.log10(longest))
    return float(max(step * power for step in (1.0, 2.0, 5.0) if step * power <= longest * 1.0001))


def _row_name(ax: Axes, name: str) -> None:
    ax.annotate(
        name,
        (0, 0.5),
        xycoords="axes fraction",
        xytext=(-16, 0),
        textcoords="offset points",
        rotation=90,
        ha="right",
        va="center",
        fontsize=8,
    )
