"""How needs of data are stated, and what follows where data do not meet them.

A setting that is larger than the data allow shrinks to what they allow where it came with the
default configuration, and is refused where the user chose it. What cannot be done at all is left
out, with a line that says why, or refused where the user chose it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

#: What a note says of what is not done.
LEFT_OUT = "left out"


class Refused(ValueError):
    """A configuration that the data cannot meet; the message names the key."""


@dataclass(frozen=True)
class Note:
    """A setting that was changed, or something that was left out, because of the data.

    Attributes
    ----------
    key : str
        Configuration key, as ``analyses.regression.n_outer``.
    found, expected, done : str
        What the key or the data hold, what was expected, and what was done about it.
    """

    key: str
    found: str
    expected: str
    done: str

    def __str__(self) -> str:
        return f"{self.key}: found {self.found}, expected {self.expected}; {self.done}"

    def refusal(self) -> Refused:
        """The same as an error."""
        return Refused(
            f"configuration key {self.key!r}: found {self.found}, expected {self.expected}"
        )


class LeftOut(Exception):
    """An analysis, or a measure, that the data do not allow.

    Parameters
    ----------
    note : Note
        What was found, and what was expected.
    """

    def __init__(self, note: Note) -> None:
        super().__init__(str(note))
        self.note = note


@dataclass(frozen=True)
class Sizes:
    """Sizes of the matrices of one selection, as a measure reads them.

    Attributes
    ----------
    n_items : int
        Representations.
    n_stimuli : int
        Rows of each; with positions as samples, stimuli times positions.
    least_units, most_units : int
        Columns of the narrowest and of the widest.
    """

    n_items: int
    n_stimuli: int
    least_units: int
    most_units: int


@dataclass(frozen=True)
class Items:
    """What is known about the items of one analysis before it runs.

    Attributes
    ----------
    n : int
        Items whose target or class is known.
    groups : tuple of int
        Items of each group, largest first; ones where items are not grouped.
    classes : tuple of int
        Members of each class (or groups that hold it), largest first.
    equal : tuple of int
        Numbers of items with equal arrays, for each array that several have.
    unit : str
        What folds are made of, in words.
    group_key : str or None
        Configuration key of the groups.
    leave_one_out : bool
        Whether each item, or group, is a fold of its own.
    """

    n: int
    groups: tuple[int, ...] = ()
    classes: tuple[int, ...] = ()
    equal: tuple[int, ...] = ()
    unit: str = "representations"
    group_key: str | None = None
    leave_one_out: bool = False

    @property
    def n_distinct(self) -> int:
        """Different arrays."""
        return self.n - sum(self.equal) + len(self.equal)


@dataclass(frozen=True)
class Bound:
    """A setting that the data bound from above.

    Attributes
    ----------
    key : str
        Name of the setting.
    most : callable of settings and data
        Largest value that the data allow.
    because : callable of data
        Where that number comes from, in words.
    least : int
        Smallest value of any use; where the data allow less, nothing can be done.
    taken : callable of settings and data
        The value that is really used; None is no need at all. By default the setting itself.
    fault : callable of data
        Key and number of what there is too little of, where nothing can be done; by default the
        setting's own.
    """

    key: str
    most: Callable[[Any, Any], int]
    because: Callable[[Any], str]
    least: int = 1
    taken: Callable[[Any, Any], int | None] | None = None
    fault: Callable[[Any], tuple[str, str, str] | None] = lambda data: None


#: Key (None is the whole entry), what was found and what is expected, where something is missing.
Shortage = tuple[str | None, str, str]
Check = Callable[[Any, Any], Shortage | None]


@dataclass(frozen=True)
class Need:
    """What one measure or analysis needs.

    Attributes
    ----------
    bounds : tuple of Bound
        Settings that can shrink, in the order in which they depend on one another.
    checks : tuple of callable
        Further conditions, each of settings and data, that say what is missing.
    kept : callable of settings, stimuli and units
        Numbers that a prepared network takes, where they are more than its responses.
    """

    bounds: tuple[Bound, ...] = ()
    checks: tuple[Check, ...] = ()
    kept: Callable[[Any, int, int], int] = lambda metric, m, n: m * n


@dataclass(frozen=True)
class Findings:
    """What is known about a dataset before anything of it is compared.

    Attributes
    ----------
    notes : list of Note
        Settings that were changed, and what was left out.
    figures : set of str
        Figures that are left out, by their names in the dataset's Kind.
    measures : set of str
        Comparisons that are left out.
    """

    notes: list[Note] = field(default_factory=list)
    figures: frozenset[str] = frozenset()
    measures: frozenset[str] = frozenset()


def fitted(
    need: Need,
    settings: Mapping[str, Any],
    data: Any,
    read: Callable[[Mapping[str, Any]], Any],
    entry: str,
    fixed: Collection[str],
) -> tuple[dict[str, Any], list[Note]]:
    """Settings that fit the data, and what was changed.

    Parameters
    ----------
    need : Need
    settings : mapping
    data : object
        What bounds and checks are asked of.
    read : callable
        Turns settings into what bounds and checks read them from, by attribute.
    entry : str
        Configuration key of the settings.
    fixed : collection of str
        Names of settings that the user chose, which must not shrink.

    Raises
    ------
    Refused
        If a setting of the user's is too large, or what the user chose cannot be done.
    LeftOut
        If what came with the default configuration cannot be done.
    """
    settings, notes = dict(settings), []
    for bound in need.bounds:
        values = read(settings)
        taken = getattr(values, bound.key) if bound.taken is None else bound.taken(values, data)
        most = bound.most(values, data)
        if taken is None or taken <= most:
            continue
        key, found = f"{entry}.{bound.key}", _shown(getattr(values, bound.key))
        wanted = f"at most {max(most, 0)} ({bound.because(data)})"
        if bound.key in fixed:
            raise Note(key, found, wanted, "").refusal()
        if most < bound.least:
            raise LeftOut(Note(*(bound.fault(data) or (key, found, wanted)), LEFT_OUT))
        settings[bound.key] = most
        notes.append(Note(key, found, wanted, f"{most} is used"))
    values = read(settings)
    for check in need.checks:
        shortage = check(values, data)
        if shortage is None:
            continue
        key, found, expected = shortage
        where = entry if key is None else key if "." in key else f"{entry}.{key}"
        if fixed and not isinstance(data, Items):
            raise Note(where, found, expected, "").refusal()
        raise LeftOut(Note(where, found, expected, LEFT_OUT))
    return settings, notes


def _shown(value: Any) -> str:
    """A value as YAML has it."""
    return "null" if value is None else str(value)
