"""What is kept of the layers' responses to the probe images, and how much room that takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from .settings import TrainingSettings

STATES = ("untrained", "trained")


@dataclass(frozen=True)
class ProbeSettings:
    """What is kept of each network's responses; the defaults keep all.

    Parameters
    ----------
    layers : tuple of str, optional
        Some of "stem", "stack1", "stack2", "stack3", "pool"; all of them if left out.
    dtype : {"float32", "float16"}
        Type of the stored numbers. float16 has three digits and ends at 65,504; what is beyond
        becomes infinite, and `assemble_store` leaves such a representation out and names it.
    max_side : int, optional
        Keep at most so many rows and columns of a layer's grid, evenly spaced.
    max_samples : int, optional
        Keep at most so many positions of a layer over all probe images together: its grid is
        thinned to the largest square that fits, never below one position an image.

    Notes
    -----
    A kept position is one of the layer's own, not a mean over its neighbours, so that its
    responses are distributed as before. Shifts between grids (the metric of convolutional layers)
    are then in steps of the thinned grid.
    """

    layers: tuple[str, ...] | None = None
    dtype: str = "float32"
    max_side: int | None = None
    max_samples: int | None = None

    def __post_init__(self) -> None:
        if self.layers is not None:
            object.__setattr__(self, "layers", tuple(self.layers))
        if self.dtype not in ("float32", "float16"):
            raise ValueError(f"dtype: found {self.dtype!r}, expected 'float32' or 'float16'")
        for name in ("max_side", "max_samples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}: found {value}, expected at least 1")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> ProbeSettings:
        """Read settings from a mapping, such as a part of a configuration file."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ValueError(f"unknown probe settings {unknown}, expected some of {known}")
        return cls(**values)

    def positions(self, size: int, other: int, n_images: int) -> np.ndarray:
        """Rows (or columns) of a grid that are kept, ascending.

        Parameters
        ----------
        size, other : int
            Length of this side of the grid, and of the other.
        n_images : int
            Number of probe images.

        Examples
        --------
        >>> ProbeSettings(max_side=4).positions(16, 16, 100).tolist()
        [2, 6, 10, 14]
        """
        kept = min(size, self.max_side or size)
        if self.max_samples is not None:
            across = min(other, self.max_side or other)
            if kept * across * n_images > self.max_samples:
                kept = min(kept, max(math.isqrt(self.max_samples // n_images), 1))
        return ((2 * np.arange(kept) + 1) * size) // (2 * kept)

    def chosen(self, layers: list[str]) -> list[str]:
        """The layers to keep, in the network's own order.

        Raises
        ------
        ValueError
            If a layer is unknown.
        """
        unknown = [layer for layer in self.layers or () if layer not in layers]
        if unknown:
            raise ValueError(f"layers {unknown} are unknown, expected some of {layers}")
        return [layer for layer in layers if self.layers is None or layer in self.layers]


def recorded_states(training: TrainingSettings) -> tuple[str, ...]:
    """States in which a network is recorded: without epochs of training only the untrained.

    Examples
    --------
    >>> recorded_states(TrainingSettings()), recorded_states(TrainingSettings(epochs=0))
    (('untrained', 'trained'), ('untrained',))
    """
    return STATES if training.epochs else STATES[:1]


def representation_shapes(
    n_probe: int, side: int, training: TrainingSettings, probes: ProbeSettings | None = None
) -> dict[str, tuple[int, ...]]:
    """Shapes of what is kept of one network in one state, without building it.

    Parameters
    ----------
    n_probe : int
        Number of probe images.
    side : int
        Their height and width in pixels: 32 for CIFAR-10, 8 for the digits.
    training : TrainingSettings
        Its channels and stacks.
    probes : ProbeSettings, optional

    Returns
    -------
    dict of str to tuple of int
        (n_probe, h, w, c), for the pool (n_probe, c).

    Examples
    --------
    >>> representation_shapes(1000, 32, TrainingSettings.published())["stack2"]
    (1000, 16, 16, 256)
    """
    probes = probes or ProbeSettings()
    shapes: dict[str, tuple[int, ...]] = {}
    channels = training.stem_channels
    for number in range(training.stacks + 1):
        if number > 1:
            side, channels = -(-side // 2), channels * 2
        kept = len(probes.positions(side, side, n_probe))
        shapes[f"stack{number}" if number else "stem"] = (n_probe, kept, kept, channels)
    shapes["pool"] = (n_probe, channels)
    return {layer: shapes[layer] for layer in probes.chosen(list(shapes))}


def representation_bytes(
    n_networks: int,
    n_probe: int,
    side: int,
    training: TrainingSettings,
    probes: ProbeSettings | None = None,
) -> int:
    """Bytes that the responses of many networks take, before and, if there is any, after training.

    Parameters
    ----------
    n_networks : int
    n_probe, side, training, probes
        As for `representation_shapes`.

    Returns
    -------
    int
        Bytes of one copy. While a store is assembled there are two, the networks' own results and
        the store.

    Examples
    --------
    >>> representation_bytes(1, 100, 8, TrainingSettings())
    2304000
    """
    probes = probes or ProbeSettings()
    shapes = representation_shapes(n_probe, side, training, probes)
    numbers = sum(math.prod(shape) for shape in shapes.values())
    return n_networks * len(recorded_states(training)) * numbers * np.dtype(probes.dtype).itemsize
