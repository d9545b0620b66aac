"""Random crops and mirror images, drawn on the CPU so that every device sees the same."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from .settings import TrainingSettings


class Changes(NamedTuple):
    """How each image of a batch is changed.

    Attributes
    ----------
    shifts : Tensor of shape (2, m, 1) or None
        First row and column of the crop in the padded image.
    mirrored : Tensor of shape (m, 1, 1, 1) or None
        Whether it is mirrored.
    """

    shifts: Tensor | None
    mirrored: Tensor | None


def draw_changes(count: int, settings: TrainingSettings, draws: torch.Generator) -> Changes:
    """Draw the changes of so many images, on the CPU."""
    shifts = mirrored = None
    if settings.crop_padding:
        shifts = torch.randint(2 * settings.crop_padding + 1, (2, count, 1), generator=draws)
    if settings.flip:
        mirrored = torch.rand((count, 1, 1, 1), generator=draws) < 0.5
    return Changes(shifts, mirrored)


def apply_changes(pixels: Tensor, changes: Changes, padding: int) -> Tensor:
    """Crop and mirror a batch of shape (m, c, h, w), on its own device."""
    count, _, height, width = pixels.shape
    device = pixels.device
    if changes.shifts is not None:
        shifts = changes.shifts.to(device)
        rows = shifts[0] + torch.arange(height, device=device)
        columns = shifts[1] + torch.arange(width, device=device)
        padded = functional.pad(pixels, (padding,) * 4).permute(0, 2, 3, 1)
        images = torch.arange(count, device=device)[:, None, None]
        pixels = padded[images, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    if changes.mirrored is not None:
        pixels = torch.where(changes.mirrored.to(device), pixels.flip(3), pixels)
    return pixels


def augment(pixels: Tensor, settings: TrainingSettings, draws: torch.Generator) -> Tensor:
    """Crop and mirror a batch at random, as the settings say.

    Parameters
    ----------
    pixels : Tensor of shape (m, c, h, w)
    settings : TrainingSettings
    draws : torch.Generator
        On the CPU.
    """
    changes = draw_changes(len(pixels), settings, draws)
    return apply_changes(pixels, changes, settings.crop_padding)
