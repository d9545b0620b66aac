"""The stimuli of the Observatory: their tables in a session file, conditions and durations."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Stimulus:
    """One kind of stimulus.

    Attributes
    ----------
    name : str
        As AllenSDK calls it.
    tables : tuple of str
        Names that it has in session files; the functional-connectivity sessions show the same
        movie under another name.
    conditions : tuple of str
        Columns that tell what was shown; a presentation without them is a blank.
    duration : float
        Nominal length of a presentation in seconds, which is counted where no other is asked for.
    movie : bool
        Whether conditions are consecutive frames.
    """

    name: str
    tables: tuple[str, ...]
    conditions: tuple[str, ...]
    duration: float
    movie: bool = False


STIMULI = {
    stimulus.name: stimulus
    for stimulus in (
        Stimulus(
            "natural_movie_one",
            (
                "natural_movie_one",
                "natural_movie_one_more_repeats",
                "natural_movie_1",
                "natural_movie_1_more_repeats",
            ),
            ("frame",),
            1 / 30,
            movie=True,
        ),
        Stimulus(
            "natural_movie_three",
            ("natural_movie_three", "natural_movie_3"),
            ("frame",),
            1 / 30,
            movie=True,
        ),
        Stimulus("natural_scenes", ("natural_scenes", "Natural_Images"), ("frame",), 0.25),
        Stimulus(
            "drifting_gratings", ("drifting_gratings",), ("orientation", "temporal_frequency"), 2.0
        ),
    )
}


def stimulus(name: str) -> Stimulus:
    """The stimulus of this name.

    Raises
    ------
    ValueError
        If there is none; the nearest name is given.
    """
    if name in STIMULI:
        return STIMULI[name]
    near = difflib.get_close_matches(name, STIMULI, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(STIMULI)}"
    raise ValueError(f"stimulus {name!r} is unknown; {hint}")


@dataclass(frozen=True)
class Bins:
    """How presentations become stimuli of a representation.

    Attributes
    ----------
    edges : ndarray of shape (n_bins + 1,)
        Seconds from the onset of a presentation.
    frames : int
        Consecutive movie frames that are counted together.
    """

    edges: np.ndarray
    frames: int = 1


def bins(kind: Stimulus, width: float | None = None) -> Bins:
    """Bins of a stimulus.

    Parameters
    ----------
    kind : Stimulus
    width : float, optional
        Seconds. None counts whole presentations. Less than a presentation divides it; more joins
        consecutive frames of a movie.

    Returns
    -------
    Bins

    Raises
    ------
    ValueError
        If the width does not divide a presentation, or is no multiple of a frame.

    Examples
    --------
    >>> bins(STIMULI["natural_movie_one"], 0.1).frames
    3
    >>> bins(STIMULI["natural_scenes"], 0.05).edges.size
    6
    """
    width = kind.duration if width is None else float(width)
    if not (np.isfinite(width) and width > 0):
        raise ValueError(f"bin width {width}: expected a positive number of seconds")
    if width <= kind.duration * 1.001:
        number = kind.duration / width
        what = f"a whole part of a presentation's {kind.duration:.4g} s"
        edges = np.linspace(0.0, kind.duration, max(1, round(number)) + 1)
        result = Bins(edges)
    else:
        if not kind.movie:
            raise ValueError(
                f"bin width {width} s: a presentation of {kind.name} lasts {kind.duration} s"
            )
        number = width / kind.duration
        what = f"a multiple of a frame's {kind.duration:.4g} s"
        result = Bins(np.array([0.0, kind.duration]), round(number))
    if abs(number - round(number)) > 0.02 * number:
        raise ValueError(f"bin width {width} s of {kind.name}: expected {what}")
    return result
