"""Marks shared by the figures of scores: points with intervals, and the null beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from shapemetrics.figures.style import INK, MUTED, NULL
from shapemetrics.figures.tables import signed

__all__ = [
    "SIGNIFICANCE",
    "annotate_level",
    "blocks",
    "draw_interval",
    "draw_null",
    "null_handle",
    "optional",
    "significance_handles",
]

SIGNIFICANCE = 0.05
"""Points whose permutation p-value is below this are filled, others open."""


def draw_interval(
    ax: Axes,
    position: float,
    value: float,
    low: float,
    high: float,
    *,
    color: str,
    filled: bool = True,
    marker: str = "o",
    floor: float = -np.inf,
    vertical: bool = True,
) -> None:
    """Draw a point with its interval; below `floor` an arrow at the floor with the value.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    position : float
        Place among the categories.
    value, low, high : float
        The score and its interval; low and high may be NaN.
    color : str
    filled : bool
        Whether the marker is filled.
    marker : str
    floor : float
        Scores below it are not drawn to scale.
    vertical : bool
        Whether scores run upwards (else to the right).
    """
    if np.isfinite(low) and np.isfinite(high) and high > floor:
        ends = [max(low, floor), high]
        xy = ([position] * 2, ends) if vertical else (ends, [position] * 2)
        ax.plot(*xy, color=color, linewidth=1.0, solid_capstyle="butt", zorder=3)
    below = value < floor
    shown = floor if below else value
    arrow = "v" if vertical else "<"
    ax.plot(
        *((position, shown) if vertical else (shown, position)),
        marker=arrow if below else marker,
        markersize=4.2,
        markeredgewidth=0.9,
        markeredgecolor=color,
        markerfacecolor=color if filled else "white",
        linestyle="none",
        zorder=4,
        clip_on=False,
    )
    if below:
        ax.annotate(
            signed(value, 1),
            (position, shown) if vertical else (shown, position),
            xytext=(0, 5) if vertical else (5, 0),
            textcoords="offset points",
            ha="center" if vertical else "left",
            va="bottom" if vertical else "center",
            fontsize=6,
            color=color,
        )


def draw_null(
    ax: Axes,
    position: float,
    mean: float,
    low: float,
    high: float,
    *,
    thickness: float,
    floor: float = -np.inf,
    vertical: bool = True,
) -> None:
    """Draw a permutation null as a grey bar from `low` to `high` with a tick at its mean."""
    if not (np.isfinite(low) and np.isfinite(high)) or high < floor:
        return
    start, length = max(low, floor), high - max(low, floor)
    across = position - 0.5 * thickness
    corner, size = (across, start), (thickness, length)
    if not vertical:
        corner, size = corner[::-1], size[::-1]
    ax.add_patch(Rectangle(corner, *size, facecolor=NULL, edgecolor="none", zorder=1.5))
    if np.isfinite(mean) and mean >= floor:
        ends, at = [across, across + thickness], [mean, mean]
        ax.plot(*((ends, at) if vertical else (at, ends)), color=MUTED, linewidth=0.9, zorder=2)


def null_handle(label: str) -> Patch:
    """Legend entry of the null's bar."""
    return Patch(facecolor=NULL, edgecolor="none", label=label)


def significance_handles() -> list[Line2D]:
    """Legend entries of filled and open markers."""
    kind = {"linestyle": "none", "marker": "o", "markersize": 4.2, "markeredgewidth": 0.9}
    return [
        Line2D(
            [],
            [],
            markerfacecolor=face,
            markeredgecolor=INK,
            label=f"permutation p {sign} {SIGNIFICANCE:g}",
            **kind,
        )
        for face, sign in ((INK, "<"), ("white", "≥"))
    ]


def annotate_level(ax: Axes, level: float, text: str, in_layout: bool = True) -> None:
    """Write what a horizontal line stands for just outside the right edge of the axes.

    With `in_layout` false no room is made for it: there must be some already.
    """
    ax.annotate(
        text,
        (1, level),
        xycoords=("axes fraction", "data"),
        xytext=(2, 0),
        textcoords="offset points",
        va="center",
        fontsize=6.5,
        color=MUTED,
        annotation_clip=False,
    ).set_in_layout(in_layout)


def blocks(items: Sequence[Any], most: int) -> list[list[Any]]:
    """Split items over as few rows of at most `most` as possible, as evenly as possible."""
    n_rows = -(-len(items) // most)
    per_row = -(-len(items) // n_rows)
    return [list(items[start : start + per_row]) for start in range(0, len(items), per_row)]


def optional(row: pd.Series, column: str) -> float:
    """A number of a row, NaN where the table has no such column."""
    return float(row[column]) if column in row.index else float("nan")
