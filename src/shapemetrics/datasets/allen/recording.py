"""One session as every source hands it over: units, spike times, presentations, invalid times."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from shapemetrics.files import atomic_path


@dataclass(frozen=True)
class UnitFilters:
    """Which sorted units count; the defaults are AllenSDK's.

    Attributes
    ----------
    amplitude_cutoff_maximum : float or None
        Largest estimated fraction of spikes below the detection threshold. None: no limit.
    presence_ratio_minimum : float or None
        Least fraction of the session in which the unit fires.
    isi_violations_maximum : float or None
        Largest relative rate of refractory-period violations.
    filter_by_validity : bool
        Only units called good, on channels with valid data.
    """

    amplitude_cutoff_maximum: float | None = 0.1
    presence_ratio_minimum: float | None = 0.95
    isi_violations_maximum: float | None = 0.5
    filter_by_validity: bool = True

    def passing(self, units: Mapping[str, np.ndarray], valid_channel: np.ndarray) -> np.ndarray:
        """Mask of the units that pass; a limit is met by its own value and never by NaN."""
        keep = np.ones(len(valid_channel), dtype=bool)
        if self.filter_by_validity:
            keep &= valid_channel & (units["quality"] == "good")
        for name, limit, sign in (
            ("amplitude_cutoff", self.amplitude_cutoff_maximum, 1),
            ("presence_ratio", self.presence_ratio_minimum, -1),
            ("isi_violations", self.isi_violations_maximum, 1),
        ):
            bound = np.inf * sign if limit is None else limit
            keep &= sign * units[name] <= sign * bound
        return keep


@dataclass(frozen=True, eq=False)
class Recording:
    """What one session holds of one stimulus.

    Attributes
    ----------
    session_id : int
    units : pandas.DataFrame
        One row a unit that passed the quality filters, sorted by ``unit_id``: ``probe`` (name)
        and ``structure_acronym`` (empty where there is none).
    spike_times : list of ndarray
        Seconds, ascending, one array a unit in the order of `units`.
    presentations : pandas.DataFrame
        ``start_time`` and ``stop_time`` in seconds, ascending, and the stimulus' condition columns.
    invalid_times : pandas.DataFrame
        ``start_time``, ``stop_time`` and ``tags`` (joined by commas) of intervals without valid
        data.
    n_recorded : int
        Units in the file before any filter.
    """

    session_id: int
    units: pd.DataFrame
    spike_times: list[np.ndarray]
    presentations: pd.DataFrame
    invalid_times: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(
            {"start_time": np.empty(0), "stop_time": np.empty(0), "tags": np.empty(0, dtype=str)}
        )
    )
    n_recorded: int = 0

    def save(self, path: str | os.PathLike) -> None:
        """Write an ``.npz`` of plain arrays."""
        ends = np.cumsum([len(times) for times in self.spike_times], dtype=np.int64)
        arrays = {
            "session_id": np.int64(self.session_id),
            "n_recorded": np.int64(self.n_recorded),
            "spike_times": np.concatenate([np.empty(0), *self.spike_times]),
            "spike_times_index": ends,
        }
        for part in ("units", "presentations", "invalid_times"):
            for name, column in getattr(self, part).items():
                values = column.to_numpy()
                text = values.dtype.kind not in "iufb"
                arrays[f"{part}/{name}"] = values.astype(str) if text else values
        with atomic_path(path) as temporary, open(temporary, "wb") as stream:
            np.savez(stream, **arrays)

    @classmethod
    def load(cls, path: str | os.PathLike) -> Recording:
        """Read what :meth:`save` wrote, in this environment or in AllenSDK's."""
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        tables: dict[str, dict[str, np.ndarray]] = {
            "units": {},
            "presentations": {},
            "invalid_times": {},
        }
        for name, values in arrays.items():
            table, _, column = name.partition("/")
            if column:
                tables[table][column] = values
        parts = np.split(arrays["spike_times"], arrays["spike_times_index"][:-1])
        n_units = len(arrays["spike_times_index"])
        return cls(
            session_id=int(arrays["session_id"]),
            spike_times=parts[:n_units],
            n_recorded=int(arrays["n_recorded"]),
            **{name: pd.DataFrame(columns) for name, columns in tables.items()},
        )
