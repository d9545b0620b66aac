"""Which array of a file that holds several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def chosen_variable(path: Path, names: Sequence[str], variable: str | None) -> str:
    """The variable asked for, or the only one.

    Raises
    ------
    ValueError
        If it is not there, or several are and none is asked for.
    """
    listed = ", ".join(sorted(names)[:8]) + (", ..." if len(names) > 8 else "")
    if not names:
        raise ValueError(f"{path}: found no array of numbers, expected at least one")
    if variable is None:
        if len(names) > 1:
            raise ValueError(
                f"{path}: found {len(names)} arrays ({listed}), expected one, or 'variable' to "
                "say which"
            )
        return names[0]
    if variable not in names:
        raise ValueError(f"{path}: no array {variable!r}, found {listed}")
    return variable
