"""Which parts of a long array of spike times to read from afar: few ranges, and little in vain.

A session file keeps the spikes of all units one after another in a single array. Those of the units
that pass the filters, about four in ten, are several hundred pieces of it, each of which would be a
request. Pieces that lie near one another are read as one range, so that the number of requests is
bounded; what lies between them is read in vain.
"""

from __future__ import annotations

import itertools
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["merged_ranges", "read_trains"]

#: Most ranges that are read of one session.
MOST_RANGES = 250
#: Bytes between two pieces that are always read through: fewer than a request costs.
SHORT_GAP = 1 << 15


class Times(Protocol):
    """An array of times on a disk or a server, such as an h5py dataset."""

    @property
    def dtype(self) -> np.dtype: ...

    def __getitem__(self, where: slice) -> NDArray: ...


def read_trains(
    times: Times,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    windows: NDArray[np.float64],
) -> list[NDArray[np.float64]]:
    """Spikes of some units in some intervals, from few large ranges of an array.

    Parameters
    ----------
    times : array of shape (n_spikes,)
        Of all units, one after another; those of a unit ascend. Read by slices.
    starts, ends : ndarray of shape (n_units,)
        Where the spikes of each unit begin and end in `times`, ascending.
    windows : ndarray of shape (n_windows, 2)
        Starts and stops in seconds, ascending and apart. Other spikes are not kept.

    Returns
    -------
    list of ndarray
        Of each unit the spikes in the windows, both ends included; all spikes of a unit whose times
        do not ascend, for the caller to refuse.

    Notes
    -----
    Where in a train a window lies is not known before the train is read, and firing rates drift.
    Guessing saves few bytes, since a bounded number of ranges reads most of what lies between the
    pieces anyway; so trains are read whole.

    Raises
    ------
    ValueError
        If spikes of a unit descend.

    Examples
    --------
    >>> train = np.concatenate([np.arange(100.0), np.arange(50.0)])
    >>> ends = np.array([100, 150])
    >>> read_trains(train, np.array([0, 100]), ends, np.array([[9.5, 12.0], [20.0, 20.5]]))
    [array([10., 11., 12., 20.]), array([10., 11., 12., 20.])]
    """
    found: list[NDArray] = [np.empty(0) for _ in starts]
    filled = [at for at in range(len(starts)) if ends[at] > starts[at]]
    pieces = [(int(starts[at]), int(ends[at])) for at in filled]
    waiting = iter(filled)
    at = next(waiting, None)
    for low, high in merged_ranges(pieces, MOST_RANGES, SHORT_GAP // times.dtype.itemsize):
        block = np.asarray(times[low:high])
        while at is not None and starts[at] < high:
            train = block[starts[at] - low : ends[at] - low]
            if (np.diff(train) < 0).any():
                found[at] = train.copy()
            else:
                edges = np.searchsorted(train, windows[:, 0], "left")
                stops = np.searchsorted(train, windows[:, 1], "right")
                found[at] = np.concatenate([train[a:b] for a, b in zip(edges, stops)])
            at = next(waiting, None)
    return found


def merged_ranges(
    pieces: list[tuple[int, int]], most: int, shortest: int = 0
) -> list[tuple[int, int]]:
    """Ranges that hold some pieces: at most so many, with as little between the pieces as can be.

    Parameters
    ----------
    pieces : list of (int, int)
        First place, and the place after the last.
    most : int
    shortest : int
        Gaps that are no longer are closed in any case.

    Returns
    -------
    list of (int, int)
        Ascending and apart.

    Examples
    --------
    >>> merged_ranges([(0, 10), (5, 12), (20, 30), (90, 95)], most=2)
    [(0, 30), (90, 95)]
    """
    joined: list[list[int]] = []
    for low, high in sorted(pieces):
        if joined and low <= joined[-1][1] + shortest:
            joined[-1][1] = max(joined[-1][1], high)
        else:
            joined.append([low, high])
    if len(joined) > most:
        gaps = np.array([b[0] - a[1] for a, b in itertools.pairwise(joined)])
        kept = np.sort(np.argsort(gaps, kind="stable")[len(gaps) - (most - 1) :])
        firsts, lasts = [0, *(kept + 1)], [*kept, len(joined) - 1]
        return [(joined[a][0], joined[b][1]) for a, b in zip(firsts, lasts)]
    return [(low, high) for low, high in joined]
