"""Memory that reading a session takes, told from the size of its file."""

from __future__ import annotations

#: Bytes of the largest session file.
LARGEST = 2_900_000_000
#: Megabytes of a process before it reads anything.
BASE_MEMORY = 700
#: Memory by source, as a share of the file's size.
SHARES = {"simulated": 4.5, "allensdk": 4.5, "stream": 0.25, "download": 0.25}


def reading_memory(name: str, size: int | None = None) -> int:
    """Memory that reading one session takes, in megabytes (10^6 bytes).

    Parameters
    ----------
    name : {"simulated", "stream", "download", "allensdk"}
        The source.
    size : int, optional
        Bytes of the session file; 2.9 GB, the largest, when not given.

    Returns
    -------
    int

    Notes
    -----
    AllenSDK takes about 4.5 times the size of the file, since it holds spike times, amplitudes and
    waveforms of all units. The others hold the spikes of the units that pass, about a quarter of a
    file, and their counts.

    Examples
    --------
    >>> reading_memory("allensdk", 1_400_000_000), reading_memory("stream", 1_400_000_000)
    (7000, 1050)
    """
    if name not in SHARES:
        raise ValueError(f"source: found {name!r}, expected one of {', '.join(SHARES)}")
    return int(BASE_MEMORY + SHARES[name] * (LARGEST if size is None else size) / 1e6)
