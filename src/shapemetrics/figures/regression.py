"""How well a covariate is predicted from distances: scores by layer, and the predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from shapemetrics.figures.intervals import (
    SIGNIFICANCE,
    annotate_level,
    blocks,
    draw_interval,
    draw_null,
    null_handle,
    optional,
    significance_handles,
)
from shapemetrics.figures.style import (
    CATEGORIES,
    DOUBLE,
    MUTED,
    SINGLE,
    STATE_COLORS,
    finish,
    new_figure,
    styled,
)
from shapemetrics.figures.tables import (
    check_columns,
    check_finite,
    check_unique,
    levels,
    pretty,
    rows_of,
)

__all__ = ["one_target", "plot_regression_scores", "state_colors"]

_FIGURE = "regression figure"
_SCORES = (("r2", "Held-out R²"), ("spearman", "Held-out Spearman ρ"))
_COLUMNS = [
    *("metric", "target", "r2", "r2_low", "r2_high", "spearman"),
    *("null_r2_mean", "null_r2_low", "null_r2_high", "p_value", "n"),
]
_FLOOR = {"r2": -1.0, "spearman": -np.inf}


@styled
def plot_regression_scores(
    scores: pd.DataFrame,
    *,
    target: str | None = None,
    title: str | None = None,
    simulated: bool = False,
) -> Figure:
    """Draw held-out R² and Spearman's rho of predictions from distances, by layer and state.

    Parameters
    ----------
    scores : pandas.DataFrame
        One row a selection, metric and target: metric, target, r2, r2_low, r2_high (bootstrap
        interval), spearman, null_r2_mean, null_r2_low, null_r2_high (permutations of the
        target), p_value (of r2), n, and where there are several, layer and state. Columns
        spearman_low, spearman_high, null_spearman_mean, null_spearman_low, null_spearman_high
        are drawn where present; with a column spearman_p_value it decides which rho are filled.
    target : str, optional
        Which target, where the table holds several.
    title : str, optional
        The target when not given.
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure
        A panel a metric, layers from left to right, R² above Spearman's rho; with one layer only,
        metrics from top to bottom and the two scores side by side. An R² below -1 is an arrow
        with its value.

    Raises
    ------
    ValueError
        If a column is missing, a score is not finite, or there are several targets and none is
        chosen.
    """
    check_columns(scores, _COLUMNS, _FIGURE)
    scores = one_target(scores, target, _FIGURE)
    check_finite(scores, ["r2", "spearman", "p_value", "n"], _FIGURE)
    check_unique(scores, ["layer", "state", "metric"], _FIGURE)
    metrics = levels(scores, "metric", _FIGURE)
    layers = levels(scores, "layer", _FIGURE)
    states = levels(scores, "state", _FIGURE)
    colors = state_colors(states)
    if len(layers) > 1:
        figure = _by_layer(scores, metrics, layers, states, colors)
    else:
        figure = _by_metric(scores, metrics, states, colors)
    heading = f"Predicting {pretty(scores['target'].iloc[0]).lower()}" if title is None else title
    return finish(figure, heading, simulated)


def _by_layer(
    scores: pd.DataFrame,
    metrics: list[Any],
    layers: list[Any],
    states: list[Any],
    colors: dict[Any, str],
) -> Figure:
    """A panel a metric, layers from left to right, R² above Spearman's rho."""
    rows = blocks(metrics, 4)
    per_row = len(rows[0])
    figure = new_figure(SINGLE if per_row == 1 else DOUBLE, 0.5 + 3.2 * len(rows))
    grid = figure.subplots(2 * len(rows), per_row, squeeze=False)
    names = [pretty(layer) for layer in layers]
    upright = 0.065 * sum(map(len, names)) > (SINGLE if per_row == 1 else DOUBLE / per_row) - 0.9
    for b, block in enumerate(rows):
        for j, pair in enumerate(grid[2 * b : 2 * b + 2].T):
            if j >= len(block):
                pair[0].remove()
                pair[1].remove()
                continue
            part = rows_of(scores, metric=block[j])
            for ax, (name, label) in zip(pair, _SCORES, strict=True):
                _scores(ax, part, name, "layer", layers, states, colors)
                ax.set_xticks(range(len(layers)), names if ax is pair[1] else [""] * len(layers))
                ax.tick_params(axis="x", length=0, labelrotation=90 if upright else 0)
                ax.set_xlim(-0.55, len(layers) - 0.45)
                ax.set_ylim(*_limits(scores, name))
                if j == 0:
                    ax.set_ylabel(label)
                else:
                    ax.tick_params(axis="y", labelleft=False)
                if j == len(block) - 1:
                    annotate_level(ax, 0.0, "chance", in_layout=j == per_row - 1)
            pair[0].set_title(pretty(block[j]))
            pair[1].set_xlabel(f"Layer ({_sizes(part)})")
    figure.legend(
        handles=_handles(states, colors),
        loc="outside lower center",
        ncols=5 if per_row > 1 else 2,
        columnspacing=1.2,
        handletextpad=0.4,
    )
    return figure


