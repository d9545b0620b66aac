"""Read one session with AllenSDK and hand it over as arrays.

Runs in AllenSDK's environment: ``python export_session.py request.json recording.npz``. The request
names the cache or the file, the session, the stimulus' table names and conditions, and the unit
filters. Mistakes in the data end with exit code 3 and one line on the standard error stream.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")

from allensdk.brain_observatory.ecephys.ecephys_project_api import (  # noqa: E402
    EcephysProjectFixedApi,
)
from allensdk.brain_observatory.ecephys.ecephys_project_api.http_engine import (  # noqa: E402
    write_from_stream,
)
from allensdk.brain_observatory.ecephys.ecephys_project_cache import (  # noqa: E402
    EcephysProjectCache,
)
from allensdk.brain_observatory.ecephys.ecephys_session import EcephysSession  # noqa: E402
from allensdk.brain_observatory.ecephys.ecephys_session_api import (  # noqa: E402
    EcephysNwbSessionApi,
)

#: Exit code of a mistake in the data, which its message explains.
BAD_INPUT = 3


class BadInput(Exception):
    """Something about the data that the user can mend."""


def open_session(request: dict) -> EcephysSession:
    """The session with its unit filters; units outside the brain are kept, to be counted."""
    filters = dict(request["filters"], filter_out_of_brain_units=False)
    manifest = Path(request["manifest"])
    if not manifest.is_file():
        raise BadInput(f"cache {manifest.parent} has no {manifest.name}")
    # EcephysProjectCache.fixed does the same, but fails in AllenSDK 2.16 for want of a writer.
    cache = EcephysProjectCache(
        fetch_api=EcephysProjectFixedApi(), stream_writer=write_from_stream, manifest=str(manifest)
    )
    session_id = request["session_id"]
    path = Path(cache.get_cache_path(None, cache.SESSION_NWB_KEY, session_id, session_id))
    if not path.is_file():
        raise BadInput(f"session {session_id}: cache {manifest.parent} has no {path.name}")
    # EcephysProjectCache.get_session_data deletes a file that it cannot open. A user's cache is
    # not ours to delete from, so the file is opened here.
    try:
        api = EcephysNwbSessionApi(path=str(path), external_channel_columns=None, **filters)
        api.test()
    except Exception as error:
        raise BadInput(f"{path}: damaged or not an NWB file: {first_line(error)}") from error
    return EcephysSession(api=api)


def units_of(session: EcephysSession) -> pd.DataFrame:
    """Units that pass, with probe and the structure of their peak channel."""
    electrodes = session.api.nwbfile.electrodes
    location = pd.Series(electrodes["location"].data[:], index=electrodes.id[:])
    units = session.units.sort_index()
    return pd.DataFrame(
        {
            "unit_id": units.index.to_numpy(np.int64),
            "peak_channel_id": units["peak_channel_id"].to_numpy(np.int64),
            "probe": units["probe_description"].to_numpy(str),
            # AllenSDK cuts 'SSp-bfd' down to 'SSp': the file's own annotation is finer.
            "structure_acronym": location[units["peak_channel_id"]].to_numpy(str),
        }
    )


def presentations_of(session: EcephysSession, request: dict) -> pd.DataFrame:
    """Presentations of the stimulus; those that AllenSDK calls invalid are gone."""
    shown = session.stimulus_presentations
    names = set(shown["stimulus_name"])
    wanted = [name for name in request["tables"] if name in names]
    if not wanted:
        there = ", ".join(
            sorted(
                n[: -len("_presentations")]
                for n in session.api.nwbfile.intervals
                if n.endswith("_presentations")
            )
        )
        raise BadInput(
            f"session {request['session_id']}: stimulus {request['stimulus']!r} was not shown; "
            f"there are: {there}"
        )
    chosen = shown[shown["stimulus_name"].isin(wanted)].sort_values("start_time")
    columns = {name: chosen[name].to_numpy(float) for name in ("start_time", "stop_time")}
    for name in request["conditions"]:
        columns[name] = pd.to_numeric(chosen[name], errors="coerce").to_numpy(float)
    return pd.DataFrame(columns)


def invalid_of(session: EcephysSession) -> pd.DataFrame:
    """Invalid intervals with their tags joined by commas."""
    invalid = session.get_invalid_times()
    if not len(invalid):
        return pd.DataFrame({"start_time": [], "stop_time": [], "tags": []})
    tags = [",".join(map(str, row)) for row in invalid["tags"]]
    return invalid[["start_time", "stop_time"]].assign(tags=tags)


def export(request: dict, target: str) -> None:
    """Write the hand-over, under a temporary name first."""
    session = open_session(request)
    units = units_of(session)
    spikes = session.spike_times
    trains = [np.asarray(spikes[unit], dtype=float) for unit in units["unit_id"]]
    arrays = {
        "session_id": np.int64(request["session_id"]),
        "n_recorded": np.int64(len(session.api.nwbfile.units)),
        "spike_times": np.concatenate([np.empty(0), *trains]),
        "spike_times_index": np.cumsum([len(train) for train in trains], dtype=np.int64),
    }
    parts = {
        "units": units,
        "presentations": presentations_of(session, request),
        "invalid_times": invalid_of(session),
    }
    for part, frame in parts.items():
        for name, column in frame.items():
            values = column.to_numpy()
            arrays[f"{part}/{name}"] = values if values.dtype.kind in "iufb" else values.astype(str)
    if "check_counts" in request:
        arrays["check_counts"] = checked_counts(session, request, units)
    with open(target + ".writing", "wb") as stream:
        np.savez(stream, **arrays)
    os.replace(target + ".writing", target)


def checked_counts(session: EcephysSession, request: dict, units: pd.DataFrame) -> np.ndarray:
    """AllenSDK's own counts (presentations, bins, units), to hold ours against."""
    shown = session.stimulus_presentations
    chosen = shown[shown["stimulus_name"].isin(request["tables"])].sort_values("start_time")
    counts = session.presentationwise_spike_counts(
        bin_edges=np.array(request["check_counts"]),
        stimulus_presentation_ids=chosen.index.to_numpy(),
        unit_ids=units["unit_id"].to_numpy(),
    )
    return counts.sel(unit_id=units["unit_id"].to_numpy()).to_numpy()


def first_line(error: BaseException) -> str:
    """The first line of an error's message."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


if __name__ == "__main__":
    try:
        with open(sys.argv[1], encoding="utf-8") as stream:
            asked = json.load(stream)
        try:
            export(asked, sys.argv[2])
        except (OSError, KeyError, ValueError, RuntimeError, TypeError) as error:
            line = f"session {asked['session_id']}: AllenSDK cannot read it: {first_line(error)}"
            raise BadInput(line) from error
    except BadInput as error:
        print(error, file=sys.stderr)
        sys.exit(BAD_INPUT)
