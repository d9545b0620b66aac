"""Simulated sessions: spikes of a visual hierarchy that is known, in the Observatory's own format.

Each structure sees the stimulus through features whose depth follows its published hierarchy score;
each unit is a random readout of them that fires Poisson spikes. The result is a cache as
AllenSDK's EcephysProjectCache keeps it, with the ground truth beside it.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from shapemetrics.datasets.allen import movies
from shapemetrics.datasets.allen.population import Population, depth, populations
from shapemetrics.datasets.allen.sdk_scripts import run_script
from shapemetrics.datasets.allen.sessions import write_manifest
from shapemetrics.datasets.allen.settings import Simulation
from shapemetrics.files import atomic_path

TRUTH = "truth"
#: How strongly a unit follows the stimulus, with a hierarchy score and without (standard deviation
#: of the logarithm of its rate).
DRIVE, WEAK_DRIVE = 0.7, 0.2
#: Standard deviation of the logarithm of a unit's gain from one repeat to the next.
GAIN_NOISE = 0.2
#: Seconds before, between and after the two blocks of repeats.
PAUSE = (10.0, 30.0, 10.0)
#: The type that simulated sessions say they are: the one whose stimuli they show.
SESSION_TYPE = "brain_observatory_1.1"


def drives(settings: Simulation) -> list[np.ndarray]:
    """Features of the stimulus by level, which every structure's units read."""
    rng = np.random.default_rng([settings.seed, 3])
    shown = movies.pictures(settings.kind, rng, settings.n_frames)
    return movies.features(settings.kind, shown, rng)


def latent(levels: list[np.ndarray], place: float) -> np.ndarray:
    """Features of a structure at a depth from 0 to 1: a mixture of the two levels beside it.

    Notes
    -----
    With many units their Gram matrix is (1 - w) F F' + w G G', so that structures of like depth
    have like geometry.
    """
    position = place * (len(levels) - 1)
    below = min(int(position), len(levels) - 2)
    weight = position - below
    return np.hstack([np.sqrt(1 - weight) * levels[below], np.sqrt(weight) * levels[below + 1]])


