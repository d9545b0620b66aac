"""What of an NWB file is read: the intervals that are trials, and the units that count."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

#: Names that mean "no region" in every file, in any case.
NO_REGION = frozenset(
    {"", "nan", "none", "null", "n/a", "unknown", "unassigned", "unlabeled", "undefined", "void"}
)


@dataclass(frozen=True)
class ColumnFilter:
    """Which rows of a table pass, by one of its columns.

    Attributes
    ----------
    min, max : float or None
        Limits, which pass themselves; a missing number (NaN) passes none.
    values : sequence or None
        Only rows with one of these values; text is compared without surrounding blanks.

    Examples
    --------
    >>> ColumnFilter(min=2).passing(np.array([1.0, 2.0, np.nan])).tolist()
    [False, True, False]
    >>> ColumnFilter(values=("good",)).passing(np.array(["good", "mua"])).tolist()
    [True, False]
    """

    min: float | None = None
    max: float | None = None
    values: tuple[str | float | bool, ...] | None = None

    def __post_init__(self) -> None:
        if self.min is None and self.max is None and self.values is None:
            raise ValueError("found none of min, max and values, expected at least one")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min: found {self.min}, expected at most max ({self.max})")

    @classmethod
    def of(cls, given: ColumnFilter | Mapping[str, Any]) -> ColumnFilter:
        """A filter, also from a mapping of its fields."""
        if isinstance(given, ColumnFilter):
            return given
        values = given.get("values")
        return cls(**{**given, "values": None if values is None else tuple(values)})

    def passing(self, column: NDArray) -> NDArray[np.bool_]:
        """Mask of the rows that pass.

        Raises
        ------
        ValueError
            If limits meet text, or values are text where the column is not, or the other way.
        """
        text = column.dtype.kind == "U"
        keep = np.ones(len(column), dtype=bool)
        if self.min is not None or self.max is not None:
            if text:
                raise ValueError("found text, expected numbers for min and max")
            low = -math.inf if self.min is None else self.min
            high = math.inf if self.max is None else self.max
            keep &= (column >= low) & (column <= high)
        if self.values is not None:
            if any(isinstance(value, str) != text for value in self.values):
                kind = "text" if text else "numbers"
                raise ValueError(f"found {kind}, expected what values {list(self.values)} can be")
            shown = np.char.strip(column) if text else column
            keep &= np.isin(shown, list(self.values))
        return keep


Filters = Mapping[str, ColumnFilter | Mapping[str, Any]]


@dataclass(frozen=True)
class Intervals:
    """Which intervals are trials, what tells their condition, and when spikes are counted.

    Attributes
    ----------
    condition : sequence of str
        Columns of the table that tell what was shown or done; each combination of their values is a
        condition. Trials that lack one of them (NaN, blank) are left out.
    duration : float
        Seconds of the window in which spikes are counted.
    table : str
        Table of intervals: a name below ``intervals`` (``trials``, ``epochs``, any presentations),
        or a path in the file.
    start : str
        Column of times in seconds that the window is measured from.
    offset : float
        Seconds from that time to the start of the window; negative begins before it.
    bin_width : float or None
        Seconds of a bin, of which the window holds a whole number; None counts the window as one.
    filters : mapping of str to ColumnFilter
        Trials are left out unless these columns of the table pass.
    skip_invalid : bool
        Whether trials are left out whose window touches one of the file's ``invalid_times``.

    Examples
    --------
    >>> Intervals(("contrast",), duration=0.4, bin_width=0.1).edges.round(3).tolist()
    [0.0, 0.1, 0.2, 0.3, 0.4]
    """

    condition: tuple[str, ...]
    duration: float
    table: str = "trials"
    start: str = "start_time"
    offset: float = 0.0
    bin_width: float | None = None
    filters: Filters = field(default_factory=dict)
    skip_invalid: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.condition, str) or not self.condition:
            raise ValueError(
                f"condition: found {self.condition!r}, expected a list of names of columns"
            )
        if not (math.isfinite(self.duration) and self.duration > 0):
            raise ValueError(f"duration: found {self.duration}, expected seconds above 0")
        if not math.isfinite(self.offset):
            raise ValueError(f"offset: found {self.offset}, expected seconds")
        if self.bin_width is not None:
            ratio = self.duration / self.bin_width if self.bin_width > 0 else math.nan
            if not (ratio > 0.5 and abs(ratio - round(ratio)) <= 1e-6 * ratio):
                raise ValueError(
                    f"bin_width: found {self.bin_width}, expected a whole number of bins in "
                    f"{self.duration} s"
                )

    @property
    def n_bins(self) -> int:
        """Bins of a window."""
        return 1 if self.bin_width is None else round(self.duration / self.bin_width)

    @property
    def edges(self) -> NDArray[np.float64]:
        """Edges of the bins in seconds from the start, of shape (n_bins + 1,)."""
        return self.offset + self.duration * np.arange(self.n_bins + 1) / self.n_bins


@dataclass(frozen=True)
class UnitColumns:
    """Which units count, and in which region each lies.

    Attributes
    ----------
    region : str
        Column that names the region.
    region_table : {"electrodes", "units"}
        Table of that column. With ``electrodes`` a unit lies where its electrodes do.
    electrodes : str
        Column of the units table that names a unit's electrodes: rows of the electrodes table
        (``electrodes``), or values of a column of it, such as the ids in ``peak_channel_id``.
    matches : str or None
        Column of the electrodes table whose values `electrodes` holds, such as ``id``; None means
        rows of that table. Values that repeat are told apart by the unit's ``electrode_group``.
    several : {"most", "first", "drop"}
        Where electrodes of a unit lie in several regions: the region of most of them (of equally
        many the first; none where most lie in none), that of the first electrode, or none.
    filters : mapping of str to ColumnFilter
        Units are left out unless these columns of the units table pass.
    no_region : sequence of str
        Names that mean "no region" in these files, besides empty ones, nan, none, null, n/a,
        unknown, unassigned, unlabeled, undefined and void in any case.
    rename : mapping of str to str
        New names of regions; two with one new name are joined.

    Examples
    --------
    >>> columns = UnitColumns(no_region=("root",), rename={"VISp2/3": "VISp"})
    >>> [columns.cleaned(name) for name in (" VISp2/3 ", "root", "CA  1", "NaN")]
    ['VISp', '', 'CA 1', '']
    """

    region: str = "location"
    region_table: Literal["electrodes", "units"] = "electrodes"
    electrodes: str = "electrodes"
    matches: str | None = None
    several: Literal["most", "first", "drop"] = "most"
    filters: Filters = field(default_factory=dict)
    no_region: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, found, known in (
            ("region_table", self.region_table, ("electrodes", "units")),
            ("several", self.several, ("most", "first", "drop")),
        ):
            if found not in known:
                raise ValueError(f"{name}: found {found!r}, expected one of {', '.join(known)}")

    def cleaned(self, name: str) -> str:
        """A region's name as it is used; empty where there is none.

        Blanks around it go and runs of blanks become one, then it is renamed, then names that mean
        "no region" become empty.
        """
        name = " ".join(str(name).split())
        name = " ".join(self.rename.get(name, name).split())
        return "" if name.lower() in NO_REGION or name in self.no_region else name
