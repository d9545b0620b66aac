"""How many regions there will be, said before any session is fetched: from the session tables."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from shapemetrics.datasets.allen.anatomy import (
    at_level,
    division,
    hierarchy_score,
    is_part_of,
    reason_left_out,
)
from shapemetrics.datasets.allen.recording import UnitFilters
from shapemetrics.datasets.allen.sessions import (
    SESSION_TYPES,
    choose_sessions,
    read_channel_structures,
    read_probes,
    read_sessions,
    read_table,
    session_types_of,
)
from shapemetrics.datasets.allen.settings import Pooling

__all__ = [
    "ExpectedRegions",
    "announced",
    "expected_from_tables",
    "expected_of_release",
    "recorded_frequencies",
]

#: Where the numbers of units come from: each unit's channel, the probes' totals, or nowhere.
Basis = Literal["units", "probes", "sessions"]
#: Share of a probe's units that lie in the cortex, where it passes other structures as well: in the
#: 32 sessions of natural movie three, 10,861 of 21,842 units lie in the six visual areas aimed at
#: (Siegle et al. 2021).
CORTEX_SHARE = 0.5
#: A region may hold so many times more or fewer units than its share of each probe's gives it.
SHARE_RANGE = 2.0
#: Regions that a line names.
NAMED = 12


@dataclass(frozen=True, eq=False)
class ExpectedRegions:
    """Regions that some sessions can give.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per region, by decreasing number of sessions: ``structure_acronym``, ``n_sessions``
        that list it, ``left_out`` (why its units make no region, or empty), ``has_score`` (of the
        hierarchy), and the number of units: ``fewest``, ``expected`` and ``most`` (NaN where the
        tables say nothing about it).
    n_sessions : int
    min_units : int
        Fewest units that a region needs.
    basis : {"units", "probes", "sessions"}
        Tables that the numbers of units come from. ``units``: counted, by the channel of each unit
        that passes the filters (``valid_data`` apart, which only session files have).
        ``probes``: `most` is the sum of the units of all probes that list the region; `expected` a
        share of each, half for the cortex and the rest even among what else the probe lists;
        `fewest` half of that: a rule of thumb. ``sessions``: unknown.
    note : str
        Why a table that is there was not used.
    region_by : {"structure", "ccf"}
        Whether regions are these structures, or what their units' voxels say, which is finer.
    """

    table: pd.DataFrame
    n_sessions: int
    min_units: int
    basis: Basis
    note: str = ""
    region_by: str = "structure"

    @property
    def possible(self) -> pd.DataFrame:
        """Rows of the regions that nothing but their number of units can leave out."""
        return self.table[self.table["left_out"] == ""]

    @property
    def interval(self) -> tuple[int, int]:
        """Fewest and most regions (K) to expect.

        Counted units give one number, which channels without valid data may lower. Totals of probes
        give an interval: regions that reach `min_units` with half and with twice their share, the
        latter bounded by `most`. Otherwise it runs from 0 to the number of structures that sessions
        list.
        """
        rows = self.possible
        if self.basis == "sessions":
            return 0, len(rows)
        high = rows["most"].clip(upper=SHARE_RANGE * rows["expected"])
        if self.basis == "units":
            high = rows["most"]
        return (
            int((rows["fewest"] >= self.min_units).sum()),
            int((high >= self.min_units).sum()),
        )

    @property
    def at_most(self) -> int:
        """Bound of K that the tables prove."""
        rows = self.possible
        return (
            len(rows) if self.basis == "sessions" else int((rows["most"] >= self.min_units).sum())
        )

    def lines(self) -> list[str]:
        """What is to be expected, in sentences."""
        noted = [self.note] if self.note else []
        if self.table.empty:
            return [
                *noted,
                f"the tables of {self.n_sessions} sessions list no structure: K unknown",
            ]
        gone = self.table.loc[self.table["left_out"] != "", "structure_acronym"]
        lines = [
            *noted,
            f"{self.n_sessions} sessions list {len(self.table)} structures, of which "
            f"{len(self.possible)} can be regions (left out: {_named(gone)})",
        ]
        common = [f"{r.structure_acronym} {r.n_sessions}" for r in self.possible.itertuples()]
        listed = f"sessions that list each: {_named(common)}"
        if self.region_by == "ccf":
            finer = (
                "regions are by voxel, layers and parts of these structures: K is not in the tables"
            )
            return [*lines, finer, listed]
        low, high = self.interval
        if self.basis == "units":
            lines.append(
                f"K at most {high}: regions with at least {self.min_units} units that pass, "
                "counted in the tables (channels without valid data, known to session files only, "
                "take a few)"
            )
        elif self.basis == "probes":
            lines.append(
                f"K between {low} and {high} with at least {self.min_units} units a region (each "
                "probe's units shared among the structures that it lists, halved and doubled); at "
                f"most {self.at_most}"
            )
        else:
            lines.append(
                f"K at most {self.at_most}; how many of them have at least {self.min_units} units "
                "is not in the session table"
            )
        rows = self.possible
        if self.basis != "sessions":
            rows = rows[rows["most"] >= self.min_units]
        scored = int(rows["has_score"].sum())
        lines.append(f"at most {scored} of them have a hierarchy score")
        return [*lines, listed]


def expected_from_tables(
    table: Callable[[str], Path] | str | os.PathLike,
    ids: Sequence[int],
    pooling: Pooling | None = None,
    filters: UnitFilters | None = None,
    *,
    region_by: str = "structure",
) -> ExpectedRegions:
    """Regions to expect of some sessions, from the tables of an ecephys cache.

    Parameters
    ----------
    table : callable or path-like
        Gives the path of a table by its name (as :meth:`Source.table` does), or the folder that
        holds them. ``sessions.csv`` is needed; ``probes.csv``, and ``units.csv`` with
        ``channels.csv``, are used where they are there (in a folder; a callable is asked for the
        first two only, so that nothing large is fetched).
    ids : sequence of int
        Sessions.
    pooling : Pooling, optional
    filters : UnitFilters, optional
        Which units count.
    region_by : {"structure", "ccf"}

    Returns
    -------
    ExpectedRegions

    Raises
    ------
    ValueError
        If a table cannot be read.
    """
    pooling = pooling or Pooling()
    if callable(table):
        found = {name: table(name) for name in ("sessions.csv", "probes.csv")}
        folder = Path(found["sessions.csv"]).parent
    else:
        folder = Path(table)
        found = {"sessions.csv": folder / "sessions.csv"}
    for name in ("probes.csv", "channels.csv", "units.csv"):
        if (folder / name).is_file():
            found.setdefault(name, folder / name)
    chosen = read_sessions(found["sessions.csv"]).loc[list(ids)]
    listed: dict[int, set[str]] = {int(i): set(row) for i, row in chosen["structures"].items()}
    probes = None
    if "probes.csv" in found:
        probes = read_probes(found["probes.csv"])
        probes = probes[probes["ecephys_session_id"].isin(list(ids))]
        for session, row in zip(probes["ecephys_session_id"], probes["structures"]):
            listed[int(session)] |= set(row)
    units: dict[str, dict[str, float]] | None = None
    basis: Basis = "sessions"
    sites, note = None, ""
    if {"channels.csv", "units.csv"} <= set(found) and probes is not None:
        try:
            sites = _unit_sites(found, probes, filters or UnitFilters())
        except ValueError as error:
            note = f"units are not counted: {error}"
    if sites is not None:
        for session, acronym in sites[["session", "acronym"]].drop_duplicates().itertuples(False):
            listed[int(session)] |= {acronym} - {""}
        counts = sites["acronym"].value_counts()
        units = {name: dict.fromkeys(_NUMBERS, float(n)) for name, n in counts.items() if name}
        basis = "units"
    elif probes is not None and "unit_count" in probes:
        units, basis = _shares(probes), "probes"
    expected = _expected(list(listed.values()), len(ids), units, basis, pooling, note)
    return replace(expected, region_by=region_by)


def expected_of_release(
    session_types: Sequence[str] | None = None,
    pooling: Pooling | None = None,
    *,
    stimulus: str = "natural_movie_one",
) -> ExpectedRegions:
    """Regions to expect of the released sessions of some types, from what their table lists.

    Parameters
    ----------
    session_types : sequence of str, optional
        By default, and at most, those that show the stimulus.
    pooling : Pooling, optional
    stimulus : str

    Returns
    -------
    ExpectedRegions
        Whose numbers of units are unknown.
    """
    asked = session_types_of(stimulus) if session_types is None else tuple(session_types)
    types = [name for name in asked if name in session_types_of(stimulus)]
    frequencies = recorded_frequencies()
    number = frequencies[types].sum(axis=1)
    return _expected(
        {name: int(n) for name, n in number.items() if n > 0},
        sum(RELEASED[name] for name in types),
        None,
        "sessions",
        pooling or Pooling(),
    )


def announced(
    folder: str | os.PathLike,
    choice: Mapping[str, Any],
    *,
    pooling: Mapping[str, Any],
    filters: Mapping[str, Any],
    region_by: str = "structure",
    released: bool = True,
) -> list[str]:
    """What is known of the regions before anything runs, in sentences.

    Parameters
    ----------
    folder : path-like
        Where session tables may lie.
    choice : mapping
        Which sessions are read: arguments of :func:`choose_sessions`.
    pooling, filters : mapping
        Of :class:`Pooling` and :class:`UnitFilters`.
    region_by : {"structure", "ccf"}
    released : bool
        Whether sessions are those of the release, of which something is known without its tables.
    """
    options = Pooling(**pooling)
    path = Path(folder) / "sessions.csv"
    if path.is_file():
        try:
            ids = choose_sessions(read_sessions(path), **choice)
            return expected_from_tables(
                folder, ids, options, UnitFilters(**filters), region_by=region_by
            ).lines()
        except ValueError as error:
            return [f"regions to expect are unknown: {error}"]
    if not released:
        return ["regions to expect are said once the tables of sessions are fetched"]
    of_types = expected_of_release(choice["session_types"], options, stimulus=choice["stimulus"])
    some = choice["ids"] or choice["limit"]
    chosen = ["some sessions are chosen; of all released ones of their types:"] if some else []
    return [*chosen, *replace(of_types, region_by=region_by).lines()]


#: Released sessions of each type.
RELEASED = dict(zip(SESSION_TYPES, (32, 26)))


@cache
def recorded_frequencies() -> pd.DataFrame:
    """How many released sessions list each structure, and on which of their probes.

    Returns
    -------
    pandas.DataFrame
        By acronym, of which 61 occur (``grey`` and a ventricle among them): the number of sessions
        of each type, and of ``probeA`` to ``probeF`` in the 52 sessions whose annotation goes below
        the cortex.

    Notes
    -----
    Counted in ``sessions.csv`` and ``probes.csv`` of the Visual Coding Neuropixels release (Siegle
    et al. 2021, Nature 592:86), as AllenSDK saves them.
    """
    source = files("shapemetrics.datasets.allen").joinpath("data", "recorded_structures.csv")
    with source.open(encoding="utf-8") as stream:
        return pd.read_csv(stream, index_col="structure_acronym", keep_default_na=False)


_NUMBERS = ("fewest", "expected", "most")


def _expected(
    listed: Sequence[set[str]] | Mapping[str, int],
    n_sessions: int,
    units: Mapping[str, Mapping[str, float]] | None,
    basis: Basis,
    pooling: Pooling,
    note: str = "",
) -> ExpectedRegions:
    """Join annotated structures into regions, and say which of them may be left out."""
    annotated = set(listed) if isinstance(listed, Mapping) else set().union(*listed)
    reasons = {name: reason_left_out(name) for name in annotated}
    region_of = {
        name: name if reasons[name] else at_level(name, pooling.level) for name in annotated
    }
    regions = set(region_of.values())
    rows = []
    for region in regions:
        parts = {name for name, joined in region_of.items() if joined == region}
        if isinstance(listed, Mapping):
            # Parts that are joined may be in the same sessions: a bound from below.
            number = max(listed[name] for name in parts)
        else:
            number = sum(bool(parts & own) for own in listed)
        totals = {
            name: sum(units[part][name] for part in parts if part in units)
            if units is not None
            else np.nan
            for name in _NUMBERS
        }
        reason = reasons.get(region, "")
        rows.append(
            {
                "structure_acronym": region,
                "n_sessions": number,
                "left_out": reason or _not_pooled(region, regions, reasons, pooling),
                "has_score": not reason
                and bool(
                    np.isfinite(hierarchy_score(region, pooling.hierarchy, pooling.variant).value)
                ),
                **totals,
            }
        )
    rows.sort(key=lambda row: (-row["n_sessions"], row["structure_acronym"]))
    columns = ["structure_acronym", "n_sessions", "left_out", "has_score", *_NUMBERS]
    return ExpectedRegions(
        pd.DataFrame(rows, columns=columns), n_sessions, pooling.min_units, basis, note
    )


def _not_pooled(
    region: str, regions: set[str], reasons: Mapping[str, str], pooling: Pooling
) -> str:
    """Why the settings leave out a region of grey matter; empty where they take it."""
    if region in pooling.exclude:
        return "excluded"
    if pooling.structures is not None and region not in pooling.structures:
        return "not_asked_for"
    grey_matter = [name for name in regions if not reasons.get(name, "")]
    if pooling.parents == "drop" and any(is_part_of(part, region) for part in grey_matter):
        return "parent"
    return ""


def _shares(probes: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Units of each structure, from the totals of the probes that list it.

    Where a probe lists cortex and other structures, its cortex has `CORTEX_SHARE` of the units.
    Among what a probe lists are channels without a structure, which its list leaves out: a share of
    what is not cortex.
    """
    units: dict[str, dict[str, float]] = {}
    for total, row in zip(probes["unit_count"].astype(float), probes["structures"]):
        names = set(row)
        cortex = {
            name for name in names if not reason_left_out(name) and division(name) == "Isocortex"
        }
        others = len(names - cortex) + 1
        of_cortex = CORTEX_SHARE if others > 1 else 1 - 1 / (len(cortex) + 1)
        for name in names:
            share = of_cortex / len(cortex) if name in cortex else (1 - of_cortex) / others
            if not cortex:
                share = 1 / others
            own = units.setdefault(name, dict.fromkeys(_NUMBERS, 0.0))
            own["expected"] += share * total
            own["fewest"] += share * total / SHARE_RANGE
            own["most"] += total
    return units


def _unit_sites(
    found: Mapping[str, Path], probes: pd.DataFrame, filters: UnitFilters
) -> pd.DataFrame:
    """Session and structure of each unit that passes, from the tables of units and channels."""
    channels = read_table(found["channels.csv"], ("ecephys_probe_id",))
    acronyms = read_channel_structures(found["channels.csv"])
    quality = ("quality", "amplitude_cutoff", "presence_ratio", "isi_violations")
    units = read_table(found["units.csv"], ("ecephys_channel_id", *quality))
    columns = {name: units[name].to_numpy() for name in quality}
    units = units[filters.passing(columns, np.ones(len(units), dtype=bool))]
    channel = units["ecephys_channel_id"]
    session = channel.map(channels["ecephys_probe_id"]).map(probes["ecephys_session_id"])
    sites = pd.DataFrame({"session": session, "acronym": channel.map(acronyms).fillna("")})
    return sites[sites["session"].notna()]


def _named(names: Sequence[str] | pd.Series) -> str:
    """The first names of a list, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return (", ".join(names[:NAMED]) or "none") + more
