"""Which array of a file that holds several.

A matrix is an array of at least two axes; in a ``.mat`` file, where a number and a list have two
axes as well, of at least two that are longer than one. The only array of a file is taken, whatever
its axes; else its only matrix; else the one that an option names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shapemetrics.limits import available_memory, describe_free


@dataclass(frozen=True)
class Variable:
    """An array in a file, as its header describes it.

    Attributes
    ----------
    name : str
    shape : tuple of int
    unreadable : str
        Why it is no array of real numbers, as "is a MATLAB struct"; empty where it is one.
    matrix : bool
        Whether it has the axes of what is looked for.
    """

    name: str
    shape: tuple[int, ...]
    unreadable: str = ""
    matrix: bool = True

    def __str__(self) -> str:
        return f"{self.name} {self.shape}" + (f" {self.unreadable}" if self.unreadable else "")


def candidates(variables: Sequence[Variable]) -> list[Variable]:
    """The arrays among which the one that is looked for must be.

    Examples
    --------
    >>> held = [Variable("V1", (30, 5)), Variable("labels", (30,), matrix=False)]
    >>> [variable.name for variable in candidates(held)]
    ['V1']
    """
    if len(variables) == 1:
        return list(variables)
    return [variable for variable in variables if variable.matrix]


def chosen_variable(path: Path, variables: Sequence[Variable], name: str | None) -> Variable:
    """The array asked for, or the only one.

    Raises
    ------
    ValueError
        If it is not there or no array of numbers, or several are and none is asked for.
    """
    if not variables or (name is None and all("text" in each.unreadable for each in variables)):
        held = f" ({listed(variables)})" if variables else ""
        raise ValueError(f"{path}: found no array of numbers{held}, expected at least one")
    if name is not None:
        found = next((variable for variable in variables if variable.name == name), None)
        if found is None:
            raise ValueError(f"{path}: no array {name!r}, found {listed(variables)}")
    else:
        possible = candidates(variables)
        if len(possible) != 1:
            what = "arrays" if possible else "arrays, none of two axes or more"
            raise ValueError(
                f"{path}: found {len(possible or variables)} {what} "
                f"({listed(possible or variables)}), expected one, "
                "or variable: its name (--variable)"
            )
        found = possible[0]
    if found.unreadable:
        raise ValueError(
            f"{path}: {found.name!r} {found.unreadable}, expected a full array of real numbers"
        )
    return found


def check_fits(path: Path, name: str, n_bytes: int) -> None:
    """Compare what an array takes with the memory that is free, before it is unpacked.

    Compressed files can be a thousandth of what they hold, and headers can promise anything.

    Raises
    ------
    ValueError
        If it takes more than the process may use.
    """
    free = available_memory()
    if free is not None and n_bytes > free:
        raise ValueError(
            f"{path}: {name!r} takes {n_bytes / 1e9:.1f} GB, expected less: {describe_free(free)}"
        )


def left_out(variables: Sequence[Variable]) -> list[Variable]:
    """Arrays that are passed over where none is asked for."""
    possible = candidates(variables)
    return [variable for variable in variables if variable not in possible]


def listed(variables: Sequence[Variable]) -> str:
    """Names and shapes, a few of many."""
    shown = ", ".join(map(str, variables[:8]))
    return shown + (", ..." if len(variables) > 8 else "")
