"""The table about the files: one row a representation, its file, and what is known about it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from shapemetrics.datasets.files import cells
from shapemetrics.datasets.files.folders import response_files
from shapemetrics.datasets.files.formats import FORMATS, stem_of, suffix_of
from shapemetrics.datasets.files.text import read_text_table
from shapemetrics.datasets.protocol import refused_id, refused_name

#: Columns that say which array a row is about.
FINDING = ("id", "file", "variable")
#: What stands for an unknown number.
UNKNOWN = ("", "NA", "N/A", "NaN", "nan", "null", "None")


@dataclass(frozen=True, eq=False)
class Metadata:
    """A table about files, checked.

    Attributes
    ----------
    path : pathlib.Path
        Of the table.
    files : list of pathlib.Path
        File of each representation.
    ids : list of str
    variables : list of (str or None)
        Array within the file.
    lines : list of int
        Line of each in the table.
    covariates : pandas.DataFrame
        Everything else: numbers as float64 or int64 (NaN where unknown), text as object (None
        where unknown).
    """

    path: Path
    files: list[Path]
    ids: list[str]
    variables: list[str | None]
    lines: list[int]
    covariates: pd.DataFrame

    def numeric(self, name: str) -> bool:
        """Whether a covariate is a number."""
        return pd.api.types.is_numeric_dtype(self.column(name))

    def column(self, name: str) -> pd.Series:
        """One covariate; ValueError names those that there are."""
        if name not in self.covariates:
            raise ValueError(
                f"{self.path}: there is no column {name!r}; "
                f"found {', '.join(self.covariates) or 'none but those that name files'}"
            )
        return self.covariates[name]

    def check_number(self, name: str) -> None:
        """Raise ValueError where a column of numbers with some text in it was meant as a number."""
        values = self.column(name)
        if self.numeric(name):
            return
        numbers = pd.to_numeric(values, errors="coerce")
        bad = values.notna() & numbers.isna()
        if numbers.notna().sum() > bad.sum():
            at = int(np.flatnonzero(bad)[0])
            raise ValueError(
                f"{self.path}: line {self.lines[at]}, column {name!r} holds {values.iloc[at]!r}, "
                f"while {int(numbers.notna().sum())} other rows hold numbers; expected numbers "
                "only, or text only"
            )


def read_metadata(
    folder: str | os.PathLike,
    metadata: str,
    *,
    other_files: Sequence[str] = (),
    ignore_extra: bool = False,
) -> Metadata:
    """Read the table about a folder's files and find the file of every row.

    Parameters
    ----------
    folder : path-like
        With the files of the representations.
    metadata : str
        The table (``.csv`` or ``.tsv``), relative to `folder` or absolute. Column ``id`` names a
        representation, whose file is then ``<id>.<suffix>``, unless column ``file`` says
        otherwise; with ``file`` alone its stem is the id. Column ``variable`` says which array
        of a file that holds several.
    other_files : sequence of str
        Files in the folder that are no representations.
    ignore_extra : bool
        Whether files that no row is about may be there.

    Returns
    -------
    Metadata

    Raises
    ------
    ValueError
        In one line: which line or file, what was found, what was expected.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder")
    path = folder / metadata
    table = _read_table(path)
    lines = table.index.tolist()
    if "id" in table:  # before anything is looked for under these names
        _check_ids(path, lines, table["id"].tolist())
    files = _files(folder, path, table)
    ids = table["id"].tolist() if "id" in table else [stem_of(file) for file in files]
    variables = (
        table["variable"].where(table["variable"] != "", None).tolist()
        if ("variable" in table)
        else [None] * len(ids)
    )
    _check_ids(path, lines, ids)
    _check_distinct(path, lines, files, variables)
    if not ignore_extra:
        _check_extra(folder, path, files, [folder / name for name in other_files])
    rest = table.drop(columns=[name for name in FINDING if name in table])
    rest = rest.reset_index(drop=True)
    for name in rest:
        reason = refused_name(name)
        if reason:
            raise ValueError(f"{path}: column {reason}")
    covariates = rest.apply(typed) if len(rest.columns) else rest
    for name in covariates.select_dtypes("number"):
        infinite = np.isinf(covariates[name].to_numpy(dtype=float))
        if infinite.any():
            line = lines[int(np.flatnonzero(infinite)[0])]
            raise ValueError(f"{path}: line {line}, column {name!r} is infinite, expected a number")
    return Metadata(path, files, ids, variables, lines, covariates)


