"""Write one session as an NWB file in the Observatory's schema, with pynwb and AllenSDK's helpers.

Runs in AllenSDK's environment: ``python write_session.py session.npz session.nwb``. The arrays of
the input are described in ``shapemetrics.datasets.allen.simulate``.
"""

from __future__ import annotations

import os
import sys
import warnings
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from allensdk.brain_observatory.ecephys.nwb import EcephysSpecimen
from allensdk.brain_observatory.ecephys.nwb_util import (
    ELECTRODE_TABLE_DEFAULT_COLUMNS,
    add_probe_to_nwbfile,
    add_ragged_data_to_dynamic_table,
)
from hdmf.common import DynamicTable, VectorData, VectorIndex
from pynwb import NWBHDF5IO, NWBFile, ProcessingModule, TimeSeries
from pynwb.epoch import TimeIntervals
from pynwb.misc import Units

ABOUT = {
    "snr": "signal-to-noise ratio",
    "isi_violations": "relative rate of refractory-period violations",
    "presence_ratio": "fraction of the session in which the unit fires",
    "amplitude_cutoff": "estimated fraction of missed spikes",
    "quality": "good or noise",
    "peak_channel_id": "channel of the largest waveform",
    "firing_rate": "mean rate in Hz",
}


def main(source: str, target: str) -> None:
    """Write `target` from the arrays in `source`."""
    with np.load(source, allow_pickle=False) as file:
        arrays = dict(file)
    nwb = NWBFile(
        session_description="Simulated data in the schema of the EcephysSession",
        identifier=str(int(arrays["session_id"])),
        session_id=str(int(arrays["session_id"])),
        session_start_time=datetime(2019, 10, 3, tzinfo=UTC),
        institution="simulated",
        stimulus_notes=str(arrays["session_type"]),
    )
    nwb.subject = EcephysSpecimen(
        subject_id="0",
        specimen_name="simulated",
        species="Mus musculus",
        genotype="simulated",
        sex="M",
        age="P120D",
        age_in_days=120.0,
        strain="simulated",
        description="no animal: simulated",
    )
    add_probes(nwb, table(arrays, "probes"), table(arrays, "channels"))
    add_units(nwb, table(arrays, "units"), arrays)
    add_stimuli(nwb, table(arrays, "presentations"))
    add_invalid_times(nwb, table(arrays, "invalid_times"))
    with NWBHDF5IO(target, "w") as io:
        io.write(nwb)


def table(arrays: dict, name: str) -> pd.DataFrame:
    """The columns whose names start with ``name/``."""
    start = name + "/"
    return pd.DataFrame({k[len(start) :]: v for k, v in arrays.items() if k.startswith(start)})


def add_probes(nwb: NWBFile, probes: pd.DataFrame, channels: pd.DataFrame) -> None:
    """Probes, and their channels as electrodes, with the columns that AllenSDK gives them.

    AllenSDK's ``add_ecephys_electrodes`` adds row by row, each slower than the last: half a minute
    for a session. The same table is built by columns here.
    """
    groups = {}
    for probe in probes.itertuples():
        nwb, _, groups[probe.id] = add_probe_to_nwbfile(
            nwb,
            probe_id=int(probe.id),
            sampling_rate=float(probe.sampling_rate),
            lfp_sampling_rate=float(probe.lfp_sampling_rate),
            has_lfp_data=False,
            name=str(probe.name),
        )
    # 'None' is how real files name no structure.
    location = channels["structure_acronym"].where(channels["structure_acronym"] != "", "None")
    columns = {
        "x": channels["anterior_posterior_ccf_coordinate"],
        "y": channels["dorsal_ventral_ccf_coordinate"],
        "z": channels["left_right_ccf_coordinate"],
        "imp": channels["impedance"],
        "location": location,
        "filtering": channels["filtering"],
        "group": channels["probe_id"].map(groups),
        "group_name": channels["probe_id"].map(lambda probe: groups[probe].name),
        **{name: channels[name] for name, _ in ELECTRODE_TABLE_DEFAULT_COLUMNS},
    }
    about = dict(ELECTRODE_TABLE_DEFAULT_COLUMNS)
    nwb.electrodes = DynamicTable(
        name="electrodes",
        description="metadata about extracellular electrodes",
        id=channels["id"].to_list(),
        columns=[
            VectorData(name=name, description=about.get(name, name), data=values.to_list())
            for name, values in columns.items()
        ],
        colnames=list(columns),
    )


def add_units(nwb: NWBFile, units: pd.DataFrame, arrays: dict) -> None:
    """The units table with ragged spike times and amplitudes."""
    columns = [
        VectorData(name=name, description=ABOUT.get(name, name), data=column.to_list())
        for name, column in units.drop(columns="id").items()
    ]
    columns.append(
        VectorData(
            name="waveform_mean",
            description="mean waveform on the peak channel",
            data=arrays["waveform_mean"],
        )
    )
    nwb.units = Units(
        name="units",
        id=units["id"].to_list(),
        columns=columns,
        colnames=[column.name for column in columns],
        description="simulated units",
        waveform_rate=30000.0,
        resolution=1 / 30000.0,
    )
    ends = arrays["spike_times_index"]
    for name in ("spike_times", "spike_amplitudes"):
        parts = np.split(arrays[name], ends[:-1])
        data = dict(zip(units["id"].to_list(), parts))
        add_ragged_data_to_dynamic_table(nwb.units, data, name, name.replace("_", " "))


def add_stimuli(nwb: NWBFile, presentations: pd.DataFrame) -> None:
    """A table of intervals for each stimulus, built by columns: by rows it takes minutes."""
    onsets = presentations["start_time"].to_numpy()
    clock = TimeSeries(
        name="timestamps", timestamps=onsets, data=onsets, unit="s", description="stimulus onsets"
    )
    module = ProcessingModule("stimulus", "stimulus onsets")
    nwb.add_processing_module(module)
    module.add(clock)
    for name, part in presentations.groupby("stimulus_name", sort=True):
        number = len(part)
        part = part.dropna(axis=1, how="all")
        data = [
            VectorData(
                name=column, description=f"{column} of the presentation", data=values.to_list()
            )
            for column, values in part.items()
        ]
        tags = VectorData(
            name="tags", description="user-defined tags", data=["stimulus_time_interval"] * number
        )
        index = VectorIndex(name="tags_index", target=tags, data=np.arange(1, number + 1))
        nwb.add_time_intervals(
            TimeIntervals(
                name=f"{name}_presentations",
                description=f"Presentation times and stimuli details for '{name}' stimuli.",
                columns=[*data, tags, index],
                colnames=[*part.columns, "tags"],
            )
        )


def add_invalid_times(nwb: NWBFile, invalid: pd.DataFrame) -> None:
    """Intervals of invalid data, tagged with scope, id and label."""
    for row in invalid.itertuples():
        nwb.add_invalid_time_interval(
            start_time=float(row.start_time),
            stop_time=float(row.stop_time),
            tags=str(row.tags).split(","),
        )


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message="Column 'spike_")
    final = sys.argv[2]
    partial = final + ".writing.nwb"
    try:
        main(sys.argv[1], partial)
        os.replace(partial, final)
    finally:
        if os.path.exists(partial):
            os.unlink(partial)
