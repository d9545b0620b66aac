"""What every figure asks of its table: the columns it needs, its levels, and readable names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "check_columns",
    "check_finite",
    "check_unique",
    "levels",
    "pretty",
    "rows_of",
    "sentence",
    "signed",
]

KNOWN_ORDERS = (
    ("untrained", "trained"),
    ("stem", "stack1", "stack2", "stack3", "pool"),
)
"""Columns whose values are all in one of these are put in its order."""

_SPELLING = {
    "auc": "AUC",
    "cca": "CCA",
    "cka": "CKA",
    "cknna": "CKNNA",
    "knn": "k-NN",
    "pca": "PCA",
    "pwcca": "PWCCA",
    "r2": "R²",
    "rbf": "RBF",
    "rsa": "RSA",
    "svcca": "SVCCA",
    "svm": "SVM",
}


def check_columns(table: pd.DataFrame, columns: Iterable[str], figure: str) -> None:
    """Raise unless `table` is a data frame with rows and all of `columns`.

    Raises
    ------
    TypeError
        If `table` is no pandas DataFrame.
    ValueError
        If a column is missing (the message names those found and expected) or there is no row.
    """
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"{figure}: expected a pandas DataFrame, found {type(table).__name__}")
    expected = list(dict.fromkeys(columns))
    missing = [column for column in expected if column not in table.columns]
    if missing:
        raise ValueError(
            f"{figure}: missing column{'s' * (len(missing) > 1)} {', '.join(missing)}; "
            f"found {', '.join(map(str, table.columns))}; expected {', '.join(expected)}"
        )
    if table.empty:
        raise ValueError(f"{figure}: the table has no rows")


def check_finite(table: pd.DataFrame, columns: Iterable[str], figure: str) -> None:
    """Raise ValueError at the first value of `columns` that is not a finite number."""
    for column in columns:
        try:
            values = table[column].to_numpy(dtype=float, na_value=np.nan)
        except (TypeError, ValueError):
            raise ValueError(
                f"{figure}: column {column} has dtype {table[column].dtype}, expected numbers"
            ) from None
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise ValueError(
                f"{figure}: column {column} is {values[bad[0]]} in row {table.index[bad[0]]}, "
                "expected a finite number"
            )


def check_unique(table: pd.DataFrame, columns: Sequence[str], figure: str) -> None:
    """Raise ValueError if two rows agree in all of `columns` that the table has."""
    present = [column for column in columns if column in table.columns]
    repeated = table.duplicated(present)
    if repeated.any():
        row = table.loc[repeated, present].iloc[0]
        where = ", ".join(f"{column}={row[column]}" for column in present)
        raise ValueError(f"{figure}: several rows for {where}; expected one")


def levels(
    table: pd.DataFrame, column: str | None, figure: str, order: Sequence[Any] | None = None
) -> list[Any]:
    """Distinct values of a column in the order in which a figure shows them.

    Parameters
    ----------
    table : pandas.DataFrame
    column : str or None
        None, or a column that is absent or empty in every row, has the one level None.
    figure : str
        Name of the figure, for messages.
    order : sequence, optional
        The order wanted; it must hold every value. Without it: that of a categorical column, or
        a known one (untrained before trained, stem to pool), ascending for numbers, else that of
        first appearance.

    Returns
    -------
    list
    """
    if column is None or column not in table.columns:
        return [None]
    values = table[column]
    blank = values.isna() | (values.astype(str) == "")
    if blank.all():
        return [None]
    if blank.any():
        raise ValueError(
            f"{figure}: column {column} is empty in row {blank.idxmax()} and filled in others"
        )
    present = list(values.unique())
    if order is not None:
        absent = [value for value in present if value not in order]
        if absent:
            raise ValueError(
                f"{figure}: column {column} holds {absent[0]}, "
                f"expected one of {', '.join(map(str, order))}"
            )
        return [value for value in order if value in present]
    if isinstance(values.dtype, pd.CategoricalDtype):
        return [value for value in values.cat.categories if value in present]
    for known in KNOWN_ORDERS:
        if set(present) <= set(known):
            return [value for value in known if value in present]
    if pd.to_numeric(pd.Series(present).astype(str), errors="coerce").notna().all():
        return sorted(present, key=float)
    return present


def rows_of(table: pd.DataFrame, **wanted: Any) -> pd.DataFrame:
    """Rows that have these values; a value of None does not select."""
    keep = np.ones(len(table), dtype=bool)
    for column, value in wanted.items():
        if value is not None:
            keep &= (table[column] == value).to_numpy()
    return table[keep]


def pretty(name: Any) -> str:
    """Write a name of the tables for people.

    A name with a capital letter or a space is taken as already written for people.

    Examples
    --------
    >>> pretty("test_accuracy"), pretty("stack1"), pretty("cka"), pretty("VISp")
    ('Test accuracy', 'Stack 1', 'CKA', 'VISp')
    >>> pretty("9d2cbf39cdbb6eb9ac5ee38aaa0d1f2e")
    '9d2cbf39'
    """
    text = str(name)
    text = re.sub(r"(?<![0-9a-fA-F])[0-9a-f]{16,}(?![0-9a-fA-F])", lambda m: m[0][:8], text)
    if text != text.lower() or " " in text or not re.search(r"[a-z]", text):
        return text
    if re.fullmatch(r"[0-9a-f]{8}", text) and re.search(r"\d", text):
        return text
    words = re.sub(r"(?<=[a-z]{2})(?=\d+$)", " ", text).replace("_", " ").split()
    return sentence(" ".join(_SPELLING.get(word, word) for word in words))


def sentence(text: str) -> str:
    """Begin a text with a capital, but for words such as k-NN; the rest stays as it is."""
    return text if text.split(" ")[0] in _SPELLING.values() else text[:1].upper() + text[1:]


def signed(value: float, digits: int = 2) -> str:
    """A number with a real minus sign, as the axes write it."""
    return f"{value:.{digits}f}".replace("-", "−")
