"""How far different measures agree on which networks are alike."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from shapemetrics.figures.colors import ink_on
from shapemetrics.figures.intervals import SIGNIFICANCE
from shapemetrics.figures.style import DOUBLE, finish, new_figure, styled
from shapemetrics.figures.tables import check_columns, check_finite, pretty, signed

__all__ = ["plot_agreement"]

_FIGURE = "agreement figure"


@styled
def plot_agreement(
    table: pd.DataFrame, *, title: str | None = None, simulated: bool = False
) -> Figure:
    """Draw the rank correlation between the distances of each two measures, pair by pair.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a pair of measures: metric_a, metric_b, spearman, p_value (Mantel permutations).
        A pair may be given in one order or, with the same value, in both; a measure with itself
        may be given and is not drawn.
    title : str, optional
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure
        The lower triangle, each cell with its value; "n.s." where p is 0.05 or more.

    Raises
    ------
    ValueError
        If a column is missing, a value is not finite, or two rows for one pair differ.
    """
    check_columns(table, ["metric_a", "metric_b", "spearman", "p_value"], _FIGURE)
    check_finite(table, ["spearman", "p_value"], _FIGURE)
    names = list(dict.fromkeys([*table["metric_a"], *table["metric_b"]]))
    rho, p = _matrices(table, names)
    n = len(names)
    if n < 2:
        raise ValueError(f"{_FIGURE}: found one measure ({names[0]}), expected two or more")
    margin = 0.12 + 0.055 * max(len(pretty(name)) for name in names)  # inches that names take
    cell = min(float(np.clip(1.7 / (n - 1), 0.42, 0.8)), (DOUBLE - margin - 0.7) / (n - 1))
    figure = new_figure(margin + cell * (n - 1) + 0.7, margin + cell * (n - 1))
    ax = figure.subplots()
    shown = rho[1:, :-1]
    low = min(0.0, float(np.floor(np.nanmin(shown) * 10) / 10))
    norm, cmap = Normalize(low, 1.0), matplotlib.colormaps["cividis"]
    ax.imshow(np.ma.masked_invalid(shown), norm=norm, cmap=cmap, interpolation="nearest")
    _write_cells(ax, shown, p[1:, :-1], norm, cmap)
    ax.set_xticks(range(n - 1), [pretty(name) for name in names[:-1]], rotation=90)
    ax.set_yticks(range(n - 1), [pretty(name) for name in names[1:]])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    size = {"shrink": 0.8, "aspect": 22} if n > 4 else {"shrink": 1.0, "aspect": 12}
    bar = figure.colorbar(ScalarMappable(norm, cmap), ax=ax, pad=0.02, **size)
    bar.outline.set_visible(False)
    bar.set_label("Spearman ρ")
    return finish(figure, title, simulated)


def _matrices(table: pd.DataFrame, names: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric matrices of rho and p, NaN above the diagonal, on it and where nothing is given."""
    at = {name: i for i, name in enumerate(names)}
    rho = np.full((len(names), len(names)), np.nan)
    p = np.full_like(rho, np.nan)
    for row in table.itertuples():
        i, j = sorted((at[row.metric_a], at[row.metric_b]))
        if i == j:
            continue
        if np.isfinite(rho[j, i]) and abs(rho[j, i] - row.spearman) > 1e-9:
            raise ValueError(
                f"{_FIGURE}: pair {row.metric_a}, {row.metric_b} has values {rho[j, i]:.4g} and "
                f"{row.spearman:.4g}; expected one selection"
            )
        rho[j, i], p[j, i] = row.spearman, row.p_value
    return rho, p


def _write_cells(ax: Axes, rho: np.ndarray, p: np.ndarray, norm: Normalize, cmap: Any) -> None:
    for i, j in np.argwhere(np.isfinite(rho)):
        text = signed(rho[i, j]) + ("\nn.s." if p[i, j] >= SIGNIFICANCE else "")
        ax.text(
            j,
            i,
            text,
            ha="center",
            va="center",
            fontsize=6.5,
            linespacing=0.95,
            color=ink_on(cmap(norm(rho[i, j]))),
        )
