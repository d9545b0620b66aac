"""Settings of simulated sessions, and of how units become regions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from shapemetrics.datasets.allen.stimuli import Stimulus, stimulus

Level = int | Literal["annotated", "structure", "division"]
Transform = Literal["none", "sqrt", "zscore"]
Parents = Literal["keep", "drop"]
Coverage = Literal["recorded", "scored"]
Atlas = Literal["allen", "none"]


@dataclass(frozen=True)
class Simulation:
    """What to simulate.

    Attributes
    ----------
    stimulus : str
        Name of the stimulus.
    n_sessions, n_probes : int
        Sessions, and probes in each.
    n_frames : int
        Frames of a movie; other stimuli have their published conditions.
    n_repeats : int
        Presentations of each stimulus.
    unit_scale : float
        Multiplies the numbers of units.
    coverage : {"recorded", "scored"}
        Structures as often as the real probes list them, with their gaps, of which about ten have a
        hierarchy score and enough units; or 30 structures with a score in turn, which no session
        has: what more regions would show.
    seed : int
    """

    stimulus: str = "natural_movie_one"
    n_sessions: int = 5
    n_probes: int = 6
    n_frames: int = 600
    n_repeats: int = 10
    unit_scale: float = 1.0
    coverage: Coverage = "recorded"
    seed: int = 0

    @property
    def kind(self) -> Stimulus:
        """The stimulus."""
        return stimulus(self.stimulus)


@dataclass(frozen=True)
class Pooling:
    """How units become regions.

    Attributes
    ----------
    atlas : {"allen", "none"}
        Whether names of regions are acronyms of the Allen ontology, which gives them colours,
        divisions and hierarchy scores; or are taken as they are, and `level`, `parents`,
        `hierarchy` and `variant` mean nothing.
    level : {"annotated", "structure", "division"} or int
        Level of the ontology at which units are joined; see
        :func:`shapemetrics.datasets.allen.anatomy.at_level`.
    structures : sequence of str or None
        Take only these regions; None takes all.
    exclude : sequence of str
        Regions that are left out, where they occur.
    parents : {"keep", "drop"}
        Whether units that are annotated only coarsely, such as TH or VIS where LP and VISp occur as
        well, make a region of their own, or are left out.
    min_units : int
        Regions with fewer are left out.
    max_units : int or None
        Of larger regions, a random choice of so many units.
    n_components : int or None
        Principal components that stand for a region (published: 100); None keeps the units.
        A region with fewer units keeps all of them.
    transform : {"none", "sqrt", "zscore"}
        Of each unit's mean counts: as they are, square-rooted (steadier variance), or scaled to
        unit variance.
    smoothing : float
        Standard deviation, in stimuli, of a Gaussian that smooths each unit's mean counts before
        they are transformed; 0 is none. For movies, whose stimuli are consecutive frames.
    unit_norm : bool
        Whether each region's responses are scaled to a Frobenius norm of 1 after the components are
        taken, so that Euclidean distances between shapes are at most the square root of 2.
    hierarchy, variant : str
        Which hierarchy score the regions carry.
    table : str or None
        A CSV about the regions: a column ``region``, and covariates of any name, such as a division
        or a score. What is known there joins, or replaces, what the atlas says.
    seed : int
        Of the choice that `max_units` makes.
    """

    atlas: Atlas = "allen"
    level: Level = "structure"
    structures: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    parents: Parents = "keep"
    min_units: int = 20
    max_units: int | None = None
    n_components: int | None = 20
    transform: Transform = "sqrt"
    smoothing: float = 0.0
    unit_norm: bool = False
    hierarchy: str = "harris2019"
    variant: str = "cc_tc_ct"
    table: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.min_units < 2:
            raise ValueError(f"min_units: found {self.min_units}, expected at least 2")
        if self.max_units is not None and self.max_units < self.min_units:
            raise ValueError(
                f"max_units: found {self.max_units}, expected min_units ({self.min_units}) or more"
            )
        if self.n_components is not None and self.n_components < 1:
            raise ValueError(f"n_components: found {self.n_components}, expected at least 1")
        if self.atlas not in ("allen", "none"):
            raise ValueError(f"atlas: found {self.atlas!r}, expected 'allen' or 'none'")
        if self.parents not in ("keep", "drop"):
            raise ValueError(f"parents: found {self.parents!r}, expected 'keep' or 'drop'")
        if not (math.isfinite(self.smoothing) and self.smoothing >= 0):
            raise ValueError(
                f"smoothing: found {self.smoothing}, expected a number of stimuli from 0"
            )
        if self.transform not in ("none", "sqrt", "zscore"):
            raise ValueError(
                f"transform: found {self.transform!r}, expected 'none', 'sqrt' or 'zscore'"
            )
