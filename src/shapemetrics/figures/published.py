"""Accuracies reached here against the published ones of the same networks."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from shapemetrics.figures.style import (
    MUTED,
    OKABE_ITO,
    SINGLE,
    STATE_COLORS,
    finish,
    new_figure,
    styled,
)
from shapemetrics.figures.tables import check_columns, check_finite, pretty, signed

__all__ = ["plot_published"]

_FIGURE = "published accuracies figure"


@styled
def plot_published(
    networks: pd.DataFrame,
    *,
    ours: str = "test_accuracy",
    published: str = "published_test_accuracy",
    spread: str = "published_spread",
    chance: float | None = None,
    title: str | None = None,
    simulated: bool = False,
) -> Figure:
    """Draw the test error reached here against the published one, a point a network.

    Parameters
    ----------
    networks : pandas.DataFrame
        One row a network: the columns `ours` and `published` (fractions); where present, `spread`
        (standard deviation of the published accuracy between runs, drawn as a bar) and
        ``diverged`` (such networks are crosses).
    ours, published, spread : str
    chance : float, optional
        Accuracy of guessing, whose error is drawn as a line where given.
    title : str, optional
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure
        Logarithmic axes of the error, one minus the accuracy, with the line of equality; the title
        has the number of networks and Spearman's rho.

    Raises
    ------
    ValueError
        If a column is missing, a value is not finite, or an accuracy is outside 0 to 1.
    """
    check_columns(networks, [ours, published], _FIGURE)
    check_finite(networks, [ours, published], _FIGURE)
    x, y = (_errors(networks, column) for column in (published, ours))
    figure = new_figure(SINGLE, SINGLE)
    ax = figure.subplots()
    if spread in networks:
        bars = networks[spread].fillna(0).to_numpy(float)
        ends = np.maximum(x - bars, 0.5 * x), x + bars
        ax.hlines(y, *ends, color=MUTED, linewidth=0.5, alpha=0.6, zorder=1)
    diverged = np.zeros(len(networks), dtype=bool)
    if "diverged" in networks:
        diverged = networks["diverged"].astype(str).str.lower().eq("true").to_numpy()
    size = float(np.clip(2500.0 / len(x), 3.0, 14.0))
    ax.scatter(
        x[~diverged],
        y[~diverged],
        s=size,
        color=STATE_COLORS["trained"],
        alpha=0.75,
        linewidths=0.25,
        edgecolors="white",
        zorder=2,
        rasterized=len(x) > 5000,
        label="network",
    )
    if diverged.any():
        color = OKABE_ITO["vermillion"]
        ax.scatter(x[diverged], y[diverged], s=18, marker="x", color=color, label="diverged here")
    low, high = 0.85 * min(x.min(), y.min()), 1.18 * max(x.max(), y.max())
    ax.plot([low, high], [low, high], color=MUTED, linewidth=0.8, label="equal", zorder=1)
    if chance is not None:
        ax.axhline(1 - chance, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)), label="chance")
        high = max(high, 1.05 * (1 - chance))
    for axis, set_scale, set_limits in (
        (ax.xaxis, ax.set_xscale, ax.set_xlim),
        (ax.yaxis, ax.set_yscale, ax.set_ylim),
    ):
        set_scale("log")
        set_limits(low, high)
        _plain_ticks(axis, low, high)
    ax.set_aspect("equal")
    ax.set_xlabel(_label(published))
    ax.set_ylabel(f"{_label(ours)}, here")
    rho = networks[ours].corr(networks[published], method="spearman")
    ax.set_title(f"n = {len(x):,}, Spearman ρ = {signed(rho)}", fontsize=7)
    ax.legend(loc="best")
    return finish(figure, title, simulated)


def _errors(networks: pd.DataFrame, column: str) -> np.ndarray:
    values = networks[column].to_numpy(float)
    if values.min() < 0 or values.max() > 1:
        raise ValueError(
            f"{_FIGURE}: column {column} runs from {values.min():g} to {values.max():g}, "
            "expected fractions between 0 and 1"
        )
    errors = 1 - values
    # An error of zero has no place on a logarithmic axis: it is drawn at half the least other.
    positive = errors[errors > 0]
    floor = 0.5 * positive.min() if positive.size else 1e-4
    return np.maximum(errors, floor)


def _label(column: str) -> str:
    return pretty(column).replace("accuracy", "error")


def _plain_ticks(axis: object, low: float, high: float) -> None:
    """Ticks at 1, 2, 5 of each decade, written as plain numbers, or at fewer if they crowd."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for steps in ((1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**decade for decade in decades for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= 6:
            break
    axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.set_ticks([], minor=True)
