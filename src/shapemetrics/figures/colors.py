"""From a column of a table to colours, and to the colour bar or legend that explains them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, is_color_like, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from shapemetrics.figures.style import CATEGORIES
from shapemetrics.figures.tables import levels, pretty, rows_of

__all__ = [
    "ABSENT",
    "ColorScale",
    "color_scale",
    "dot",
    "ink_on",
    "legend_handles",
    "readable",
    "robust_limits",
]

ABSENT = "#B5B5B5"
"""Colour of what has no value."""
_MARKERS = "os^Dv"


@dataclass(frozen=True)
class ColorScale:
    """How one column is coloured.

    Attributes
    ----------
    kind : {"continuous", "categorical", "given"}
        Numbers, names, or values that are colours themselves.
    label : str
        The column, written for people.
    norm, cmap : matplotlib.colors.Normalize and str
        Of numbers.
    extend : {"neither", "min", "max", "both"}
        Where numbers lie beyond the limits.
    whole : bool
        Whether the numbers are whole.
    styles : mapping of name to (colour, marker)
        Of names.
    """

    kind: str
    label: str
    norm: Normalize | None = None
    cmap: str = "viridis"
    extend: str = "neither"
    whole: bool = False
    styles: Mapping[Any, tuple[str, str]] = field(default_factory=dict)

    def hexes(self, values: pd.Series) -> NDArray[np.str_]:
        """Colours of the values, as #rrggbb; missing ones are grey."""
        missing = values.isna().to_numpy()
        if self.kind == "continuous":
            numbers = values.to_numpy(dtype=float, na_value=np.nan)
            shades = matplotlib.colormaps[self.cmap](self.norm(np.nan_to_num(numbers)))
            colors = [to_hex(shade) for shade in shades]
        elif self.kind == "categorical":
            colors = [self.styles[v][0] if not m else ABSENT for v, m in zip(values, missing)]
        else:
            colors = [_as_hex(v) if not m else ABSENT for v, m in zip(values, missing)]
        return np.where(missing, ABSENT, np.array(colors))

    def markers(self, values: pd.Series) -> NDArray[np.str_]:
        """Marker of each value: circles, but for names beyond the eight colours."""
        if self.kind != "categorical":
            return np.full(len(values), "o")
        return np.array([self.styles[v][1] if v in self.styles else "o" for v in values])

    def mappable(self) -> ScalarMappable:
        """What a colour bar needs; only for numbers."""
        return ScalarMappable(self.norm, self.cmap)

    def handles(self, size: float = 4.5) -> list[Line2D]:
        """Legend entries; only for names."""
        return [
            dot(color, pretty(name), marker=marker, size=size)
            for name, (color, marker) in self.styles.items()
        ]

    def add_bar(self, figure: Figure, axes: Any, **kwargs: Any) -> None:
        """Draw the colour bar beside `axes`, arrows at the ends that values go beyond."""
        bar = figure.colorbar(self.mappable(), ax=axes, extend=self.extend, **kwargs)
        bar.outline.set_linewidth(0.4)
        bar.outline.set_edgecolor("#808080")
        bar.set_label(self.label)
        if self.whole:
            bar.locator = MaxNLocator(7, integer=True)
            bar.update_ticks()


def dot(color: str, label: str, marker: str = "o", size: float = 4.5, **kwargs: Any) -> Line2D:
    """Legend entry of a marker without a line."""
    style = {"markeredgecolor": color, "markeredgewidth": 0.8} | kwargs
    return Line2D(
        [], [], linestyle="none", marker=marker, markersize=size, color=color, label=label, **style
    )


def robust_limits(
    values: NDArray[np.floating], quantiles: tuple[float, float]
) -> tuple[float, float, str]:
    """Colour limits at two quantiles, and at which ends values lie beyond them."""
    low, high = np.quantile(values, quantiles)
    if not high > low:  # nearly all values equal: fall back to all of them
        low, high = values.min(), values.max()
    if not high > low:
        low, high = low - 0.5, high + 0.5
    below, above = values.min() < low, values.max() > high
    extend = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}
    return float(low), float(high), extend[int(below), int(above)]


