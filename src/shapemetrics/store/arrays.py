"""What an array must be to be a representation, and convolutional ones as matrices."""

from __future__ import annotations

from typing import Literal

import numpy as np

Positions = Literal["samples", "features", "mean"]


def check_representation(array: np.ndarray, name: str, n_stimuli: int | None = None) -> None:
    """Raise one clear ValueError or TypeError where `array` is no representation.

    Parameters
    ----------
    array : ndarray of shape (m, n), (m, trials, n) or (m, h, w, c)
        Responses of one network or region.
    name : str
        What to call it in the message.
    n_stimuli : int, optional
        The number of stimuli expected on the first axis.
    """
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        raise TypeError(f"{name!r}: found dtype {array.dtype}, expected real numbers")
    if array.ndim not in (2, 3, 4):
        raise ValueError(
            f"{name!r}: found shape {array.shape}, expected (stimuli, units), "
            "(stimuli, trials, units) or (stimuli, height, width, channels)"
        )
    if array.size == 0:
        raise ValueError(f"{name!r}: found shape {array.shape}, expected at least one unit")
    if n_stimuli is not None and len(array) != n_stimuli:
        raise ValueError(f"{name!r}: found {len(array)} stimuli, expected {n_stimuli}")
    bad = array.size - int(np.count_nonzero(np.isfinite(array)))
    if bad:
        raise ValueError(f"{name!r}: found {bad} values that are NaN or infinite, expected none")


def flatten_positions(array: np.ndarray, positions: Positions, name: str = "array") -> np.ndarray:
    """Turn a convolutional representation into a matrix.

    Parameters
    ----------
    array : ndarray of shape (m, h, w, c) or (m, n)
        A matrix passes unchanged.
    positions : {"samples", "features", "mean"}
        ``samples``: (m h w) x c, every position a sample, which is the channel-rotation
        representation of the paper; ``features``: m x (h w c); ``mean``: m x c, averaged over
        positions.

    Returns
    -------
    ndarray
        The matrix.
    """
    if positions not in ("samples", "features", "mean"):
        raise ValueError(
            f"positions {positions!r} is unknown, expected 'samples', 'features' or 'mean'"
        )
    if array.ndim == 2:
        return array
    if array.ndim != 4:
        raise ValueError(f"{name!r}: found {array.ndim} axes, expected 2 or 4")
    if positions == "samples":
        return array.reshape(-1, array.shape[-1])
    if positions == "features":
        return array.reshape(len(array), -1)
    return array.mean(axis=(1, 2), dtype=np.float64).astype(array.dtype)
