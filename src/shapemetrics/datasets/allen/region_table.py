"""What a laboratory knows about its regions: a table of covariates, whatever the atlas."""

from __future__ import annotations

import os

import pandas as pd

#: Covariates that recordings themselves have.
MEASURED = frozenset(
    {"structure_acronym", "n_units", "n_sessions", "reliability", "variance_kept", "half", "kept"}
    | {"id", "path", "shape", "dtype", "sha256"}
)


def read_region_table(path: str | os.PathLike) -> pd.DataFrame:
    """Read a table about regions.

    Parameters
    ----------
    path : path-like
        A CSV with a column ``region``, unique; a column whose cells are all numbers or empty is
        one of numbers, any other one of text.

    Returns
    -------
    pandas.DataFrame
        Covariates by region; NaN or None where they are unknown.

    Raises
    ------
    ValueError
        If the file is no such table.
    """
    try:
        # Text stays text: a region that is called NA is no missing value.
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: no table of regions: {str(error).splitlines()[0]}") from None
    if "region" not in table or len(table.columns) < 2:
        raise ValueError(
            f"{path}: found columns {', '.join(table)}, expected 'region' and covariates"
        )
    table["region"] = [" ".join(name.split()) for name in table["region"]]
    twice = table.loc[table["region"].duplicated(), "region"]
    if len(twice):
        raise ValueError(f"{path}: found region {twice.iloc[0]!r} twice, expected it once")
    clash = sorted(MEASURED & set(table))
    if clash:
        raise ValueError(f"{path}: found column {clash[0]!r}, which recordings have themselves")
    covariates = table.set_index("region")
    for name in covariates:
        column = covariates[name].str.strip()
        numbers = pd.to_numeric(column.where(column != ""), errors="coerce")
        known = (column != "").any() and bool(numbers.notna()[column != ""].all())
        covariates[name] = numbers if known else column.astype(object).where(column != "", None)
    return covariates
