"""Names beside the points of a scatter plot, placed so that they do not cover one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from shapemetrics.figures.colors import readable

__all__ = ["label_points"]

_ANGLES = np.deg2rad([0, 180, 90, 270, 30, 150, 210, 330, 60, 120, 240, 300])
_RADII = (3.0, 6.0, 10.0, 15.0, 21.0, 28.0, 36.0)  # points


def label_points(
    axes: Axes,
    x: ArrayLike,
    y: ArrayLike,
    names: Sequence[str],
    *,
    colors: Sequence[str] | None = None,
    size: float = 5.5,
    clearance: float = 2.6,
) -> None:
    """Write a name beside each point, with a thin line to it where it had to move away.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Its limits and the figure's size must be final: places are chosen on the page.
    x, y : array of shape (n,)
        Data coordinates.
    names : sequence of n strings
    colors : sequence of n colours, optional
        Darkened where needed to be readable on white.
    size : float
        Size of the type, in points.
    clearance : float
        Radius around every point, in points, that names keep free.

    Notes
    -----
    Greedy: the most crowded points choose first, among 12 directions at growing radii, the place
    with the least overlap with points, names already placed and the outside of the axes.
    """
    figure = axes.get_figure(root=True)
    figure.draw_without_rendering()
    scale = 72.0 / figure.dpi  # pixels to points
    points = axes.transData.transform(np.column_stack([x, y])) * scale
    frame = axes.get_window_extent().extents * scale
    texts = [
        axes.annotate(
            name,
            xy,
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=size,
            ha="center",
            va="center",
            color=readable(colors[i]) if colors is not None else None,
            annotation_clip=False,
            zorder=4,
        )
        for i, (name, xy) in enumerate(zip(names, np.column_stack([x, y])))
    ]
    renderer = figure.canvas.get_renderer()
    extents = np.array([text.get_window_extent(renderer).bounds[2:] for text in texts]) * scale
    obstacles = np.column_stack([points - clearance, points + clearance])
    placed: list[NDArray[np.floating]] = []
    for at in _crowded_first(points):
        shift, box = _best_place(points[at], extents[at], obstacles, placed, frame)
        placed.append(box)
        texts[at].set_position(shift)
        texts[at].set_in_layout(False)
        if np.hypot(*shift) - 0.5 * np.abs(extents[at] * _unit(shift)).sum() > 5.0:
            axes.annotate(
                "",
                texts[at].xy,
                xytext=shift,
                textcoords="offset points",
                arrowprops={
                    "arrowstyle": "-",
                    "linewidth": 0.35,
                    "color": "#909090",
                    "shrinkA": 0.5 * float(np.abs(extents[at] * _unit(shift)).sum()),
                    "shrinkB": 1.5,
                },
                annotation_clip=False,
                zorder=1.5,
            ).set_in_layout(False)


def _unit(vector: NDArray[np.floating]) -> NDArray[np.floating]:
    return vector / max(float(np.hypot(*vector)), 1e-12)


def _crowded_first(points: NDArray[np.floating]) -> NDArray[np.intp]:
    """Order of the points by the number of others within 20 points of them, most first."""
    apart = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    return np.argsort(-(apart < 20.0).sum(axis=1), kind="stable")


def _overlap(box: NDArray[np.floating], boxes: NDArray[np.floating]) -> float:
    """Area that a box (x0, y0, x1, y1) shares with others."""
    width = np.minimum(box[2], boxes[:, 2]) - np.maximum(box[0], boxes[:, 0])
    height = np.minimum(box[3], boxes[:, 3]) - np.maximum(box[1], boxes[:, 1])
    return float((np.clip(width, 0, None) * np.clip(height, 0, None)).sum())


def _best_place(
    point: NDArray[np.floating],
    extent: NDArray[np.floating],
    obstacles: NDArray[np.floating],
    placed: Sequence[NDArray[np.floating]],
    frame: NDArray[np.floating],
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Offset of a name's centre from its point, and its box, where it overlaps least."""
    names = np.array(placed).reshape(-1, 4)
    area = float(extent.prod())
    best = (np.inf, np.zeros(2), np.zeros(4))
    for radius in _RADII:
        for angle in _ANGLES:
            away = np.array([np.cos(angle), np.sin(angle)])
            # The box's near side, not its centre, is `radius` from the point.
            shift = away * (radius + 0.5 * np.abs(extent * away).sum())
            centre = point + shift
            box = np.concatenate([centre - 0.5 * extent, centre + 0.5 * extent])
            outside = area - _overlap(box, frame[None])
            cost = _overlap(box, obstacles) + 4.0 * _overlap(box, names) + 4.0 * outside
            if cost < best[0] - 1e-9:
                best = (cost, shift, box)
        if best[0] <= 1e-9:
            break
    return best[1], best[2]
