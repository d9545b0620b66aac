"""Tables of text as rows of cells: what compresses, encodes and divides them is found out here.

Of a file these are told, the same way for every table:

* **Compression**: ``.csv.gz`` and ``.tsv.gz`` are unpacked while they are read. Nothing is unpacked
  that becomes more than `MOST_EXPANSION` times as large, beyond the first `UNCHECKED` bytes.
* **Encoding**: UTF-8, or UTF-16 and UTF-32 where their mark (BOM) says so. Others are refused.
* **Above the table**: blank lines, comments that begin with ``#``, and a line ``sep=;`` as Excel
  writes it, which says the delimiter. A comment of which all cells but the first are numbers is
  refused, since it may be a row.
* **Delimiter**: a tab in ``.tsv``. In ``.csv`` a semicolon where the second line has one outside
  quotes (the first line, if there is no other) or where decimals have a comma; else a comma.
* **Within the table**: blank lines hold nothing and are passed over; but in a table of one column
  each would be an empty cell, and is refused. Comments are refused.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

from shapemetrics.datasets.files.cells import number
from shapemetrics.datasets.files.formats import TABLES, suffix_of

#: Text may be at most so many times as large as its compressed file, once it has `UNCHECKED` bytes.
MOST_EXPANSION = 200
UNCHECKED = 2**28
_BOMS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_OTHERS = {
    b"\x1f\x8b": "a file compressed by gzip, expected the suffix .csv.gz or .tsv.gz",
    b"PK\x03\x04": "an Excel workbook or another zip archive, expected text; save it as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook, expected text; save it as CSV",
}
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_SEP = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """What divides a table's cells, and where its first row begins.

    Attributes
    ----------
    delimiter : str
        One character.
    chosen : bool
        Whether an option or the file itself says so, not a rule.
    skipped : int
        Lines above the first row.
    comments : list of (int, str)
        Those of them that are comments, with their numbers.
    """

    delimiter: str
    chosen: bool
    skipped: int
    comments: list[tuple[int, str]]


def layout(path: Path, delimiter: str | None, decimal: str | None) -> Layout:
    """Look at the top of a table for its delimiter.

    Raises
    ------
    ValueError
        If the file is no text, or holds no rows.
    """
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise ValueError(f"{path}: found delimiter {delimiter!r}, expected one character")
    comments, skipped, rows = [], 0, []
    with open_text(path) as stream:
        for line in stream:
            text = line.strip()
            if rows:
                if text:
                    rows.append(text)
                    break
                continue
            declared = _SEP.fullmatch(text) or (_SEP.fullmatch(line.rstrip("\r\n")))
            if text and not declared and not text.startswith("#"):
                rows.append(text)
                continue
            skipped += 1
            if text.startswith("#"):
                comments.append((skipped, text))
            if declared:
                delimiter = delimiter or declared[1]
    if not rows:
        raise ValueError(f"{path}: no readable table: found no rows, expected numbers")
    if delimiter is not None:
        return Layout(delimiter, True, skipped, comments)
    usual = TABLES.get(suffix_of(path), ",")
    semicolon = usual == "," and (decimal == "," or ";" in _QUOTED.sub("", rows[-1]))
    return Layout(";" if semicolon else usual, False, skipped, comments)


def rows(path: Path, table: Layout) -> Iterator[tuple[int, list[str]]]:
    """Yield (number of the line, cells without spaces around them) of every row.

    A blank line is given as an empty list.

    Raises
    ------
    ValueError
        If quotes do not match, or the file ends too early.
    """
    blank = table.delimiter == " "
    with open_text(path) as stream:
        for _ in range(table.skipped):
            next(stream)
        # Of several spaces one divides, and those at the ends of a line do not.
        lines = (line.strip() + "\n" for line in stream) if blank else stream
        reader = csv.reader(lines, delimiter=table.delimiter, skipinitialspace=blank, strict=True)
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                at = table.skipped + reader.line_num
                raise ValueError(f"{path}: no readable table: line {at}: {error}") from None
            cells = list(map(str.strip, cells))
            # Of one empty cell in quotes the reader makes [""], of nothing [].
            yield table.skipped + reader.line_num, cells


def check_comments(path: Path, table: Layout, n_columns: int, decimal: str) -> None:
    """ValueError where a comment above the table may be a row of it."""
    for line, text in table.comments:
        cells = text.split(table.delimiter)
        numeric = [number(cell, decimal) is not None for cell in cells[1:]]
        if numeric and len(cells) == n_columns and all(numeric):
            raise ValueError(
                f"{path}: line {line} begins with '#' and holds numbers, expected a comment in "
                "words, or a row without '#'"
            )


@dataclass(frozen=True)
class TextTable:
    """A small table of names and facts, all of it text.

    Attributes
    ----------
    layout : Layout
    header : list of str
        Names of the columns, all different.
    rows : list of list of str
        As many cells each.
    lines : list of int
        Number of each row's line.
    """

    layout: Layout
    header: list[str]
    rows: list[list[str]]
    lines: list[int]

    def column(self, name: str) -> list[str]:
        """All cells of a column."""
        place = self.header.index(name)
        return [row[place] for row in self.rows]


def read_text_table(path: Path, what: str) -> TextTable:
    """Read a table whose first row names its columns.

    A first column without a name that only counts the rows is left out (pandas writes it), and so
    are columns at the end without a name and without a cell (spreadsheets do).

    Parameters
    ----------
    path : pathlib.Path
    what : str
        What it should be, for messages: "a table of stimuli".

    Raises
    ------
    ValueError
        If there is no such file, rows differ in length, or two columns have one name.
    """
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file, expected {what}")
    divided = layout(path, None, None)
    found = [(line, cells) for line, cells in rows(path, divided) if cells]
    _, header = found.pop(0)
    for line, cells in found:
        if len(cells) != len(header):
            raise ValueError(
                f"{path}: no readable table: line {line} has {len(cells)} cells, expected "
                f"{len(header)} as in its first row (delimiter {divided.delimiter!r})"
            )
    table = [cells for _, cells in found]
    while len(header) > 1 and not header[-1] and not any(cells[-1] for cells in table):
        header, table = header[:-1], [cells[:-1] for cells in table]
    numbers = [cells[0] for cells in table]
    if (
        len(header) > 1
        and not header[0]
        and any(numbers == [str(start + row) for row in range(len(numbers))] for start in (0, 1))
    ):
        header, table = header[1:], [cells[1:] for cells in table]
    for name in header:
        if header.count(name) > 1:
            raise ValueError(f"{path}: column {name!r} stands twice")
    return TextTable(divided, header, table, [line for line, _ in found])


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a table, compressed or not, as lines of text.

    Raises
    ------
    ValueError
        In one line, also for what is found wrong while it is read.
    """
    try:
        with open(path, "rb") as file:
            binary: BinaryIO = file
            if path.suffix.lower() == ".gz":
                binary = io.BufferedReader(_Unpacked(path, file))
            start = binary.peek(4)[:4]
            for signature, what in _OTHERS.items():
                if start.startswith(signature):
                    raise ValueError(f"{path}: found {what}")
            encoding = next((name for bom, name in _BOMS.items() if start.startswith(bom)), "utf-8")
            with io.TextIOWrapper(binary, encoding=encoding, newline="") as stream:
                yield _Checked(path, stream)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: no readable table: found bytes that are no {error.encoding} "
            f"({error.object[error.start : error.start + 4]!r}), expected UTF-8"
        ) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: damaged, or not compressed by gzip: {error}") from None


class _Checked:
    """Lines of text, none with a NUL, which no encoding that is read here leaves."""

    def __init__(self, path: Path, stream: TextIO) -> None:
        self._path, self._stream = path, stream

    def __iter__(self) -> _Checked:
        return self

    def __next__(self) -> str:
        line = next(self._stream)
        if "\0" in line:
            raise ValueError(
                f"{self._path}: no readable table: found NUL characters, expected text in UTF-8; "
                "UTF-16 needs its mark (BOM)"
            )
        return line


class _Unpacked(io.RawIOBase):
    """What a gzip file holds, as far as it is not out of all proportion to the file."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._most = max(UNCHECKED, MOST_EXPANSION * os.fstat(file.fileno()).st_size)
        self._stream = gzip.GzipFile(fileobj=file, mode="rb")
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        content = self._stream.read(len(buffer))
        self._size += len(content)
        if self._size > self._most:
            raise ValueError(
                f"{self._path}: unpacks to more than {self._most:,} bytes, over "
                f"{MOST_EXPANSION} times its size, expected a table; unpack it first if it is one"
            )
        buffer[: len(content)] = content
        return len(content)
