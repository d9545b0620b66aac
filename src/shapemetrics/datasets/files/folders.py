"""Which files of a folder hold responses: one rule for the command line and the study."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from shapemetrics.datasets.files.formats import FORMATS, TABLES, WEIGHTS, stem_of, suffix_of
from shapemetrics.datasets.files.text import layout, rows

#: Columns of a table about files.
ABOUT = ("id", "file")
#: Name of a table about stimuli.
STIMULI = "stimuli"


def response_files(folder: Path) -> tuple[list[Path], list[str]]:
    """Files of a folder that hold responses, and what is said about those that do not.

    These do not:

    * hidden files (a dot in front, such as ``._a.npy`` of macOS) and locks of Office (``~$``), of
      which nothing is said;
    * files without a suffix of a format, and folders;
    * a table about the others: it has a column ``id`` or ``file``, and a cell of it is the id of
      another of the files, or its name;
    * a table called ``stimuli`` that has a column ``id``.

    Parameters
    ----------
    folder : pathlib.Path

    Returns
    -------
    files : list of pathlib.Path
        In the order of their names.
    remarks : list of str
        What was left out, a line each; empty where nothing was.

    Raises
    ------
    ValueError
        If a link leads nowhere.
    """
    shown = sorted(path for path in folder.iterdir() if not path.name.startswith((".", "~$")))
    files = [path for path in shown if suffix_of(path) in FORMATS and not path.is_dir()]
    responses = [path for path in files if suffix_of(path) not in WEIGHTS]
    files = responses or files
    for path in files:
        if not path.exists():
            raise ValueError(f"{path}: found a link that leads nowhere, expected a file")
    tables = {path: _left_out(path, files) for path in files if suffix_of(path) in TABLES}
    remarks = [f"{path}: left out, {why}" for path, why in tables.items() if why]
    others = Counter(
        "folder" if path.is_dir() else (path.suffix.lower() or "without suffix")
        for path in shown
        if path not in files
    )
    if others:
        listed = ", ".join(f"{count} {what}" for what, count in sorted(others.items())[:6])
        remarks.append(f"{folder}: left out, no files of responses: {listed}")
    return [path for path in files if not tables.get(path)], remarks


def _left_out(path: Path, files: list[Path]) -> str | None:
    """Why a table holds no responses; None where it may."""
    known = {stem_of(file) for file in files if file != path}
    known |= {file.name for file in files if file != path}
    try:
        found = (cells for _, cells in rows(path, layout(path, None, None)) if cells)
        header = next(found)
        if stem_of(path).lower() == STIMULI and "id" in header:
            return "a table of stimuli"
        places = [header.index(column) for column in ABOUT if column in header]
        if places and any(
            cells[at] in known for cells in found for at in places if at < len(cells)
        ):
            return "a table about the files"
    except (ValueError, StopIteration):
        pass  # whoever reads it says what is wrong
    return None
