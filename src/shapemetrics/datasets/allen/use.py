"""What of recordings was used and what was left out, and why: one table over all sessions."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from shapemetrics.datasets.allen.regions import chosen_units, region_members, shared_stimuli
from shapemetrics.datasets.allen.responses import ResponseFile
from shapemetrics.datasets.allen.settings import Pooling

#: Columns of the table.
COLUMNS = ("session", "region", "kind", "fate", "number")
KINDS = ("units", "trials", "conditions", "stimuli")


def data_use(files: Sequence[str | os.PathLike], settings: Pooling | None = None) -> pd.DataFrame:
    """Count units, trials and conditions by what became of them.

    Parameters
    ----------
    files : sequence of path-like
        One file of session responses each.
    settings : Pooling, optional
        As the sessions are pooled.

    Returns
    -------
    pandas.DataFrame
        One row per session, region, kind (``units``, ``trials``, ``conditions``, ``stimuli``) and
        fate: ``used``, or the reason why they were left out. ``number`` counts them; the numbers of
        a session and kind add up to what its file holds. Trials and conditions belong to no region
        (empty), nor do units that lie in none. A kept region that a session did not record has a
        row of zero units.
    """
    settings = settings or Pooling()
    sessions = [ResponseFile(path) for path in files]
    usable = [session for session in sessions if session.usable]
    stimuli = set(shared_stimuli(usable)[0]) if usable else set()
    members = region_members(usable, settings)
    every = region_members(usable, settings, all_regions=True)
    kept: Counter[tuple[str, str]] = Counter()
    fates: Counter[tuple[str, str, str, str]] = Counter()
    large = {
        region: parts
        for region, parts in members.items()
        if sum(len(ids) for *_, ids in parts) >= settings.min_units
    }
    for region, parts in every.items():
        chosen = chosen_units(parts, settings, region) if region in large else None
        before = 0
        for session, _, ids in parts:
            name, here = str(session.session_id), len(ids)
            if region in large:
                used = here
                if chosen is not None:
                    used = int(((chosen >= before) & (chosen < before + here)).sum())
                    fates[name, region, "units", "beyond_max_units"] += here - used
                fates[name, region, "units", "used"] += used
                kept[name, region] += used
            else:
                fate = "region_below_min_units" if region in members else "region_left_out"
                fates[name, region, "units", fate] += here
            before += here
    for session in sessions:
        name = str(session.session_id)
        for region, kind, fate, number in session.fates:
            fates[name, region, kind, fate] += number
        if not session.fates:
            for reason, number in session.dropped.items():
                fates[name, "", "units", reason] += number
        if not session.usable:
            reason = "session_without_units" if session.stimuli else "session_without_stimuli"
            for region, ids in session.units_of.items():
                fates[name, region, "units", reason] += len(ids)
            for number in session.trials.values():
                fates[name, "", "trials", reason] += number
                fates[name, "", "conditions", reason] += 1
            continue
        missing = "not_in_every_session"
        shared = sum(stimulus in stimuli for stimulus in session.stimuli)
        fates[name, "", "stimuli", "used"] += shared
        fates[name, "", "stimuli", missing] += len(session.stimuli) - shared
        compared = {c for c, s in zip(session.conditions, session.stimuli) if s in stimuli}
        for condition, number in session.trials.items():
            fate = "used" if condition in compared else missing
            fates[name, "", "trials", fate] += number
            fates[name, "", "conditions", fate] += 1
    rows = [(*key, number) for key, number in fates.items() if number]
    rows += [
        (str(session.session_id), region, "units", "used", 0)
        for session in usable
        for region in large
        if not kept.get((str(session.session_id), region))
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    order = [str(session.session_id) for session in sessions]
    place = table.assign(
        session=[order.index(name) for name in table["session"]],
        kind=[KINDS.index(kind) for kind in table["kind"]],
    ).sort_values(list(COLUMNS[:4]))
    return table.loc[place.index].reset_index(drop=True)
