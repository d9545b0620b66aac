"""The published results of the whole search space, as one table in a Parquet file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

#: Lengths of training in epochs, and runs of each, for every cell.
BUDGETS = (4, 12, 36, 108)
REPEATS = 3
#: Cells of the whole search space: no file of results has more.
SPACE_SIZE = 423_624

#: Test images that the published accuracies are of.
TEST_IMAGES = 9984

#: What is kept of a run, in the order of `Evaluation` but for the epoch.
MEASURES = ("training_seconds", "train_accuracy", "validation_accuracy", "test_accuracy")
#: Columns that are there for every length of training.
SPELLING = ("hash", "adjacency", "operations", "trainable_parameters")


@dataclass(frozen=True)
class PublishedFile:
    """A file of results as Google published it.

    Attributes
    ----------
    url, sha256 : str
    megabytes : int
        About its size, to tell how long a download takes; the digest is what is checked.
    n_records : int
        Training runs in it.
    budgets : tuple of int
        Lengths of training in it, in epochs.
    """

    url: str
    sha256: str
    megabytes: int
    n_records: int
    budgets: tuple[int, ...]


_ADDRESS = "https://storage.googleapis.com/nasbench/nasbench_{}.tfrecord"
#: The two files by name (Ying et al. 2019; Apache License 2.0).
PUBLISHED_FILES = {
    "full": PublishedFile(
        _ADDRESS.format("full"),
        "3d64db8180fb1b0207212f9032205064312b6907a3bbc81eabea10db2f5c7e9c",
        1950,
        SPACE_SIZE * REPEATS * len(BUDGETS),
        BUDGETS,
    ),
    "only108": PublishedFile(
        _ADDRESS.format("only108"),
        "4c39c3936e36a85269881d659e44e61a245babcb72cb374eacacf75d0e5f4fd1",
        499,
        SPACE_SIZE * REPEATS,
        (108,),
    ),
}


def fetch_published(
    name: str,
    folder: str | os.PathLike,
    progress: Callable[[int, int], None] | None = None,
    mirrors: Sequence[str] = (),
) -> Path:
    """Download one of `PUBLISHED_FILES`, resumed and checked against its digest.

    Parameters
    ----------
    name : {"full", "only108"}
    folder : path-like
        Where it goes; a whole file that is there is kept.
    progress : callable, optional
        ``progress(bytes done, bytes in all)``.
    mirrors : sequence of str, optional
        Addresses of the same file that are tried first, in this order; its digest is the same.

    Raises
    ------
    ValueError
        If the name is unknown, or the file is not the published one.
    """
    from shapemetrics.datasets.download import Remote, download_from

    if name not in PUBLISHED_FILES:
        raise ValueError(f"file {name!r} is unknown, expected one of {list(PUBLISHED_FILES)}")
    file = PUBLISHED_FILES[name]
    path = Path(folder) / file.url.rsplit("/", 1)[1]
    remote = Remote(file.url, path, sha256=file.sha256)
    return download_from(mirrors, remote, progress=progress)


def read_published(path: str | os.PathLike, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read the table that `convert_records` wrote, or some of its columns.

    Raises
    ------
    ValueError
        If the file is damaged, of another kind, or lacks a column.
    """
    path = Path(path)
    try:
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            missing = [name for name in columns or SPELLING if name not in names]
            if missing:
                raise ValueError(f"{path}: columns {missing} are missing, found {names[:6]} ...")
            return file.read(columns=None if columns is None else list(columns)).to_pandas()
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} is damaged or no Parquet file: {reason}") from error


def published_summary(table: pd.DataFrame, budget: int = 108) -> pd.DataFrame:
    """Average the runs of each cell at one length of training.

    Parameters
    ----------
    table : pandas.DataFrame
        From `read_published`.
    budget : int, default 108
        Epochs.

    Returns
    -------
    pandas.DataFrame, indexed by hash
        ``published_test_accuracy``, ``published_validation_accuracy`` (means of the repeats),
        ``published_spread``, the standard deviation (over n - 1) of the test accuracy between
        repeats, and ``published_log_error``, log10 of the mean test error, not below that of half
        a wrong answer; where the table has them, also ``published_training_seconds``, the mean.

    Raises
    ------
    ValueError
        If the table has no runs of that length.
    """
    runs = {}
    for measure in ("test_accuracy", "validation_accuracy"):
        names = [run_column(measure, budget, repeat) for repeat in range(REPEATS)]
        missing = [name for name in ["hash", *names] if name not in table]
        if missing:
            raise ValueError(f"table of published results: columns {missing} are missing")
        runs[measure] = table[names]
    summary = pd.DataFrame(
        {
            "published_test_accuracy": runs["test_accuracy"].mean(axis=1),
            "published_validation_accuracy": runs["validation_accuracy"].mean(axis=1),
            "published_spread": runs["test_accuracy"].std(axis=1, ddof=1),
        }
    )
    error = 1 - summary["published_test_accuracy"]
    summary["published_log_error"] = np.log10(error.clip(lower=0.5 / TEST_IMAGES))
    times = [run_column("training_seconds", budget, repeat) for repeat in range(REPEATS)]
    if set(times) <= set(table):
        summary["published_training_seconds"] = table[times].mean(axis=1)
    return summary.set_axis(pd.Index(table["hash"], name="hash"))


def run_column(measure: str, budget: int, repeat: int) -> str:
    """Name the column of a measure after so many epochs; repeats count from 0 here."""
    return f"{measure}_{budget}_{repeat + 1}"
