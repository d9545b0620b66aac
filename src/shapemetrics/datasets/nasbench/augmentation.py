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


def apply_changes(
    pixels: Tensor, changes: Changes, padding: int, black: Tensor | None = None
) -> Tensor:
    """Crop and mirror a batch on its own device.

    Parameters
    ----------
    pixels : Tensor of shape (m, c, h, w)
        Standardised.
    changes : Changes
    padding : int
        Pixels added at each side before the crop.
    black : Tensor of shape (c,), optional
        What is added: the standardised value of a black pixel. NAS-Bench-101 pads pictures with
        black before it standardises them, so that its border is -mean / std (Ying et al. 2019,
        their code). Without it zeros are added.
    """
    count, channels, height, width = pixels.shape
    device = pixels.device
    if changes.shifts is not None:
        shifts = changes.shifts.to(device)
        rows = shifts[0] + torch.arange(height, device=device)
        columns = shifts[1] + torch.arange(width, device=device)
        if black is None:
            padded = functional.pad(pixels, (padding,) * 4)
        else:
            shape = count, channels, height + 2 * padding, width + 2 * padding
            padded = black.view(1, channels, 1, 1).expand(shape).clone()
            padded[:, :, padding : padding + height, padding : padding + width] = pixels
        padded = padded.permute(0, 2, 3, 1)
        images = torch.arange(count, device=device)[:, None, None]
        pixels = padded[images, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    if changes.mirrored is not None:
        pixels = torch.where(changes.mirrored.to(device), pixels.flip(3), pixels)
    return pixels


def augment(
    pixels: Tensor,
    settings: TrainingSettings,
    draws: torch.Generator,
    black: Tensor | None = None,
) -> Tensor:
    """Crop and mirror a batch at random, as the settings say.

    Parameters
    ----------
    pixels : Tensor of shape (m, c, h, w)
    settings : TrainingSettings
    draws : torch.Generator
        On the CPU.
    black : Tensor of shape (c,), optional
        Standardised value of a black pixel, which crops are padded with; zeros if left out.
    """
    changes = draw_changes(len(pixels), settings, draws)
    return apply_changes(pixels, changes, settings.crop_padding, black)
