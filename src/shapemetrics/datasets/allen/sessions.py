"""The tables of an ecephys cache: which sessions there are, with which probes and structures."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from shapemetrics.files import atomic_path

MANIFEST = "manifest.json"
MANIFEST_VERSION = "0.3.0"
SESSION_TYPES = ("brain_observatory_1.1", "functional_connectivity")
#: Types of sessions that show a stimulus; those that are not here are shown by the first type only.
SHOWN_BY = {"natural_movie_one": SESSION_TYPES}

#: Files of a cache, as EcephysProjectCache lays them out: key, name, folder.
LAYOUT = (
    ("sessions", "sessions.csv", "BASEDIR"),
    ("probes", "probes.csv", "BASEDIR"),
    ("channels", "channels.csv", "BASEDIR"),
    ("units", "units.csv", "BASEDIR"),
    ("session_nwb", "session_%d.nwb", "session_data"),
    ("session_analysis_metrics", "session_%d_analysis_metrics.csv", "session_data"),
    ("probe_lfp_nwb", "probe_%d_lfp.nwb", "session_data"),
    ("typewise_analysis_metrics", "%s_analysis_metrics.csv", "BASEDIR"),
    ("natural_movie", "natural_movie_%d.h5", "movie_dir"),
    ("natural_scene", "natural_scene_%d.tiff", "natural_scene_dir"),
)
FOLDERS = (
    ("session_data", "session_%d"),
    ("movie_dir", "natural_movie_templates"),
    ("natural_scene_dir", "natural_scene_templates"),
)

#: An entry of a printed NumPy list of acronyms: a quoted word, or a bare nan.
_ENTRY = re.compile(r"'([^']*)'|\"([^\"]*)\"|\bnan\b")


def session_name(session_id: int) -> str:
    """Path of a session's file inside a cache and under the public address."""
    return f"session_{session_id}/session_{session_id}.nwb"


def parse_acronyms(printed: object) -> tuple[str, ...]:
    """Acronyms of a printed list; channels without a structure (nan) are left out.

    Examples
    --------
    >>> parse_acronyms("['CA1' 'VISrl' nan\\n 'grey']")
    ('CA1', 'VISrl', 'grey')
    """
    if not isinstance(printed, str):
        return ()
    return tuple(a or b for a, b in _ENTRY.findall(printed) if a or b)


def read_sessions(path: str | os.PathLike) -> pd.DataFrame:
    """Read ``sessions.csv``, as AllenSDK saves it or as the warehouse gives it.

    Returns
    -------
    pandas.DataFrame
        Indexed by session id; ``structures`` is a tuple of acronyms, empty where the file has none.
    """
    table = read_table(path, ("session_type",))
    genotype = table.pop("genotype") if "genotype" in table else None
    if genotype is not None and "full_genotype" not in table:
        table["full_genotype"] = genotype
    printed = table.pop("ecephys_structure_acronyms") if _ACRONYMS in table else None
    table["structures"] = [()] * len(table) if printed is None else printed.map(parse_acronyms)
    return table


def read_probes(path: str | os.PathLike) -> pd.DataFrame:
    """Read ``probes.csv``; indexed by probe id, ``structures`` as in :func:`read_sessions`."""
    table = read_table(path, ("ecephys_session_id", "name"))
    printed = table.pop("ecephys_structure_acronyms") if _ACRONYMS in table else None
    table["structures"] = [()] * len(table) if printed is None else printed.map(parse_acronyms)
    return table


def read_channel_structures(path: str | os.PathLike) -> pd.Series:
    """Structure by channel id, from ``channels.csv``; empty where a channel has none."""
    table = read_table(path, ("ecephys_structure_acronym",))
    return table["ecephys_structure_acronym"].fillna("")


def read_manifest(path: str | os.PathLike) -> dict[str, str]:
    """Names of the files that a cache keeps, by key, relative to the manifest.

    Raises
    ------
    ValueError
        If there is no manifest, or it is not one of an ecephys cache.
    """
    path = Path(path)
    if path.is_dir():
        path = path / MANIFEST
    if not path.is_file():
        raise ValueError(f"cache {path.parent} has no {path.name}")
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["manifest"]
        by_key = {entry["key"]: entry for entry in entries if "key" in entry}
        spec = {key: _joined(by_key, key) for key in by_key}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: no manifest of an ecephys cache: {error}") from None
    missing = [key for key in ("sessions", "session_nwb") if key not in spec]
    if missing:
        raise ValueError(f"{path}: no manifest of an ecephys cache: {missing[0]!r} is missing")
    return spec


