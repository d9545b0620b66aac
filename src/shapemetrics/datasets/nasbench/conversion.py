"""Conversion of a file of published results, record by record, to a table."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from shapemetrics.files import atomic_path

from .cells import Cell
from .published import BUDGETS, MEASURES, REPEATS, SPACE_SIZE, run_column
from .records import Record, final_values, read_records

_CHUNK = 1 << 10  # records that are placed at a time
_ROW_GROUP = 1 << 16  # cells that are written at a time


@dataclass(frozen=True)
class Conversion:
    """What a conversion read.

    Attributes
    ----------
    n_records, n_cells, n_checked : int
        Training runs, distinct cells, and cells whose hash was computed anew.
    budgets : tuple of int
        Lengths of training that occur.
    """

    n_records: int
    n_cells: int
    n_checked: int
    budgets: tuple[int, ...]


def convert_records(
    source: str | os.PathLike,
    target: str | os.PathLike,
    *,
    check_every: int = 1,
    complete: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Conversion:
    """Turn a TFRecord file of results into one Parquet file, a row a cell.

    Parameters
    ----------
    source : path-like
        A file that `read_tfrecord` reads. The records of a cell may stand anywhere in it.
    target : path-like
        The Parquet file to write; on an error nothing is written.
    check_every : int, default 1
        Compute the hash of every so-manieth cell and compare it with the file's: 1 for all cells,
        0 for none. A spelling that differs from that of an earlier record of the cell is always
        checked.
    complete : bool, default True
        Refuse a file in which a cell lacks a run that another has, or one of its three repeats.
        Without it, what is missing is NaN.
    progress : callable, optional
        ``progress(bytes read, bytes in all)``.

    Returns
    -------
    Conversion

    Raises
    ------
    ValueError
        In one line, with the file and the byte at which the record begins: a damaged frame, a
        record of another kind (see `read_tfrecord`), a hash that is not the cell's, a length of
        training that was not published, a fourth run, an accuracy outside 0 to 1, or a number of
        parameters that contradicts an earlier record.

    Notes
    -----
    Columns: ``hash``, ``adjacency``, ``operations``, ``trainable_parameters``, and for each length
    of training b and repeat r (from 1, in the file's order) ``training_seconds_b_r``,
    ``train_accuracy_b_r``, ``validation_accuracy_b_r``, ``test_accuracy_b_r``, all at the end of
    training. Rows are in the order in which the cells first appear.

    Memory does not grow with the file's length but with the number of distinct cells, of which
    there are no more than 423,624: 96 bytes a cell and length of training for the runs, and about
    250 for its hash; a chunk of 1,024 records is held at a time.
    """
    source = Path(source)
    if check_every < 0:
        raise ValueError(f"check_every must not be negative, found {check_every}")
    table = _Table(source, check_every)
    size = source.stat().st_size
    records = read_records(source)
    with _without_collector():
        while chunk := list(islice(records, _CHUNK)):
            table.add(chunk)
            if progress is not None:
                progress(chunk[-1][0], size)
    if complete:
        table.check_complete()
    done = Conversion(table.n_records, len(table.hashes), table.n_checked, table.budgets)
    with atomic_path(target) as temporary:
        _write(temporary, table, source, done)
    if progress is not None:
        progress(size, size)
    return done


@contextmanager
def _without_collector() -> Iterator[None]:
    """No search for cycles among many small objects that form none: a seventh of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Table:
    """Cells and their runs while a file is read."""

    def __init__(self, source: Path, check_every: int) -> None:
        self.source, self.check_every = source, check_every
        self.hashes: dict[str, int] = {}
        self.adjacency: list[str] = []
        self.operations: list[str] = []
        self.parameters = np.empty(0, dtype=np.int64)
        self.runs: dict[int, np.ndarray] = {}
        self.counts: dict[int, np.ndarray] = {}
        self.n_records = self.n_checked = 0
        # Few spellings among many cells: each is kept once.
        self._texts: dict[str, str] = {}
        self._offsets: list[int] = []

    @property
    def budgets(self) -> tuple[int, ...]:
        return tuple(sorted(self.runs))

    def add(self, chunk: list[tuple[int, Record]]) -> None:
        """Move records to their cells, budgets and repeats."""
        self._offsets = [offset for offset, _ in chunk]
        records = [record for _, record in chunk]
        rows = np.array(self._rows(chunk))
        epochs = np.array([record.epochs for record in records])
        values = final_values(records)[:, 1:]
        self._refuse(~np.isin(epochs, BUDGETS), lambda i: f"{epochs[i]} epochs were not published")
        sound = np.isfinite(values).all(axis=1) & (values >= 0).all(axis=1)
        sound &= (values[:, 1:] <= 1).all(axis=1)
        self._refuse(~sound, lambda i: f"its time and accuracies {values[i].tolist()} cannot be")
        self._place_parameters(rows, np.array([r.trainable_parameters for r in records]))
        for budget in np.unique(epochs).tolist():
            self._place_runs(budget, np.flatnonzero(epochs == budget), rows, values)
        self.n_records += len(rows)

    def _rows(self, chunk: list[tuple[int, Record]]) -> list[int]:
        """Row of each record's cell."""
        rows, known = [], self.hashes.get
        adjacency, operations = self.adjacency, self.operations
        for offset, record in chunk:
            row = known(record.hash)
            if row is None:
                row = self._new_cell(offset, record)
            elif record.adjacency != adjacency[row] or record.operations != operations[row]:
                self._check_hash(offset, record)
            rows.append(row)
        return rows

    def _new_cell(self, offset: int, record: Record) -> int:
        row = len(self.hashes)
        if row == SPACE_SIZE:
            raise self._wrong(offset, f"it is of yet another cell than the {SPACE_SIZE} there are")
        if self.check_every and row % self.check_every == 0:
            self._check_hash(offset, record)
        self.hashes[record.hash] = row
        keep = self._texts.setdefault
        self.adjacency.append(keep(record.adjacency, record.adjacency))
        self.operations.append(keep(record.operations, record.operations))
        return row

    def _check_hash(self, offset: int, record: Record) -> None:
        try:
            found = Cell.from_strings(record.adjacency, record.operations).hash
        except ValueError as error:
            raise self._wrong(offset, str(error)) from error
        if found != record.hash:
            raise self._wrong(offset, f"the hash of its cell is {found}, not {record.hash}")
        self.n_checked += 1

    def _place_parameters(self, rows: np.ndarray, sizes: np.ndarray) -> None:
        self.parameters = _grown(self.parameters, len(self.hashes))
        fresh = self.parameters[rows] == 0
        # Backwards, so that the first record of a cell decides; one that differs is then found.
        self.parameters[rows[fresh][::-1]] = sizes[fresh][::-1]
        known = self.parameters[rows]
        self._refuse(
            known != sizes, lambda i: f"it has {sizes[i]} parameters, another record {known[i]}"
        )

    def _place_runs(
        self, budget: int, members: np.ndarray, rows: np.ndarray, values: np.ndarray
    ) -> None:
        n = len(self.hashes)
        counts = self.counts[budget] = _grown(self.counts.get(budget, np.empty(0, np.int64)), n)
        empty = np.empty((0, REPEATS, len(MEASURES)))
        runs = self.runs[budget] = _grown(self.runs.get(budget, empty), n, np.nan)
        mine = rows[members]
        order = np.argsort(mine, kind="stable")
        ordered = mine[order]
        first = np.searchsorted(ordered, ordered, side="left")
        repeat = np.empty(len(mine), np.int64)
        repeat[order] = np.arange(len(mine)) - first
        repeat += counts[mine]
        excess = np.zeros(len(rows), dtype=bool)
        excess[members] = repeat >= REPEATS
        self._refuse(excess, lambda _: f"it is a run of {budget} epochs more than {REPEATS}")
        runs[mine, repeat] = values[members]
        np.add.at(counts, mine, 1)

    def check_complete(self) -> None:
        """Raise ValueError unless every cell has every budget's runs."""
        n = len(self.hashes)
        if not n:
            raise ValueError(f"{self.source}: no record, expected results of NAS-Bench-101")
        for budget in self.budgets:
            lacking = np.flatnonzero(_grown(self.counts[budget], n)[:n] != REPEATS)
            if len(lacking):
                row = int(lacking[0])
                found = int(_grown(self.counts[budget], n)[row])
                raise ValueError(
                    f"{self.source}: network {list(self.hashes)[row]} has {found} runs of {budget} "
                    f"epochs, expected {REPEATS} ({len(lacking)} of {n} networks lack some); "
                    "the file ends too early or is a part of another"
                )

    def _refuse(self, wrong: np.ndarray, what: Callable[[int], str]) -> None:
        if wrong.any():
            at = int(np.argmax(wrong))
            raise self._wrong(self._offsets[at], what(at))

    def _wrong(self, offset: int, what: str) -> ValueError:
        return ValueError(f"{self.source}, record at byte {offset}: {what}")


def _grown(values: np.ndarray, n: int, fill: float = 0) -> np.ndarray:
    """Room for at least n rows, half as much again when it is out of room."""
    if len(values) >= n:
        return values
    size = min(max(n, len(values) * 3 // 2), max(n, SPACE_SIZE))
    larger = np.full((size, *values.shape[1:]), fill, dtype=values.dtype)
    larger[: len(values)] = values
    return larger


def _write(path: Path, table: _Table, source: Path, done: Conversion) -> None:
    facts = {"source": source.name, "n_records": done.n_records, "n_cells": done.n_cells}
    metadata = {"shapemetrics": json.dumps(facts)}
    parts = _parts(table)
    first = next(parts)
    schema = first.schema.with_metadata(metadata)
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        writer.write_table(first.replace_schema_metadata(metadata))
        for part in parts:
            writer.write_table(part.replace_schema_metadata(metadata))


def _parts(table: _Table) -> Iterator[pa.Table]:
    """Row groups of the table; an empty one if there is no cell."""
    n = len(table.hashes)
    names = iter(table.hashes)
    runs = {budget: _grown(table.runs[budget], n, np.nan) for budget in table.budgets}
    sizes = _grown(table.parameters, n)
    for start in range(0, max(n, 1), _ROW_GROUP):
        part = slice(start, min(start + _ROW_GROUP, n))
        columns: dict[str, Any] = {
            "hash": pa.array(list(islice(names, part.stop - part.start)), pa.string()),
            "adjacency": pa.array(table.adjacency[part], pa.string()),
            "operations": pa.array(table.operations[part], pa.string()),
            "trainable_parameters": pa.array(sizes[part], pa.int64()),
        }
        for budget in table.budgets:
            for repeat in range(REPEATS):
                for index, measure in enumerate(MEASURES):
                    name = run_column(measure, budget, repeat)
                    columns[name] = pa.array(runs[budget][part, repeat, index])
        yield pa.table(columns)