def _read_table(path: Path) -> pd.DataFrame:
    """The table as text, its rows under the numbers of their lines."""
    found = read_text_table(path, "a table about the files")
    if not {"id", "file"} & set(found.header):
        raise ValueError(
            f"{path}: found columns {cells.shown(found.header)}, expected 'id' or 'file' among them"
        )
    if "variable" in found.header and "file" in found.header and "id" not in found.header:
        raise ValueError(f"{path}: columns 'file' and 'variable' need a column 'id' beside them")
    if len(found.rows) < 3:
        raise ValueError(
            f"{path}: found {len(found.rows)} rows, expected at least 3 representations"
        )
    table = pd.DataFrame(found.rows, index=found.lines, columns=found.header, dtype=object)
    if found.layout.delimiter != ",":
        covariates = [name for name in table if name not in FINDING]
        table[covariates] = table[covariates].apply(lambda column: _with_points(path, column))
    return table


def _with_points(path: Path, column: pd.Series) -> pd.Series:
    """Numbers of a column that has a decimal comma, with a point instead."""
    commas = column.map(cells.other_decimal)
    numbers = column.map(lambda text: cells.number(text, ",") is not None) | column.isin(UNKNOWN)
    if not commas.any() or not numbers.all():
        return column
    if all(cells.may_be_thousands(text, ",") for text in column[commas]):
        raise ValueError(
            f"{path}: column {column.name!r} holds {column[commas].iloc[0]!r}, which can be read "
            "two ways, with a comma before decimals or between thousands; expected a point"
        )
    return column.str.replace(",", ".")


def _files(folder: Path, path: Path, table: pd.DataFrame) -> list[Path]:
    if "file" in table:
        return [_named_file(folder, path, line, name) for line, name in _lines(table["file"])]
    found: dict[str, list[Path]] = {}
    for file in response_files(folder)[0]:
        found.setdefault(stem_of(file), []).append(file)
    files = []
    for line, id in _lines(table["id"]):
        own = [file for file in found.get(id, []) if file != path]
        if not own:
            raise ValueError(
                f"{path}: line {line}: there is no file for {id!r} in {folder}, expected "
                f"{id}{FORMATS[0]} or another of {', '.join(FORMATS)}"
            )
        if len(own) > 1:
            raise ValueError(
                f"{path}: line {line}: found {' and '.join(file.name for file in own)}, expected "
                f"one file for {id!r}"
            )
        files += own
    return files


def _named_file(folder: Path, path: Path, line: int, name: str) -> Path:
    where = f"{path}: line {line}: file {name!r}"
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not name or Path(name).is_absolute() or ".." in parts:
        raise ValueError(f"{where} leads out of the folder, expected a file below {folder}")
    file = folder / name
    if suffix_of(file) not in FORMATS:
        raise ValueError(f"{where}, expected one of {', '.join(FORMATS)}")
    if not file.is_file():
        raise ValueError(f"{where} does not exist in {folder}")
    return file


def _lines(column: pd.Series) -> list[tuple[int, str]]:
    """Values with their line in the file."""
    return list(column.items())


def _check_ids(path: Path, lines: list[int], ids: list[str]) -> None:
    seen: dict[str, int] = {}
    for line, id in zip(lines, ids, strict=True):
        reason = refused_id(id)
        if reason:
            raise ValueError(f"{path}: line {line}: id {id!r} {reason}")
        first = seen.setdefault(id.casefold(), line)
        if first != line:
            raise ValueError(
                f"{path}: line {line}: id {id!r} stands in line {first} already (capitals do not "
                "count), expected unique ids"
            )


def _check_distinct(
    path: Path, lines: list[int], files: list[Path], variables: list[str | None]
) -> None:
    seen: dict[tuple[Path, str | None], int] = {}
    for line, key in zip(lines, zip(files, variables), strict=True):
        first = seen.setdefault(key, line)
        if first != line:
            raise ValueError(
                f"{path}: lines {first} and {line} are about the same array of {key[0].name}, "
                "expected one line an array"
            )


def _check_extra(folder: Path, path: Path, files: list[Path], others: list[Path]) -> None:
    known = {file.resolve() for file in [*files, path, *others]}
    extra = [file.name for file in response_files(folder)[0] if file.resolve() not in known]
    if extra:
        listed = ", ".join(extra[:5]) + (", ..." if len(extra) > 5 else "")
        raise ValueError(
            f"{path}: {len(extra)} files of {folder} have no line ({listed}); add lines, move the "
            "files away, or set ignore_extra: true"
        )


def typed(column: pd.Series) -> pd.Series:
    """Numbers where all known values are, else text."""
    numbers = pd.to_numeric(column.where(~column.isin(UNKNOWN)), errors="coerce")
    if numbers.notna().any() and (numbers.notna() | column.isin(UNKNOWN)).all():
        whole = numbers.notna().all() and (numbers % 1 == 0).all() and numbers.abs().max() < 2**53
        return numbers.astype(np.int64 if whole else np.float64)
    return column.where(column != "", None)
