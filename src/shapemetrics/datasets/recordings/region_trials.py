"""Single trials of regions, from sessions of any laboratory, without averaging."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shapemetrics.datasets.allen.anatomy import at_level, reason_left_out
from shapemetrics.datasets.allen.settings import Atlas, Level
from shapemetrics.datasets.allen.steinmetz import RegionTrials
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
    labels = {s.session: s.used_trials["condition"].to_numpy(object) for s in sessions}
    every = list(dict.fromkeys(c for s in sessions for c in s.conditions))
    kept = [c for c in every if all((own == c).sum() >= min_trials for own in labels.values())]
    if not kept:
        raise ValueError(
            f"min_trials: found {min_trials}, which no condition has in all {len(sessions)} "
            "sessions; expected fewer"
        )
    networks: dict[str, dict[str, list[np.ndarray]]] = {}
    n_units: dict[str, int] = {}
    unobserved = 0
    for session in sessions:
        own = labels[session.session]
        responses = session.counts.astype(np.float64)
        spread = responses.std(axis=(0, 2))
        responses /= np.where(spread > 0, spread, 1.0)[None, :, None]
        names = session.used_units["region"].astype(str)
        if atlas == "allen":
            names = ["" if reason_left_out(n) else at_level(n, level) for n in names]
        observed = session.recorded.all(axis=0)
        unobserved += int((~observed).sum())
        regions = np.where(observed, np.array(list(names), dtype=object), "")
        rows = [np.flatnonzero(own == condition) for condition in kept]
        for region in sorted(set(regions.tolist()) - {""}):
            units = np.flatnonzero(regions == region)
            networks.setdefault(region, {})[session.session] = [
                responses[np.ix_(row, units)].swapaxes(1, 2) for row in rows
            ]
            n_units[region] = n_units.get(region, 0) + len(units)
    large = sorted(region for region, n in n_units.items() if n >= min_units)
    if len(large) < 2:
        raise ValueError(
            f"min_units: found {min_units}, which {len(large)} regions have, expected 2 or more"
        )
    return RegionTrials(
        conditions=kept,
        networks={region: networks[region] for region in large},
        n_units={region: n_units[region] for region in large},
        left_out={
            "conditions": len(every) - len(kept),
            "trials": sum(int((~np.isin(own, kept)).sum()) for own in labels.values()),
            "units_not_observed": unobserved,
            "regions": len(n_units) - len(large),
        },
    )
