"""What the networks' distances are organised by: variance explained by covariates, by layer."""

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
from shapemetrics.figures.tables import (
    check_columns,
    check_finite,
    check_unique,
    levels,
    pretty,
    rows_of,
    signed,
)

__all__ = ["plot_covariates"]

_FIGURE = "covariates figure"
_SHARES = {"r2": "Variance explained (%)", "unique_r2": "Variance explained by no other (%)"}


@styled
def plot_covariates(
    table: pd.DataFrame,
    *,
    value: str = "r2",
    metric: str | None = None,
    title: str | None = None,
    simulated: bool = False,
) -> Figure:
    """Draw the share of the variance of distances that each covariate explains, by layer.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a covariate and selection: covariate, r2, unique_r2, p_value, and where there are
        several, layer, state and metric.
    value : {"r2", "unique_r2"}
        Each covariate alone, or what the others do not explain.
    metric : str, optional
        Which metric, where the table holds several.
    title : str, optional
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure
        Shares in percent, a panel a state, covariates from top to bottom by their largest share,
        layers from left to right; with `r2`, "n.s." where p is 0.05 or more.

    Raises
    ------
    ValueError
        If a column is missing, a value is not finite, or there are several metrics and none is
        chosen.
    """
    if value not in _SHARES:
        raise ValueError(f"{_FIGURE}: value {value!r}, expected one of {', '.join(_SHARES)}")
    check_columns(table, ["covariate", value, "p_value"], _FIGURE)
    table = _one_metric(table, metric)
    check_finite(table, [value, "p_value"], _FIGURE)
    check_unique(table, ["covariate", "layer", "state"], _FIGURE)
    layers, states = levels(table, "layer", _FIGURE), levels(table, "state", _FIGURE)
    best = table.groupby("covariate", sort=False)[value].max()
    covariates = list(best.sort_values(ascending=False, kind="stable").index)
    norm = Normalize(0.0, max(1.0, float(np.ceil(100 * table[value].max()))))
    cmap = matplotlib.colormaps["cividis"]
    margin = 0.15 + 0.058 * max(len(pretty(name)) for name in covariates)
    cell = min(0.46, (DOUBLE - margin - 0.9) / (len(layers) * len(states)))
    width = margin + 0.9 + (cell * len(layers) + 0.12) * len(states)
    figure = new_figure(width, 0.75 + 0.3 * len(covariates))
    axes = figure.subplots(1, len(states), squeeze=False, sharey=True)[0]
    for ax, state in zip(axes, states, strict=True):
        part = rows_of(table, state=state)
        _panel(ax, part, value, covariates, layers, norm, cmap)
        if state is not None:
            ax.set_title(pretty(state))
    axes[0].set_yticks(range(len(covariates)), [pretty(name) for name in covariates])
    bar = figure.colorbar(ScalarMappable(norm, cmap), ax=list(axes), pad=0.02, aspect=18)
    bar.outline.set_visible(False)
    bar.set_label(_SHARES[value])
    return finish(figure, title, simulated)


def _one_metric(table: pd.DataFrame, metric: str | None) -> pd.DataFrame:
    present = levels(table, "metric", _FIGURE)
    if metric is None and len(present) > 1:
        names = ", ".join(map(str, present))
        raise ValueError(f"{_FIGURE}: the table holds metrics {names}; choose one")
    if metric is not None and metric not in present:
        names = ", ".join(map(str, present))
        raise ValueError(f"{_FIGURE}: no rows for metric {metric}, found {names}")
    return rows_of(table, metric=metric)


def _panel(
    ax: Axes,
    part: pd.DataFrame,
    value: str,
    covariates: list[Any],
    layers: list[Any],
    norm: Normalize,
    cmap: Any,
) -> None:
    shares = np.full((len(covariates), len(layers)), np.nan)
    for i, name in enumerate(covariates):
        for j, layer in enumerate(layers):
            found = rows_of(part, covariate=name, layer=layer)
            if found.empty:
                continue
            row = found.iloc[0]
            shares[i, j] = percent = 100 * float(row[value])
            unsure = value == "r2" and row["p_value"] >= SIGNIFICANCE
            text = signed(percent, 1).replace("−0.0", "0.0") + ("\nn.s." if unsure else "")
            ink = ink_on(cmap(norm(percent)))
            ax.text(j, i, text, ha="center", va="center", fontsize=6, linespacing=0.9, color=ink)
    ax.imshow(
        np.ma.masked_invalid(shares), norm=norm, cmap=cmap, aspect="auto", interpolation="nearest"
    )
    names = ["" if layer is None else pretty(layer) for layer in layers]
    ax.set_xticks(range(len(layers)), names, rotation=90)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
