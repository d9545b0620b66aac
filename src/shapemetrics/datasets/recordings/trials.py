"""Rules for trials as people have them: few, unbalanced, missing, or of one session alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shapemetrics.datasets.allen.anatomy import reason_left_out
from shapemetrics.datasets.allen.responses import Fate, SessionResponses
from shapemetrics.datasets.allen.settings import Atlas
from shapemetrics.datasets.recordings.nwb import TrialCounts

#: Reasons for which trials and conditions are left out after they were read.
NOT_ASKED_FOR, FEW_TRIALS = "condition_not_asked_for", "few_trials"
BALANCE, UNPAIRED = "balance", "unpaired"
NOT_RECORDED, LACKS = "not_recorded_in_every_condition", "session_lacks_conditions"


@dataclass(frozen=True)
class TrialRules:
    """Which trials of a session become responses, and how.

    Attributes
    ----------
    population : {"pseudo_population", "within_session"}
        ``pseudo_population``: responses to a condition are means over its trials, so that units of
        different sessions can be put side by side; what units of one session share from trial to
        trial (noise correlations) is lost, or wrong between sessions. ``within_session``: each
        pair of successive trials of a condition is a stimulus of its own, so that regions of one
        session are compared on the same trials and shared fluctuations count; needs a single
        session, and says nothing of regions that it did not record.
    min_trials : int
        Conditions with fewer trials in a session are left out of it: two at least, one for each
        half.
    balance : {"none", "truncate", "subsample"}
        What happens where conditions have different numbers of trials: nothing, so that means of
        some conditions are noisier; of each only the first, or a random choice of, as many as
        the rarest condition of the session has.
    conditions : sequence of str or None
        Use only these conditions, by label; None uses all.
    missing : {"drop_conditions", "drop_sessions"}
        Only conditions that every session has can be compared. Those that some session lacks are
        left out, or sessions that lack one of `conditions`, which must then be given.
    seed : int
        Of the choice that ``subsample`` makes.

    Examples
    --------
    >>> TrialRules(min_trials=4, balance="truncate").population
    'pseudo_population'
    """

    population: Literal["pseudo_population", "within_session"] = "pseudo_population"
    min_trials: int = 2
    balance: Literal["none", "truncate", "subsample"] = "none"
    conditions: tuple[str, ...] | None = None
    missing: Literal["drop_conditions", "drop_sessions"] = "drop_conditions"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.min_trials < 2:
            raise ValueError(
                f"min_trials: found {self.min_trials}, expected at least 2, one for each half"
            )
        for name, known in (
            ("population", ("pseudo_population", "within_session")),
            ("balance", ("none", "truncate", "subsample")),
            ("missing", ("drop_conditions", "drop_sessions")),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name}: found {getattr(self, name)!r}, expected one of {', '.join(known)}"
                )
        if self.missing == "drop_sessions" and not self.conditions:
            raise ValueError(
                "missing: found 'drop_sessions' without conditions, expected those that every "
                "session must have"
            )


def session_responses(
    trials: TrialCounts,
    rules: TrialRules | None = None,
    *,
    atlas: Atlas = "none",
    simulated: bool = False,
) -> SessionResponses:
    """Responses of a session from its trials, and what became of every unit and trial.

    Parameters
    ----------
    trials : TrialCounts
        From :func:`shapemetrics.datasets.recordings.read_nwb`.
    rules : TrialRules, optional
    atlas : {"none", "allen"}
        With ``allen``, regions are acronyms of the Allen ontology, and units in none, in fibre
        tracts or in ventricles are left out.
    simulated : bool
        Whether no animal produced the data, which everything made from them will say.

    Returns
    -------
    SessionResponses
        Stimuli are conditions times bins (``label@bin``), within a session conditions times pairs
        of trials times bins (``label#pair@bin``). Halves are the 1st, 3rd, ... and the 2nd, 4th,
        ... trial that is used of a condition. Without any unit or stimulus left it is empty.

    Examples
    --------
    >>> counts = TrialCounts(
    ...     session="s",
    ...     units=pd.DataFrame({"unit_id": [7], "region": ["V1"], "left_out": [""]}),
    ...     trials=pd.DataFrame(
    ...         {"start": range(5), "condition": list("aabab"), "left_out": [""] * 5}
    ...     ),
    ...     conditions=["a", "b"],
    ...     counts=np.array([1, 2, 3, 4, 5], np.uint16).reshape(5, 1, 1),
    ...     recorded=np.ones((5, 1), bool),
    ...     edges=np.array([0.0, 1.0]),
    ... )
    >>> found = session_responses(counts)
    >>> found.stimuli, found.counts[:, 0].tolist(), found.repeats[:, 0].tolist()
    (['a@0', 'b@0'], [[5, 3], [2, 5]], [[2, 1], [1, 1]])
    """
    rules = rules or TrialRules()
    used, fate_of_trial, fate_of_condition = _chosen_trials(trials, rules)
    units = trials.used_units
    reasons = np.array(
        [reason_left_out(name) if atlas == "allen" else "" for name in units["region"]], object
    )
    unknown = units.loc[reasons == "unknown_structure", "region"]
    groups, labels, conditions = _stimuli(trials, used, rules)
    counts, repeats = _summed(trials, groups)
    if len(groups):
        reasons[(reasons == "") & (repeats == 0).any(axis=(0, 2))] = NOT_RECORDED
    placed = np.flatnonzero(reasons == "")
    n_bins = len(trials.edges) - 1
    left_out = trials.units["left_out"].to_numpy(object).copy()
    left_out[left_out == ""] = reasons
    fates = [
        *_fates("units", trials.units["region"].tolist(), left_out.tolist()),
        *_fates("trials", [], fate_of_trial.tolist()),
        *_fates("conditions", [], list(fate_of_condition.values())),
    ]
    names = pd.Series(left_out[left_out != ""])
    return SessionResponses(
        session_id=trials.session,
        stimuli=[f"{label}@{b}" for label in labels for b in range(n_bins)],
        units=pd.DataFrame(
            {
                "unit_id": units["unit_id"].to_numpy()[placed],
                "structure_acronym": units["region"].to_numpy(str)[placed],
            }
        ),
        counts=counts[:, placed].reshape(2, len(placed), len(labels) * n_bins),
        repeats=np.repeat(repeats[:, placed], n_bins, axis=2),
        dropped={str(name): int(n) for name, n in names.value_counts().items()},
        unknown_structures={str(name): int(n) for name, n in unknown.value_counts().items()},
        annotation="NWB file",
        simulated=simulated,
        conditions=[condition for condition in conditions for _ in range(n_bins)],
        trials={c: int((fate_of_trial == f"used {c}").sum()) for c in dict.fromkeys(conditions)},
        fates=fates,
    )


def _chosen_trials(
    trials: TrialCounts, rules: TrialRules
) -> tuple[dict[str, NDArray[np.int64]], NDArray, dict[str, str]]:
    """Positions of the trials used by condition; the fate of each trial and condition."""
    label = trials.used_trials["condition"].to_numpy(object)
    at = {c: np.flatnonzero(label == c) for c in trials.conditions}
    fate = dict.fromkeys(at, "used")
    for condition, positions in at.items():
        if rules.conditions is not None and condition not in rules.conditions:
            fate[condition] = NOT_ASKED_FOR
        elif len(positions) < rules.min_trials:
            fate[condition] = FEW_TRIALS
    required = (rules.conditions or ()) if rules.missing == "drop_sessions" else ()
    if any(fate.get(condition) != "used" for condition in required):
        fate = {c: LACKS if f == "used" else f for c, f in fate.items()}
    kept = {c: positions for c, positions in at.items() if fate[c] == "used"}
    fewest = min((len(positions) for positions in kept.values()), default=0)
    own = np.full(len(label), "", dtype=object)
    for condition, positions in at.items():
        own[positions] = fate[condition]
    for condition, positions in kept.items():
        if rules.balance == "truncate":
            kept[condition] = positions[:fewest]
        elif rules.balance == "subsample":
            # By names, so that other sessions and conditions cannot change the choice.
            seed = [rules.seed, *trials.session.encode(), 0, *condition.encode()]
            choice = np.random.default_rng(seed).choice(len(positions), fewest, replace=False)
            kept[condition] = positions[np.sort(choice)]
        own[np.setdiff1d(positions, kept[condition])] = BALANCE
        if rules.population == "within_session" and len(kept[condition]) % 2:
            own[kept[condition][-1]] = UNPAIRED
            kept[condition] = kept[condition][:-1]
        own[kept[condition]] = f"used {condition}"
    fates = trials.trials["left_out"].to_numpy(object).copy()
    fates[fates == ""] = own
    return kept, fates, fate


def _stimuli(
    trials: TrialCounts, used: dict[str, NDArray[np.int64]], rules: TrialRules
) -> tuple[list[tuple[NDArray[np.int64], NDArray[np.int64]]], list[str], list[str]]:
    """For each stimulus but its bins: trials of either half, its label, its condition."""
    groups, labels, conditions = [], [], []
    for condition, positions in used.items():
        if rules.population == "within_session":
            for pair in range(len(positions) // 2):
                groups.append((positions[2 * pair : 2 * pair + 1], positions[2 * pair + 1 :][:1]))
                labels.append(f"{condition}#{pair}")
                conditions.append(condition)
        else:
            groups.append((positions[::2], positions[1::2]))
            labels.append(condition)
            conditions.append(condition)
    return groups, labels, conditions


def _summed(
    trials: TrialCounts, groups: list[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
    """Sums of counts (2, units, groups, bins), and how many trials stand behind them."""
    _, n_units, n_bins = trials.counts.shape
    counts = np.zeros((2, n_units, len(groups), n_bins), np.uint32)
    repeats = np.zeros((2, n_units, len(groups)), np.uint16)
    for position, halves in enumerate(groups):
        for half, own in enumerate(halves):
            recorded = trials.recorded[own]
            shown = trials.counts[own] * recorded[:, :, None]
            counts[half, :, position] = shown.sum(axis=0, dtype=np.uint32)
            repeats[half, :, position] = recorded.sum(axis=0)
    return counts, repeats


def _fates(kind: str, regions: list[str], fates: list[str]) -> list[Fate]:
    """How many units, trials or conditions of each region were left out for the same reason."""
    numbers = Counter(zip(regions or [""] * len(fates), fates))
    return [
        (region, kind, fate, number)
        for (region, fate), number in numbers.items()
        if fate and not fate.startswith("used")
    ]
