"""Single trials of regions: units of several sessions, pooled without averaging."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class RegionTrials:
    """Single trials of all units of a region, session by session.

    Attributes
    ----------
    conditions : list of str
        Conditions with enough trials in every session.
    networks : dict of str to dict
        For each region and session, one array (trials, bins, units) per condition: a network as
        :func:`shapemetrics.estimation.signal_distances` takes it.
    n_units : dict of str to int
        Units of each region.
    left_out : dict of str to int
        What was left out, by reason: conditions, trials and regions, and what a source adds.
    """

    conditions: list[str]
    networks: dict[str, dict[str, list[np.ndarray]]]
    n_units: dict[str, int]
    left_out: dict[str, int]


def shared_conditions(
    every: Sequence[Any], shown: Mapping[str, Sequence[Any]], min_trials: int
) -> list[Any]:
    """Conditions that have so many trials in every session.

    Parameters
    ----------
    every : sequence
        All conditions, in order.
    shown : mapping of str to sequence
        Condition of each trial, by session.
    min_trials : int

    Raises
    ------
    ValueError
        If there is none.
    """
    kept = [c for c in every if all(list(own).count(c) >= min_trials for own in shown.values())]
    if not kept:
        raise ValueError(
            f"min_trials: found {min_trials}, which no condition has in all {len(shown)} sessions; "
            "expected fewer"
        )
    return kept


def pooled_trials(
    sessions: Iterable[tuple[str, np.ndarray, Sequence[str]]],
    shown: Mapping[str, Sequence[Any]],
    kept: Sequence[Any],
    *,
    min_units: int,
    n_conditions: int,
    left_out: Mapping[str, int] | None = None,
) -> RegionTrials:
    """Pool the units of sessions into regions.

    Parameters
    ----------
    sessions : iterable of (str, ndarray of shape (trials, units, bins), sequence of str)
        Name, responses in float64, which are changed, and the region of each unit, empty where it
        has none. Taken one at a time.
    shown : mapping of str to sequence
        Condition of each trial, by session.
    kept : sequence
        From :func:`shared_conditions`.
    min_units : int
        Regions with fewer units in all sessions together are left out.
    n_conditions : int
        Of all, for the count of those left out.
    left_out : mapping of str to int, optional
        What the source left out besides.

    Returns
    -------
    RegionTrials
        Each unit is divided by its standard deviation over trials and bins, so that units with
        many spikes do not outweigh all others; units without spikes are zero.

    Raises
    ------
    ValueError
        If fewer than two regions have enough units.
    """
    networks: dict[str, dict[str, list[np.ndarray]]] = {}
    n_units: dict[str, int] = {}
    for name, responses, places in sessions:
        spread = responses.std(axis=(0, 2))
        responses /= np.where(spread > 0, spread, 1.0)[:, None]
        rows = [np.flatnonzero([own == condition for own in shown[name]]) for condition in kept]
        regions = np.array(list(places), dtype=object)
        for region in sorted(set(regions.tolist()) - {""}):
            units = np.flatnonzero(regions == region)
            networks.setdefault(region, {})[name] = [
                responses[np.ix_(row, units)].swapaxes(1, 2) for row in rows
            ]
            n_units[region] = n_units.get(region, 0) + len(units)
    large = sorted(region for region, n in n_units.items() if n >= min_units)
    if len(large) < 2:
        raise ValueError(
            f"min_units: found {min_units}, which {len(large)} regions have, expected 2 or more"
        )
    return RegionTrials(
        conditions=list(kept),
        networks={region: networks[region] for region in large},
        n_units={region: n_units[region] for region in large},
        left_out={
            "conditions": n_conditions - len(kept),
            "trials": sum(len(own) - sum(map(list(own).count, kept)) for own in shown.values()),
            **(left_out or {}),
            "regions": len(n_units) - len(large),
        },
    )
