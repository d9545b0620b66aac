"""Matrices of distances in files and pipes, and the forms that results are written in."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:  # the help is shown without loading pandas
    import pandas as pd

    from shapemetrics.pairwise.matrix import DistanceMatrix

FORMS = ("csv", "tsv", "json", "npz")
SEPARATORS = {"csv": ",", "tsv": "\t"}
STREAM = Path("-")


def form_of(output: Path | None, form: str | None, default: str, forms: tuple = FORMS) -> str:
    """Form of an output: as asked for, or by the suffix, or the default on a stream."""
    if form is not None:
        return form
    if is_stream(output):
        return default
    found = output.suffix.lower().removeprefix(".")
    if found not in forms:
        expected = ", ".join(f".{each}" for each in forms)
        raise ValueError(
            f"{output}: found suffix {output.suffix!r}, expected {expected}, or --format"
        )
    return found


def is_stream(path: Path | None) -> bool:
    """Whether an output goes to the standard output stream."""
    return path is None or path == STREAM


def check_outputs(*paths: Path | None, force: bool) -> None:
    """Refuse to replace files, before anything is computed."""
    for path in paths:
        if is_stream(path):
            continue
        if path.is_dir():
            raise ValueError(f"{path} is a folder, expected the name of a file")
        if path.exists() and not force:
            raise ValueError(f"{path} exists; --force replaces it")


def read_matrix(path: Path) -> DistanceMatrix:
    """A matrix of distances from a file, or from the standard input where the path is ``-``.

    Raises
    ------
    ValueError
        If it is no square matrix of numbers with the same ids on rows and columns.
    """
    from shapemetrics.pairwise.matrix import DistanceMatrix

    if path == STREAM:
        content, name = sys.stdin.buffer.read(), "standard input"
        form = _guess(content)
    else:
        name, form = str(path), path.suffix.lower().removeprefix(".")
        if form == "npz":
            return DistanceMatrix.load(path)
        if form not in (*FORMS, "npy"):
            raise ValueError(
                f"{path}: found suffix {path.suffix!r}, expected .npz, .npy, .csv, .tsv or .json"
            )
        content = path.read_bytes()
    try:
        return _parsed(content, form)
    except Exception as error:
        raise ValueError(f"{name}: not a matrix of distances ({error})") from error


def _guess(content: bytes) -> str:
    if content.startswith(b"PK"):
        return "npz"
    if content.startswith(b"\x93NUMPY"):
        return "npy"
    if content.lstrip().startswith(b"{"):
        return "json"
    return "tsv" if b"\t" in content.partition(b"\n")[0] else "csv"


def _parsed(content: bytes, form: str) -> DistanceMatrix:
    import numpy as np
    import pandas as pd

    from shapemetrics.pairwise.matrix import DistanceMatrix

    if form in ("npz", "npy"):
        loaded = np.load(io.BytesIO(content), allow_pickle=False)
        if form == "npy":
            values = np.asarray(loaded, dtype=float)
            return DistanceMatrix(values, [str(i) for i in range(len(values))], {})
        return DistanceMatrix.from_arrays(loaded)
    if form == "json":
        parts = json.loads(content)
        values = np.array(parts["distances"], dtype=float)
        return DistanceMatrix(values, list(parts["ids"]), parts.get("provenance", {}))
    # Numbers by way of text: then they are those that were written, to the last digit.
    table = pd.read_csv(
        io.BytesIO(content), sep=SEPARATORS[form], index_col=0, dtype=str, keep_default_na=False
    )
    ids = [str(id) for id in table.index]
    if not ids:
        raise ValueError("found no rows")
    if [str(column) for column in table.columns] != ids:
        raise ValueError("ids of columns differ from those of rows")
    return DistanceMatrix(table.to_numpy(dtype=object).astype(float), ids, {})


def write_matrix(matrix: DistanceMatrix, output: Path | None, form: str) -> None:
    """Write a matrix of distances to a file or the standard output, to the last digit."""
    import pandas as pd

    if form == "npz":
        write_archive({"distances": matrix.values, "ids": matrix.ids}, matrix.provenance, output)
    elif form == "json":
        write_json(
            {
                "ids": matrix.ids,
                "distances": matrix.values.tolist(),
                "provenance": matrix.provenance,
            },
            output,
        )
    else:
        table = pd.DataFrame(matrix.values, columns=matrix.ids)
        table.insert(0, "id", matrix.ids, allow_duplicates=True)
        write_table(table, output, form)


def write_table(table: pd.DataFrame, output: Path | None, form: str) -> None:
    """Write a table as CSV or TSV; numbers keep all their digits."""
    with _writing(output) as stream:
        table.to_csv(stream, index=False, sep=SEPARATORS[form], lineterminator="\n")


def write_json(content: Any, output: Path | None, *, indent: int | None = None) -> None:
    """Write JSON; numbers that it cannot hold, such as infinity, become null."""
    from shapemetrics.files import json_ready

    text = json.dumps(json_ready(content), indent=indent, ensure_ascii=False, allow_nan=False)
    with _writing(output) as stream:
        stream.write(text.encode() + b"\n")


def write_archive(
    arrays: Mapping[str, Any], provenance: Mapping[str, Any], output: Path | None
) -> None:
    """Write an ``.npz`` of numbers and texts."""
    import numpy as np

    from shapemetrics.files import json_ready

    if is_stream(output) and sys.stdout.isatty():
        raise ValueError("--format npz: expected -o FILE or a pipe, found a terminal")
    texts = {"provenance": json.dumps(json_ready(provenance), sort_keys=True)}
    with _writing(output) as stream:
        np.savez(stream, **{key: np.asarray(value) for key, value in {**arrays, **texts}.items()})


@contextmanager
def _writing(output: Path | None) -> Iterator[BinaryIO]:
    """The standard output, or a file under a temporary name that is renamed at the end."""
    from shapemetrics.files import atomic_path

    if is_stream(output):
        stream = sys.stdout.buffer
        yield stream
        stream.flush()
        return
    with atomic_path(output) as temporary, open(temporary, "wb") as stream:
        yield stream
