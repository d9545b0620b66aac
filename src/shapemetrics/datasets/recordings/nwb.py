"""Count the spikes of an NWB file by trial, unit and bin; say what was left out, and why."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shapemetrics.datasets.allen.spike_ranges import MOST_RANGES, SHORT_GAP, merged_ranges
from shapemetrics.datasets.http import Retry
from shapemetrics.datasets.recordings.choices import ColumnFilter, Filters, Intervals, UnitColumns
from shapemetrics.datasets.recordings.dynamic_tables import DynamicTable, as_text, group_at, listed
from shapemetrics.datasets.recordings.nwb_files import DANDI, is_remote, nwb_sessions, opened

#: Where files keep the table of electrodes.
ELECTRODES = "general/extracellular_ephys/electrodes"
#: Reasons for which units and trials are left out; those of filters name their column.
NO_REGION, NO_START = "no_region", "no_start"
NO_CONDITION, INVALID_TIME = "no_condition", "invalid_time"
#: Most spikes in a bin, as many as are kept.
MOST_SPIKES = np.iinfo(np.uint16).max


@dataclass(frozen=True, eq=False)
class TrialCounts:
    """Spike counts of one session, trial by trial.

    Attributes
    ----------
    session : str
        Name of the session.
    units : pandas.DataFrame
        One row per unit of the file: ``unit_id``, ``region`` (empty where there is none) and
        ``left_out``, the reason why it does not count, empty where it counts.
    trials : pandas.DataFrame
        One row per interval of the table: ``start`` in seconds, ``condition`` (label) and
        ``left_out`` as for units.
    conditions : list of str
        Labels in the order of the values of their columns.
    counts : ndarray of shape (n_used_trials, n_used_units, n_bins), uint16
        Spikes of the units and trials that count, in the order of their tables.
    recorded : ndarray of shape (n_used_trials, n_used_units), bool
        Whether a unit was observed throughout the window (the file's ``obs_intervals``).
    edges : ndarray of shape (n_bins + 1,)
        Edges of the bins in seconds from the start; a bin holds its lower edge and not its upper.
    remarks : dict of str to int
        What was met with: spikes without a time (``spikes_without_time``), units whose spikes did
        not ascend (``units_sorted``), with electrodes in several regions
        (``units_across_regions``).
    """

    session: str
    units: pd.DataFrame
    trials: pd.DataFrame
    conditions: list[str]
    counts: NDArray[np.uint16]
    recorded: NDArray[np.bool_]
    edges: NDArray[np.float64]
    remarks: dict[str, int] = field(default_factory=dict)

    @property
    def used_units(self) -> pd.DataFrame:
        """Rows of the units that count."""
        return self.units.loc[lambda rows: rows["left_out"] == ""].reset_index(drop=True)

    @property
    def used_trials(self) -> pd.DataFrame:
        """Rows of the trials that count."""
        return self.trials.loc[lambda rows: rows["left_out"] == ""].reset_index(drop=True)


def read_nwb(
    source: str | os.PathLike,
    intervals: Intervals,
    units: UnitColumns | None = None,
    *,
    session: str | None = None,
    retry: Retry | None = None,
    api: str = DANDI,
) -> TrialCounts:
    """Count spikes in the trials of an NWB 2 file.

    Parameters
    ----------
    source : path-like
        A file, an ``http(s)://`` address read by byte ranges (an asset of DANDI's is one), or
        ``dandi:SET[@VERSION]/PATH``.
    intervals : Intervals
        Which table's rows are trials, what tells their condition, and the window.
    units : UnitColumns, optional
        Which units count, and where their regions stand; all, and the ``location`` of their
        electrodes, by default.
    session : str, optional
        Name of the session; that of the file by default.
    retry : Retry, optional
        When to give up on a server.
    api : str
        Address of the DANDI archive's interface.

    Returns
    -------
    TrialCounts

    Raises
    ------
    ValueError
        In one line, if the file is none of NWB 2, lacks a table or column (the line lists those
        that it has, the nearest names first), or a column holds what it cannot. A file in which no
        unit or trial counts is no error: the tables say why.

    Notes
    -----
    Spikes are counted by binary search in each unit's times, after times that are no number were
    dropped and those that do not ascend were sorted; `TrialCounts.remarks` counts both. Bins are
    half-open, so that no spike is in two bins of a trial. Trials may overlap.

    Examples
    --------
    >>> import h5py, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "mine.nwb")
    >>> with h5py.File(path, "w") as file:
    ...     file.attrs["nwb_version"] = "2.6.0"
    ...     file["units/spike_times"] = [0.1, 1.2, 1.3, 0.2]
    ...     file["units/spike_times_index"] = [3, 4]
    ...     file["units/area"] = [b"V1", b"MT"]
    ...     file["intervals/trials/start_time"] = [0.0, 1.0]
    ...     file["intervals/trials/picture"] = [b"cat", b"dog"]
    >>> found = read_nwb(
    ...     path,
    ...     Intervals(condition=("picture",), duration=0.5),
    ...     UnitColumns(region="area", region_table="units"),
    ... )
    >>> found.counts[:, :, 0].tolist()
    [[1, 1], [2, 0]]
    """
    units = units or UnitColumns()
    name = os.fspath(source)
    session = session or next(iter(nwb_sessions([source])))
    with opened(source, retry=retry, api=api) as file:
        try:
            return _read(file, name, session, intervals, units, is_remote(name))
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"{name}: damaged or not an NWB file: {error}") from error


def _read(
    file: h5py.File,
    name: str,
    session: str,
    intervals: Intervals,
    choice: UnitColumns,
    remote: bool,
) -> TrialCounts:
    _check_version(file, name)
    table = interval_table(file, intervals.table, name)
    trials, conditions = _trials(file, table, intervals)
    group = group_at(file, "units")
    if group is None:
        raise ValueError(
            f"{name}: found no table of units, expected /units beside {listed(file.keys())}"
        )
    unit_table = DynamicTable(group, name)
    units, across = _units(file, unit_table, choice)
    used = np.flatnonzero((units["left_out"] == "").to_numpy())
    start = trials.loc[trials["left_out"] == "", "start"].to_numpy(np.float64)
    remarks = {"spikes_without_time": 0, "units_sorted": 0, "units_across_regions": across}
    edges = (start[:, None] + intervals.edges).ravel()
    counts = np.zeros((len(start), len(used), intervals.n_bins), dtype=np.uint16)
    for at, train in enumerate(_trains(unit_table, used, remote)):
        known = train[np.isfinite(train)]
        remarks["spikes_without_time"] += len(train) - len(known)
        if (np.diff(known) < 0).any():
            known = np.sort(known)
            remarks["units_sorted"] += 1
        upto = np.searchsorted(known, edges, "left").reshape(len(start), -1)
        found = np.diff(upto, axis=1)
        if found.max(initial=0) > MOST_SPIKES:
            raise ValueError(
                f"{name}: unit {units['unit_id'].iloc[used[at]]}: found {found.max()} spikes in a "
                f"bin, expected at most {MOST_SPIKES}"
            )
        counts[:, at] = found
    windows = start[:, None] + intervals.edges[[0, -1]]
    return TrialCounts(
        session=session,
        units=units,
        trials=trials,
        conditions=conditions,
        counts=counts,
        recorded=_recorded(unit_table, used, windows),
        edges=intervals.edges,
        remarks={key: number for key, number in remarks.items() if number},
    )


def _check_version(file: h5py.File, name: str) -> None:
    version = file.attrs.get("nwb_version", file.get("nwb_version"))
    if isinstance(version, h5py.Dataset):
        version = version[()]
    text = str(as_text(np.asarray("" if version is None else version)).ravel()[0])
    text = text.removeprefix("NWB-").strip()
    if not text.startswith("2"):
        raise ValueError(f"{name}: found NWB version {text or 'none'!r}, expected a file of NWB 2")


def interval_table(file: h5py.File, wanted: str, name: str) -> DynamicTable:
    """The table of intervals of this name: below ``intervals``, or at this path of the file.

    Raises
    ------
    ValueError
        If there is none; the line names those that the file has.
    """
    for path in (f"intervals/{wanted}", f"intervals/{wanted}_presentations", wanted):
        group = group_at(file, path)
        if group is not None:
            return DynamicTable(group, name)
    there = list(group_at(file, "intervals") or ())
    raise ValueError(
        f"{name}: found no table of intervals {wanted!r}, expected one of "
        f"{listed(there, wanted)} (below /intervals), or a path in the file"
    )


def _trials(
    file: h5py.File, table: DynamicTable, intervals: Intervals
) -> tuple[pd.DataFrame, list[str]]:
    """Start, label and reason to leave out each row of a table of intervals; labels in order."""
    where = f"{table.file}: {table.name}"
    start = table.column(intervals.start)
    if start.dtype.kind not in "iuf":
        raise ValueError(f"{where}/{intervals.start}: found text, expected times in seconds")
    start = start.astype(np.float64)
    left_out = np.full(len(start), "", dtype=object)
    _filter(table, intervals.filters, left_out)
    _leave_out(left_out, ~np.isfinite(start), NO_START)
    label, order, missing = condition_labels(
        [table.column(column) for column in intervals.condition], where
    )
    _leave_out(left_out, missing, NO_CONDITION)
    if intervals.skip_invalid:
        windows = start[:, None] + intervals.edges[[0, -1]]
        _leave_out(left_out, _invalid(file, table.file, windows), INVALID_TIME)
    rows = pd.DataFrame({"start": start, "condition": label, "left_out": left_out})
    used = set(rows.loc[rows["left_out"] == "", "condition"])
    return rows, [name for name in order if name in used]


def condition_labels(
    columns: list[NDArray], where: str = ""
) -> tuple[NDArray, list[str], NDArray[np.bool_]]:
    """A label of each row by the values of some columns.

    Parameters
    ----------
    columns : list of ndarray of shape (n,)
    where : str
        Table, for messages.

    Returns
    -------
    labels : ndarray of shape (n,), object
        Values joined by commas: numbers in the fewest digits that tell them apart (1, 0.25), text
        without blanks around it.
    order : list of str
        The labels that occur, by value: numbers ascending, text alphabetically, by the first column
        first.
    missing : ndarray of shape (n,), bool
        Rows in which a value is missing: NaN, or blank text.

    Raises
    ------
    ValueError
        If two conditions have one label.

    Examples
    --------
    >>> labels, order, missing = condition_labels([np.array([1.0, 0.25, np.nan, 0.25])])
    >>> labels.tolist(), order
    (['1', '0.25', '', '0.25'], ['0.25', '1'])
    """
    missing = np.zeros(len(columns[0]), dtype=bool)
    keys: list[NDArray] = []
    texts: list[list[str]] = []
    for column in columns:
        if column.dtype.kind == "U":
            column = np.char.strip(column)
            missing |= np.isin(np.char.lower(column), ["", "nan", "none", "n/a"])
            texts.append(column.tolist())
        else:
            if column.dtype.kind == "f":
                missing |= np.isnan(column)
                column = column + 0.0  # no negative zero
            texts.append([_shown(value) for value in column])
        keys.append(np.unique(column, return_inverse=True)[1].ravel())
    labels = np.array([",".join(parts) for parts in zip(*texts)], dtype=object)
    labels[missing] = ""
    known = np.flatnonzero(~missing)
    order = known[np.lexsort([key[known] for key in keys[::-1]])]
    kinds = dict.fromkeys((tuple(key[at] for key in keys), labels[at]) for at in order)
    names = [str(name) for _, name in kinds]
    for name, number in Counter(names).items():
        if number > 1:
            raise ValueError(f"{where}: found {number} conditions with one label {name!r}")
    return labels, names, missing


def _shown(value: Any) -> str:
    if isinstance(value, np.floating):
        return np.format_float_positional(value, trim="-")
    return str(value)


def _filter(table: DynamicTable, filters: Filters, left_out: NDArray) -> None:
    for column, given in filters.items():
        try:
            passing = ColumnFilter.of(given).passing(table.column(column))
        except ValueError as error:
            where = f"{table.file}: {table.name}"
            text = str(error)
            raise ValueError(
                text if text.startswith(where) else f"{where}/{column}: {text}"
            ) from None
        _leave_out(left_out, ~passing, f"filter:{column}")


def _leave_out(left_out: NDArray, which: NDArray[np.bool_], reason: str) -> None:
    """Give a reason to rows that have none yet: the first counts."""
    left_out[which & (left_out == "")] = reason


def _invalid(file: h5py.File, name: str, windows: NDArray) -> NDArray[np.bool_]:
    """Windows (n, 2) that touch an interval without valid data."""
    invalid = np.zeros(len(windows), dtype=bool)
    group = group_at(file, "intervals/invalid_times")
    if group is not None:
        table = DynamicTable(group, name)
        for low, high in zip(table.column("start_time"), table.column("stop_time")):
            invalid |= (windows[:, 0] < high) & (windows[:, 1] > low)
    return invalid


def _units(file: h5py.File, table: DynamicTable, choice: UnitColumns) -> tuple[pd.DataFrame, int]:
    """Id, region and reason to leave it out of each unit; how many span several regions."""
    starts, _ = table.rows_of("spike_times")
    if len(starts) != len(table):
        raise ValueError(
            f"{table.file}: units/spike_times: found spikes of {len(starts)} units, expected "
            f"{len(table)}"
        )
    left_out = np.full(len(starts), "", dtype=object)
    _filter(table, choice.filters, left_out)
    if choice.region_table == "units":
        names, across = table.column(choice.region).astype(str), 0
        regions = np.array([choice.cleaned(name) for name in names], dtype=object)
    else:
        regions, across = _regions_of_electrodes(file, table, choice, len(starts))
    _leave_out(left_out, regions == "", NO_REGION)
    ids = table.column("id") if "id" in table else np.arange(len(starts))
    return pd.DataFrame({"unit_id": ids, "region": regions, "left_out": left_out}), across


def _regions_of_electrodes(
    file: h5py.File, units: DynamicTable, choice: UnitColumns, n_units: int
) -> tuple[NDArray, int]:
    """Region of each unit by its electrodes, and how many units span several."""
    if choice.electrodes not in units:
        raise ValueError(
            f"{units.file}: units: found no column {choice.electrodes!r} that names electrodes, "
            f"expected one of {listed(units.columns, choice.electrodes)}; "
            "or say region_table: units"
        )
    group = group_at(file, ELECTRODES)
    if group is None:
        raise ValueError(
            f"{units.file}: found no table of electrodes ({ELECTRODES}), expected it; or say "
            f"region_table: units and name one of {listed(units.columns, choice.region)}"
        )
    electrodes = DynamicTable(group, units.file)
    names = electrodes.column(choice.region).astype(str)
    cleaned = {name: choice.cleaned(name) for name in np.unique(names)}
    region = np.array([cleaned[name] for name in names], dtype=object)
    starts, ends = units.rows_of(choice.electrodes)
    values = np.asarray(units.dataset(choice.electrodes)[()])
    if values.ndim > 1 and values[:1].size == 1:
        values = values.ravel()
    if values.ndim > 1 or len(starts) != n_units:
        raise ValueError(
            f"{units.file}: units/{choice.electrodes}: found shape {values.shape} for "
            f"{len(starts)} units, expected electrodes of {n_units}"
        )
    owner = np.repeat(np.arange(n_units), ends - starts)
    rows = _electrode_rows(units, electrodes, choice, values, owner)
    found, across = np.full(n_units, "", dtype=object), 0
    for unit, (first, last) in enumerate(zip(starts, ends)):
        # A row of -1 stands for no electrode.
        places = [region[row] for row in rows[first:last] if row >= 0]
        inside = [place for place in places if place]
        if not inside:
            continue
        several = len(set(inside)) > 1
        across += several
        if choice.several == "first":
            found[unit] = places[0]
        elif choice.several == "most" or not several:
            found[unit] = max(dict.fromkeys(places), key=places.count)
    return found, across


def _electrode_rows(
    units: DynamicTable,
    electrodes: DynamicTable,
    choice: UnitColumns,
    values: NDArray,
    owner: NDArray,
) -> NDArray[np.int64]:
    """Rows of the electrodes table that a column of the units table names."""
    where = f"{units.file}: units/{choice.electrodes}"
    n = len(electrodes)
    if choice.matches is None:
        if values.dtype.kind not in "iu":
            raise ValueError(
                f"{where}: found {values.dtype}, expected rows of the electrodes table"
            )
        outside = values[(values < -1) | (values >= n)]
        if len(outside):
            raise ValueError(
                f"{where}: found electrode {outside[0]}, expected rows below {n}; "
                "ids of electrodes want matches: id"
            )
        return values.astype(np.int64)
    keys = electrodes.column(choice.matches).tolist()
    wanted = (as_text(values) if values.dtype.kind not in "iufb" else values).tolist()
    if len(set(keys)) < len(keys) and "electrode_group" in units and "group" in electrodes:
        keys = list(zip(electrodes.column("group").tolist(), keys))
        groups = units.column("electrode_group").tolist()
        wanted = [(groups[unit], value) for unit, value in zip(owner, wanted)]
    if len(set(keys)) < len(keys):
        raise ValueError(
            f"{units.file}: {electrodes.name}/{choice.matches}: found values that repeat, expected "
            "each once (in an electrode group)"
        )
    at = {key: row for row, key in enumerate(keys)}
    rows = np.array([at.get(value, -1) for value in wanted], dtype=np.int64)
    if len(rows) and (rows < 0).all():
        raise ValueError(
            f"{where}: found no value that is one of {electrodes.name}/{choice.matches} "
            f"({wanted[0]!r}, where there are {keys[0]!r} ...)"
        )
    return rows


def _trains(table: DynamicTable, used: NDArray, remote: bool) -> Iterator[NDArray[np.float64]]:
    """Spike times of some units, in few large ranges where each would be a request."""
    times = table.dataset("spike_times")
    starts, ends = table.rows_of("spike_times")
    starts, ends = starts[used], ends[used]
    if not remote:
        for first, last in zip(starts, ends):
            yield np.asarray(times[first:last], dtype=np.float64)
        return
    pieces = [(int(a), int(b)) for a, b in zip(starts, ends) if b > a]
    ranges = iter(merged_ranges(pieces, MOST_RANGES, SHORT_GAP // times.dtype.itemsize))
    low, high, block = 0, 0, np.empty(0)
    for first, last in zip(starts, ends):
        if last > first:
            while last > high:
                low, high = next(ranges)
                block = np.asarray(times[low:high], dtype=np.float64)
            yield block[first - low : last - low]
        else:
            yield np.empty(0)


def _recorded(table: DynamicTable, used: NDArray, windows: NDArray) -> NDArray[np.bool_]:
    """Whether each window (n, 2) lies in an interval in which each unit was observed."""
    recorded = np.ones((len(windows), len(used)), dtype=bool)
    if "obs_intervals" not in table:
        return recorded
    observed = np.asarray(table.dataset("obs_intervals")[()], dtype=np.float64).reshape(-1, 2)
    starts, ends = table.rows_of("obs_intervals")
    # Intervals that touch are one; rounding of times may not lose a trial at their ends.
    slack = 1e-9 * max(1.0, float(np.abs(windows).max(initial=0.0)))
    cache: dict[bytes, NDArray[np.bool_]] = {}
    for at, unit in enumerate(used):
        own = observed[starts[unit] : ends[unit]]
        if not len(own):
            continue  # nothing said: observed throughout
        key = own.tobytes()
        if key not in cache:
            inside = np.zeros(len(windows), dtype=bool)
            for low, high in _joined(own, slack):
                inside |= (windows[:, 0] >= low - slack) & (windows[:, 1] <= high + slack)
            cache[key] = inside
        recorded[:, at] = cache[key]
    return recorded


def _joined(intervals: NDArray, slack: float) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for low, high in intervals[np.argsort(intervals[:, 0], kind="stable")].tolist():
        if joined and low <= joined[-1][1] + slack:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return joined