def color_scale(
    table: pd.DataFrame,
    column: str,
    figure: str,
    *,
    label: str | None = None,
    palette: Mapping[Any, str] | Sequence[str] | None = None,
    cmap: str = "viridis",
    quantiles: tuple[float, float] = (0.05, 0.95),
) -> ColorScale:
    """Decide how a column is coloured.

    Parameters
    ----------
    table : pandas.DataFrame
    column : str
        Numbers become a continuous scale with robust limits; strings that are all hexadecimal
        colours ("#70FF71" or "70FF71") are used as they are; anything else is categories.
    figure : str
        Name of the figure, for messages.
    label : str, optional
        Name of the scale; the column's name written for people when not given.
    palette : mapping or sequence of colours, optional
        For categories; Okabe-Ito when not given, the marker changing after each eight.
    cmap : str
        For numbers.
    quantiles : (float, float)
        Limits of the scale of numbers, as quantiles of the values.

    Returns
    -------
    ColorScale

    Raises
    ------
    ValueError
        If no value is present, or `palette` lacks a category.
    """
    values = table[column]
    label = pretty(column) if label is None else label
    present = values.dropna()
    if present.empty:
        raise ValueError(f"{figure}: column {column} has no values to colour by")
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        numbers = present.to_numpy(dtype=float)
        if not np.isfinite(numbers).all():
            raise ValueError(f"{figure}: column {column} holds infinite values, expected numbers")
        low, high, extend = robust_limits(numbers, quantiles)
        whole = bool(np.array_equal(numbers, np.round(numbers)))
        norm = Normalize(low, high, clip=True)
        return ColorScale("continuous", label, norm, cmap, extend, whole)
    if present.astype(str).str.fullmatch(r"#?[0-9a-fA-F]{6}").all():
        return ColorScale("given", label)
    names = levels(present.to_frame(), column, figure)
    if isinstance(palette, Mapping):
        absent = [name for name in names if name not in palette]
        if absent:
            raise ValueError(
                f"{figure}: the palette has no colour for {absent[0]}, "
                f"found {', '.join(map(str, palette))}"
            )
        styles = {name: (palette[name], "o") for name in names}
    else:
        colors = tuple(palette) if palette else CATEGORIES
        if len(names) > len(colors) * len(_MARKERS):
            raise ValueError(
                f"{figure}: column {column} has {len(names)} categories, "
                f"expected at most {len(colors) * len(_MARKERS)}"
            )
        styles = {
            name: (colors[i % len(colors)], _MARKERS[i // len(colors)])
            for i, name in enumerate(names)
        }
    return ColorScale("categorical", label, styles=styles)


def legend_handles(
    table: pd.DataFrame,
    scale: ColorScale,
    column: str,
    figure: str,
    names: str | None = None,
) -> list[Line2D]:
    """Legend entries of a coloured column: its names, and "no value" where some are missing.

    Parameters
    ----------
    table : pandas.DataFrame
    scale : ColorScale
        Of `column`.
    column : str
    figure : str
        Name of the figure, for messages.
    names : str, optional
        Where `column` holds colours, the column of names that they stand for. One name may cover
        several colours (the regions of an atlas division): its most frequent one is shown.
    """
    handles = scale.handles() if scale.kind == "categorical" else []
    if scale.kind == "given" and names is not None:
        shown = table.dropna(subset=[column])
        for name in levels(shown, names, figure):
            common = rows_of(shown, **{names: name})[column].mode().iloc[:1]
            handles.append(dot(scale.hexes(common)[0], pretty(name)))
    if table[column].isna().any():
        handles.append(dot(ABSENT, "no value", markerfacecolor="none", markeredgecolor=ABSENT))
    return handles


def readable(color: str) -> str:
    """Mix a colour with black until text in it can be read on white.

    The relative luminance becomes at most 0.18: a contrast against white of 4.5 to 1 or better.
    """
    rgb = np.array(to_rgb(color))
    while _luminance(rgb) > 0.18:
        rgb *= 0.97
    return to_hex(rgb)


def _luminance(rgb: Sequence[float]) -> float:
    """Relative luminance of an sRGB colour (WCAG 2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ink_on(color: Any) -> str:
    """Black or white, whichever is easier to read on a colour."""
    return "#FFFFFF" if _luminance(to_rgb(color)) < 0.3 else "#111111"


def _as_hex(value: Any) -> str:
    text = str(value)
    return to_hex(text if is_color_like(text) and text.startswith("#") else f"#{text}")
