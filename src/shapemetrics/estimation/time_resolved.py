"""Distances that run over time: a matrix for each window of the responses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shapemetrics.metrics.base import Metric
from shapemetrics.pairwise.engine import pairwise_distances
from shapemetrics.pairwise.inputs import Arrays, names_and_arrays
from shapemetrics.validation import check_choice, check_integer

__all__ = ["TimeResolvedDistances", "time_resolved_distances"]


@dataclass(frozen=True, eq=False)
class TimeResolvedDistances:
    """Distances of all pairs of networks in each window.

    Attributes
    ----------
    names : list of str
        The K networks.
    windows : list of (int, int)
        First time bin of each window, and the one after its last.
    distances : ndarray of shape (W, K, K)
        NaN in windows that hold no variance of some network, which `reasons` names.
    reasons : dict of int to str
        Why a window, by its position, has no distances.
    """

    names: list[str]
    windows: list[tuple[int, int]]
    distances: NDArray[np.float64] = field(repr=False)
    reasons: dict[int, str]

    def table(self) -> pd.DataFrame:
        """One row per window and pair: start, stop, a, b, distance, reason."""
        rows, columns = np.triu_indices(len(self.names), 1)
        parts = [
            pd.DataFrame(
                {
                    "start": start,
                    "stop": stop,
                    "a": [self.names[int(i)] for i in rows],
                    "b": [self.names[int(j)] for j in columns],
                    "distance": D[rows, columns],
                    "reason": self.reasons.get(w, ""),
                }
            )
            for w, ((start, stop), D) in enumerate(zip(self.windows, self.distances))
        ]
        return pd.concat(parts, ignore_index=True)


def time_resolved_distances(
    arrays: Arrays,
    metric: Metric,
    windows: int | Iterable[tuple[int, int]] = 1,
    *,
    bins: Literal["stimuli", "mean"] = "stimuli",
    n_jobs: int = 1,
) -> TimeResolvedDistances:
    """Compute a matrix of distances for each window of time.

    Parameters
    ----------
    arrays : sequence, mapping or RepresentationStore
        Two or more networks' responses of shape (m, t, n): m conditions, t time bins that all
        networks share, n units.
    metric : Metric
        Of matrices.
    windows : int or iterable of (int, int)
        Number of bins of consecutive windows, which must divide t; or the first bin of each
        window and the one after its last: they may overlap, or be one.
    bins : {"stimuli", "mean"}
        Whether the bins of a window are stimuli like conditions, (m x bins, n), so that their
        course within the window counts; or averaged, (m, n).
    n_jobs : int
        Threads for the distances of a window.

    Returns
    -------
    TimeResolvedDistances

    Raises
    ------
    ValueError
        If arrays do not fit together, or a window is not within the bins.

    Notes
    -----
    All windows of equal length have equal numbers of stimuli, so that their distances compare;
    noise does not: where responses are weak, distances of noisy averages are large. Estimate the
    signal's (`signal_distances` of the trials of each window), or look at halves of the trials
    beside it.

    Examples
    --------
    >>> from shapemetrics.metrics import LinearMetric
    >>> rng = np.random.default_rng(0)
    >>> X, Y = rng.normal(size=(2, 12, 4, 6))
    >>> Y[:, 2:] = X[:, 2:]  # equal from the third bin on
    >>> found = time_resolved_distances([X, Y], LinearMetric(), windows=2)
    >>> found.windows, bool(found.distances[0, 0, 1] > 0.1), round(float(found.distances[1, 0, 1]))
    ([(0, 2), (2, 4)], True, 0)
    """
    check_choice(bins, "bins", ("stimuli", "mean"))
    names, values = names_and_arrays(arrays)
    for name, X in zip(names, values):
        if X.ndim != 3 or X.size == 0:
            raise ValueError(
                f"{name!r}: found shape {X.shape}, expected (conditions, time bins, units)"
            )
        if X.shape[:2] != values[0].shape[:2]:
            raise ValueError(
                f"{name!r}: found {X.shape[0]} conditions and {X.shape[1]} time bins, expected "
                f"{values[0].shape[0]} and {values[0].shape[1]} as in {names[0]!r}"
            )
    chosen = _windows(windows, values[0].shape[1])
    found, reasons = [], {}
    for w, (start, stop) in enumerate(chosen):
        parts = {}
        for name, X in zip(names, values):
            part = X[:, start:stop]
            width = X.shape[2]
            parts[name] = part.mean(axis=1) if bins == "mean" else part.reshape(-1, width)
        constant = [name for name, X in parts.items() if not np.ptp(X, axis=0).any()]
        if constant:
            reasons[w] = f"{', '.join(constant)}: found responses that do not vary"
            found.append(np.full((len(names), len(names)), np.nan))
            continue
        found.append(pairwise_distances(parts, metric, n_jobs=n_jobs))
    return TimeResolvedDistances(names, chosen, np.stack(found), reasons)


def _windows(windows: Any, n_bins: int) -> list[tuple[int, int]]:
    if isinstance(windows, int | np.integer):
        check_integer(windows, "windows", 1, n_bins)
        if n_bins % windows:
            raise ValueError(f"windows: found {windows} bins, expected a divisor of {n_bins}")
        return [(start, start + int(windows)) for start in range(0, n_bins, int(windows))]
    found = []
    for window in windows:
        start, stop = window
        for value in (start, stop):
            check_integer(value, "windows", 0, n_bins)
        if not start < stop:
            raise ValueError(f"windows: found {(start, stop)}, expected a start before its stop")
        found.append((int(start), int(stop)))
    if not found:
        raise ValueError("windows: found none, expected at least one")
    return found
