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
from shapemetrics.datasets.allen.stimuli import Stimulus

#: Columns of the units table that the filters need.
QUALITY = ("quality", "amplitude_cutoff", "presence_ratio", "isi_violations")
ELECTRODES = "general/extracellular_ephys/electrodes"
#: Spike trains up to this size (bytes) are read whole, for a request costs more.
WHOLE = 1 << 17


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
        Read only spikes around the stimulus, which saves most of the bytes of a remote file.
        Counts are the same.

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
        spike_times = _spike_times(file["units"], keep, windows, _span(file))
        invalid = _invalid_times(file)
    except KeyError as error:
        raise ValueError(f"{name}: no session file of the Observatory: {error.args[0]}") from None
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{name}: damaged or not an NWB file: {error}") from error
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
    tables = [file[f"intervals/{table}_presentations"] for table in kind.tables if table in shown]
    if not tables:
        raise ValueError(
            f"{name}: stimulus {kind.name!r} was not shown; there are: {', '.join(shown) or 'none'}"
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
    table: h5py.Group, keep: np.ndarray, windows: np.ndarray | None, span: float
) -> list[np.ndarray]:
    """Spike times of the units at these positions: all, or those in and around some windows."""
    ends = table["spike_times_index"][()].astype(np.int64)
    starts = np.concatenate([[0], ends[:-1]])
    times = table["spike_times"]
    whole = WHOLE // times.dtype.itemsize
    result = []
    for first, last in zip(starts[keep], ends[keep]):
        if windows is None or last - first <= whole:
            result.append(times[first:last])
        else:
            result.append(_in_windows(times, first, last, windows, span))
    return result


def _in_windows(
    times: h5py.Dataset, first: int, last: int, windows: np.ndarray, span: float
) -> np.ndarray:
    """Spikes of one unit, times[first:last], that cover the windows.

    Spikes are ascending and roughly even over the session, so where a window lies can be guessed;
    what is read is checked and extended until it covers the window, so a bad guess only costs.
    """
    number = last - first
    covered = []
    for start, stop in windows:
        margin = max(number // 50, 1)
        low = first + int(number * min(start / span, 1.0)) - margin
        high = first + int(number * min(stop / span, 1.0)) + margin
        low = int(np.clip(low, first, last - 1))
        high = int(np.clip(high, low + 1, last))
        block = times[low:high]
        while low > first and block[0] >= start:
            wider = max(first, low - margin)
            block, low = np.concatenate([times[wider:low], block]), wider
            margin *= 2
        while high < last and block[-1] <= stop:
            wider = min(last, high + margin)
            block, high = np.concatenate([block, times[high:wider]]), wider
            margin *= 2
        # The guess reaches beyond the window; what lies outside may overlap the next block.
        covered.append(block[(block >= start) & (block <= stop)])
    return np.concatenate(covered)


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


def _span(file: h5py.File) -> float:
    """End of the last presentation of any stimulus: about the length of the session."""
    ends = [file[f"intervals/{name}_presentations/stop_time"] for name in stimulus_names(file)]
    return max(float(end[-1]) for end in ends if len(end))


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
