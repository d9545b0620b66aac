"""What predicts a number besides distances, and what distances add to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from shapemetrics.figures.intervals import (
    draw_interval,
    draw_null,
    null_handle,
    optional,
)
from shapemetrics.figures.regression import one_target
from shapemetrics.figures.style import (
    CATEGORIES,
    DOUBLE,
    MUTED,
    OKABE_ITO,
    STATE_COLORS,
    finish,
    new_figure,
    styled,
)
from shapemetrics.figures.tables import check_columns, check_finite, check_unique, pretty

__all__ = ["plot_baselines"]

_FIGURE = "baselines figure"
_COLUMNS = ["description", "distances", "r2", "r2_low", "r2_high", "n", "target"]
_GAIN = ["gain", "gain_low", "gain_high"]
_FLOOR = -0.5
_DESCRIBED = OKABE_ITO["green"]
#: Descriptions whose names say too little.
_NAMES = {
    "cell": "Cell: operations, depth, paths",
    "cell_and_numbers": "Cell and all numbers",
    "log_error": "Own log error",
    "published_training_seconds": "Published training time",
    "trainable_parameters": "Number of parameters",
}


@styled
def plot_baselines(
    table: pd.DataFrame,
    *,
    target: str | None = None,
    title: str | None = None,
    simulated: bool = False,
) -> Figure:
    """Draw held-out R² from distances beside that of baselines, and what distances add to these.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per predictor: target, description (empty for distances alone), distances (empty
        for a description alone), r2, r2_low, r2_high, n; where present, layer and state of the
        distances, null_r2_mean, null_r2_low, null_r2_high, and, with both, gain, gain_low and
        gain_high, the R² that the distances add and its paired interval.
    target : str, optional
        Which target, where the table holds several.
    title : str, optional
        The target when not given.
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure
        On the left R² of descriptions and of distances alone; on the right the gain of a
        description by distances, a column of marks for each description of several columns,
        filled where the interval does not hold 0.

    Raises
    ------
    ValueError
        If a column is missing, a score is not finite, or there are several targets and none is
        chosen.
    """
    check_columns(table, _COLUMNS, _FIGURE)
    table = table.assign(
        **{name: table[name].fillna("").astype(str) for name in ("description", "distances")}
    )
    table = one_target(table, target, _FIGURE)
    check_finite(table, ["r2", "n"], _FIGURE)
    check_unique(table, ["description", "distances"], _FIGURE)
    described = table["description"] != ""
    measured = table["distances"] != ""
    singles = table[~(described & measured)]
    joined = table[described & measured]
    left = [row for _, row in singles.iterrows()]
    height = 0.75 + 0.17 * max(len(left), joined["distances"].nunique() + 1)
    figure = new_figure(DOUBLE if len(joined) else 0.62 * DOUBLE, height)
    axes = figure.subplots(1, 2 if len(joined) else 1, squeeze=False)[0]
    _draw_scores(axes[0], left)
    handles = _handles(left)
    if len(joined):
        check_columns(table, _GAIN, _FIGURE)
        check_finite(joined, _GAIN, _FIGURE)
        handles += _draw_gains(axes[1], joined)
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=6.5)
    heading = f"Predicting {pretty(table['target'].iloc[0]).lower()}: baselines and distances"
    return finish(figure, heading if title is None else title, simulated)


def _draw_scores(ax: Axes, rows: list[pd.Series]) -> None:
    """R² of each predictor alone, the best on top."""
    rows = sorted(rows, key=lambda row: row["r2"])
    ax.axvline(0, color=MUTED, linewidth=0.7, linestyle=(0, (2, 2)), zorder=1)
    for place, row in enumerate(rows):
        draw_null(
            ax,
            place,
            *(optional(row, f"null_r2_{end}") for end in ("mean", "low", "high")),
            thickness=0.5,
            floor=_FLOOR,
            vertical=False,
        )
        draw_interval(
            ax,
            place,
            float(row["r2"]),
            optional(row, "r2_low"),
            optional(row, "r2_high"),
            color=_color(row),
            floor=_FLOOR,
            vertical=False,
        )
    ax.set_yticks(range(len(rows)), [_name(row) for row in rows])
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.tick_params(axis="y", length=0)
    lows = [optional(row, name) for row in rows for name in ("r2", "r2_low", "null_r2_low")]
    low = float(np.nanmin(np.clip([0.0, *lows], _FLOOR, None)))
    ax.set_xlim(low - 0.04, None)
    ax.set_xlabel(f"Held-out R² (n = {int(rows[0]['n']):,})")


def _draw_gains(ax: Axes, joined: pd.DataFrame) -> list[Any]:
    """R² that distances add to each description."""
    names = list(dict.fromkeys(joined["description"]))
    places = list(dict.fromkeys(joined["distances"]))[::-1]
    ax.axvline(0, color=MUTED, linewidth=0.7, linestyle=(0, (2, 2)), zorder=1)
    step = 0.6 / len(names)
    colors = [CATEGORIES[k] for k in (2, 4, 6, 3)]
    handles = []
    for k, name in enumerate(names):
        for _, row in joined[joined["description"] == name].iterrows():
            draw_interval(
                ax,
                places.index(row["distances"]) + (0.5 * (len(names) - 1) - k) * step,
                float(row["gain"]),
                float(row["gain_low"]),
                float(row["gain_high"]),
                color=colors[k % len(colors)],
                filled=bool(row["gain_low"] > 0 or row["gain_high"] < 0),
                marker="D",
                vertical=False,
            )
        handles.append(
            Line2D([], [], color=colors[k % len(colors)], marker="D", markersize=4, linewidth=1.0)
        )
        handles[-1].set_label(f"added to: {_called(name).lower()}")
    labels = {row["distances"]: _name(row.drop("description")) for _, row in joined.iterrows()}
    ax.set_yticks(range(len(places)), [labels[place] for place in places])
    ax.set_ylim(-0.6, len(places) - 0.4)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("R² that distances add")
    ax.locator_params(axis="x", nbins=5)
    return handles


def _name(row: pd.Series) -> str:
    """A predictor's name for people."""
    if row.get("description"):
        return _called(row["description"])
    if row["distances"] == "all":
        return "Distances of all layers"
    layer, state = row.get("layer"), row.get("state")
    if isinstance(layer, str) and isinstance(state, str):
        return f"Distances, {pretty(layer).lower()}, {state}"
    return f"Distances, {pretty(row['distances']).lower()}"


def _called(description: str) -> str:
    return _NAMES.get(description, pretty(description))


def _color(row: pd.Series) -> str:
    if row["description"]:
        return _DESCRIBED
    return STATE_COLORS.get(row.get("state"), CATEGORIES[0])


def _handles(rows: list[pd.Series]) -> list[Any]:
    """What the colours on the left stand for."""
    found = {
        _color(row): "no distances" if row["description"] else row.get("state") for row in rows
    }
    handles: list[Any] = [
        Line2D(
            [],
            [],
            color=color,
            marker="o",
            markersize=4.2,
            linewidth=1.0,
            label=label if label == "no distances" else f"distances, {label or 'all'}",
        )
        for color, label in found.items()
    ]
    return [*handles, null_handle("permutation null: mean, 95%")]
