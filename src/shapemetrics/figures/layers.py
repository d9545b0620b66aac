"""Layers of one model against layers of another, as a heat map."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from shapemetrics.figures.colors import ink_on
from shapemetrics.figures.style import DOUBLE, finish, new_figure, styled
from shapemetrics.figures.tables import check_columns, check_finite

__all__ = ["plot_layers"]

_FIGURE = "figure of layers"
#: Layers up to which each cell has its number.
WRITTEN = 12


@styled
def plot_layers(
    table: pd.DataFrame,
    *,
    label: str = "distance",
    names: tuple[str, str] | None = None,
    title: str | None = None,
    simulated: bool = False,
) -> Figure:
    """Draw distances between layers, with each row's best match.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per pair, as :func:`shapemetrics.estimation.layer_distances` gives them: layer_a,
        layer_b, distance, best, and perhaps floor.
    label : str, default="distance"
        What the colour bar measures.
    names : pair of str, optional
        Of the two models, for the axes.
    title : str, optional
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure
        Layers of the first model from top to bottom, of the second from left to right. A dot marks
        each row's best match, a triangle on the colour bar the lowest noise ceiling.

    Raises
    ------
    ValueError
        If a column is missing, a distance is not finite, or a pair is missing or given twice.
    """
    check_columns(table, ["layer_a", "layer_b", "distance", "best"], _FIGURE)
    check_finite(table, ["distance"], _FIGURE)
    rows, columns = (list(dict.fromkeys(table[name])) for name in ("layer_a", "layer_b"))
    if len(table) != len(rows) * len(columns) or table.duplicated(["layer_a", "layer_b"]).any():
        raise ValueError(
            f"{_FIGURE}: found {len(table)} pairs of {len(rows)} and {len(columns)} layers, "
            f"expected each of {len(rows) * len(columns)} once"
        )
    shaped = table.set_index(["layer_a", "layer_b"])
    D = shaped["distance"].unstack("layer_b").loc[rows, columns].to_numpy(float)
    best = shaped["best"].astype(float).unstack("layer_b").loc[rows, columns].to_numpy() > 0
    left = 0.35 + 0.062 * max(len(str(name)) for name in rows)
    below = 0.35 + 0.062 * max(len(str(name)) for name in columns)
    cell = float(np.clip((DOUBLE - left - 0.9) / len(columns), 0.09, 0.42))
    figure = new_figure(
        max(left + cell * len(columns) + 0.9, 2.4), max(below + cell * len(rows), 1.5)
    )
    ax = figure.subplots()
    norm, cmap = Normalize(float(D.min()), float(D.max())), matplotlib.colormaps["cividis_r"]
    ax.imshow(D, norm=norm, cmap=cmap, interpolation="nearest")
    if cell > 0.3 and max(len(rows), len(columns)) <= WRITTEN:
        for (i, j), value in np.ndenumerate(D):
            ax.text(
                *(j, i - 0.12, f"{value:.2f}"),
                ha="center",
                va="center",
                fontsize=6,
                color=ink_on(cmap(norm(value))),
            )
    y, x = np.nonzero(best)
    shift = 0.28 if cell > 0.3 and max(len(rows), len(columns)) <= WRITTEN else 0.0
    ink = [ink_on(cmap(norm(D[i, j]))) for i, j in zip(y, x)]
    ax.scatter(x, y + shift, s=float(np.clip(60 * cell, 4, 14)), c=ink, linewidths=0)
    step = max(1, -(-max(len(rows), len(columns)) // 40))
    ax.set_xticks(range(0, len(columns), step), columns[::step], rotation=90, fontsize=6)
    ax.set_yticks(range(0, len(rows), step), rows[::step], fontsize=6)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    if names is not None:
        ax.set_ylabel(names[0])
        ax.set_xlabel(names[1])
    bar = figure.colorbar(ScalarMappable(norm, cmap), ax=ax, pad=0.02, shrink=0.8, aspect=18)
    bar.outline.set_visible(False)
    bar.set_label(label)
    floor = table["floor"].min() if "floor" in table else np.nan
    if np.isfinite(floor):
        at = float(np.clip(floor, norm.vmin, norm.vmax))
        bar.ax.plot([1.25], [at], "<", color="black", markersize=4, clip_on=False)
        bar.set_label(f"{label} (◂ noise ceiling {floor:.2g})")
    return finish(figure, title, simulated)
