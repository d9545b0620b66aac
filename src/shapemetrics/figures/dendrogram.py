"""Hierarchical clusterings: the tree, and under its leaves a strip of colours or their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from shapemetrics.figures.colors import color_scale, legend_handles, readable
from shapemetrics.figures.style import DOUBLE, finish, new_figure, styled
from shapemetrics.figures.tables import check_columns, check_finite, pretty

__all__ = ["plot_dendrogram"]

_FIGURE = "dendrogram figure"


@styled
def plot_dendrogram(
    linkage: pd.DataFrame,
    leaves: pd.DataFrame,
    color: str,
    *,
    label: str = "id",
    max_labels: int = 60,
    color_label: str | None = None,
    palette: Mapping[Any, str] | Sequence[str] | None = None,
    cmap: str = "viridis",
    quantiles: tuple[float, float] = (0.05, 0.95),
    legend: str | None = None,
    height_label: str = "Linkage distance",
    width: float = DOUBLE,
    title: str | None = None,
    simulated: bool = False,
) -> Figure:
    """Draw a dendrogram with the colour of a covariate under each leaf.

    Parameters
    ----------
    linkage : pandas.DataFrame
        SciPy's linkage, K - 1 rows: step (from 0), left, right (leaves 0 ... K - 1, or K + step of
        an earlier merge), height, size.
    leaves : pandas.DataFrame
        K rows: leaf (0 ... K - 1), the `label` column, the `color` column.
    color : str
        Column of `leaves`: numbers (colour bar), names (legend), or hexadecimal colours.
    label : str
        Column of names, written under the leaves where there are at most `max_labels`.
    max_labels : int
        With more leaves than this no names are written.
    color_label, palette, cmap, quantiles, legend
        As for `shapemetrics.figures.plot_embedding`.
    height_label : str
        Label of the axis of heights, with their unit.
    width : float
        Inches.
    title : str, optional
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing, the leaves are not 0 ... K - 1, or the linkage does not join them.
    """
    check_columns(linkage, ["step", "left", "right", "height", "size"], _FIGURE)
    needed = ["leaf", label, color] + ([legend] if legend else [])
    check_columns(leaves, needed, _FIGURE)
    check_finite(linkage, ["step", "left", "right", "height", "size"], _FIGURE)
    leaves = leaves.sort_values("leaf", ignore_index=True)
    n = len(leaves)
    if leaves["leaf"].to_list() != list(range(n)):
        raise ValueError(f"{_FIGURE}: column leaf of {n} rows must hold 0 to {n - 1}, each once")
    tree = linkage.sort_values("step")
    merges = tree[["left", "right"]].to_numpy(int)
    _check_merges(merges, n)
    scale = color_scale(
        leaves, color, _FIGURE, label=color_label, palette=palette, cmap=cmap, quantiles=quantiles
    )
    named = n <= max_labels
    order = leaf_order(merges, n)
    figure = new_figure(width, 3.1 if named else 2.7)
    top, strip = figure.subplots(2, 1, sharex=True, height_ratios=[22, 1.1])
    figure.get_layout_engine().set(hspace=0.0, h_pad=0.015)
    _draw_tree(top, merges, tree["height"].to_numpy(float), order)
    top.set_ylabel(height_label)
    hexes = scale.hexes(leaves[color])[order]
    _draw_strip(strip, hexes)
    if named:
        names = leaves[label].astype(str).to_numpy()[order]
        strip.set_xticks(np.arange(n), [pretty(name) for name in names], rotation=90)
        strip.tick_params(axis="x", length=0, labelsize=6.5, pad=2)
        for text, shade in zip(strip.get_xticklabels(), hexes, strict=True):
            text.set_color(readable(shade))
    else:
        strip.set_xticks([])
        strip.set_xlabel(f"{n} leaves in the order of the tree")
    handles = legend_handles(leaves, scale, color, _FIGURE, legend)
    if scale.kind == "continuous":
        scale.add_bar(figure, [top, strip], aspect=26, shrink=0.9, pad=0.015)
        _add_legend(figure, handles, "outside lower right", None)
    else:
        heading = pretty(legend) if legend else scale.label
        _add_legend(figure, handles, "outside right center", heading)
    return finish(figure, title, simulated)


def leaf_order(merges: NDArray[np.integer], n: int) -> NDArray[np.intp]:
    """Leaves from left to right, so that no two branches cross."""
    order, stack = [], [2 * n - 2]
    while stack:
        node = stack.pop()
        if node < n:
            order.append(node)
        else:
            left, right = merges[node - n]
            stack += [int(right), int(left)]
    return np.array(order, dtype=np.intp)


def _check_merges(merges: NDArray[np.integer], n: int) -> None:
    if len(merges) != n - 1 or n < 2:
        raise ValueError(
            f"{_FIGURE}: the linkage has {len(merges)} rows for {n} leaves, expected {n - 1}"
        )
    steps = np.arange(n - 1)
    early = (merges < n + steps[:, None]).all()
    if not early or not np.array_equal(np.sort(merges.ravel()), np.arange(2 * n - 2)):
        raise ValueError(
            f"{_FIGURE}: the linkage must merge every leaf and earlier merge of {n} leaves once"
        )


def _draw_tree(
    ax: Axes,
    merges: NDArray[np.integer],
    heights: NDArray[np.floating],
    order: NDArray[np.intp],
) -> None:
    n = len(order)
    x, y = np.zeros(2 * n - 1), np.zeros(2 * n - 1)
    x[order] = np.arange(n)
    y[n:] = heights
    brackets = np.empty((n - 1, 4, 2))
    for step, (left, right) in enumerate(merges):
        node = n + step
        x[node] = 0.5 * (x[left] + x[right])
        brackets[step] = [
            (x[left], y[left]),
            (x[left], y[node]),
            (x[right], y[node]),
            (x[right], y[right]),
        ]
    width = 0.9 if n <= 60 else 0.55
    ax.add_collection(
        LineCollection(list(brackets), colors="#444444", linewidths=width, capstyle="round")
    )
    ax.set_xlim(-0.7, n - 0.3)
    ax.set_ylim(min(0.0, heights.min()), max(heights.max(), 1e-12) * 1.04)
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(axis="x", length=0, labelbottom=False)


def _draw_strip(ax: Axes, hexes: NDArray[np.str_]) -> None:
    image = np.array([[to_rgb(shade) for shade in hexes]])
    ax.imshow(image, aspect="auto", extent=(-0.5, len(hexes) - 0.5, 0, 1), interpolation="nearest")
    ax.set_yticks([])
    ax.set_ylim(0, 1)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _add_legend(figure: Figure, handles: list[Line2D], place: str, heading: str | None) -> None:
    for handle in handles:
        handle.set_marker("s")
        handle.set_markerfacecolor(handle.get_color())
    if handles:
        figure.legend(
            handles=handles,
            loc=place,
            title=heading,
            alignment="left",
            handletextpad=0.1,
        )
