"""Whether covariates of a user's own dataset can be learned, and what of them is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from shapemetrics.study.facts import class_counts
from shapemetrics.study.fitting import min_class_size
from shapemetrics.study.needs import LEFT_OUT, Note

#: Fewest known values of a number that regression is asked for.
LEAST_KNOWN = 8


def asked_by(key: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """Configuration key that asks for each target.

    Parameters
    ----------
    key : str
        Of the dataset, as ``datasets.mine``.
    settings : mapping
        Of the dataset.
    """
    named = ("targets", "regression", "classification")
    return {name: f"{key}.{part}" for part in named for name in settings.get(part, ())}


def check_covariates(
    rows: pd.DataFrame,
    numbers: Sequence[str],
    classes: Sequence[str],
    group: str | None,
    n_outer: int,
    where: str,
    *,
    asked: Mapping[str, str],
    covariates: Sequence[str] = (),
    fixed_folds: bool = False,
) -> None:
    """Raise one clear ValueError where targets cannot be learned, or covariates not be drawn.

    Parameters
    ----------
    rows : pandas.DataFrame
        Covariates, one row per representation.
    numbers, classes : sequence of str
        What regression predicts and classification tells apart.
    group : str or None
        Column that is never split.
    n_outer : int
        Outer folds of classification.
    where : str
        File, for messages.
    asked : mapping of str to str
        Configuration key of each target, from :func:`asked_by`.
    covariates : sequence of str
        Those that the user wants to see explain distances.
    fixed_folds : bool
        Whether the user chose `n_outer`.
    """
    for name in [*numbers, *classes, *covariates, *([group] if group else [])]:
        if name not in rows:
            raise ValueError(
                f"{where}: there is no column {name!r}; found {', '.join(map(str, rows))}"
            )
    if group and rows[group].isna().any():
        raise ValueError(f"{where}: group {group!r} is empty in some rows, expected it everywhere")
    for name in covariates:
        if rows[name].isna().any():
            raise ValueError(
                f"{where}: covariate {name!r} is unknown for {int(rows[name].isna().sum())} of "
                f"{len(rows)} representations, expected it to be known for all"
            )
    for name in numbers:
        known = rows[name].dropna()
        if not pd.api.types.is_numeric_dtype(known):
            raise ValueError(f"{where}: target {name!r} holds text, expected numbers")
        if known.nunique() < 2 or len(known) < LEAST_KNOWN:
            raise _refused(
                asked[name],
                f"{len(known)} known values of {name!r}, {known.nunique()} of them different",
                f"at least {LEAST_KNOWN} that vary ({where})",
            )
    for name in classes:
        per_class = class_counts(rows, name, group)
        least = min_class_size(list(per_class), n_outer, fixed=fixed_folds)
        large = int((per_class >= least).sum())
        if large < 2:
            unit = f"different {group}" if group else "members"
            sizes = ", ".join(f"{label} {count}" for label, count in per_class.head(6).items())
            raise _refused(
                asked[name],
                f"{large} classes of {name!r} with {least} {unit} or more ({sizes})",
                f"at least 2 such classes ({where})",
            )


def _refused(key: str, found: str, expected: str) -> ValueError:
    return Note(key, found, expected, "").refusal()


def remarks(
    rows: pd.DataFrame,
    numbers: Sequence[str],
    classes: Sequence[str],
    n_outer: int,
    *,
    fixed_folds: bool = False,
) -> list[str]:
    """What will be left out, one line each; parameters as for :func:`check_covariates`."""
    lines = []
    for name in [*numbers, *classes]:
        missing = int(rows[name].isna().sum())
        if missing:
            lines.append(
                f"{name}: unknown for {missing} of {len(rows)} representations, which are "
                "left out where it is predicted"
            )
    for name in classes:
        counts = rows[name].value_counts()
        least = min_class_size(list(counts), n_outer, fixed=fixed_folds)
        for label, count in counts[counts < least].items():
            lines.append(
                f"{name}: class {label} has {count} members, fewer than {least}, and is left out"
            )
    return lines


def usable_covariates(rows: pd.DataFrame) -> list[str]:
    """Covariates that can explain distances: known for all, varying, and few enough.

    Parameters
    ----------
    rows : pandas.DataFrame
        Covariates of the items, in the order of their importance.

    Returns
    -------
    list of str
        A number takes one degree of freedom, text one less than it has values; together they
        take at most three less than there are items.
    """
    usable = rows.loc[:, (rows.nunique() > 1) & rows.notna().all()]
    taken = [
        1 if pd.api.types.is_numeric_dtype(values) else values.nunique() - 1
        for _, values in usable.items()
    ]
    return list(usable.columns[np.cumsum(taken) <= max(1, len(rows) - 3)])


def nothing_explains(dataset: str, selection: str, n_items: int) -> Note:
    """What is said where no covariate is usable."""
    return Note(
        f"datasets.{dataset}.covariates",
        f"none that can explain {n_items} representations of {selection!r}",
        "at least one that is known and varies",
        LEFT_OUT,
    )