def log_rates(
    units: pd.DataFrame, levels: list[np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Logarithm of each unit's rate over its mean, (units, stimuli)."""
    result = np.empty((len(units), len(levels[0])))
    for name in units["structure"].unique():
        rows = np.flatnonzero(units["structure"] == name)
        place = depth(name) if name else np.nan
        features = latent(levels, 0.5 if np.isnan(place) else place)
        weights = rng.standard_normal((features.shape[1], len(rows)))
        drive = WEAK_DRIVE if np.isnan(place) else DRIVE
        strength = drive * rng.lognormal(0.0, 0.3, len(rows))
        result[rows] = (features @ weights).T * strength[:, None]
    # The mean over stimuli of the rate itself stays what it is meant to be.
    return result - np.log(np.exp(result).mean(axis=1, keepdims=True))


def schedule(settings: Simulation, rng: np.random.Generator) -> pd.DataFrame:
    """Presentations of a session: two blocks of repeats between grey screens.

    Movies repeat in order, other stimuli in random order. Onsets jitter like a real screen's.
    """
    kind = settings.kind
    columns = movies.conditions(kind, settings.n_frames)
    number = len(next(iter(columns.values())))
    halves = (settings.n_repeats - settings.n_repeats // 2, settings.n_repeats // 2)
    time, parts, grey = 0.0, [], []
    for block, repeats in enumerate(halves):
        grey.append((time, time + PAUSE[block]))
        time += PAUSE[block]
        orders = [np.arange(number) if kind.movie else rng.permutation(number)] * repeats
        position = np.concatenate(orders) if orders else np.empty(0, int)
        pause = 0.0 if kind.movie else 0.5 * kind.duration
        steps = (kind.duration + pause) * (1 + 2e-4 * rng.standard_normal(len(position)))
        starts = time + np.concatenate([[0.0], np.cumsum(steps)])
        parts.append(
            pd.DataFrame(
                {
                    "start_time": starts[:-1],
                    "stop_time": starts[1:] - pause,
                    "stimulus_name": kind.name,
                    "stimulus_block": float(2 * block + 1),
                    "stimulus_index": block,
                    "position": position,
                    **{name: values[position] for name, values in columns.items()},
                }
            )
        )
        time = starts[-1]
    grey.append((time, time + PAUSE[2]))
    start, stop = np.array(grey).T
    rest = pd.DataFrame(
        {
            "start_time": start,
            "stop_time": stop,
            "stimulus_name": "spontaneous",
            "stimulus_block": 2.0 * np.arange(len(start)),
            "stimulus_index": -1,
            "position": -1,
        }
    )
    return pd.concat([*parts, rest]).sort_values("start_time", ignore_index=True)


def spike_trains(
    units: pd.DataFrame, presentations: pd.DataFrame, logs: np.ndarray, rng: np.random.Generator
) -> list[np.ndarray]:
    """Poisson spikes of each unit: an inhomogeneous process with the rate of each presentation.

    Between presentations a unit fires at its mean rate. A repeat's gain varies from unit to unit.
    """
    start = presentations["start_time"].to_numpy()
    stop = presentations["stop_time"].to_numpy()
    position = presentations["position"].to_numpy()
    # Intervals: each presentation, and what follows it until the next.
    edges = np.column_stack([start, stop]).ravel()
    edges = np.maximum.accumulate(edges)
    lengths = np.diff(edges)
    shown = np.zeros(len(lengths), dtype=int) - 1
    shown[::2] = position
    repeat = np.zeros(len(position), dtype=int)
    repeat[position >= 0] = (
        pd.Series(position[position >= 0]).groupby(position[position >= 0]).cumcount()
    )
    repeat_of = np.repeat(repeat, 2)[: len(lengths)]
    trains = []
    for rate, log in zip(units["firing_rate"].to_numpy(), logs):
        gain = rng.lognormal(0.0, GAIN_NOISE, repeat.max() + 1)
        factor = np.append(np.exp(log), 1.0)[shown] * np.where(shown >= 0, gain[repeat_of], 1.0)
        mass = np.concatenate([[0.0], np.cumsum(rate * factor * lengths)])
        number = rng.poisson(mass[-1])
        trains.append(np.interp(np.sort(rng.random(number)) * mass[-1], mass, edges))
    return trains


def invalid_intervals(
    population: Population, presentations: pd.DataFrame, session: int
) -> pd.DataFrame:
    """Some sessions lose a second of stimulus, and a probe some seconds of data."""
    columns = {"start_time": [], "stop_time": [], "tags": []}
    span = presentations["stop_time"].max()
    session_id = population.session_id
    if session % 2 == 0:
        _append(columns, 0.3 * span, 0.3 * span + 1.0, f"EcephysSession,{session_id},stimulus")
    if session % 3 == 0:
        probe = population.probes.iloc[0]
        _append(
            columns, 0.7 * span, 0.7 * span + 3.0, f"EcephysProbe,{probe['id']},{probe['name']}"
        )
    return pd.DataFrame(columns)


def session_arrays(
    settings: Simulation, population: Population, levels: list[np.ndarray], session: int
) -> dict[str, np.ndarray]:
    """Everything that a session file holds, as plain arrays for ``sdk/write_session.py``."""
    rng = np.random.default_rng([settings.seed, 4, session])
    units = population.units
    presentations = schedule(settings, rng)
    trains = spike_trains(units, presentations, log_rates(units, levels, rng), rng)
    lengths = np.array([len(train) for train in trains])
    waveform = -np.exp(-(((np.arange(82) - 20) / 5.0) ** 2))
    arrays = {
        "session_id": np.int64(population.session_id),
        "session_type": np.array(SESSION_TYPE),
        "spike_times": np.concatenate(trains),
        "spike_times_index": np.cumsum(lengths),
        "spike_amplitudes": np.repeat(1e-4 * units["snr"].to_numpy(), lengths),
        "waveform_mean": 1e-4 * units["snr"].to_numpy()[:, None] * waveform,
    }
    tables = {
        "probes": population.probes,
        "channels": population.channels,
        "units": units.drop(columns="structure"),
        "presentations": presentations.drop(columns="position"),
        "invalid_times": invalid_intervals(population, presentations, session),
    }
    for table, frame in tables.items():
        for name, column in frame.items():
            values = column.to_numpy()
            arrays[f"{table}/{name}"] = (
                values if values.dtype.kind in "iufb" else values.astype(str)
            )
    return arrays


def write_sessions(
    folder: str | os.PathLike,
    settings: Simulation,
    interpreter: str | os.PathLike,
    *,
    n_jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write a cache of simulated sessions.

    Parameters
    ----------
    folder : path-like
        The cache: ``manifest.json``, tables, ``session_<id>/session_<id>.nwb``, and the ground
        truth in ``truth/``.
    settings : Simulation
    interpreter : path-like
        Python of AllenSDK's environment, which writes the NWB files.
    n_jobs : int
        Sessions written at once.
    progress : callable, optional
        Called with the number of sessions done and of all.

    Returns
    -------
    list of Path
        The session files.
    """
    folder = Path(folder)
    levels = drives(settings)
    drawn = populations(
        settings.n_sessions,
        settings.n_probes,
        settings.seed,
        settings.unit_scale,
        settings.coverage,
    )
    _write_tables(folder, drawn, settings, levels)

    def write(session: int) -> Path:
        population = drawn[session]
        name = f"session_{population.session_id}"
        target = folder / name / f"{name}.nwb"
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            source = Path(temporary) / "session.npz"
            np.savez(source, **session_arrays(settings, population, levels, session))
            run_script(interpreter, "write_session.py", source, target)
        return target

    paths = []
    with ThreadPoolExecutor(n_jobs) as pool:
        for path in pool.map(write, range(settings.n_sessions)):
            paths.append(path)
            if progress is not None:
                progress(len(paths), settings.n_sessions)
    return paths


def _write_tables(
    folder: Path, drawn: list[Population], settings: Simulation, levels: list[np.ndarray]
) -> None:
    """The cache's tables, with the columns that the warehouse gives, and the ground truth."""
    folder.mkdir(parents=True, exist_ok=True)
    write_manifest(folder)
    sessions = pd.DataFrame(
        {
            "id": [p.session_id for p in drawn],
            "published_at": "2019-10-03T00:00:00Z",
            "specimen_id": [p.session_id + 500 for p in drawn],
            "session_type": SESSION_TYPE,
            "age_in_days": 120.0,
            "sex": "M",
            "genotype": "simulated",
            "has_nwb": True,
        }
    )
    channels = pd.concat([p.channels for p in drawn]).rename(
        columns={
            "probe_id": "ecephys_probe_id",
            "probe_channel_number": "local_index",
            "structure_acronym": "ecephys_structure_acronym",
            "structure_id": "ecephys_structure_id",
        }
    )
    placed = channels["ecephys_structure_id"] >= 0
    channels["ecephys_structure_id"] = channels["ecephys_structure_id"].where(placed)
    units = pd.concat([p.units for p in drawn])
    tables = {
        "sessions": sessions,
        "probes": pd.concat([p.probes for p in drawn]),
        "channels": channels.drop(columns=["valid_data", "impedance", "filtering"]),
        "units": units.rename(columns={"peak_channel_id": "ecephys_channel_id"}).drop(
            columns=["structure", "local_index"]
        ),
    }
    for name, table in tables.items():
        _write_csv(table, folder / f"{name}.csv")
    truth = folder / TRUTH
    names = [name for name in units["structure"].unique() if name]
    places = pd.DataFrame({"structure_acronym": names, "depth": [depth(name) for name in names]})
    _write_csv(places, truth / "structures.csv")
    _write_csv(units[["id", "structure", "firing_rate"]], truth / "units.csv")
    with atomic_path(truth / "features.npz") as temporary, open(temporary, "wb") as stream:
        np.savez_compressed(stream, **{f"level_{i}": level for i, level in enumerate(levels)})
    with atomic_path(truth / "simulation.json") as temporary:
        temporary.write_text(json.dumps({"simulated": True, **asdict(settings)}, indent=1) + "\n")


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False)


def _append(columns: dict[str, list], start: float, stop: float, tags: str) -> None:
    for name, value in zip(("start_time", "stop_time", "tags"), (start, stop, tags)):
        columns[name].append(value)
