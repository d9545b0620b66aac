"""The networks themselves: how accurate they became, and whether size or depth explains it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from shapemetrics.figures.intervals import blocks
from shapemetrics.figures.style import (
    DOUBLE,
    MUTED,
    OKABE_ITO,
    STATE_COLORS,
    finish,
    new_figure,
    panel_letter,
    styled,
)
from shapemetrics.figures.tables import check_columns, check_finite, pretty, signed

__all__ = ["plot_accuracies"]

_FIGURE = "accuracies figure"
_CATEGORIES_UP_TO = 12  # integer columns with at most so many values are drawn as categories


@styled
def plot_accuracies(
    networks: pd.DataFrame,
    *,
    accuracy: str = "test_accuracy",
    against: Sequence[str] = ("trainable_parameters", "depth"),
    chance: float | None = None,
    title: str | None = None,
    simulated: bool = False,
) -> Figure:
    """Draw the distribution of held-out accuracies, and accuracy against properties.

    Parameters
    ----------
    networks : pandas.DataFrame
        One row a network: the `accuracy` column (fractions) and those of `against`.
    accuracy : str
    against : sequence of str
        Columns of numbers, a panel each: integers with at most 12 different values as columns of
        points with their median, others as a scatter, logarithmic where they are counts that span
        a decade.
    chance : float, optional
        Accuracy of guessing, drawn as a line in the histogram where given.
    title : str, optional
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a column is missing, a value is not finite, or an accuracy is outside 0 to 1.
    """
    check_columns(networks, [accuracy, *against], _FIGURE)
    check_finite(networks, [accuracy, *against], _FIGURE)
    values = networks[accuracy].to_numpy(float)
    if values.min() < 0 or values.max() > 1:
        raise ValueError(
            f"{_FIGURE}: column {accuracy} runs from {values.min():g} to {values.max():g}, "
            "expected fractions between 0 and 1"
        )
    rows = blocks(range(1 + len(against)), 3)
    figure = new_figure(DOUBLE, 2.1 * len(rows))
    grid = figure.subplots(len(rows), len(rows[0]), squeeze=False)
    axes = grid.ravel()[: 1 + len(against)]
    for unused in grid.ravel()[len(axes) :]:
        unused.remove()
    _histogram(axes[0], values, chance)
    axes[0].set_xlabel(pretty(accuracy))
    for ax, column in zip(axes[1:], against, strict=True):
        _against(ax, networks[column].to_numpy(float), values)
        rho = networks[column].corr(networks[accuracy], method="spearman")
        ax.set_title(f"Spearman ρ = {signed(rho)}", fontsize=7)
        ax.set_xlabel(pretty(column))
        ax.set_ylabel(pretty(accuracy))
    for ax, letter in zip(axes, "abcdefgh"):
        panel_letter(ax, letter)
    return finish(figure, title, simulated)


def _histogram(ax: Axes, values: np.ndarray, chance: float | None) -> None:
    ax.hist(
        values,
        bins=int(np.clip(2 * np.sqrt(len(values)), 5, 60)),
        color=STATE_COLORS["trained"],
        edgecolor="white",
        linewidth=0.3,
    )
    median = float(np.median(values))
    ax.axvline(median, color=OKABE_ITO["vermillion"], linewidth=1.0, label="median")
    ax.set_title(f"n = {len(values)}, median {median:.3f}", fontsize=7)
    ax.set_ylabel("Networks")
    if chance is not None:
        ax.axvline(chance, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)), label="chance")
    ax.legend(loc="upper center")


def _against(ax: Axes, x: np.ndarray, accuracy: np.ndarray) -> None:
    style = {
        "s": float(np.clip(2500.0 / len(x), 3.0, 14.0)),
        "color": STATE_COLORS["trained"],
        "alpha": 0.7,
        "linewidths": 0.25,
        "edgecolors": "white",
        "zorder": 2,
        "rasterized": len(x) > 5000,
    }
    distinct = np.unique(x)
    if len(distinct) <= _CATEGORIES_UP_TO and np.array_equal(distinct, np.round(distinct)):
        for value in distinct:
            mine = accuracy[x == value]
            # An even, repeatable spread within the column in place of random jitter.
            shift = (np.argsort(np.argsort(mine)) * 0.618034) % 1.0 - 0.5
            ax.scatter(value + 0.6 * shift * (len(mine) > 1), mine, **style)
            ends, at = [value - 0.34, value + 0.34], [np.median(mine)] * 2
            ax.plot(ends, at, color=OKABE_ITO["vermillion"], linewidth=1.4, zorder=3)
        ax.set_xticks(distinct)
    else:
        ax.scatter(x, accuracy, **style)
        # Counts that span a decade; fractions stay as they are.
        if distinct[0] >= 1 and distinct[-1] / distinct[0] >= 10:
            ax.set_xscale("log")
