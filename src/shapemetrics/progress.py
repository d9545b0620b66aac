"""Progress of long work: a bar on a terminal, a line every few seconds in a log."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from tqdm import tqdm

Progress = Callable[[int, int], None]

LINE_FORMAT = "{desc}: {n_fmt}/{total_fmt} {unit}, {rate_fmt}, {remaining} left"


class _Lines:
    """A stream on which every redrawn bar becomes a line of its own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        text = text.strip()
        if text:
            self._stream.write(text + "\n")

    def flush(self) -> None:
        self._stream.flush()


class ProgressLine(tqdm):
    """A tqdm that prints whole lines where its stream is no terminal, so that logs stay legible.

    Parameters
    ----------
    total : int
        Number of things to do.
    desc : str
        What is being done.
    unit : str
        What is counted, in the plural.
    file : text stream, optional
        By default the standard error stream.
    """

    def __init__(self, *, total: int, desc: str, unit: str, file: TextIO | None = None) -> None:
        stream = sys.stderr if file is None else file
        if stream.isatty():
            options = {"file": stream, "mininterval": 0.2, "dynamic_ncols": True}
        else:
            options = {"file": _Lines(stream), "mininterval": 5.0, "bar_format": LINE_FORMAT}
        super().__init__(total=total, desc=desc, unit=unit, **options)

    def __call__(self, done: int, total: int) -> None:
        """Report that `done` of `total` are done."""
        self.total = total
        self.update(done - self.n)


def check_progress(progress: Any) -> None:
    """TypeError unless `progress` is True, False or a function."""
    if not isinstance(progress, bool) and not callable(progress):
        raise TypeError(f"progress: found {progress!r}, expected True, False or a function")


@contextmanager
def reporting(progress: bool | Progress, *, total: int, desc: str, unit: str) -> Iterator[Progress]:
    """What long work tells its progress to: a line of its own, the caller's function, or nobody.

    Parameters
    ----------
    progress : bool or callable
        True for a line on the standard error stream.
    total, desc, unit
        See :class:`ProgressLine`.

    Yields
    ------
    callable
        Takes the number done, and of all.
    """
    if progress is not True:
        yield progress or (lambda done, total: None)
        return
    with ProgressLine(total=total, desc=desc, unit=unit) as line:
        yield line
