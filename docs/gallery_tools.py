"""Responses and panels that the figures of the guides share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.ndimage import convolve
from sklearn.datasets import load_digits

from shapemetrics.figures.style import CATEGORIES, DOUBLE, MUTED, new_figure, panel_letter

BLUE, RED = CATEGORIES[:2]
Array = NDArray[np.float64]


def digit_layer(seed: int, units: int) -> Array:
    """Responses of a layer of random rectified units to the 1,797 digits: (1797, units)."""
    images = load_digits().data
    weights = np.random.default_rng(seed).normal(size=(images.shape[1], units))
    return np.maximum(images @ weights / 8, 0.0)


def digit_maps(seed: int, channels: int, shift: int = 0, m: int = 60) -> Array:
    """Responses of random 3 x 3 filters to digits moved to the right: (m, 8, 8, channels)."""
    images = np.roll(load_digits().images[:m], shift, axis=2)
    filters = np.random.default_rng(seed).normal(size=(channels, 1, 3, 3))
    maps = [convolve(images, one, mode="wrap") for one in filters]
    return np.maximum(np.stack(maps, axis=-1), 0.0)


def pair_of_cosine(cosine: float, m: int, n: int, seed: int) -> tuple[Array, Array]:
    """Two representations whose Procrustes angle over all possible stimuli is arccos(cosine)."""
    rng = np.random.default_rng(seed)
    X, other = rng.normal(size=(2, m, n))
    return X, cosine * X + np.sqrt(1.0 - cosine**2) * other


def panels(n: int, width: float = DOUBLE, height: float = 1.9) -> tuple[Figure, list[Axes]]:
    """A figure with a row of lettered panels."""
    figure = new_figure(width, height)
    axes = [figure.add_subplot(1, n, i + 1) for i in range(n)]
    if n > 1:
        for ax, letter in zip(axes, "abc"):
            panel_letter(ax, letter)
    return figure, axes


def lines(ax: Axes, x: Sequence[Any], curves: dict[str, Iterable[float]], **style: Any) -> None:
    """Draw labelled curves in the palette's order."""
    for (label, y), color in zip(curves.items(), CATEGORIES):
        ax.plot(x, list(y), "o-", markersize=3, color=color, label=label, **style)


def level(ax: Axes, value: float, label: str) -> None:
    """Draw a horizontal line that the curves are held against."""
    ax.axhline(value, color=MUTED, linewidth=0.8, linestyle="--", label=label, zorder=0)
