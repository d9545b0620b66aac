"""Who is recorded in a simulated session: probes, channels with structures, units with quality.

What is recorded follows the release (Siegle et al. 2021, Nature 592:86; its tables as AllenSDK
saves them): 61 names of structures occur in 58 sessions, 16 of them with a published hierarchy
score; each of six probes aims at a visual area and passes hippocampus, thalamus or midbrain below;
six sessions have no annotation below the cortex, where everything is ``grey``. A session has 690
units that pass on average, half of them in the cortex.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from shapemetrics.datasets.allen.anatomy import (
    division,
    hierarchy_score,
    hierarchy_scores,
    reason_left_out,
    structure,
)
from shapemetrics.datasets.allen.expected import recorded_frequencies
from shapemetrics.datasets.allen.settings import Coverage

#: Units of a session in each of eight areas, where it has any: medians of Siegle et al. 2021.
MEDIAN_UNITS = {
    "VISp": 99,
    "VISal": 77,
    "VISam": 65,
    "VISl": 63,
    "VISpm": 58,
    "VISrl": 52,
    "LP": 45,
    "LGd": 36,
}
#: Units on a probe in any other structure: a probe has 120 on average, half of them in the cortex,
#: and lists five structures below it.
OTHER_UNITS = 12
#: Sessions of the release without annotation below the cortex, and all.
UNANNOTATED, N_RELEASED = 6, 58
#: Fewest simulated sessions of which one is such.
LEAST_SESSIONS = 4
#: Probes that list a structure are counted in sessions whose annotation goes below the cortex.
ANNOTATED_PROBES = {"A": 51, "B": 50, "C": 50, "D": 49, "E": 52, "F": 46}
#: Divisions along a track, from the surface down.
DOWNWARDS = ("Isocortex", "HPF", "OLF", "CTXsp", "STR", "TH", "HY", "MB")

#: Areas of the cortex and nuclei of the thalamus with published hierarchy scores, and structures
#: without one, with the units that a good probe finds in each (`coverage` "scored"): far more
#: scored structures than any session has.
CORTEX = {
    "VISp": 99,
    "VISl": 63,
    "VISrl": 52,
    "VISal": 77,
    "VISpm": 58,
    "VISam": 65,
    "VISli": 50,
    "VISpor": 50,
    "VISa": 55,
    "RSPd": 50,
    "RSPv": 55,
    "MOp": 60,
    "MOs": 65,
    "ACAd": 55,
    "PL": 55,
    "ORBl": 50,
    "SSs": 55,
    "AUDp": 60,
    "TEa": 50,
    "ILA": 50,
}
THALAMUS = {
    "LGd": 36,
    "LP": 45,
    "PO": 40,
    "POL": 36,
    "VPM": 40,
    "VPL": 40,
    "LD": 36,
    "MD": 40,
    "PF": 36,
    "PIL": 36,
}
HIPPOCAMPUS = {"CA1": 20, "CA3": 10, "DG": 12}
MIDBRAIN = {"APN": 10}

#: Of a probe's 384 channels every fourth is kept: AllenSDK reads a file's channels row by row,
#: a dozen times.
N_CHANNELS = 96
#: Share of units that are put on top of those meant to pass, to be filtered out, and of units that
#: pass and have no structure.
EXTRA, UNPLACED = 0.45, 0.06
FIRST_ID = 999_000_001


@dataclass(frozen=True, eq=False)
class Population:
    """Probes, channels and units of one simulated session, as tables.

    Attributes
    ----------
    session_id : int
    probes, channels, units : pandas.DataFrame
        ``units`` has the columns of a session file and, in front, ``structure``: where the unit
        truly lies.
    """

    session_id: int
    probes: pd.DataFrame
    channels: pd.DataFrame
    units: pd.DataFrame


def depth(acronym: str) -> float:
    """Level of a structure in the simulated hierarchy, from 0 to 1; NaN without a score.

    The score (Harris et al. 2019, all connections; parts have their area's) between the lowest and
    highest published value.
    """
    scores = hierarchy_scores()
    low, high = min(scores.values()), max(scores.values())
    return (hierarchy_score(acronym).value - low) / (high - low)


def populations(
    n_sessions: int,
    n_probes: int,
    seed: int,
    unit_scale: float = 1.0,
    coverage: Coverage = "recorded",
) -> list[Population]:
    """Draw the populations of several sessions.

    Parameters
    ----------
    n_sessions, n_probes : int
        Sessions, and probes in each.
    seed : int
    unit_scale : float
        Multiplies the number of units.
    coverage : {"recorded", "scored"}
        ``recorded``: structures as often as the real probes A to F list them; of four sessions and
        more one in ten (rounded up) has only ``grey`` below the cortex. ``scored``: every probe
        passes one area of the cortex, hippocampus, and one nucleus of the thalamus, or the
        midbrain; 30 areas and nuclei with a score come in turn.

    Returns
    -------
    list of Population
    """
    rng = np.random.default_rng([seed, 1])
    if coverage == "recorded":
        grey = -(-n_sessions * UNANNOTATED // N_RELEASED) if n_sessions >= LEAST_SESSIONS else 0
        unannotated = set(rng.permutation(n_sessions)[:grey].tolist())
        return [
            _population(
                session,
                [_recorded_track("ABCDEF"[probe], rng) for probe in range(n_probes)],
                np.random.default_rng([seed, 2, session]),
                unit_scale,
                annotated=session not in unannotated,
            )
            for session in range(n_sessions)
        ]
    turns = {
        name: _turns(list(where), n_sessions * n_probes, rng)
        for name, where in (("cortex", CORTEX), ("thalamus", THALAMUS))
    }
    result = []
    for session in range(n_sessions):
        own = slice(session * n_probes, (session + 1) * n_probes)
        tracks = [
            {
                cortex: CORTEX[cortex],
                **HIPPOCAMPUS,
                thalamus: THALAMUS[thalamus],
                **(MIDBRAIN if probe % 3 == 0 else {}),
            }
            for probe, (cortex, thalamus) in enumerate(
                zip(turns["cortex"][own], turns["thalamus"][own])
            )
        ]
        result.append(
            _population(session, tracks, np.random.default_rng([seed, 2, session]), unit_scale)
        )
    return result


def _recorded_track(probe: str, rng: np.random.Generator) -> dict[str, int]:
    """Structures that a probe passes, from the surface down, with the units in each.

    One area of the cortex, and every other structure on its own, with the probability that a real
    probe of this name lists it.
    """
    share = recorded_frequencies()[f"probe{probe}"] / ANNOTATED_PROBES[probe]
    share = share[share > 0]
    share = share.drop([name for name in share.index if reason_left_out(name)])
    where = {name: DOWNWARDS.index(division(name)) for name in share.index}
    cortex = share[[name for name in share.index if where[name] == 0]]
    below = share.drop(cortex.index)
    area = str(rng.choice(cortex.index, p=cortex / cortex.sum()))
    passed = [str(name) for name in below.index[rng.random(len(below)) < below.to_numpy()]]
    return {
        name: MEDIAN_UNITS.get(name, OTHER_UNITS)
        for name in [area, *sorted(passed, key=lambda name: where[name])]
    }


def _turns(names: list[str], number: int, rng: np.random.Generator) -> list[str]:
    """Every name in turn, in a new order each round."""
    rounds = -(-number // len(names))
    return [names[i] for _ in range(rounds) for i in rng.permutation(len(names))][:number]


def _population(
    session: int,
    tracks: list[dict[str, int]],
    rng: np.random.Generator,
    unit_scale: float,
    annotated: bool = True,
) -> Population:
    session_id = FIRST_ID + session
    probes, channels, units = [], [], []
    for index, track in enumerate(tracks):
        probe_id = session_id * 10 + index
        probes.append(
            {
                "id": probe_id,
                "ecephys_session_id": session_id,
                "name": f"probe{chr(ord('A') + index)}",
                "phase": "simulated",
                "sampling_rate": 30000.0,
                "lfp_sampling_rate": 1250.0,
                "has_lfp_data": False,
            }
        )
        own = _channels(probe_id, track)
        numbers = {
            name: max(2, round(unit_scale * mean * rng.lognormal(0.0, 0.35)))
            for name, mean in track.items()
        }
        units.append(_units(own, numbers, rng))
        if not annotated:
            below = own["structure_acronym"].isin(list(track)[1:])
            own.loc[below, "structure_acronym"] = "grey"
            own.loc[below, "structure_id"] = structure("grey").id
        channels.append(own)
    channel_table = pd.concat(channels, ignore_index=True)
    unit_table = pd.concat(units, ignore_index=True)
    ids = session_id * 10_000 + np.arange(len(unit_table))
    unit_table.insert(0, "id", ids)
    return Population(session_id, pd.DataFrame(probes), channel_table, unit_table)


def _channels(probe_id: int, track: dict[str, int]) -> pd.DataFrame:
    """Channels from the tip up: the last structure of the track lies deepest."""
    index = np.arange(N_CHANNELS)
    deep_first = list(track)[::-1]
    share = np.array([max(track[name], 15) for name in deep_first], dtype=float)
    # Near the tip and between the structures channels have no annotation, or only 'grey'.
    borders = np.cumsum(share / share.sum()) * 80 + 3
    segment = np.searchsorted(borders, index, side="right")
    names = np.array([*deep_first, "", "grey"])[segment]
    names[:3] = "grey"
    names[index % 23 == 0] = ""
    return pd.DataFrame(
        {
            "id": probe_id * 1000 + index,
            "probe_id": probe_id,
            "probe_channel_number": 4 * index,
            "valid_data": index % 41 != 5,
            "probe_vertical_position": 40 * (index + 1),
            "probe_horizontal_position": np.array([43, 11, 59, 27])[index % 4],
            "structure_acronym": names,
            "structure_id": [structure(n).id if n else -1 for n in names],
            "anterior_posterior_ccf_coordinate": 8000.0,
            "dorsal_ventral_ccf_coordinate": 4000.0 - 40.0 * index,
            "left_right_ccf_coordinate": 7000.0,
            "impedance": np.nan,
            "filtering": "AP band: 500 Hz high-pass; LFP band: 1000 Hz low-pass",
        }
    )


def _units(
    channels: pd.DataFrame, numbers: dict[str, int], rng: np.random.Generator
) -> pd.DataFrame:
    """Units meant to pass, others to be filtered out, and some on channels without a structure."""
    rows = []
    acronym = channels["structure_acronym"].to_numpy()
    valid = channels["valid_data"].to_numpy()
    unplaced = np.flatnonzero(np.isin(acronym, ["", "grey"]) & valid)
    for name, number in numbers.items():
        at = np.flatnonzero((acronym == name) & valid)
        rows += [(name, channel, True) for channel in rng.choice(at, number)]
        rows += [(name, channel, False) for channel in rng.choice(at, round(EXTRA * number))]
    rows += [("", channel, True) for channel in rng.choice(unplaced, round(UNPLACED * len(rows)))]
    # Some good units sit on channels whose data are not valid.
    rows += [(acronym[c], c, True) for c in np.flatnonzero(~valid)]
    names, at, passes = zip(*rows)
    table = _quality(np.array(passes), rng)
    table.insert(0, "structure", names)
    table["peak_channel_id"] = channels["id"].to_numpy()[list(at)]
    table["local_index"] = np.arange(len(table))
    table["cluster_id"] = np.arange(len(table))
    return table


def _quality(passes: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Quality metrics; a unit that must not pass fails by one of them, or has none (NaN)."""
    number = len(passes)
    cutoff = rng.beta(1, 25, number).clip(max=0.099)
    presence = 1 - 0.04 * rng.random(number) ** 2
    isi = rng.exponential(0.06, number).clip(max=0.49)
    quality = np.full(number, "good", dtype="<U5")
    reason = rng.integers(0, 5, number)
    bad = ~passes
    cutoff = np.where(bad & (reason == 0), 0.1 + 0.4 * rng.random(number), cutoff)
    presence = np.where(bad & (reason == 1), 0.9 * rng.random(number), presence)
    isi = np.where(bad & (reason == 2), 0.5 + rng.exponential(1.0, number), isi)
    quality[bad & (reason == 3)] = "noise"
    cutoff = np.where(bad & (reason == 4), np.nan, cutoff)
    return pd.DataFrame(
        {
            "quality": quality,
            "amplitude_cutoff": cutoff,
            "presence_ratio": presence,
            "isi_violations": isi,
            "snr": rng.lognormal(1.0, 0.4, number),
            "firing_rate": rng.lognormal(np.log(5.0), 0.8, number).clip(0.5, 40.0),
        }
    )
