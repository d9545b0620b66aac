"""Held-out predictions against what was observed, network by network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from shapemetrics.figures.labels import label_points
from shapemetrics.figures.regression import one_target, state_colors
from shapemetrics.figures.style import DOUBLE, MUTED, SINGLE, finish, new_figure, styled
from shapemetrics.figures.tables import (
    check_columns,
    check_finite,
    check_unique,
    levels,
    pretty,
    rows_of,
    signed,
)

__all__ = ["plot_predictions"]

_FIGURE = "predictions figure"
_KEYS = ["layer", "state", "metric", "target"]


@styled
def plot_predictions(
    predictions: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    metric: str | None = None,
    target: str | None = None,
    label: str | None = None,
    title: str | None = None,
    simulated: bool = False,
) -> Figure:
    """Scatter held-out predictions against observations, a panel a layer and state.

    Parameters
    ----------
    predictions : pandas.DataFrame
        One row a network and selection: metric, target, id, observed, predicted, and where there
        are several, layer and state. With a column repeat (of cross-validation) each network is
        one point at the mean of its predictions.
    scores : pandas.DataFrame
        As for `shapemetrics.figures.plot_regression_scores`; its r2 and spearman are written
        over each panel.
    metric, target : str, optional
        Which ones, where a table holds several. Several metrics and only one layer and state
        make a panel a metric.
    label : str, optional
        Column of names to write beside the points of a single panel, such as region acronyms.
    title : str, optional
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing, a value is not finite, a panel has no score, or metrics or
        targets must be chosen.
    """
    labels = [] if label is None else [label]
    needed = ["metric", "target", "id", "observed", "predicted", *labels]
    check_columns(predictions, needed, _FIGURE)
    check_columns(scores, ["metric", "target", "r2", "spearman"], _FIGURE)
    predictions, scores = (one_target(t, target, _FIGURE) for t in (predictions, scores))
    if metric is not None:
        found = levels(predictions, "metric", _FIGURE)
        if metric not in found:
            raise ValueError(
                f"{_FIGURE}: no rows for metric {metric}, found {', '.join(map(str, found))}"
            )
        predictions = rows_of(predictions, metric=metric)
    check_finite(predictions, ["observed", "predicted"], _FIGURE)
    check_unique(scores, ["layer", "state", "metric"], _FIGURE)
    predictions = _mean_of_repeats(predictions)
    metrics, layers, states = (
        levels(predictions, c, _FIGURE) for c in ("metric", "layer", "state")
    )
    scores = scores[scores["metric"].isin(metrics)]
    by_metric = len(metrics) > 1
    if by_metric and len(layers) > 1:
        raise ValueError(
            f"{_FIGURE}: the table holds metrics {', '.join(map(str, metrics))} "
            f"and {len(layers)} layers; choose one metric"
        )
    column, columns = ("metric", metrics) if by_metric else ("layer", layers)
    side = min((DOUBLE - 0.6) / len(columns), SINGLE - 0.6)
    width = side * len(columns) + 0.6
    height = len(states) * (side + 0.16) + 0.33 + (0.16 if len(columns) > 1 else 0.0)
    figure = new_figure(width, height, compress=True)
    axes = figure.subplots(len(states), len(columns), squeeze=False, sharex=True, sharey=True)
    limits = _limits(predictions)
    colors = state_colors(states)
    for i, state in enumerate(states):
        for j, level in enumerate(columns):
            where = {column: level, "state": state}
            part = rows_of(predictions, **where)
            head = [pretty(level)] if i == 0 and level is not None else []
            if part.empty:
                axes[i, j].text(0.5, 0.5, "not computed", transform=axes[i, j].transAxes)
                axes[i, j].set_title("\n".join(head))
                continue
            _panel(axes[i, j], part, limits, colors[state])
            _heading(axes[i, j], head, _score(scores, where))
        name = "" if state is None else f"{pretty(state)}\n"
        axes[i, 0].set_ylabel(f"{name}Predicted")
    for ax in axes[-1]:
        ax.set_xlabel("Observed")
    thing = pretty(predictions["target"].iloc[0]).lower()
    finish(figure, f"Held-out predictions of {thing}" if title is None else title, simulated)
    if label is not None and axes.size == 1:
        label_points(
            axes[0, 0],
            predictions["observed"],
            predictions["predicted"],
            predictions[label].astype(str).to_list(),
        )
    return figure


def _mean_of_repeats(predictions: pd.DataFrame) -> pd.DataFrame:
    """One row a network: its mean prediction where cross-validation was repeated."""
    keys = [key for key in (*_KEYS, "id") if key in predictions.columns]
    check_unique(predictions, [*keys, "repeat"], _FIGURE)
    if "repeat" not in predictions.columns:
        return predictions
    means = predictions.groupby(keys, sort=False, dropna=False)["predicted"].transform("mean")
    return predictions.assign(predicted=means).drop_duplicates(keys)


def _limits(predictions: pd.DataFrame) -> tuple[float, float]:
    values = predictions[["observed", "predicted"]].to_numpy(float)
    margin = 0.05 * max(float(np.ptp(values)), 1e-9)
    return float(values.min() - margin), float(values.max() + margin)


def _score(scores: pd.DataFrame, where: dict[str, Any]) -> pd.Series:
    found = rows_of(scores, **where)
    if len(found) != 1:
        wanted = ", ".join(f"{k} {v}" for k, v in where.items() if v is not None)
        raise ValueError(f"{_FIGURE}: {len(found)} scores for {wanted or 'the panel'}, expected 1")
    return found.iloc[0]


def _panel(ax: Axes, part: pd.DataFrame, limits: tuple[float, float], color: str) -> None:
    ax.plot(limits, limits, color=MUTED, linewidth=0.7, linestyle=(0, (2, 2)), zorder=1)
    ax.scatter(
        part["observed"],
        part["predicted"],
        s=float(np.clip(1100.0 / len(part), 4.0, 16.0)),
        color=color,
        alpha=0.75,
        linewidths=0.25,
        edgecolors="white",
        zorder=2,
        rasterized=len(part) > 5000,
    )
    ax.set(xlim=limits, ylim=limits, aspect="equal")
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))


def _heading(ax: Axes, head: list[str], score: pd.Series) -> None:
    numbers = f"R² {signed(score['r2'])}, ρ {signed(score['spearman'])}"
    ax.set_title(numbers, fontsize=6.5, color=MUTED, pad=2)
    if head:
        ax.annotate(
            head[0],
            (0.5, 1),
            xycoords="axes fraction",
            xytext=(0, 12),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8,
        )