def _by_metric(
    scores: pd.DataFrame, metrics: list[Any], states: list[Any], colors: dict[Any, str]
) -> Figure:
    """Metrics from top to bottom, R² on the left and Spearman's rho on the right."""
    figure = new_figure(DOUBLE, 0.85 + 0.26 * len(metrics) * max(1.0, 0.6 * len(states)))
    axes = figure.subplots(1, 2, sharey=True)
    for ax, (name, label) in zip(axes, _SCORES, strict=True):
        _scores(ax, scores, name, "metric", metrics, states, colors, vertical=False)
        ax.set_xlim(*_limits(scores, name))
        ax.set_xlabel(f"{label} ({_sizes(scores)})")
        ax.tick_params(axis="y", length=0)
        ax.set_title("chance", fontsize=6.5, color=MUTED, x=_fraction(ax, 0.0), pad=2)
        for boundary in np.arange(0.5, len(metrics) - 1):
            ax.axhline(boundary, color="#E6E6E6", linewidth=0.5, zorder=0)
    axes[0].set_yticks(range(len(metrics)), [pretty(metric) for metric in metrics])
    axes[0].set_ylim(len(metrics) - 0.45, -0.55)
    figure.legend(
        handles=_handles(states, colors),
        loc="outside lower center",
        ncols=5,
        columnspacing=1.2,
        handletextpad=0.4,
    )
    return figure


def _fraction(ax: Axes, value: float) -> float:
    low, high = ax.get_xlim()
    return (value - low) / (high - low)


def one_target(table: pd.DataFrame, target: str | None, figure: str) -> pd.DataFrame:
    """Rows of one target, which must be named where there are several."""
    present = levels(table, "target", figure)
    if target is None and len(present) > 1:
        raise ValueError(
            f"{figure}: the table holds targets {', '.join(map(str, present))}; choose one"
        )
    if target is not None and target not in present:
        raise ValueError(
            f"{figure}: no rows for target {target}, found {', '.join(map(str, present))}"
        )
    return rows_of(table, target=target)


def state_colors(states: list[Any]) -> dict[Any, str]:
    """Colours of states: fixed for untrained and trained, dark where there is one unnamed."""
    if set(states) <= set(STATE_COLORS):
        return {state: STATE_COLORS[state] for state in states}
    if states == [None]:
        return {None: CATEGORIES[0]}
    return dict(zip(states, CATEGORIES))


def _scores(
    ax: Axes,
    part: pd.DataFrame,
    name: str,
    across: str,
    places: list[Any],
    states: list[Any],
    colors: dict[Any, str],
    vertical: bool = True,
) -> None:
    (ax.axhline if vertical else ax.axvline)(
        0, color=MUTED, linewidth=0.7, linestyle=(0, (2, 2)), zorder=1
    )
    step = 0.76 / len(states)
    floor = _FLOOR[name]
    own = f"{name}_p_value"
    p_value = own if own in part.columns else "p_value"
    for s, state in enumerate(states):
        rows = rows_of(part, state=state)
        path = []
        for place, level in enumerate(places):
            found = rows_of(rows, **{across: level})
            if found.empty:
                continue
            row = found.iloc[0]
            at = place + (s - 0.5 * (len(states) - 1)) * step - 0.2 * step
            draw_null(
                ax,
                at + 0.42 * step,
                *(optional(row, f"null_{name}_{end}") for end in ("mean", "low", "high")),
                thickness=0.3 * step,
                floor=floor,
                vertical=vertical,
            )
            draw_interval(
                ax,
                at,
                float(row[name]),
                optional(row, f"{name}_low"),
                optional(row, f"{name}_high"),
                color=colors[state],
                filled=row[p_value] < SIGNIFICANCE,
                floor=floor,
                vertical=vertical,
            )
            path.append((at, max(float(row[name]), floor)))
        if across == "layer":
            ax.plot(*zip(*path), color=colors[state], linewidth=0.7, alpha=0.5, zorder=2)


def _limits(scores: pd.DataFrame, name: str) -> tuple[float, float]:
    """One range for all panels of a score, with zero in it."""
    columns = [name, f"{name}_low", f"{name}_high", f"null_{name}_low", f"null_{name}_high"]
    values = scores[[c for c in columns if c in scores.columns]].to_numpy(float).ravel()
    values = np.clip(values[np.isfinite(values)], _FLOOR[name], None)
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.1)
    margin = 0.06 * (high - low)
    return low - margin, high + margin


def _sizes(scores: pd.DataFrame) -> str:
    low, high = int(scores["n"].min()), int(scores["n"].max())
    return f"n = {low:,}" if low == high else f"n = {low:,} to {high:,}"


def _handles(states: list[Any], colors: dict[Any, str]) -> list[Any]:
    handles: list[Any] = [
        Line2D(
            [],
            [],
            color=colors[state],
            marker="o",
            markersize=4.2,
            linewidth=1.0,
            label="score, 95% interval" if state is None else pretty(state),
        )
        for state in states
    ]
    handles += significance_handles()
    handles.append(null_handle("permutation null: mean, 95%"))
    return handles
