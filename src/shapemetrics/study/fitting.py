"""Settings of measures and analyses that fit the data: the table of requirements asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from shapemetrics.metrics.registry import build_metric
from shapemetrics.study.needs import Items, LeftOut, Need, Note, Sizes, fitted
from shapemetrics.study.requirements import ANALYSES, LEAST_MEMBERS, LEAST_STIMULI, MEASURES


def need_of(settings: Mapping[str, Any]) -> Need:
    """What a measure with these settings needs."""
    return MEASURES[settings.get("measure", settings["family"])]


def fitted_measure(
    settings: Mapping[str, Any], sizes: Sizes, *, entry: str, fixed: Collection[str] = ()
) -> tuple[dict[str, Any], list[Note]]:
    """Settings of a measure that fit the sizes of what it compares.

    Parameters
    ----------
    settings : mapping
        ``family`` and the parameters of its class.
    sizes : Sizes
    entry : str
        Configuration key of the measure, as ``comparisons.rbf_kernel``.
    fixed : collection of str
        Names of settings that the user chose, which must not shrink.

    Returns
    -------
    settings : dict
    notes : list of Note
        What was changed.

    Raises
    ------
    Refused
        If a setting of the user's is too large, or a measure of the user's cannot be computed.
    LeftOut
        If a measure of the default configuration cannot be computed.
    """
    return fitted(need_of(settings), settings, sizes, build_metric, entry, fixed)


def fewest_stimuli(settings: Mapping[str, Any], sizes: Sizes) -> int:
    """Smallest number of stimuli, of those in `sizes`, on which a measure can be computed."""
    fits = range(LEAST_STIMULI, sizes.n_stimuli)
    low, high = 0, len(fits)
    while low < high:  # by halves: what fits fewer stimuli fits more
        middle = (low + high) // 2
        part = Sizes(sizes.n_items, fits[middle], sizes.least_units, sizes.most_units)
        try:
            enough = not fitted_measure(settings, part, entry="")[1]
        except LeftOut:
            enough = False
        low, high = (low, middle) if enough else (middle + 1, high)
    return LEAST_STIMULI + low


def fitted_analysis(
    name: str, settings: Mapping[str, Any], items: Items, *, fixed: Collection[str] = ()
) -> tuple[dict[str, Any], list[Note]]:
    """Settings of an analysis that fit the items that it is about.

    Parameters
    ----------
    name : str
        Section of the configuration below ``analyses``.
    settings : mapping
        Its settings; those that are not bound by data pass as they are.
    items : Items
    fixed : collection of str
        Names of settings that the user chose, which must not shrink.

    Returns
    -------
    settings : dict
    notes : list of Note
        What was changed.

    Raises
    ------
    Refused
        If a setting of the user's is too large.
    LeftOut
        If the items do not allow the analysis.

    Examples
    --------
    >>> items = Items(12, groups=(4, 4, 4), unit="groups", group_key="datasets.mine.group")
    >>> settings, notes = fitted_analysis("regression", {"n_outer": 5, "n_inner": 5}, items)
    >>> settings, len(notes)
    ({'n_outer': 3, 'n_inner': 2}, 2)
    >>> fitted_analysis("regression", {"n_outer": 5, "n_inner": 5}, items, fixed=["n_outer"])
    Traceback (most recent call last):
    ...
    shapemetrics.study.needs.Refused: configuration key 'analyses.regression.n_outer':
    found 5, expected at most 3 (3 groups)
    """

    def read(values: Mapping[str, Any]) -> SimpleNamespace:
        return SimpleNamespace(**values)

    return fitted(ANALYSES[name], settings, items, read, f"analyses.{name}", fixed)


def fitted_dimensions(
    dimensions: Sequence[int], n_items: int, *, fixed: bool = False
) -> tuple[list[int], list[Note]]:
    """Dimensions of embeddings that so many items have, for the curve of distortions.

    Parameters
    ----------
    dimensions : sequence of int
    n_items : int
    fixed : bool
        Whether the user chose them; otherwise those that are too many are left out, and where all
        are, the largest possible one stays.

    Raises
    ------
    Refused
        If the user chose a dimension that is too large.

    Examples
    --------
    >>> fitted_dimensions([1, 2, 5, 10], 5)[0], fitted_dimensions([5, 10], 5)[0]
    ([1, 2], [4])
    """
    kept = [n for n in dimensions if n < n_items] or [n_items - 1]
    if kept == list(dimensions):
        return kept, []
    note = Note(
        "analyses.distortion.dimensions",
        f"{max(dimensions)}",
        f"fewer than {n_items} ({n_items} representations)",
        f"{', '.join(map(str, kept))} are used",
    )
    if fixed:
        raise note.refusal()
    return kept, [note]


def min_class_size(classes: Sequence[int], n_outer: int, *, fixed: bool) -> int:
    """Fewest members of a class that classification keeps: as many as outer folds, at least three.

    Parameters
    ----------
    classes : sequence of int
        Members of each class, or groups that hold it.
    n_outer : int
        Outer folds.
    fixed : bool
        Whether the user chose their number; otherwise it shrinks until two classes are left.

    Examples
    --------
    >>> min_class_size([9, 3, 1], 4, fixed=False), min_class_size([9, 3, 1], 4, fixed=True)
    (3, 4)
    """
    if not fixed:
        second = sorted(classes, reverse=True)[1:2] or [0]
        n_outer = min(n_outer, max(second[0], LEAST_MEMBERS))
    return max(n_outer, LEAST_MEMBERS)
