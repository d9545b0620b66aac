"""A second real dataset: the multi-region recordings of Steinmetz et al. 2019, trial by trial.

A folder of ``session_NN.npz`` files: ``counts`` (trials, units, bins from stimulus onset),
``structure_acronym``, ``contrast_left`` and ``contrast_right`` (Nature 576:266).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from shapemetrics.datasets.allen.anatomy import at_level, reason_left_out
from shapemetrics.datasets.allen.region_trials import (
    RegionTrials,
    pooled_trials,
    shared_conditions,
)
from shapemetrics.datasets.allen.responses import SessionResponses
from shapemetrics.datasets.allen.settings import Level

MEMBERS = ("counts", "structure_acronym", "contrast_left", "contrast_right")


def session_files(folder: str | os.PathLike) -> list[Path]:
    """The session files of a folder, by name.

    Raises
    ------
    ValueError
        If there is none.
    """
    files = sorted(Path(folder).glob("session_*.npz"))
    if not files:
        raise ValueError(f"{folder}: no session_*.npz of the multi-region recordings")
    return files


def _members(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Counts, acronyms and contrasts of a session file; ValueError unless it is one."""
    try:
        with np.load(path, allow_pickle=False) as file:
            trials, acronyms, left, right = (file[name] for name in MEMBERS)
    except (OSError, KeyError, ValueError, EOFError) as error:
        raise ValueError(f"{path}: no session of the multi-region recordings: {error}") from error
    if (
        trials.ndim != 3
        or trials.shape[:2] != (len(left), len(acronyms))
        or len(right) != len(left)
    ):
        raise ValueError(
            f"{path}: found counts of shape {trials.shape}, expected "
            f"({len(left)} trials, {len(acronyms)} units, bins)"
        )
    return trials, acronyms, left, right


def read_session(path: str | os.PathLike, *, min_repeats: int = 2) -> SessionResponses:
    """Responses of one session: every condition of contrasts times every time bin a stimulus.

    Parameters
    ----------
    path : path-like
    min_repeats : int
        Conditions with fewer trials are left out; two at least, one for each half.

    Returns
    -------
    SessionResponses

    Raises
    ------
    ValueError
        If the file is not such a session, or no condition or unit is left.
    """
    path = Path(path)
    if min_repeats < 2:
        raise ValueError(f"min_repeats {min_repeats}: expected at least 2, one for each half")
    trials, acronyms, left, right = _members(path)
    reasons = pd.Series([reason_left_out(str(a)) for a in acronyms], dtype=object)
    placed = (reasons == "").to_numpy(dtype=bool)
    unknown = pd.Series(acronyms)[(reasons == "unknown_structure").to_numpy(dtype=bool)]
    kinds, kind = np.unique(np.column_stack([left, right]), axis=0, return_inverse=True)
    kind = kind.ravel()
    half = pd.Series(kind).groupby(kind).cumcount().to_numpy() % 2
    enough = np.flatnonzero(np.bincount(kind) >= min_repeats)
    if not len(enough) or not placed.any():
        raise ValueError(
            f"{path}: no condition with {min_repeats} trials, or no unit in a structure"
        )
    n_bins = trials.shape[2]
    chosen = trials[:, placed]
    shape = (2, chosen.shape[1], len(enough), n_bins)
    counts, repeats = np.zeros(shape, np.uint32), np.zeros(shape, np.uint16)
    for position, condition in enumerate(enough):
        for h in (0, 1):
            own = (kind == condition) & (half == h)
            counts[h, :, position] = chosen[own].sum(axis=0, dtype=np.uint32)
            repeats[h, :, position] = own.sum()
    stimuli = [f"{a:g},{b:g}@{t}" for a, b in kinds[enough] for t in range(n_bins)]
    number = int(re.sub(r"\D", "", path.stem) or 0)
    units = pd.DataFrame(
        {"unit_id": np.flatnonzero(placed), "structure_acronym": acronyms[placed].astype(str)}
    )
    return SessionResponses(
        session_id=number,
        stimuli=stimuli,
        units=units,
        counts=counts.reshape(2, len(units), -1),
        repeats=repeats.reshape(2, len(units), -1),
        dropped={str(name): int(n) for name, n in reasons[~placed].value_counts().items()},
        unknown_structures={str(name): int(n) for name, n in unknown.value_counts().items()},
        annotation="session file",
    )


def region_trials(
    files: Sequence[str | os.PathLike],
    *,
    min_trials: int = 8,
    min_units: int = 80,
    n_bins: int | None = 4,
    level: Level = "structure",
) -> RegionTrials:
    """Read single trials, and pool units into regions without averaging.

    Parameters
    ----------
    files : sequence of path-like
        Sessions; see :func:`session_files`.
    min_trials : int
        Conditions with fewer trials in any session are left out.
    min_units : int
        Regions with fewer units in all sessions together are left out.
    n_bins : int or None
        Bins of a trial, in which the file's own are summed; None keeps these.
    level : str or int
        As in ``shapemetrics.datasets.allen.settings.Pooling``.

    Returns
    -------
    RegionTrials
        Each unit is divided by its standard deviation over trials and bins, so that units with
        many spikes do not outweigh all others; units without spikes are zero.

    Raises
    ------
    ValueError
        If a file is no session, bins do not divide, or too few conditions or regions are left.
    """
    read = [(Path(path).stem, *_members(Path(path))) for path in files]
    shown = {stem: list(zip(left.tolist(), right.tolist())) for stem, _, _, left, right in read}
    every = sorted(set().union(*shown.values()))
    kept = shared_conditions(every, shown, min_trials)

    def sessions() -> Iterator[tuple[str, np.ndarray, list[str]]]:
        for stem, counts, acronyms, _, _ in read:
            bins = counts.shape[2] if n_bins is None else n_bins
            if counts.shape[2] % bins:
                raise ValueError(
                    f"n_bins: found {n_bins}, expected a divisor of {counts.shape[2]} "
                    f"(bins of {stem})"
                )
            responses = counts.reshape(*counts.shape[:2], bins, -1).sum(axis=3, dtype=np.float64)
            names = map(str, acronyms)
            yield stem, responses, ["" if reason_left_out(a) else at_level(a, level) for a in names]

    found = pooled_trials(sessions(), shown, kept, min_units=min_units, n_conditions=len(every))
    return replace(found, conditions=[f"{a:g},{b:g}" for a, b in kept])
