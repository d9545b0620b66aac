"""How a cell shares its output channels among its vertices."""

from __future__ import annotations

import numpy as np


def vertex_channels(adjacency: np.ndarray, in_channels: int, out_channels: int) -> list[int]:
    """Share the channels of a cell's output among its vertices, by the published rule.

    Parameters
    ----------
    adjacency : ndarray of shape (v, v)
        Matrix of a pruned cell.
    in_channels, out_channels : int
        Channels that enter and leave the cell.

    Returns
    -------
    list of int, length v
        Channels at each vertex. The interior vertices that feed the output divide its channels
        evenly, the first ones taking the remainder; any other has as many as the widest interior
        vertex that it feeds (Ying et al. 2019).

    Raises
    ------
    ValueError
        If there are fewer output channels than vertices to share them.

    Examples
    --------
    >>> chain_and_branch = np.array([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]])
    >>> vertex_channels(chain_and_branch, 16, 33)
    [16, 17, 16, 33]
    """
    last = len(adjacency) - 1
    widths = [in_channels] + [0] * (last - 1) + [out_channels]
    feeding = [vertex for vertex in range(1, last) if adjacency[vertex, last]]
    if len(feeding) > out_channels:
        raise ValueError(
            f"{len(feeding)} vertices of the cell feed its output, which has only {out_channels} "
            "channels to share; expected at least one for each"
        )
    for position, vertex in enumerate(feeding):
        share, rest = divmod(out_channels, len(feeding))
        widths[vertex] = share + (position < rest)
    for vertex in range(last - 1, 0, -1):
        if not adjacency[vertex, last]:
            widths[vertex] = max(widths[v] for v in np.flatnonzero(adjacency[vertex, :last]))
    return widths
