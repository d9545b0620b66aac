"""A second real dataset: the multi-region recordings of Steinmetz et al. 2019, trial by trial.

A folder of ``session_NN.npz`` files: ``counts`` (trials, units, bins from stimulus onset),
``structure_acronym``, ``contrast_left`` and ``contrast_right`` (Nature 576:266).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd

from shapemetrics.datasets.allen.anatomy import reason_left_out
from shapemetrics.datasets.allen.responses import SessionResponses

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
