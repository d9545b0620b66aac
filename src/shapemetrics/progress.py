"""Progress of long work: a bar on a terminal, a line every few seconds in a log."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO

from tqdm import tqdm

Progress = Callable[[int, int], None]


class ProgressLine(tqdm):
    """A tqdm that prints whole lines where its stream is no terminal, so that logs stay legible."""

    def __init__(self, *, total: int, desc: str, unit: str, file: TextIO | None = None) -> None:
        self._stream = sys.stderr if file is None else file
        terminal = self._stream.isatty()
        super().__init__(
            total=total,
            desc=desc,
            unit=unit,
            file=self._stream,
            mininterval=0.2 if terminal else 5.0,
            maxinterval=10.0,
            leave=True,
            dynamic_ncols=terminal,
            bar_format=None
            if terminal
            else "{desc}: {n_fmt}/{total_fmt} {unit}, {rate_fmt}, {remaining} left\n",
        )
        if not terminal:
            self.sp = self._print_line

    def _print_line(self, text: str) -> None:
        self._stream.write(text.rstrip("\n") + "\n")
        self._stream.flush()

    def __call__(self, done: int, total: int) -> None:
        """Report that `done` of `total` are done."""
        self.total = total
        self.update(done - self.n)
