"""Read of a session's NWB file only what the study needs, straight from its HDF5 tree.

A session file holds gigabytes; the units table, the chosen units' spike times and one stimulus
table are a few tens of megabytes. Everything here works on an open :class:`h5py.File`, whether it
lies on a disk or behind HTTP range requests.
"""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd

from shapemetrics.datasets.allen.recording import Recording, UnitFilters
from shapemetrics.datasets.allen.spike_ranges import read_trains
from shapemetrics.datasets.allen.stimuli import Stimulus

#: Columns of the units table that the filters need.
QUALITY = ("quality", "amplitude_cutoff", "presence_ratio", "isi_violations")
ELECTRODES = "general/extracellular_ephys/electrodes"
#: Files before this version of NWB keep their presentations elsewhere.
FIRST_VERSION = "2.2.2"


def read_recording(
    file: h5py.File,
    kind: Stimulus,
    filters: UnitFilters | None = None,
    name: str = "",
    *,
    sparse: bool = False,
) -> Recording:
    """Read one stimulus of one session.

    Parameters
    ----------
    file : h5py.File
        An open session file in the Observatory's NWB 2 schema.
    kind : Stimulus
        Which stimulus.
    filters : UnitFilters, optional
        Which units.
    name : str
        What to call the file in messages.
    sparse : bool
        For a remote file: read the spikes in few, large ranges, and keep those around the stimulus
        only. Counts are the same.

    Returns
    -------
    Recording

    Raises
    ------
    ValueError
        If the file lacks a table, or the session did not show the stimulus.
    """
    filters = filters or UnitFilters()
    name = name or str(file.filename)
    try:
        session_id = int(_text(file["identifier"][()]))
        units, keep, n_recorded = _units(file, filters)
        presentations = read_presentations(file, kind, name)
        windows = blocks(presentations) if sparse else None
        spike_times = _spike_times(file["units"], keep, windows)
        invalid = _invalid_times(file)
    except KeyError as error:
        raise ValueError(f"{name}: no session file of the Observatory: {error.args[0]}") from None
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{name}: damaged or not an NWB file: {error}") from error
    for unit, times in zip(units["unit_id"], spike_times):
        if (np.diff(times) < 0).any():
            raise ValueError(
                f"{name}: unit {unit}: found spike times that descend, expected ascending ones"
            )
    order = np.argsort(units["unit_id"].to_numpy(), kind="stable")
    return Recording(
        session_id=session_id,
        units=units.iloc[order].reset_index(drop=True),
        spike_times=[spike_times[i] for i in order],
        presentations=presentations,
        invalid_times=invalid,
        n_recorded=n_recorded,
    )


def stimulus_names(file: h5py.File) -> list[str]:
    """Stimuli that a session showed, as its file calls them."""
    tables = file.get("intervals", {})
    ending = "_presentations"
    return sorted(name.removesuffix(ending) for name in tables if name.endswith(ending))


def read_presentations(file: h5py.File, kind: Stimulus, name: str) -> pd.DataFrame:
    """Start, stop and conditions of a stimulus' presentations, by start.

    Raises
    ------
    ValueError
        If the session did not show it.
    """
    shown = stimulus_names(file)
    if not shown:
        version = _text(file.attrs.get("nwb_version", "unknown"))
        raise ValueError(
            f"{name}: found no tables of presentations in a file of NWB {version}, expected "
            f"{FIRST_VERSION} or later (the files of May 2020); fetch it again"
        )
    tables = [file[f"intervals/{table}_presentations"] for table in kind.tables if table in shown]
    if not tables:
        raise ValueError(
            f"{name}: stimulus {kind.name!r} was not shown; there are: {', '.join(shown) or 'none'}"
        )
    for table in tables:
        lacking = [c for c in ("start_time", "stop_time", *kind.conditions) if c not in table]
        if lacking:
            raise ValueError(
                f"{name}: found no column {lacking[0]!r} in the presentations of {kind.name}, "
                f"expected it beside {', '.join(sorted(table)[:8])}"
            )
    columns = ("start_time", "stop_time", *kind.conditions)
    parts = [pd.DataFrame({c: _numbers(table[c][()]) for c in columns}) for table in tables]
    return pd.concat(parts).sort_values("start_time", kind="stable", ignore_index=True)


def _units(file: h5py.File, filters: UnitFilters) -> tuple[pd.DataFrame, np.ndarray, int]:
    """Units that pass, their positions in the file, and how many there were."""
    table, electrodes = file["units"], file[ELECTRODES]
    channel_ids = electrodes["id"][()]
    order = np.argsort(channel_ids)
    peak = table["peak_channel_id"][()]
    at = order[np.searchsorted(channel_ids, peak, sorter=order).clip(max=len(order) - 1)]
    known = channel_ids[at] == peak
    valid = known & electrodes["valid_data"][()].astype(bool)[at]
    quality = {
        column: _strings(table[column][()]) if column == "quality" else table[column][()]
        for column in QUALITY
    }
    keep = np.flatnonzero(filters.passing(quality, valid) & known)
    units = pd.DataFrame(
        {
            "unit_id": table["id"][()][keep],
            "peak_channel_id": peak[keep],
            "probe": _strings(electrodes["group_name"][()])[at][keep],
            "structure_acronym": _strings(electrodes["location"][()])[at][keep],
        }
    )
    return units, keep, len(peak)


def _spike_times(
    table: h5py.Group, keep: np.ndarray, windows: np.ndarray | None
) -> list[np.ndarray]:
    """Spike times of the units at these positions: all, or those in some windows."""
    ends = table["spike_times_index"][()].astype(np.int64)
    starts = np.concatenate([[0], ends[:-1]])[keep]
    if windows is None:
        return [table["spike_times"][first:last] for first, last in zip(starts, ends[keep])]
    return read_trains(table["spike_times"], starts, ends[keep], windows)


def blocks(presentations: pd.DataFrame, pause: float = 20.0) -> np.ndarray:
    """Intervals (start, stop) of presentations without a pause of more than `pause` seconds.

    Each is widened by a second, so that bins beyond a presentation's end are covered.
    """
    start = presentations["start_time"].to_numpy()
    stop = np.maximum.accumulate(presentations["stop_time"].to_numpy())
    new = np.flatnonzero(start[1:] - stop[:-1] > pause)
    first = np.concatenate([start[:1], start[new + 1]])
    last = np.concatenate([stop[new], stop[-1:]])
    return np.column_stack([first - 1.0, last + 1.0])


def _invalid_times(file: h5py.File) -> pd.DataFrame:
    if "intervals/invalid_times" not in file:
        starts, stops, tags = np.empty(0), np.empty(0), np.empty(0, dtype=str)
    else:
        table = file["intervals/invalid_times"]
        starts, stops = table["start_time"][()], table["stop_time"][()]
        ends = table["tags_index"][()].astype(int)
        words = np.split(_strings(table["tags"][()]), ends[:-1])[: len(ends)]
        tags = np.array([",".join(part) for part in words], dtype=str)
    return pd.DataFrame({"start_time": starts, "stop_time": stops, "tags": tags})


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _strings(values: np.ndarray) -> np.ndarray:
    return np.array([_text(v) for v in values], dtype=str)


def _numbers(values: np.ndarray) -> np.ndarray:
    """Numbers, also where a file keeps them as text; anything else (blanks) becomes NaN."""
    if values.dtype.kind in "iufb":
        return values.astype(np.float64)
    return pd.to_numeric(pd.Series(_strings(values)), errors="coerce").to_numpy(np.float64)
