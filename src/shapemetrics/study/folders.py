"""The results folder, looked at before anything is computed."""

from __future__ import annotations

import os
from pathlib import Path


def check_writable(results: str | os.PathLike) -> None:
    """ValueError where nothing can be written into the results folder, or into what will hold it.

    Parameters
    ----------
    results : path-like
        The folder; it need not exist.
    """
    folder = Path(results).absolute()
    there = next(part for part in (folder, *folder.parents) if part.exists())
    if not there.is_dir():
        raise ValueError(f"results: {there} is a file, expected a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(f"results: {there} is not writable, expected a folder to write into")
