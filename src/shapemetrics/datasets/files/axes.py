"""Axes of arrays: which is which in a file, and the order in which all else expects them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: The axes of an array, by their number, in the order of a representation.
AXES = {
    2: ("stimuli", "units"),
    3: ("stimuli", "trials", "units"),
    4: ("stimuli", "height", "width", "channels"),
}
#: How files lie whose channels seem to come first, by where their stimuli are.
_CHANNELS_FIRST = {
    "stimuli_first": ("stimuli", "channels", "height", "width"),
    "stimuli_last": ("height", "width", "channels", "stimuli"),
}


def check_axes(axes: Sequence[str] | None, orientation: str) -> None:
    """ValueError where names of axes are no permutation of those that an array has.

    Examples
    --------
    >>> check_axes(["stimuli", "channels", "height", "width"], "stimuli_first")
    >>> check_axes(["stimuli", "channels"], "stimuli_first")
    Traceback (most recent call last):
    ...
    ValueError: axes: found stimuli, channels, expected some order of stimuli, units; of ...
    """
    if axes is None:
        return
    expected = AXES.get(len(axes), ())
    if isinstance(axes, str) or sorted(axes) != sorted(expected):
        found = axes if isinstance(axes, str) else ", ".join(map(str, axes))
        orders = "; of ".join(", ".join(names) for names in AXES.values())
        raise ValueError(f"axes: found {found}, expected some order of {orders}")
    if orientation != "stimuli_first":
        raise ValueError(
            f"orientation: found {orientation} beside axes, expected one of them, since axes says "
            "where stimuli are"
        )


def in_order(array: np.ndarray, axes: Sequence[str], name: str) -> np.ndarray:
    """An array with its axes in the order of a representation, as a view.

    Parameters
    ----------
    array : ndarray
        With as many axes as are named. A matrix beside arrays of more axes stays as it is, where
        stimuli come first.
    axes : sequence of str
        As :func:`check_axes` allows.
    name : str
        What to call it in messages.

    Examples
    --------
    >>> in_order(np.zeros((10, 3, 8, 6)), ["stimuli", "channels", "height", "width"], "a").shape
    (10, 8, 6, 3)
    """
    if array.ndim == len(axes):
        return array.transpose([list(axes).index(axis) for axis in AXES[len(axes)]])
    if array.ndim == 2 and axes[0] == "stimuli":
        return array
    raise ValueError(
        f"{name}: found shape {array.shape}, expected {len(axes)} axes: {', '.join(axes)}"
    )


def remark_on(shape: Sequence[int], orientation: str = "stimuli_first") -> str | None:
    """What to say about a shape that is read as stimuli x height x width x channels.

    Height and width are mostly equal. So where the last two axes are as long as one another, and
    the second is not, these are more likely height and width, and the second the channels. Where
    all three are equal no one can tell. Other shapes speak for themselves.

    Parameters
    ----------
    shape : sequence of int
        With stimuli first.
    orientation : {"stimuli_first", "stimuli_last"}
        Whether all axes were turned around.

    Examples
    --------
    >>> remark_on((50, 8, 8, 16)) is None, remark_on((50, 8, 8)) is None
    (True, True)
    >>> remark_on((50, 16, 8, 8))
    'shape (50, 16, 8, 8) looks like stimuli x channels x height x width, but is read as ...'
    """
    if len(shape) != 4 or shape[2] != shape[3] or shape[3] == 1:
        return None
    shape = tuple(int(length) for length in shape)
    read = "read as stimuli x height x width x channels"
    names = _CHANNELS_FIRST[orientation]
    axes = f"axes: [{', '.join(names)}] (--axes {','.join(names)})"
    if shape[1] == shape[2]:
        return (
            f"shape {shape} is {read}; whether channels come last cannot be seen, "
            f"and if they do not, say {axes}"
        )
    return (
        f"shape {shape} looks like stimuli x channels x height x width, but is {read}; "
        f"if so, say {axes}"
    )
