"""Settings of the networks' size and training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class TrainingSettings:
    """Size of the networks and schedule of their training.

    The defaults are those of the embedded study; `published` gives those of NAS-Bench-101.

    Parameters
    ----------
    stem_channels : int
        Channels of the first layer, doubled at each stack (published 128).
    cells_per_stack : int
        Cells of each stack (published 3).
    stacks : int
        Stacks of cells, between which the grid is halved (published 3).
    epochs : float
        Passes over the training images (published 4, 12, 36 and 108); 0 trains nothing, and only
        the untrained network is recorded.
    batch_size : int
        Images per step (published 256).
    shards : int
        Parts of a batch that are normalised by themselves, as on as many processors (published 2).
    learning_rate : float
        Rate at the start; it falls to 0 along half a cosine, step by step (published 0.2).
    momentum : float
        Momentum of RMSProp (published 0.9).
    decay : float
        Decay of RMSProp's running mean of squared gradients (published 0.9).
    epsilon : float
        Added to that mean before its root is taken (published 1).
    weight_decay : float
        Half the weight of the squared norm of all weights (published 0.0001).
    crop_padding : int
        Pixels of padding from which a random crop is taken; 0 for none (published 4).
    flip : bool
        Whether images are mirrored at random (published true; a mirrored digit is no digit).
    batch_norm : {"calibrated", "running"}
        Statistics of batch normalisation when the network is not being trained: those of one pass
        over training images (see `calibrate`), or the running averages of training.
    calibration_images : int
        The first so many training images are used for that pass.
    eval_batch_size : int
        Images at a time when the network is not being trained.
    train_evaluation_images : int
        The accuracy on training images is that of the first so many (published 9,984 of batch 1).
    precision : {"float32", "tf32", "bfloat16"}
        Precision of training. "tf32" lets GPUs round the factors of products to 10 bits;
        "bfloat16" computes the forward pass in mixed precision (weights, batch normalisation, loss
        and optimiser stay in float32). Responses to probes are computed in float32, or TF32.

    Notes
    -----
    Departures of the defaults from the published training, and why: 16 channels instead of 128,
    and 1 cell a stack instead of 3 (a network in less than a second on one core); 5 epochs and
    batches of 100 instead of 256 in two shards, at half the rate (800 images instead of 40,000;
    among the rates and lengths tried, those whose test errors agree best between two seeds, so
    that they differ by architecture rather than by chance); no padding, crop or flip (a mirrored
    digit is another sign); calibrated instead of running statistics (with a momentum of 0.003 the
    averages of 40 steps would still be mostly their starting values). Optimiser, initial weights,
    shape of the schedule and weight decay are the published ones.
    """

    stem_channels: int = 16
    cells_per_stack: int = 1
    stacks: int = 3
    epochs: float = 5
    batch_size: int = 100
    shards: int = 1
    learning_rate: float = 0.1
    momentum: float = 0.9
    decay: float = 0.9
    epsilon: float = 1.0
    weight_decay: float = 1e-4
    crop_padding: int = 0
    flip: bool = False
    batch_norm: str = "calibrated"
    calibration_images: int = 1024
    eval_batch_size: int = 1024
    train_evaluation_images: int = 9984
    precision: str = "float32"

    def __post_init__(self) -> None:
        if self.batch_norm not in ("calibrated", "running"):
            raise ValueError(
                f"batch_norm: found {self.batch_norm!r}, expected 'calibrated' or 'running'"
            )
        if self.precision not in ("float32", "tf32", "bfloat16"):
            raise ValueError(
                f"precision: found {self.precision!r}, expected 'float32', 'tf32' or 'bfloat16'"
            )
        counts = ("batch_size", "shards", "calibration_images", "eval_batch_size")
        for name in (*counts, "train_evaluation_images"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected at least 1")
        for name in ("epochs", "crop_padding", "learning_rate"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected at least 0")

    @classmethod
    def published(cls, epochs: float = 108, **changes: Any) -> TrainingSettings:
        """Give the settings of NAS-Bench-101, apart from `changes` (Ying et al. 2019)."""
        published = {
            "stem_channels": 128,
            "learning_rate": 0.2,
            "cells_per_stack": 3,
            "batch_size": 256,
            "shards": 2,
            "crop_padding": 4,
            "flip": True,
            "batch_norm": "running",
        }
        return cls(epochs=epochs, **(published | changes))

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> TrainingSettings:
        """Read settings from a mapping, such as a part of a configuration file."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ValueError(f"unknown training settings {unknown}, expected some of {known}")
        return cls(**values)
