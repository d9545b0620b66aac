"""Tables of numbers in Parquet and Feather files, whose columns have names and types."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from shapemetrics.extras import needed_by
from shapemetrics.files import READING, shortened


class Columns(NamedTuple):
    """A table.

    Attributes
    ----------
    values : ndarray of shape (rows, columns)
    rows : list of str or None
        Names of the rows, where a column or a DataFrame's index has them.
    columns : list of str
    told : str or None
        What was taken for names.
    """

    values: np.ndarray
    rows: list[str] | None
    columns: list[str]
    told: str | None


def read_columns(path: Path, index: bool | str | None) -> Columns:
    """Read a ``.parquet`` or ``.feather`` table.

    Parameters
    ----------
    path : pathlib.Path
    index : bool or str, optional
        The column that names the rows. By default, or with True, the index that a DataFrame was
        saved with, unless it only counts, else the only column of text; with False none.

    Raises
    ------
    ValueError
        If the file is damaged, or columns hold anything but numbers.
    """
    with needed_by(f"{path}: reading {path.suffix}", "files"):
        import pyarrow.feather
        import pyarrow.parquet
    read = pyarrow.parquet.read_table
    if path.suffix.lower() == ".feather":
        read = pyarrow.feather.read_table
    try:
        frame = read(path).to_pandas()
    except (pyarrow.ArrowException, *READING, OSError) as error:
        raise ValueError(f"{path}: damaged, or no {path.suffix} file: {shortened(error)}") from None
    names = told = None
    if isinstance(index, str):
        if index not in frame:
            listed = ", ".join(map(str, frame.columns[:8]))
            raise ValueError(f"{path}: found columns {listed}, expected {index!r} among them")
        names = [str(name) for name in frame.pop(index)]
        told = f"column {index!r} names the rows"
    texts = [name for name in frame if frame[name].dtype.kind not in "fiub"]
    counts = frame.index.equals(type(frame)(index=range(len(frame))).index)
    if names is None and index is not False and not counts and frame.index.nlevels == 1:
        names, told = [str(name) for name in frame.index], "the saved index names the rows"
    elif names is None and index is not False and len(texts) == 1:
        names = [str(name) for name in frame.pop(texts[0])]
        told = f"column {texts.pop()!r} names the rows"
    if texts:
        raise ValueError(
            f"{path}: column {texts[0]!r} holds {frame[texts[0]].dtype}, expected numbers; "
            "stimulus_column (--stimulus-column) takes one as names of the rows"
        )
    if not len(frame.columns):
        raise ValueError(f"{path}: found no column of numbers, expected at least one")
    if frame.isna().any(axis=None):
        row = int(frame.isna().any(axis=1).to_numpy().argmax())
        raise ValueError(f"{path}: found an empty cell in row {row}, expected numbers throughout")
    return Columns(frame.to_numpy(), names, [str(name) for name in frame.columns], told)
