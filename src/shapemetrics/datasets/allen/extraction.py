"""From spike times to responses: counts a presentation, summed over valid repeats in two halves."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from shapemetrics.datasets.allen.anatomy import reason_left_out
from shapemetrics.datasets.allen.recording import Recording
from shapemetrics.datasets.allen.responses import SessionResponses
from shapemetrics.datasets.allen.stimuli import Bins, Stimulus

#: Invalid intervals with one of these tags are invalid for every unit.
EVERYWHERE = frozenset({"stimulus", "all_probes"})
#: Spike counts held at once.
BLOCK = 1 << 24


def spike_counts(
    spike_times: Sequence[np.ndarray], onsets: np.ndarray, edges: np.ndarray
) -> np.ndarray:
    """Count spikes in bins after each onset.

    Parameters
    ----------
    spike_times : sequence of ndarray
        Ascending times in seconds, one array a unit.
    onsets : ndarray of shape (p,)
        Starts of presentations in seconds.
    edges : ndarray of shape (b + 1,)
        Ascending bin edges in seconds from the onset.

    Returns
    -------
    ndarray of shape (n_units, p, b), uint16

    Notes
    -----
    Equal to AllenSDK's ``presentationwise_spike_counts``, whose bins hold both their edges.

    Examples
    --------
    >>> spike_counts([np.array([0.1, 0.2, 1.05])], np.array([0.0, 1.0]), np.array([0.0, 0.1, 0.3]))
    array([[[1, 2],
            [1, 0]]], dtype=uint16)
    """
    onsets, edges = np.asarray(onsets, float), np.asarray(edges, float)
    ascending = bool((np.diff(onsets) >= 0).all())
    order = slice(None) if ascending else np.argsort(onsets, kind="stable")
    ordered = onsets[order]
    counts = np.zeros((len(spike_times), len(onsets), len(edges) - 1), dtype=np.uint16)
    for b, (low, high) in enumerate(itertools.pairwise(edges)):
        intervals = _Intervals(ordered + low, ordered + high)
        for row, times in zip(counts, spike_times):
            row[order, b] = intervals.count(np.asarray(times))
    return counts


class _Intervals:
    """Closed intervals whose starts and ends ascend; they may overlap, as jittered frames do."""

    def __init__(self, starts: np.ndarray, ends: np.ndarray) -> None:
        self.starts, self.ends = starts, ends
        # A table of moments on an even grid, from which the interval of a spike is a step or two
        # away: several times faster than a binary search, for presentations come about evenly.
        span = max(float(starts[-1] - starts[0]), 1e-9) if len(starts) else 1.0
        self._cells = 2 * len(starts)
        self._per_second = self._cells / span
        moments = starts[:1] + (np.arange(self._cells + 1) - 1) / self._per_second
        self._table = np.maximum(np.searchsorted(starts, moments, "right") - 1, 0)
        self._next = np.append(starts[1:], np.inf)

    def count(self, times: np.ndarray) -> np.ndarray:
        """Spikes in each interval."""
        total = np.zeros(len(self.starts), dtype=np.int64)
        if not len(total):
            return total
        first = np.searchsorted(times, self.starts[0], "left")
        last = np.searchsorted(times, self.ends[-1], "right")
        if last - first > 8 * len(total):
            upto = np.searchsorted(times, self.ends, "right")
            return upto - np.searchsorted(times, self.starts, "left")
        inside = times[first:last]
        at = self._latest(inside)
        while True:
            hit = inside <= self.ends[at]
            if not hit.all():
                at, inside = at[hit], inside[hit]
            if not len(at):
                return total
            total += np.bincount(at, minlength=len(total))
            # Where intervals overlap, a spike may lie in the one before, too.
            at = at - 1
            if at.min() < 0:
                at, inside = at[at >= 0], inside[at >= 0]

    def _latest(self, times: np.ndarray) -> np.ndarray:
        """The last interval that starts at or before each of these times."""
        cell = ((times - self.starts[0]) * self._per_second).astype(np.int64)
        at = self._table[np.minimum(cell, self._cells)]
        for _ in range(4):
            later = self._next[at] <= times
            if not later.any():
                return at
            at = at + later
        return np.searchsorted(self.starts, times, "right") - 1


def extract(
    recording: Recording,
    kind: Stimulus,
    bins: Bins,
    *,
    acronyms: pd.Series | None = None,
    by_coordinates: bool = False,
    annotation: str = "",
    simulated: bool = False,
) -> SessionResponses:
    """Responses of a session's units to a stimulus.

    Parameters
    ----------
    recording : Recording
    kind : Stimulus
    bins : Bins
        From :func:`shapemetrics.datasets.allen.stimuli.bins`.
    acronyms : pandas.Series, optional
        Structure by channel id, which replaces the file's own (the session tables' annotation).
    by_coordinates : bool
        Whether `acronyms` were looked up at coordinates. A unit whose channel is missing among them
        then has none, and is left out as ``no_coordinates``; otherwise it keeps what the
        file says.
    annotation : str
        Where the structures come from, kept with the responses.
    simulated : bool

    Returns
    -------
    SessionResponses
        Without the units that lie in no region (blank or ``grey`` annotation, fibre tracts,
        ventricles, structures that the ontology does not have), each counted by its reason, or
        that have no valid repeat of some stimulus in a half.

    Raises
    ------
    ValueError
        If no presentation or no unit is left, or spikes do not ascend.
    """
    units = annotated(recording.units, acronyms, by_coordinates)
    for unit, times in zip(units["unit_id"], recording.spike_times):
        if (np.diff(times) < 0).any():
            raise ValueError(
                f"session {recording.session_id}: unit {unit}: found spike times that descend, "
                "expected ascending ones"
            )
    reasons = units["structure_acronym"].map(reason_left_out)
    if by_coordinates:
        reasons = reasons.mask(units["structure_acronym"].isna(), "no_coordinates")
    placed = np.flatnonzero((reasons == "").to_numpy(dtype=bool))
    unknown = units.loc[reasons == "unknown_structure", "structure_acronym"]
    everywhere = invalid_presentations(recording.presentations, recording.invalid_times)
    # Halves are told apart after invalid presentations are gone, as AllenSDK hands them over.
    shown, stimuli = conditions(recording.presentations[~everywhere], kind, bins.frames)
    if shown.empty:
        raise ValueError(f"session {recording.session_id}: no valid presentation of {kind.name}")
    n_bins = len(bins.edges) - 1
    shape = (2, len(placed), len(stimuli) * n_bins)
    counts, repeats = np.zeros(shape, dtype=np.uint32), np.zeros(shape, dtype=np.uint16)
    probes = units["probe"].to_numpy()[placed]
    for probe in np.unique(probes):
        rows = np.flatnonzero(probes == probe)
        valid = ~invalid_presentations(shown, recording.invalid_times, probe)
        adders = [
            _adder(shown, valid & (shown["half"] == h).to_numpy(), len(stimuli)) for h in (0, 1)
        ]
        for half, adder in enumerate(adders):
            number = np.asarray(adder.sum(axis=1), dtype=np.int64).ravel()
            repeats[half, rows] = np.repeat(number, n_bins)
        n_parts = -(-len(rows) * len(shown) * n_bins // BLOCK)
        for part in np.array_split(rows, n_parts):
            times = [recording.spike_times[i] for i in placed[part]]
            single = spike_counts(times, shown["start_time"].to_numpy(), bins.edges)
            for half, adder in enumerate(adders):
                counts[half, part] = _summed(single, adder)
    complete = (repeats > 0).all(axis=(0, 2))
    if not complete.any():
        raise ValueError(
            f"session {recording.session_id}: found no unit with a structure and with valid "
            f"repeats of all of {kind.name} in both halves, of {len(units)} that passed the filters"
        )
    return SessionResponses(
        session_id=recording.session_id,
        stimuli=[f"{s}@{b}" if n_bins > 1 else s for s in stimuli for b in range(n_bins)],
        units=units.iloc[placed[complete]][["unit_id", "structure_acronym"]].reset_index(drop=True),
        counts=counts[:, complete],
        repeats=repeats[:, complete],
        dropped={
            "quality": recording.n_recorded - len(units),
            **{str(name): int(n) for name, n in reasons[reasons != ""].value_counts().items()},
            "no_valid_repeats": int(len(placed) - complete.sum()),
        },
        unknown_structures={str(name): int(n) for name, n in unknown.value_counts().items()},
        annotation=annotation,
        simulated=simulated,
    )


def annotated(
    units: pd.DataFrame, acronyms: pd.Series | None, by_coordinates: bool = False
) -> pd.DataFrame:
    """Units with the structures of their peak channels, where a table of channels names them.

    `by_coordinates`, units of other channels have no structure; else they keep their own.
    """
    if acronyms is None:
        return units
    named = units["peak_channel_id"].map(acronyms)
    if by_coordinates:
        return units.assign(structure_acronym=named.astype(object).where(named.notna(), None))
    return units.assign(structure_acronym=named.fillna(units["structure_acronym"]))


def conditions(
    presentations: pd.DataFrame, kind: Stimulus, frames: int = 1
) -> tuple[pd.DataFrame, list[str]]:
    """What each presentation showed, and in which half of the repeats.

    Parameters
    ----------
    presentations : pandas.DataFrame
        ``start_time``, ``stop_time`` and the condition columns, by start.
    kind : Stimulus
    frames : int
        Consecutive movie frames that make one stimulus; a rest at the end is left out.

    Returns
    -------
    shown : pandas.DataFrame
        Presentations without blanks; ``position`` in the list of stimuli, and ``half`` (0: first,
        third, ... time that this was shown, 1: second, fourth, ...).
    stimuli : list of str
        Their names, in ascending order of the conditions.
    """
    names = list(kind.conditions)
    blank = presentations[names].isna().any(axis=1)
    if "frame" in names:
        # A natural scene numbered -1 is the grey screen.
        blank |= presentations["frame"] < 0
    shown = presentations[~blank].reset_index(drop=True)
    kinds, position = np.unique(shown[names].to_numpy(float), axis=0, return_inverse=True)
    half = pd.Series(position.ravel()).groupby(position.ravel()).cumcount().to_numpy() % 2
    shown = shown.assign(position=position.ravel() // frames, half=half)
    n_stimuli = len(kinds) // frames
    stimuli = [",".join(f"{value:g}" for value in row) for row in kinds[:: max(frames, 1)]]
    return shown[shown["position"] < n_stimuli].reset_index(drop=True), stimuli[:n_stimuli]


def invalid_presentations(
    presentations: pd.DataFrame, invalid_times: pd.DataFrame, probe: str | None = None
) -> np.ndarray:
    """Mask of presentations that overlap an interval without valid data, at all or from a probe.

    Notes
    -----
    AllenSDK masks intervals tagged ``stimulus`` and only warns about those of one probe or of all;
    spikes are missing there, so they count as invalid here.
    """
    start = presentations["start_time"].to_numpy()
    stop = presentations["stop_time"].to_numpy()
    invalid = np.zeros(len(start), dtype=bool)
    tags = EVERYWHERE if probe is None else {probe}
    for row in invalid_times.itertuples(index=False):
        if tags & set(str(row.tags).split(",")):
            # Touching intervals count as overlapping, as in AllenSDK.
            invalid |= (start <= row.stop_time) & (stop >= row.start_time)
    return invalid


def _adder(shown: pd.DataFrame, chosen: np.ndarray, n_stimuli: int) -> sparse.csr_array:
    """Matrix of shape (n_stimuli, presentations) that sums over the chosen presentations."""
    columns = np.flatnonzero(chosen)
    rows = shown["position"].to_numpy()[columns]
    ones = np.ones(len(columns), dtype=np.uint32)
    return sparse.csr_array((ones, (rows, columns)), shape=(n_stimuli, len(shown)))


def _summed(single: np.ndarray, adder: sparse.csr_array) -> np.ndarray:
    """Sum counts (n, p, b) over presentations, to (n, stimuli x bins)."""
    n_units, n_shown, n_bins = single.shape
    flat = single.transpose(1, 0, 2).reshape(n_shown, n_units * n_bins).astype(np.uint32)
    total = (adder @ flat).reshape(-1, n_units, n_bins)
    return total.transpose(1, 0, 2).reshape(n_units, -1)
