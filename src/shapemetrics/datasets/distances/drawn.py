"""Numbers that a figure holds: the grey levels of a heat map, the heights of a dendrogram, a map.

The figures are those that Matplotlib draws of ``imshow``, of SciPy's ``dendrogram`` and of a
scatter with a label at each point (see :mod:`shapemetrics.datasets.distances.pdf`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shapemetrics.datasets.distances.pdf import Drawing, Figure

__all__ = ["DrawnTree", "Merge", "drawn_tree", "grey_levels", "labelled_points"]

#: Points on the page within which two ends of drawn lines are the same place.
NEAR = 0.01


@dataclass(frozen=True)
class Merge:
    """Two branches of a tree that become one.

    Attributes
    ----------
    left, right : tuple of int
        Leaves of either branch, as positions from the left.
    height : float
        In the units of the drawn axis.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    height: float


@dataclass(frozen=True)
class DrawnTree:
    """A dendrogram.

    Attributes
    ----------
    names : list of str
        Of the leaves, from the left.
    merges : list of Merge
        From the lowest.
    """

    names: list[str]
    merges: list[Merge]

    @property
    def heights(self) -> NDArray[np.float64]:
        """Height of each merge, from the lowest."""
        return np.array([merge.height for merge in self.merges])

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Merges of two single leaves, which a tree does not tell from one another."""
        return [
            (merge.left[0], merge.right[0])
            for merge in self.merges
            if len(merge.left) == len(merge.right) == 1
        ]

    def cophenetic(self) -> NDArray[np.float64]:
        """Height at which two leaves are joined, shape (K, K)."""
        K = len(self.names)
        heights = np.zeros((K, K))
        for merge in self.merges:
            heights[np.ix_(merge.left, merge.right)] = merge.height
            heights[np.ix_(merge.right, merge.left)] = merge.height
        return heights


def grey_levels(figure: Figure) -> NDArray[np.int64]:
    """The cells of the only image of a figure, as levels from 0 (black) to 255.

    Returns
    -------
    ndarray of shape (K, K), int64
        Symmetric, with one level (0) on the diagonal.

    Raises
    ------
    ValueError
        If the image is not grey, its pixels do not form K x K cells of one level each, or the
        cells are not symmetric with a black diagonal.
    """
    if len(figure.images) != 1:
        raise ValueError(f"heat map: found {len(figure.images)} images, expected 1")
    pixels = figure.images[0].astype(np.int64)
    if np.ptp(pixels, axis=2).any():
        raise ValueError("heat map: found colours, expected levels of grey")
    grey = pixels[..., 0]
    rows, columns = _Cells.of(grey), _Cells.of(grey.T)
    levels = grey[np.ix_(rows.middles, columns.middles)]
    right = np.zeros(grey.shape, dtype=bool)
    for r in (rows.before, rows.after):
        for c in (columns.before, columns.after):
            right |= levels[np.ix_(r, c)] == grey
    if not right.all():
        raise ValueError(
            f"heat map: found {int((~right).sum())} pixels that differ from their cell, expected "
            "cells of one level"
        )
    if levels.shape[0] != levels.shape[1] or max(rows.unevenness, columns.unevenness) > 2:
        raise ValueError(
            f"heat map: found {levels.shape[0]} x {levels.shape[1]} cells whose sizes differ by "
            f"{max(rows.unevenness, columns.unevenness)} pixels, expected a square of even cells"
        )
    if (levels != levels.T).any():
        i, j = np.argwhere(levels != levels.T)[0]
        raise ValueError(
            f"heat map: found level {levels[i, j]} at ({i}, {j}) and {levels[j, i]} at ({j}, {i}), "
            "expected a symmetric matrix"
        )
    if np.diagonal(levels).any():
        raise ValueError(
            f"heat map: found level {np.diagonal(levels).max()} on the diagonal, expected black (0)"
        )
    return levels


def drawn_tree(figure: Figure) -> DrawnTree:
    """The tree of a figure with a dendrogram.

    Returns
    -------
    DrawnTree

    Raises
    ------
    ValueError
        If there is no vertical axis with numbers, or lines and labels do not form one binary tree.
    """
    leaves = sorted((label.x, label.text) for label in figure.labels if label.vertical)
    names = [name for _, name in leaves]
    if len(set(names)) < len(names):
        raise ValueError("dendrogram: found a label twice, expected unique names")
    scale = _vertical_scale(figure)
    links = [d.points for d in figure.paths if d.painted == "S" and len(d.points) == 4]
    if len(links) != len(names) - 1:
        raise ValueError(
            f"dendrogram: found {len(links)} links and {len(names)} labels, expected one link less "
            "than labels"
        )
    feet = sorted(
        point[0]
        for link in links
        for point in (link[0], link[3])
        if abs(scale(point[1])) < NEAR * abs(scale(1.0) - scale(0.0))
    )
    if len(feet) != len(names):
        raise ValueError(
            f"dendrogram: found {len(feet)} leaves, expected {len(names)}, one a label"
        )
    branches: dict[float, tuple[int, ...]] = {x: (at,) for at, x in enumerate(feet)}
    merges = []
    for link in sorted(links, key=lambda link: link[1, 1]):
        left, right = (_at(branches, x) for x in (link[0, 0], link[3, 0]))
        merges.append(Merge(left, right, float(scale(link[1, 1]))))
        branches[(link[0, 0] + link[3, 0]) / 2] = left + right
    if len(branches) != 1:
        raise ValueError(f"dendrogram: found {len(branches)} trees, expected 1")
    return DrawnTree(names, merges)


def labelled_points(figure: Figure, names: list[str]) -> NDArray[np.float64]:
    """Where the labels of these names begin, in points: on a map, where the named points are.

    Returns
    -------
    ndarray of shape (K, 2)
        Up to a shift and a scale for each axis.

    Raises
    ------
    ValueError
        If a name is not there, or twice.
    """
    places: dict[str, list[tuple[float, float]]] = {}
    for label in figure.labels:
        places.setdefault(label.text, []).append((label.x, label.y))
    for name in names:
        if len(places.get(name, [])) != 1:
            raise ValueError(
                f"map: found the label {name!r} {len(places.get(name, []))} times, expected once"
            )
    return np.array([places[name][0] for name in names])


@dataclass(frozen=True)
class _Cells:
    """Rows of pixels by the row of cells that they belong to.

    A row of pixels whose centre lies on the border of two cells may have pixels of either.
    """

    middles: NDArray[np.int64]
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    unevenness: int

    @classmethod
    def of(cls, grey: NDArray[np.int64]) -> _Cells:
        starts = np.append(0, np.flatnonzero((grey[1:] != grey[:-1]).any(axis=1)) + 1)
        sizes = np.diff(np.append(starts, len(grey)))
        border = sizes < 0.5 * np.median(sizes)
        cells = np.flatnonzero(~border)
        number = np.cumsum(~border) - 1
        last = len(cells) - 1
        before = np.repeat(number.clip(0, last), sizes)
        after = np.repeat(np.where(border, number + 1, number).clip(0, last), sizes)
        middles = starts[cells] + sizes[cells] // 2
        return cls(middles, before, after, int(np.ptp(sizes[cells])))


def _at(branches: dict[float, tuple[int, ...]], x: float) -> tuple[int, ...]:
    """Take the branch that stands at a place."""
    nearest = min(branches, key=lambda place: abs(place - x), default=None)
    if nearest is None or abs(nearest - x) > NEAR:
        raise ValueError(f"dendrogram: found no branch at {x:.2f} points, where a link ends")
    return branches.pop(nearest)


def _vertical_scale(figure: Figure):
    """From points on the page to the numbers beside the vertical axis."""
    ticks = sorted(_tick(d) for d in figure.paths if _is_tick(d))
    marks = sorted(
        (label.y, float(label.text))
        for label in figure.labels
        if not label.vertical and _is_number(label.text)
    )
    if len(ticks) < 2 or len(ticks) != len(marks):
        raise ValueError(
            f"dendrogram: found {len(ticks)} ticks and {len(marks)} numbers on the vertical axis, "
            "expected as many of both, and at least 2"
        )
    values = np.array([value for _, value in marks])
    slope, offset = np.polyfit(ticks, values, 1)
    error = np.abs(slope * np.array(ticks) + offset - values).max()
    if error > 1e-3 * np.ptp(values):
        raise ValueError(f"dendrogram: found ticks {error:.3g} off a straight line, expected none")
    return lambda y: slope * y + offset


def _is_tick(drawing: Drawing) -> bool:
    points = drawing.points
    return len(points) == 2 and drawing.painted == "B" and points[0, 1] == points[1, 1]


def _tick(drawing: Drawing) -> float:
    return float(drawing.points[0, 1])


def _is_number(text: str) -> bool:
    try:
        return np.isfinite(float(text.replace("\N{MINUS SIGN}", "-")))
    except ValueError:
        return False
