"""Writing files so that nothing is ever half-written: a temporary name, then a rename."""

from __future__ import annotations

import errno
import hashlib
import math
import os
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")

#: What readers of arrays and archives raise when content is wrong. Errors of the machine (memory,
#: too many open files, a disk that fails) are none of these: they say nothing about the content.
READING = (
    *(ValueError, TypeError, KeyError, EOFError, SyntaxError, NotImplementedError),
    *(tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)


class DamagedFile(ValueError):
    """A file whose content is not what was written.

    Parameters
    ----------
    path : path-like
        The file.
    reason : str
        What was found and what was expected.

    Attributes
    ----------
    path : pathlib.Path
    """

    def __init__(self, path: str | os.PathLike, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)


@contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` on success, remove it on error.

    Parameters
    ----------
    path : path-like
        The final name. Its folder is made where it is missing.

    Yields
    ------
    pathlib.Path
        A name in the same folder, with the same suffix, that the caller writes.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "table.csv"
    >>> with atomic_path(target) as temporary:
    ...     _ = temporary.write_text("a,b\\n")
    >>> target.read_text()
    'a,b\\n'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{path.stem}.", suffix=f".tmp{path.suffix}", dir=path.parent
    )
    os.close(handle)
    temporary = Path(name)
    # mkstemp makes a private file; results are for everybody the umask allows.
    umask = os.umask(0)
    os.umask(umask)
    temporary.chmod(0o666 & ~umask)
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def save_archive(path: str | os.PathLike, **arrays: Any) -> None:
    """Write arrays and texts as an ``.npz``, under a temporary name and renamed."""
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        np.savez(stream, **{name: np.asarray(array) for name, array in arrays.items()})


def read_archive(
    path: str | os.PathLike, what: str, parse: Callable[[Mapping[str, np.ndarray]], T]
) -> T:
    """Read an ``.npz``, and make of its arrays what it holds.

    Parameters
    ----------
    path : path-like
    what : str
        What the file should be, for messages: "a matrix of distances".
    parse : callable
        From the arrays by name to what is returned.

    Raises
    ------
    ValueError
        If there is no such file.
    DamagedFile
        If it cannot be read, or `parse` refuses what it holds.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file, expected {what}")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return parse(arrays)
    except (*READING, OSError) as error:
        # A damaged archive makes zipfile look before the beginning of the file.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        readable = f"a readable {what[2:]}" if what.startswith("a ") else f"readable {what}"
        raise DamagedFile(path, f"not {readable} ({shortened(error)})") from error


def shortened(error: BaseException, most: int = 200) -> str:
    """An error's message, cut where it quotes a damaged file at length, in one line."""
    text = " ".join(str(error).split())
    return text if len(text) <= most else f"{text[:most]} ..."


def sha256_of(path: str | os.PathLike) -> str:
    """Hexadecimal SHA-256 digest of a file's bytes."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def json_ready(value: Any) -> Any:
    """A value as JSON can hold it: NumPy's numbers and arrays as Python's, all else as text.

    Numbers that are not finite become None, which JSON has for what is not known.

    Parameters
    ----------
    value : object
        Mappings and sequences of numbers, texts, and whatever else.

    Examples
    --------
    >>> json_ready({"n": np.int64(3), "noise": float("nan"), "shape": (2, np.inf)})
    {'n': 3, 'noise': None, 'shape': [2, None]}
    """
    if isinstance(value, Mapping):
        return {str(key): json_ready(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [json_ready(each) for each in value]
    if hasattr(value, "tolist"):
        return json_ready(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | None) else str(value)