def write_manifest(folder: str | os.PathLike) -> Path:
    """Write the manifest that EcephysProjectCache expects of a cache in this folder."""
    entries: list[dict[str, str]] = [
        {"type": "manifest_version", "value": MANIFEST_VERSION},
        {"key": "BASEDIR", "type": "dir", "spec": "."},
    ]
    entries += [
        {"key": key, "type": "dir", "spec": spec, "parent_key": "BASEDIR"} for key, spec in FOLDERS
    ]
    entries += [
        {"key": key, "type": "file", "spec": spec, "parent_key": parent}
        for key, spec, parent in LAYOUT
    ]
    path = Path(folder) / MANIFEST
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps({"manifest": entries}, indent=2) + "\n", encoding="utf-8")
    return path


def session_types_of(stimulus: str) -> tuple[str, ...]:
    """Types of the sessions that show a stimulus.

    Examples
    --------
    >>> session_types_of("natural_movie_one")
    ('brain_observatory_1.1', 'functional_connectivity')
    >>> session_types_of("natural_scenes")
    ('brain_observatory_1.1',)
    """
    return SHOWN_BY.get(stimulus, SESSION_TYPES[:1])


def choose_sessions(
    table: pd.DataFrame,
    *,
    ids: Sequence[int] | None = None,
    session_types: Iterable[str] | None = None,
    limit: int | None = None,
    stimulus: str | None = None,
) -> list[int]:
    """Ids of the sessions that a study takes.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`read_sessions`.
    ids : sequence of int, optional
        Exactly these, in this order.
    session_types : iterable of str, optional
        Otherwise all of these types; by default those that show the stimulus.
    limit : int, optional
        No more than the first so many.
    stimulus : str, optional
        Sessions that do not show it are left out; of those asked for by id none may be.

    Returns
    -------
    list of int

    Raises
    ------
    ValueError
        If an id is unknown or its session does not show the stimulus, or nothing is left.
    """
    showing = SESSION_TYPES if stimulus is None else session_types_of(stimulus)
    if ids:
        unknown = [i for i in ids if i not in table.index]
        if unknown:
            raise ValueError(
                f"session {unknown[0]} is unknown; the table has {len(table)}, "
                f"{table.index[0]} to {table.index[-1]}"
            )
        chosen = list(ids)
        without = [i for i in ids if table.loc[i, "session_type"] not in showing]
        if without:
            raise ValueError(
                f"session {without[0]}: found type {table.loc[without[0], 'session_type']}, "
                f"expected {' or '.join(showing)}, which shows {stimulus}"
            )
    else:
        asked = list(showing if session_types is None else session_types)
        types = [t for t in asked if t in showing]
        if not types:
            raise ValueError(
                f"no session of type {asked} shows {stimulus}; expected {' or '.join(showing)}"
            )
        chosen = list(table.index[table["session_type"].isin(types)])
        session_types = types
    chosen = [int(i) for i in chosen[:limit]]
    if not chosen:
        there = ", ".join(sorted(table["session_type"].unique()))
        raise ValueError(f"no session of type {list(session_types or ())}; the table has: {there}")
    return chosen


_ACRONYMS = "ecephys_structure_acronyms"


def read_table(path: str | os.PathLike, columns: Sequence[str]) -> pd.DataFrame:
    """Read a table of an ecephys cache, indexed by id; ValueError where it lacks a column."""
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path}: cannot be read as a table: {reason}") from None
    missing = [column for column in ("id", *columns) if column not in table]
    if missing:
        found = ", ".join(map(str, table.columns[:6]))[:120]
        raise ValueError(
            f"{path}: column {missing[0]!r} is missing: found {' '.join(found.split())!r}, "
            "expected a table of an ecephys cache (an error page may have come in its place)"
        )
    if not len(table) or not pd.api.types.is_integer_dtype(table["id"]):
        raise ValueError(f"{path}: found {len(table)} rows, expected rows with whole numbers as id")
    return table.set_index("id")


def _joined(by_key: dict[str, dict[str, str]], key: str) -> str:
    """The path of an entry, through its parents."""
    entry = by_key[key]
    spec = entry.get("spec", "")
    parent = entry.get("parent_key")
    if parent is None:
        return "" if spec == "." else spec
    return "/".join(part for part in (_joined(by_key, parent), spec) if part)
