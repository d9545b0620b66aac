"""Which files hold equal content, without reading those that differ at their beginning."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from shapemetrics.files import sha256_of

#: Bytes of each file that are read: an ``.npy``'s header and about a thousand numbers.
BEGINNING = 8192


def content_keys(files: Sequence[Path], most_bytes: int) -> list[str]:
    """A key of each file's content: equal for equal files, different for others.

    Parameters
    ----------
    files : sequence of pathlib.Path
    most_bytes : int
        Files that begin alike are read as a whole where together they are no larger than this;
        beyond that they count as different.

    Returns
    -------
    list of str

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name, text in (("a", "x"), ("b", "y"), ("c", "x")):
    ...     _ = (folder / name).write_text(text)
    >>> a, b, c = content_keys([folder / name for name in "abc"], 1000)
    >>> a == c, a == b
    (True, False)
    """
    sizes = [file.stat().st_size for file in files]
    lone = {size for size, count in Counter(sizes).items() if count == 1}
    keys = [
        f"size {size}" if size in lone else f"size {size} begins {_beginning(file)}"
        for file, size in zip(files, sizes)
    ]
    alike = Counter(keys)
    doubtful = [i for i, key in enumerate(keys) if alike[key] > 1 and sizes[i] > BEGINNING]
    readable = sum(sizes[i] for i in doubtful) <= most_bytes
    for i in doubtful:
        keys[i] = f"sha256 {sha256_of(files[i])}" if readable else f"file {i}"
    return keys


def _beginning(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.sha256(stream.read(BEGINNING)).hexdigest()
