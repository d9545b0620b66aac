"""Write a session file with the layout of the real ones: names, columns and types of every object.

The values are random. Layout after two files of DANDI sets 000021 and 000022 (May 2020): six
probes of 384 channels, the tables of presentations of either type of session, ``frame`` and
``stimulus_block`` as float64, blanks as NaN, natural scenes from -1, intervals invalid for
a probe or for all, empty and unhelpful annotations.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

CORE, COMMON, AIBS = "core", "hdmf-common", "ndx-aibs-ecephys"
TEXT = h5py.string_dtype()
#: Annotations from the tip of a probe upwards, with what no region is made of.
ACRONYMS = ("", "grey", "TH", "LGd", "VL", "CA1", "cc", "VISp", "VISam", "NB", "??", "VIS")
#: Seconds of a movie frame.
FRAME = 0.03336
PAUSE = 30.0


@dataclass(frozen=True)
class Layout:
    """How large a file is, and what is odd about it.

    Attributes
    ----------
    session_id : int
    session_type : {"brain_observatory_1.1", "functional_connectivity"}
    n_units, mean_spikes : int
        Units, and spikes of each over the session.
    n_frames : dict of str to int
        Frames of movie one and three (published: 900 and 3,600).
    n_repeats : dict of str to int
        Repeats in each block (published: one 10, three 5, more 30, shuffled 20).
    acronyms : sequence of str
        Annotations of channels, in turn along each probe.
    nwb_version : str
    presentations : bool
        Whether there are tables of presentations; files before NWB 2.2.2 had them elsewhere.
    unsorted : int or None
        Position of a unit whose spike times are not ascending.
    seed : int
    """

    session_id: int = 715093703
    session_type: str = "brain_observatory_1.1"
    n_units: int = 60
    mean_spikes: int = 400
    n_frames: Mapping[str, int] | None = None
    n_repeats: Mapping[str, int] | None = None
    acronyms: Sequence[str] = ACRONYMS
    nwb_version: str = "2.2.2"
    presentations: bool = True
    unsorted: int | None = None
    seed: int = 0


SMALL_FRAMES = {"one": 30, "three": 40}
SMALL_REPEATS = {"one": 2, "three": 2, "more": 2, "shuffled": 2}
FULL_FRAMES = {"one": 900, "three": 3600}
FULL_REPEATS = {"one": 10, "three": 5, "more": 30, "shuffled": 20}


def write_layout(path: str | Path, layout: Layout | None = None) -> Path:
    """Write a session file.

    Returns
    -------
    pathlib.Path
    """
    layout = layout or Layout()
    rng = np.random.default_rng(layout.seed)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        _typed(file, "NWBFile", CORE, nwb_version=layout.nwb_version)
        for name in ("acquisition", "analysis", "stimulus/presentation", "stimulus/templates"):
            file.create_group(name)
        file.create_dataset(
            "file_create_date", data=["2020-05-26T00:53:26.986608-07:00"], dtype=TEXT
        )
        for name, value in (
            ("identifier", str(layout.session_id)),
            ("session_description", "Data and metadata for an Ecephys session"),
            ("session_start_time", "2019-01-19T00:54:18-08:00"),
            ("timestamps_reference_time", "2019-01-19T00:54:18-08:00"),
            ("general/institution", "Allen Institute for Brain Science"),
            ("general/session_id", str(layout.session_id)),
            ("general/stimulus", layout.session_type),
        ):
            file.create_dataset(name, data=value, dtype=TEXT)
        _subject(file)
        channels = _electrodes(file, layout, rng)
        tables, span = _stimuli(layout, rng)
        if layout.presentations:
            _presentations(file, tables)
        first = tables["natural_movie_three" if "natural_movie_three" in tables else _MORE]
        _invalid_times(file, layout, first["start_time"])
        _units(file, layout, channels, span, rng)
    return path


_MORE = "natural_movie_one_more_repeats"


def _typed(object_, kind: str, namespace: str, **attributes) -> None:
    """The attributes by which NWB tells what an object is."""
    object_.attrs["namespace"] = namespace
    object_.attrs["neurodata_type"] = kind
    object_.attrs["object_id"] = str(uuid.uuid5(uuid.NAMESPACE_OID, object_.name))
    for name, value in attributes.items():
        object_.attrs[name] = value


def _column(group: h5py.Group, name: str, values, kind: str = "VectorData", **attributes):
    values = np.asarray(values)
    text = values.dtype.kind in "UO"
    data = group.create_dataset(
        name, data=values.astype(object) if text else values, dtype=TEXT if text else None
    )
    if kind != "ElementIdentifiers":
        attributes = {"description": "no description", **attributes}
    _typed(data, kind, COMMON, **attributes)
    return data


def _table(file: h5py.File, name: str, kind: str, namespace: str, columns, description: str):
    group = file.create_group(name)
    _typed(group, kind, namespace, description=description)
    group.attrs["colnames"] = np.array(list(columns), dtype=TEXT)
    return group


def _subject(file: h5py.File) -> None:
    group = file.create_group("general/subject")
    _typed(group, "EcephysSpecimen", AIBS, age_in_days=118.0, specimen_name="x")
    for name, value in (
        ("age", "P118D"),
        ("description", "x"),
        ("genotype", "wt/wt"),
        ("sex", "M"),
        ("species", "Mus musculus"),
        ("strain", "x"),
        ("subject_id", "1"),
    ):
        group.create_dataset(name, data=value, dtype=TEXT)
    group["age"].attrs["reference"] = "birth"


def _electrodes(file: h5py.File, layout: Layout, rng: np.random.Generator) -> np.ndarray:
    """Six probes of 384 channels; the channels' ids."""
    names = [f"probe{letter}" for letter in "ABCDEF"]
    for index, name in enumerate(names):
        device = file.create_group(f"general/devices/{name}")
        probe_id = 810755797 + 2 * index
        _typed(
            device,
            "EcephysProbe",
            AIBS,
            description="Neuropixels 1.0 Probe",
            manufacturer="imec",
            probe_id=probe_id,
            sampling_rate=29999.95,
        )
        group = file.create_group(f"general/extracellular_ephys/{name}")
        _typed(
            group,
            "EcephysElectrodeGroup",
            AIBS,
            description="Ecephys Electrode Group",
            has_lfp_data=True,
            lfp_sampling_rate=1249.99,
            location="See electrode locations",
            probe_id=probe_id,
        )
        group["device"] = h5py.SoftLink(f"/general/devices/{name}")
    probe, index = np.repeat(np.arange(6), 384), np.tile(np.arange(384), 6)
    ids = 850261194 + 2 * np.arange(len(probe))
    acronym = np.array(layout.acronyms)[index * len(layout.acronyms) // 384]
    columns = {
        "x": np.full(len(ids), 7648.0),
        "y": np.full(len(ids), 3645.0),
        "z": np.full(len(ids), 3645.0),
        "imp": np.full(len(ids), np.nan),
        "location": acronym,
        "filtering": np.full(len(ids), "AP band: 500 Hz high-pass; LFP band: 1000 Hz low-pass"),
        "group": None,
        "group_name": np.array(names)[probe],
        "probe_vertical_position": 20 * (index // 2 + 1),
        "probe_horizontal_position": np.full(len(ids), 43),
        "probe_id": 810755797 + 2 * probe,
        "local_index": index,
        "valid_data": rng.random(len(ids)) > 0.04,
    }
    # Sessions without coordinates have NaN where they are unknown.
    columns["x"][: len(ids) // 12] = np.nan
    where = "general/extracellular_ephys/electrodes"
    table = _table(file, where, "DynamicTable", COMMON, columns, "metadata about electrodes")
    _column(table, "id", ids, "ElementIdentifiers")
    for name, values in columns.items():
        if name == "group":
            groups = [file[f"general/extracellular_ephys/{n}"].ref for n in names]
            data = table.create_dataset(
                "group", data=np.array(groups, dtype=h5py.ref_dtype)[probe], dtype=h5py.ref_dtype
            )
            _typed(data, "VectorData", COMMON, description="no description")
        else:
            _column(table, name, values)
    return ids


def _stimuli(layout: Layout, rng: np.random.Generator) -> tuple[dict[str, dict], float]:
    """Tables of presentations by name, and the length of the session in seconds."""
    frames = layout.n_frames or SMALL_FRAMES
    repeats = layout.n_repeats or SMALL_REPEATS
    tables: dict[str, list[dict]] = {}
    now = 1000.0

    def show(name: str, duration: float, gap: float, block: int, **conditions) -> None:
        nonlocal now
        number = len(next(iter(conditions.values())))
        lasting = duration * (1 + 1e-4 * rng.standard_normal(number))
        start = now + np.concatenate([[0.0], np.cumsum(lasting[:-1] + gap)])
        tables.setdefault(name, []).append(
            {
                "start_time": start,
                "stop_time": start + lasting,
                "stimulus_block": np.full(number, float(block)),
                "stimulus_index": np.full(number, float(block % 7)),
                **conditions,
            }
        )
        now = float(start[-1] + lasting[-1] + PAUSE)

    def movie(name: str, which: str, number: int, block: int, shuffled: bool = False) -> None:
        shown = np.tile(np.arange(frames[which], dtype=float), number)
        show(name, FRAME, 0.0, block, frame=rng.permutation(shown) if shuffled else shown)

    show("flashes", 0.25, 1.75, 1, orientation=np.zeros(10), color=np.tile(["-1.0", "1.0"], 5))
    if layout.session_type == "functional_connectivity":
        movie(_MORE, "one", repeats["more"], 4)
        movie("natural_movie_one_shuffled", "one", repeats["shuffled"], 5, shuffled=True)
        movie(_MORE, "one", repeats["more"], 6)
    else:
        movie("natural_movie_three", "three", repeats["three"], 3)
        movie("natural_movie_one", "one", repeats["one"], 4)
        grid = [(o, f) for o in range(0, 360, 45) for f in (1.0, 2.0, 4.0, 8.0, 15.0)]
        shown = np.array(grid * 2 + [(np.nan, np.nan)] * 5)[rng.permutation(len(grid) * 2 + 5)]
        show(
            "drifting_gratings",
            2.0,
            1.0,
            2,
            orientation=shown[:, 0],
            temporal_frequency=shown[:, 1],
        )
        movie("natural_movie_three", "three", repeats["three"], 6)
        shown = rng.permutation(np.repeat(np.arange(-1.0, 118.0), 4))
        show("natural_scenes", 0.25021, 0.0, 8, frame=shown)
        movie("natural_movie_one", "one", repeats["one"], 12)
    quiet = {"start_time": np.array([0.5, 990.0]), "stop_time": np.array([29.0, 999.0])}
    joined = {
        name: {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        for name, parts in tables.items()
    }
    return {**joined, "spontaneous": quiet}, now + 300.0


def _presentations(file: h5py.File, tables: dict[str, dict]) -> None:
    onsets = np.sort(np.concatenate([table["start_time"] for table in tables.values()]))
    module = file.create_group("processing/stimulus")
    _typed(module, "ProcessingModule", CORE, description="Stimulus Times processing")
    series = file.create_group("processing/stimulus/timestamps")
    _typed(series, "TimeSeries", CORE, comments="no comments", description="no description")
    data = series.create_dataset("data", data=onsets)
    data.attrs.update({"conversion": 1.0, "offset": 0.0, "resolution": -1.0, "unit": "s"})
    times = series.create_dataset("timestamps", data=onsets)
    times.attrs.update({"interval": 1, "unit": "seconds"})
    for name, table in sorted(tables.items()):
        number = len(table["start_time"])
        columns = dict(table)
        if "movie" in name:
            columns |= {
                "color": np.full(number, "[1.0, 1.0, 1.0]"),
                "contrast": np.ones(number),
                "opacity": np.ones(number),
                "orientation": np.zeros(number),
                "size": np.full(number, "[1920.0, 1080.0]"),
                "units": np.full(number, "pix"),
            }
        if name == "drifting_gratings":
            columns |= {
                "mask": np.full(number, "None"),
                "spatial_frequency": np.full(number, "0.04"),
                "phase": np.full(number, "[21211.93333333, 21211.93333333]"),
            }
        columns["stimulus_name"] = np.full(number, name)
        names = [*columns, "tags", "timeseries"]
        where = f"intervals/{name}_presentations"
        about = f"Presentation times and stimuli details for '{name}' stimuli"
        group = _table(file, where, "TimeIntervals", CORE, names, about)
        _column(group, "id", np.arange(number), "ElementIdentifiers")
        for column, values in columns.items():
            _column(group, column, values)
        _ragged(group, "tags", np.full(number, "stimulus_time_interval"), np.arange(1, number + 1))
        kind = np.dtype([("idx_start", "<i4"), ("count", "<i4"), ("timeseries", h5py.ref_dtype)])
        references = np.empty(number, kind)
        references["idx_start"] = np.searchsorted(onsets, table["start_time"])
        references["count"] = 1
        references["timeseries"] = series.ref
        data = group.create_dataset("timeseries", data=references)
        _typed(data, "VectorData", CORE, description="index into a TimeSeries object")
        index = group.create_dataset("timeseries_index", data=np.arange(1, number + 1))
        _typed(index, "VectorIndex", COMMON, description="x", target=data.ref)


def _ragged(group: h5py.Group, name: str, values, ends) -> None:
    data = _column(group, name, values)
    index = group.create_dataset(f"{name}_index", data=np.asarray(ends, dtype=np.int64))
    _typed(index, "VectorIndex", COMMON, description=f"Index for {name}", target=data.ref)


def _invalid_times(file: h5py.File, layout: Layout, onsets: np.ndarray) -> None:
    """One interval of a probe, one of the whole session."""
    at = [len(onsets) // 10, len(onsets) // 3]
    columns = ("start_time", "stop_time", "tags")
    about = "time intervals to be removed from analysis"
    group = _table(file, "intervals/invalid_times", "TimeIntervals", CORE, columns, about)
    _column(group, "id", np.arange(2), "ElementIdentifiers")
    _column(group, "start_time", onsets[at])
    _column(group, "stop_time", onsets[[at[0] + 2, at[1] + 1]])
    tags = ["EcephysProbe", "810755801", "probeC", "EcephysSession", str(layout.session_id)]
    _ragged(group, "tags", [*tags, "stimulus"], [3, 6])


def _units(
    file: h5py.File, layout: Layout, channels: np.ndarray, span: float, rng: np.random.Generator
) -> None:
    number = layout.n_units
    rate = rng.lognormal(0, 1.2, number)
    counts = rng.poisson(layout.mean_spikes * rate / rate.mean())
    cutoff = np.where(rng.random(number) < 0.05, np.nan, rng.beta(1, 8, number) * 0.5)
    columns = {
        "PT_ratio": rng.random(number),
        "amplitude_cutoff": cutoff,
        "cluster_id": np.arange(number),
        "firing_rate": counts / span,
        "isi_violations": rng.exponential(0.3, number),
        "local_index": np.arange(number),
        "peak_channel_id": rng.choice(channels, number),
        "presence_ratio": np.clip(1 - rng.exponential(0.05, number), 0, 1),
        "quality": np.where(rng.random(number) < 0.12, "noise", "good"),
        "snr": rng.lognormal(1, 0.4, number),
        "waveform_duration": rng.random(number),
    }
    names = [*columns, "spike_times", "spike_amplitudes", "waveform_mean"]
    group = _table(file, "units", "Units", CORE, names, "Autogenerated by NWBFile")
    _column(group, "id", 950910352 + rng.permutation(9 * number)[:number], "ElementIdentifiers")
    for name, values in columns.items():
        _column(group, name, values)
    ends = np.cumsum(counts)
    times = group.create_dataset("spike_times", shape=(int(ends[-1]),), dtype=np.float64)
    for at, (first, last) in enumerate(zip(ends - counts, ends)):
        train = np.sort(rng.random(last - first) * span)
        times[first:last] = train[::-1] if at == layout.unsorted else train
    _typed(times, "VectorData", COMMON, description="times (s) of detected spiking events")
    index = group.create_dataset("spike_times_index", data=ends.astype(np.int64))
    _typed(index, "VectorIndex", COMMON, description="x", target=times.ref)
    amplitudes = group.create_dataset("spike_amplitudes", shape=times.shape, dtype=np.float64)
    _typed(amplitudes, "VectorData", COMMON, description="amplitude (s) of spiking events")
    index = group.create_dataset("spike_amplitudes_index", data=ends.astype(np.int64))
    _typed(index, "VectorIndex", COMMON, description="x", target=amplitudes.ref)
    waveforms = group.create_dataset("waveform_mean", shape=(number * 4, 82), dtype=np.float64)
    _typed(waveforms, "VectorData", COMMON, description="mean waveforms", unit="volts")
    index = group.create_dataset(
        "waveform_mean_index", data=(np.arange(1, number + 1) * 4).astype(np.int64)
    )
    _typed(index, "VectorIndex", COMMON, description="x", target=waveforms.ref)
