"""Where the triangle inequality holds and where it breaks, for metrics and for other measures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from shapemetrics.figures.colors import dot
from shapemetrics.figures.style import DOUBLE, OKABE_ITO, finish, new_figure, panel_letter, styled
from shapemetrics.figures.tables import check_columns, check_finite, levels, pretty, rows_of

__all__ = ["plot_audit"]

_FIGURE = "audit figure"
_COLORS = {True: OKABE_ITO["blue"], False: OKABE_ITO["vermillion"]}
_COLUMNS = [
    *("metric", "is_metric", "n_triples", "n_violations", "fraction", "max_relative_violation"),
]
_PANELS = (
    ("fraction", "Share of triples violated"),
    ("max_relative_violation", "Largest relative violation"),
)


@styled
def plot_audit(table: pd.DataFrame, *, title: str | None = None, simulated: bool = False) -> Figure:
    """Draw how many triples break the triangle inequality, and how badly, for each measure.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a selection and measure: metric, is_metric (whether the measure is a metric by
        construction), n_triples, n_violations, fraction, max_relative_violation
        (d(i,k) / (d(i,j) + d(j,k)) - 1; may be infinite: an arrow at the right edge).
    title : str, optional
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure
        Left the share of violated triples, right the largest relative violation, a mark a
        selection; symmetrical-logarithmic axes with a true zero. Measures without any violation
        say "0 of N triples", N over all selections.

    Raises
    ------
    ValueError
        If a column is missing, is_metric is not boolean, or a fraction is not a number.
    """
    check_columns(table, _COLUMNS, _FIGURE)
    if not table["is_metric"].isin([True, False]).all():
        raise ValueError(
            f"{_FIGURE}: column is_metric has dtype {table['is_metric'].dtype}, expected booleans"
        )
    check_finite(table, ["n_triples", "n_violations", "fraction"], _FIGURE)
    is_metric = table["is_metric"].astype(bool)
    metrics = [
        metric
        for kind in (True, False)
        if (is_metric == kind).any()
        for metric in levels(table[is_metric == kind], "metric", _FIGURE)
    ]
    n_true = len(levels(table[is_metric], "metric", _FIGURE)) if is_metric.any() else 0
    figure = new_figure(DOUBLE, 1.05 + 0.25 * len(metrics))
    axes = figure.subplots(1, 2, sharey=True)
    for ax, (name, label), letter in zip(axes, _PANELS, "ab", strict=True):
        _zero_log_axis(ax, table[name].to_numpy(float), table["n_triples"].max())
        _marks(ax, table, is_metric, metrics, name)
        ax.set_xlabel(label)
        panel_letter(ax, letter)
        if 0 < n_true < len(metrics):
            ax.axhline(n_true - 0.5, color="#B0B0B0", linewidth=0.6)
    figure.align_xlabels(axes)
    _annotate(axes[0], table, metrics)
    axes[0].set_yticks(range(len(metrics)), [pretty(metric) for metric in metrics])
    for text, metric in zip(axes[0].get_yticklabels(), metrics, strict=True):
        text.set_color(_COLORS[bool(is_metric[table["metric"] == metric].iloc[0])])
    axes[0].set_ylim(len(metrics) - 0.5, -0.5)
    names = {True: "metric by construction", False: "not a metric"}
    figure.legend(
        handles=[
            dot(_COLORS[kind], names[kind]) for kind in (True, False) if (is_metric == kind).any()
        ],
        loc="outside lower center",
        ncols=2,
        title="one mark a selection",
        handletextpad=0.2,
    )
    return finish(figure, title, simulated)


def _zero_log_axis(ax: Axes, values: np.ndarray, n_triples: float) -> None:
    """Logarithmic decades down to the smallest violation, and a true zero left of them."""
    positive = values[np.isfinite(values) & (values > 0)]
    least = positive.min() if positive.size else 1.0 / n_triples
    most = positive.max() if positive.size else 1.0
    low = int(np.floor(np.log10(least)))
    high = max(int(np.ceil(np.log10(most))), low + 1)
    ax.set_xscale("symlog", linthresh=10.0**low, linscale=0.6)
    every = max(1, -(-(high - low) // 5))
    decades = np.arange(high, low - 1, -every)[::-1]
    ax.xaxis.set_major_locator(FixedLocator([0.0, *(10.0**decades)]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _decade(value)))
    ax.set_xlim(-0.25 * 10.0**low, 10.0 ** (high + 0.1 * (high - low)))
    ax.axvline(0, color="#B0B0B0", linewidth=0.6, zorder=0)


def _decade(value: float) -> str:
    if value == 0:
        return "0"
    power = round(np.log10(value))
    return f"{value:g}" if -2 <= power <= 2 else f"$10^{{{power}}}$"


def _marks(
    ax: Axes, table: pd.DataFrame, is_metric: pd.Series, metrics: list[Any], name: str
) -> None:
    for place, metric in enumerate(metrics):
        mine = table["metric"] == metric
        # A measure without violations may have no largest one: that is zero.
        values = table.loc[mine, name].fillna(0.0).clip(lower=0.0).to_numpy(float)
        color = _COLORS[bool(is_metric[mine].iloc[0])]
        spread = np.linspace(-0.3, 0.3, len(values)) if len(values) > 1 else np.zeros(1)
        finite = np.isfinite(values)
        ax.scatter(
            values[finite],
            place + spread[finite],
            s=13,
            color=color,
            alpha=0.8,
            linewidths=0.3,
            edgecolors="white",
            clip_on=False,
            zorder=3,
        )
        if not finite.all():
            ax.plot(
                np.ones((~finite).sum()),
                place + spread[~finite],
                ">",
                markersize=4,
                color=color,
                transform=ax.get_yaxis_transform(),
                clip_on=False,
            )
        ax.axhline(place, color="#EFEFEF", linewidth=0.6, zorder=0)


def _annotate(ax: Axes, table: pd.DataFrame, metrics: list[Any]) -> None:
    for place, metric in enumerate(metrics):
        part = rows_of(table, metric=metric)
        if part["n_violations"].sum() == 0:
            ax.annotate(
                f"0 of {int(part['n_triples'].sum()):,} triples",
                (0, place),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                fontsize=6.5,
                color=_COLORS[bool(part["is_metric"].iloc[0])],
            )
