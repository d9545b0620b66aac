"""Single trials of regions, from sessions of any laboratory, without averaging."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from shapemetrics.datasets.allen.anatomy import at_level, reason_left_out
from shapemetrics.datasets.allen.region_trials import (
    RegionTrials,
    pooled_trials,
    shared_conditions,
)
from shapemetrics.datasets.allen.settings import Atlas, Level
from shapemetrics.datasets.recordings.nwb import TrialCounts


def nwb_region_trials(
    sessions: Sequence[TrialCounts],
    *,
    min_trials: int = 8,
    min_units: int = 20,
    atlas: Atlas = "none",
    level: Level = "structure",
) -> RegionTrials:
    """Pool units into regions without averaging, for distances between signals.

    Parameters
    ----------
    sessions : sequence of TrialCounts
        From :func:`shapemetrics.datasets.recordings.read_nwb`, by the same intervals.
    min_trials : int
        Conditions with fewer trials in any session are left out.
    min_units : int
        Regions with fewer units in all sessions together are left out.
    atlas : {"none", "allen"}
        Whether names of regions are acronyms of the Allen ontology, joined at `level`.
    level : str or int
        As in ``shapemetrics.datasets.allen.settings.Pooling``.

    Returns
    -------
    RegionTrials
        Networks as :func:`shapemetrics.estimation.signal_distances` takes them: for each region
        and session one array (trials, bins, units) per condition. Each unit is divided by its
        standard deviation over trials and bins; units that were not observed in every trial are
        left out, and counted.

    Raises
    ------
    ValueError
        If no condition has enough trials everywhere, or fewer than two regions enough units.

    Examples
    --------
    >>> trials = nwb_region_trials([read_nwb(path, intervals) for path in files])  # doctest: +SKIP
    """
    shown = {s.session: s.used_trials["condition"].tolist() for s in sessions}
    every = list(dict.fromkeys(c for s in sessions for c in s.conditions))
    kept = shared_conditions(every, shown, min_trials)
    observed = {s.session: s.recorded.all(axis=0) for s in sessions}

    def read() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        for session in sessions:
            names = session.used_units["region"].astype(str)
            if atlas == "allen":
                names = ["" if reason_left_out(n) else at_level(n, level) for n in names]
            regions = np.where(observed[session.session], np.array(list(names), dtype=object), "")
            yield session.session, session.counts.astype(np.float64), regions

    return pooled_trials(
        read(),
        shown,
        kept,
        min_units=min_units,
        n_conditions=len(every),
        left_out={"units_not_observed": sum(int((~own).sum()) for own in observed.values())},
    )
