"""What tables, headers and settings tell about the representations of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from shapemetrics.linalg import Array
from shapemetrics.study.needs import LEFT_OUT, Items, Note, Sizes
from shapemetrics.study.requirements import LEAST_STIMULI


def matrix_shape(shape: str, positions: str | None) -> tuple[int, int]:
    """Rows and columns that a representation of this shape has as a matrix.

    Parameters
    ----------
    shape : str
        As a store's index has it: stimuli, perhaps trials, units; or stimuli, height, width,
        channels.
    positions : {"samples", "features", "mean"} or None

    Examples
    --------
    >>> matrix_shape("40x8x8x16", "samples"), matrix_shape("40x8x8x16", "mean")
    ((2560, 16), (40, 16))
    """
    m, *middle, n = map(int, shape.split("x"))
    grid = int(np.prod(middle)) if len(middle) == 2 else 1  # trials are averaged
    if positions == "samples":
        return m * grid, n
    return (m, n * grid) if positions == "features" else (m, n)


def sizes_of(rows: pd.DataFrame, positions: str | None, dataset: str, name: str) -> Sizes:
    """Sizes of the matrices of a selection.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of the store's index, or of what it will be.
    positions : str or None
    dataset, name : str
        Of the dataset and selection, for the message.

    Raises
    ------
    Refused
        If the matrices have unequal numbers of rows, or too few.
    """
    shapes = rows["shape"].map(lambda shape: matrix_shape(shape, positions))
    stimuli = shapes.map(lambda shape: shape[0])
    if stimuli.nunique() > 1:
        odd = rows[stimuli != stimuli.iloc[0]].iloc[0]
        raise Note(
            f"datasets.{dataset}.positions",
            f"{positions!r}, with grids {rows['shape'].iloc[0]} of {rows['id'].iloc[0]!r} and "
            f"{odd['shape']} of {odd['id']!r} in selection {name!r}",
            "one grid for all; or 'features' or 'mean'",
            "",
        ).refusal()
    if stimuli.iloc[0] < LEAST_STIMULI:
        raise Note(
            f"datasets.{dataset}",
            f"{stimuli.iloc[0]} stimuli",
            f"at least {LEAST_STIMULI}: of fewer, all networks are at distance 0",
            "",
        ).refusal()
    units = shapes.map(lambda shape: shape[1])
    return Sizes(len(rows), int(stimuli.iloc[0]), int(units.min()), int(units.max()))


#: Axes of representations, by their number.
AXES = {2: "stimuli, units", 3: "stimuli, trials, units", 4: "stimuli, height, width, channels"}


def axes_note(rows: pd.DataFrame, metric: Any, entry: str, where: str) -> Note | None:
    """What a metric lacks of the axes that it compares, or None.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of the store's index, or of what it will be.
    metric : Metric
        Whose `axes` say what it takes. Matrices can be made of all representations, by averaging
        over trials and by `positions`; nothing makes trials or grids of a matrix.
    entry : str
        Configuration key of the metric.
    where : str
        Dataset and selection, for the message.
    """
    if 2 in metric.axes:
        return None
    shapes = rows["shape"].map(lambda shape: tuple(map(int, shape.split("x"))))
    odd = shapes[~shapes.map(len).isin(metric.axes)]
    if len(odd):
        n_axes = len(odd.iloc[0])
        return Note(
            entry,
            f"arrays of {n_axes} axes ({AXES[n_axes]}) in {where}",
            " or ".join(f"{n} axes ({AXES[n]})" for n in metric.axes),
            LEFT_OUT,
        )
    grids = shapes.map(lambda shape: shape[1:-1])
    if 4 in metric.axes and getattr(metric, "resample", None) is None and grids.nunique() > 1:
        first, other = ("x".join(map(str, grid)) for grid in grids.drop_duplicates().iloc[:2])
        return Note(
            f"{entry}.resample",
            f"null, with grids {first} and {other} in {where}",
            "height and width to which all grids are resampled",
            LEFT_OUT,
        )
    return None


def equal_ids(rows: pd.DataFrame) -> list[list[str]]:
    """Ids of representations whose arrays are equal, each set that several belong to."""
    if "sha256" not in rows:
        return []
    return [list(part["id"]) for _, part in rows.groupby("sha256", sort=False) if len(part) > 1]


def equal_in(D: Array, floor: float = 0.0) -> tuple[int, ...]:
    """Numbers of items at distance zero from one another, each set that several belong to.

    Parameters
    ----------
    D : ndarray of shape (K, K)
        Distances.
    floor : float
        Distances up to it are zero but for rounding.

    Examples
    --------
    >>> equal_in(np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]))
    (2,)
    """
    if not len(D):
        return ()
    from scipy.sparse.csgraph import connected_components  # half of what this module would load

    labels = connected_components(np.asarray(D) <= floor, directed=False)[1]
    return tuple(int(size) for size in np.bincount(labels) if size > 1)


def have_spread(D: Array, floor: float = 0.0) -> bool:
    """Whether distances of different pairs differ by more than rounding.

    Examples
    --------
    >>> have_spread(np.ones((3, 3)) - np.eye(3)), have_spread([[0, 1, 3], [1, 0, 2], [3, 2, 0]])
    (False, True)
    """
    pairs = np.asarray(D)[np.triu_indices(len(D), 1)]
    return bool(np.ptp(pairs) > max(floor, 1e-12 * np.abs(pairs).max())) if len(pairs) else False


def all_items(rows: pd.DataFrame, equal: Sequence[int] | None = None) -> Items:
    """All representations of a selection, for analyses without a target.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of the store's index, or of what it will be.
    equal : sequence of int, optional
        From :func:`equal_in`; by default found by the arrays' digests.
    """
    return Items(len(rows), equal=_equal(rows, equal))


def regression_items(
    rows: pd.DataFrame,
    target: str,
    *,
    group: str | None,
    group_key: str | None,
    leave_one_out: bool,
    equal: Sequence[int] | None = None,
) -> Items:
    """Items whose target is known, and how they are grouped.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of the store's index, or of what it will be; a target that is not there yet counts as known.
    target : str
    group : str or None
        Covariate that is never split.
    group_key : str or None
        Its configuration key.
    leave_one_out : bool
    equal : sequence of int, optional
        As for :func:`all_items`.
    """
    known = rows[rows[target].notna()] if target in rows else rows
    sizes = [1] * len(known) if group is None else known[group].value_counts().tolist()
    return Items(
        len(known),
        groups=tuple(sizes),
        equal=_equal(known, equal),
        unit=f"representations with known {target!r}" if group is None else f"groups of {group!r}",
        group_key=group_key,
        leave_one_out=leave_one_out,
    )


def class_items(
    rows: pd.DataFrame,
    label: str,
    *,
    group: str | None,
    group_key: str | None,
    equal: Sequence[int] | None = None,
) -> Items:
    """Items whose class is known, and how many hold each class; as :func:`regression_items`."""
    known = rows[rows[label].notna()]
    unit = "members" if group is None else f"different {group}"
    counts = class_counts(known, label, group)
    return Items(
        len(known),
        classes=tuple(sorted(counts.tolist(), reverse=True)),
        equal=_equal(known, equal),
        unit=unit,
        group_key=group_key,
    )


def class_counts(rows: pd.DataFrame, label: str, group: str | None) -> pd.Series:
    """Members of each class, or groups that hold it, by class."""
    known = rows.dropna(subset=[label])
    return known[label].value_counts() if group is None else known.groupby(label)[group].nunique()


def _equal(rows: pd.DataFrame, equal: Sequence[int] | None) -> tuple[int, ...]:
    return tuple(map(len, equal_ids(rows))) if equal is None else tuple(equal)
