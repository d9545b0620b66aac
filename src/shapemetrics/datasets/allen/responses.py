"""Responses of one session's units to a shared list of stimuli, in two halves of the repeats."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from shapemetrics.files import atomic_path

#: Halves of the repeats: 1st, 3rd, ... and 2nd, 4th, ... presentation of a stimulus.
HALVES = ("odd", "even")
#: Region (empty for none), kind, what became of them, and how many.
Fate = tuple[str, str, str, int]


@dataclass(frozen=True, eq=False)
class SessionResponses:
    """Summed spike counts of one session.

    Attributes
    ----------
    session_id : int or str
    stimuli : list of str
        m stimuli, the same in every session of a study.
    units : pandas.DataFrame
        n rows: ``unit_id`` and ``structure_acronym``.
    counts : ndarray of shape (2, n, m), uint32
        Spikes summed over the odd and the even repeats.
    repeats : ndarray of shape (2, n, m), uint16
        Valid repeats behind each sum.
    dropped : dict of str to int
        Units left out, by reason.
    unknown_structures : dict of str to int
        Of them, those whose structure the ontology does not have, by its name.
    annotation : str
        Where the structures come from.
    simulated : bool
    conditions : list of str
        Condition of each stimulus, where stimuli are conditions at some time; empty otherwise.
    trials : dict of str to int
        Trials used by condition, where trials were chosen.
    fates : list of (str, str, str, int)
        Region, kind (units, trials, conditions), reason and number of all that was left out before
        sessions are pooled; empty where only `dropped` is known.
    """

    session_id: int | str
    stimuli: list[str]
    units: pd.DataFrame
    counts: np.ndarray
    repeats: np.ndarray
    dropped: dict[str, int] = field(default_factory=dict)
    unknown_structures: dict[str, int] = field(default_factory=dict)
    annotation: str = ""
    simulated: bool = False
    conditions: list[str] = field(default_factory=list)
    trials: dict[str, int] = field(default_factory=dict)
    fates: list[Fate] = field(default_factory=list)

    def save(self, path: str | os.PathLike) -> None:
        """Write an ``.npz`` with one member a structure, so that pooling reads only its own."""
        acronyms = self.units["structure_acronym"].to_numpy()
        name = self.session_id
        header = {
            "session_id": name if isinstance(name, str) else int(name),
            "stimuli": self.stimuli,
            "dropped": dict(self.dropped),
            "unknown_structures": dict(self.unknown_structures),
            "annotation": self.annotation,
            "simulated": bool(self.simulated),
            "conditions": self.conditions,
            "trials": self.trials,
            "fates": self.fates,
        }
        arrays = {"header": np.array(json.dumps(header))}
        for acronym in np.unique(acronyms):
            chosen = np.flatnonzero(acronyms == acronym)
            arrays[f"{acronym}|units"] = self.units["unit_id"].to_numpy()[chosen]
            arrays[f"{acronym}|counts"] = self.counts[:, chosen]
            arrays[f"{acronym}|repeats"] = self.repeats[:, chosen]
        with atomic_path(path) as temporary, open(temporary, "wb") as stream:
            np.savez_compressed(stream, **arrays)

    def table(self) -> pd.DataFrame:
        """One row a unit, with its session."""
        return self.units.assign(session_id=self.session_id)[
            ["session_id", "unit_id", "structure_acronym"]
        ]


class ResponseFile:
    """Responses of one session on disk, read structure by structure.

    Parameters
    ----------
    path : path-like
        What :meth:`SessionResponses.save` wrote.

    Raises
    ------
    ValueError
        If the file is not that.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        try:
            with np.load(self.path, allow_pickle=False) as file:
                header: Mapping = json.loads(str(file["header"]))
                names = file.files
                self.units_of = {
                    name.removesuffix("|units"): file[name]
                    for name in names
                    if name.endswith("|units")
                }
        except (OSError, KeyError, ValueError, EOFError) as error:
            raise ValueError(f"{self.path}: no file of session responses: {error}") from error
        self.session_id: int | str = header["session_id"]
        self.stimuli: list[str] = header["stimuli"]
        self.dropped: dict[str, int] = header["dropped"]
        self.unknown_structures: dict[str, int] = header["unknown_structures"]
        self.annotation: str = header["annotation"]
        self.simulated = bool(header["simulated"])
        self.conditions: list[str] = header.get("conditions", [])
        self.trials: dict[str, int] = header.get("trials", {})
        self.fates: list[Fate] = [tuple(fate) for fate in header.get("fates", [])]

    @property
    def usable(self) -> bool:
        """Whether any unit and any stimulus is left; other sessions take no part."""
        return bool(self.units_of) and bool(self.stimuli)

    def read(self, acronym: str) -> tuple[np.ndarray, np.ndarray]:
        """Counts and repeats, (2, n, m) each, of one structure's units."""
        with np.load(self.path, allow_pickle=False) as file:
            return file[f"{acronym}|counts"], file[f"{acronym}|repeats"]


def mean_responses(counts: np.ndarray, repeats: np.ndarray) -> np.ndarray:
    """Mean spike count a repeat: all repeats, then the odd and the even ones.

    Parameters
    ----------
    counts, repeats : ndarray of shape (2, n, m)

    Returns
    -------
    ndarray of shape (3, m, n)
    """
    total = np.concatenate([counts.sum(0, dtype=np.int64)[None], counts])
    number = np.concatenate([repeats.sum(0, dtype=np.int64)[None], repeats])
    return (total / number).transpose(0, 2, 1)
