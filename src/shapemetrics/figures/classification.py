"""How well classes are told apart from distances: accuracies, and what is confused with what."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from shapemetrics.figures.colors import ink_on
from shapemetrics.figures.intervals import (
    SIGNIFICANCE,
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
    INK,
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

__all__ = ["plot_classification"]

_FIGURE = "classification figure"
_KEYS = ["task", "classifier", "metric"]
_MARKERS = "osD^v"
_ROW = 0.2  # inches a metric takes


@styled
def plot_classification(
    scores: pd.DataFrame,
    confusion: pd.DataFrame | None = None,
    *,
    title: str | None = None,
    simulated: bool = False,
) -> Figure:
    """Draw held-out accuracies of classifiers on distances and, below, confusion matrices.

    Parameters
    ----------
    scores : pandas.DataFrame
        One row a task, classifier and metric: task, classifier, metric, accuracy, accuracy_low,
        accuracy_high (interval), chance (share of the largest class), null_mean, null_high
        (permutations of the classes: mean and upper end of the 95% interval), p_value, n,
        n_classes; null_low (its lower end) where present.
    confusion : pandas.DataFrame, optional
        task, classifier, metric, true, predicted, count. For each task the matrix of the
        classifier and metric with the highest accuracy is shown and named.
    title : str, optional
    simulated : bool
        Whether the data were simulated; said on the figure's face.

    Returns
    -------
    matplotlib.figure.Figure
        A column a task, metrics down it. The dashed line is the accuracy of always naming the
        largest class; the grey bar behind each point is the permutation null, from its lower
        end (without null_low: from its mean) to its upper one. Confusions are coloured by their
        share of the true class.

    Raises
    ------
    ValueError
        If a column is missing, a value is not finite, or a task has no confusion matrix.
    """
    numbers = ["accuracy", "chance", "p_value", "n", "n_classes"]
    intervals = ["accuracy_low", "accuracy_high", "null_mean", "null_high"]
    check_columns(scores, [*_KEYS, *numbers, *intervals], _FIGURE)
    check_finite(scores, numbers, _FIGURE)
    check_unique(scores, _KEYS, _FIGURE)
    tasks = levels(scores, "task", _FIGURE)
    metrics = levels(scores, "metric", _FIGURE)
    classifiers = levels(scores, "classifier", _FIGURE)
    matrices = {}
    if confusion is not None:
        check_columns(confusion, [*_KEYS, "true", "predicted", "count"], _FIGURE)
        check_unique(confusion, [*_KEYS, "true", "predicted"], _FIGURE)
        matrices = {task: _best_matrix(task, scores, confusion) for task in tasks}
    rows = blocks(tasks, 3)
    upper = 0.75 + max(_ROW * len(metrics) * max(1.0, 0.6 * len(classifiers)), 0.4)
    width = DOUBLE if len(tasks) > 1 else 4.4
    # A square of each matrix, and the names of its classes beside and below it.
    lower = 0.75 + min((width - 0.6) / len(rows[0]) - 0.7, 1.6)
    heights = ([upper, lower] if matrices else [upper]) * len(rows)
    figure = new_figure(width, sum(heights) + 0.35)
    # Subfigures, so that long names of classes do not push the panels of accuracies apart.
    parts = np.atleast_1d(figure.subfigures(len(heights), 1, height_ratios=heights))
    for b, block in enumerate(rows):
        upper_part = parts[b * len(parts) // len(rows)]
        axes = upper_part.subplots(1, len(rows[0]), squeeze=False, sharey=True)[0]
        for ax, task in zip(axes, block):
            part = rows_of(scores, task=task)
            _accuracies(ax, part, metrics, classifiers)
            ax.set_title(_task_heading(task, part))
        for ax in axes[len(block) :]:
            ax.remove()
        if matrices:
            _confusions(parts[2 * b + 1], [matrices[task] for task in block], len(rows[0]))
    figure.legend(
        handles=_handles(classifiers),
        loc="outside lower center",
        ncols=3 if len(tasks) > 1 else 2,
        columnspacing=1.2,
        handletextpad=0.4,
    )
    return finish(figure, title, simulated)


def _confusions(part: SubFigure, matrices: list[tuple[pd.DataFrame, str]], n_columns: int) -> None:
    """Heat maps of one row of tasks, with a colour bar for all of them."""
    axes = part.subplots(1, n_columns, squeeze=False)[0]
    for ax, (counts, name) in zip(axes, matrices):
        _confusion(ax, counts, name)
    for ax in axes[len(matrices) :]:
        ax.remove()
    bar = part.colorbar(
        ScalarMappable(Normalize(0, 1), "cividis"),
        ax=list(axes[: len(matrices)]),
        shrink=0.8,
        aspect=18,
        pad=0.015,
    )
    bar.outline.set_visible(False)
    bar.set_ticks([0.0, 0.5, 1.0])
    bar.set_label("Share of true class")


def _task_heading(task: Any, part: pd.DataFrame) -> str:
    row = part.iloc[0]
    return f"{pretty(task)}\n({int(row['n_classes'])} classes, n = {int(row['n']):,})"


def _accuracies(ax: Axes, part: pd.DataFrame, metrics: list[Any], classifiers: list[Any]) -> None:
    step = 0.8 / len(classifiers)
    for chance in part["chance"].unique():
        ax.axvline(chance, color=INK, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1.8)
    for place, metric in enumerate(metrics):
        for c, classifier in enumerate(classifiers):
            found = rows_of(part, metric=metric, classifier=classifier)
            if found.empty:
                continue
            row = found.iloc[0]
            y = place + (c - 0.5 * (len(classifiers) - 1)) * step
            draw_null(
                ax,
                y,
                row["null_mean"],
                row["null_low"] if "null_low" in part.columns else row["null_mean"],
                row["null_high"],
                thickness=0.55 * step,
                vertical=False,
            )
            draw_interval(
                ax,
                y,
                float(row["accuracy"]),
                optional(row, "accuracy_low"),
                optional(row, "accuracy_high"),
                color=CATEGORIES[c % len(CATEGORIES)],
                marker=_MARKERS[c % len(_MARKERS)],
                filled=row["p_value"] < SIGNIFICANCE,
                vertical=False,
            )
    ax.set_yticks(range(len(metrics)), [pretty(m) for m in metrics])
    ax.set_ylim(len(metrics) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0)
    ax.set_xlim(0, 1.02)
    ax.set_xlabel("Held-out accuracy")
    for boundary in np.arange(0.5, len(metrics) - 1):
        ax.axhline(boundary, color="#E6E6E6", linewidth=0.5, zorder=0)


def _best_matrix(
    task: Any, scores: pd.DataFrame, confusion: pd.DataFrame
) -> tuple[pd.DataFrame, str]:
    """Counts (true by predicted) of the task's most accurate pair, and the pair's name."""
    best = rows_of(scores, task=task).sort_values("accuracy", ascending=False, kind="stable")
    row = best.iloc[0]
    part = rows_of(confusion, task=task, classifier=row["classifier"], metric=row["metric"])
    name = f"{pretty(row['metric'])}, {pretty(row['classifier'])}"
    if part.empty:
        raise ValueError(f"{_FIGURE}: no confusion counts for task {task}, {name}")
    both = pd.DataFrame({"class": pd.concat([part["true"], part["predicted"]])})
    classes = levels(both, "class", _FIGURE)
    counts = part.pivot(index="true", columns="predicted", values="count")
    return counts.reindex(index=classes, columns=classes).fillna(0), name


def _confusion(ax: Axes, counts: pd.DataFrame, name: str) -> None:
    totals = counts.sum(axis=1).to_numpy(float)
    shares = counts.to_numpy(float) / np.where(totals > 0, totals, 1.0)[:, None]
    cmap = matplotlib.colormaps["cividis"]
    ax.imshow(shares, cmap=cmap, vmin=0, vmax=1, interpolation="nearest")
    classes = [pretty(c) for c in counts.index]
    n = len(classes)
    for i, j in np.ndindex(n, n):
        if n <= 8 and counts.iat[i, j]:
            ax.text(
                j,
                i,
                f"{int(counts.iat[i, j])}",
                ha="center",
                va="center",
                fontsize=6.5 if n <= 6 else 5.5,
                color=ink_on(cmap(shares[i, j])),
            )
    size = 7 if n <= 12 else 5
    ax.set_xticks(range(n), classes, rotation=90, fontsize=size)
    ax.set_yticks(range(n), classes, fontsize=size)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("Predicted class")
    ax.set_ylabel("True class")
    ax.set_title(name, fontsize=7)


def _handles(classifiers: list[Any]) -> list[Any]:
    handles: list[Any] = [
        Line2D(
            [],
            [],
            color=CATEGORIES[c % len(CATEGORIES)],
            marker=_MARKERS[c % len(_MARKERS)],
            markersize=4.2,
            linewidth=1.0,
            label=pretty(classifier),
        )
        for c, classifier in enumerate(classifiers)
    ]
    handles.append(
        Line2D(
            [], [], color=INK, linewidth=0.8, linestyle=(0, (3, 2)), label="chance (largest class)"
        )
    )
    handles += significance_handles()
    handles.append(null_handle("permutation null: mean, 95%"))
    return handles
