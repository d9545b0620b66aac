"""Responses of a network's layers to probe images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from .networks import Network
from .probes import ProbeSettings


def layer_activations(
    network: Network,
    images: np.ndarray,
    batch_size: int = 1024,
    probes: ProbeSettings | None = None,
) -> dict[str, np.ndarray]:
    """Record the responses of the stem, of each stack, and of the average pool.

    Parameters
    ----------
    network : Network
        Used in evaluation mode: its batch-norm statistics must be sensible ones, see `calibrate`.
    images : ndarray of shape (m, channels, height, width)
        Probe images.
    batch_size : int, default 1024
        Images at a time.
    probes : ProbeSettings, optional
        Which layers and positions are kept, and as what; all of them as float32 if left out.

    Returns
    -------
    dict of str to ndarray
        "stem", "stack1", "stack2", "stack3" of shape (m, h, w, c) and "pool" of shape (m, c),
        C-ordered.
    """
    probes = probes or ProbeSettings()
    parts: dict[str, list[np.ndarray]] = {}
    with torch.inference_mode():
        for batch in _batches(network.eval(), images, batch_size):
            layers = network.activations(batch)
            for name in probes.chosen(list(layers)):
                values = _kept(layers[name], probes, len(images))
                parts.setdefault(name, []).append(values.cpu().numpy())
    return {name: _stored(np.concatenate(values), probes.dtype) for name, values in parts.items()}


def _kept(values: Tensor, probes: ProbeSettings, n_images: int) -> Tensor:
    """Channels last, and only the positions that are kept."""
    if values.ndim != 4:
        return values
    _, _, height, width = values.shape
    rows = probes.positions(height, width, n_images)
    columns = probes.positions(width, height, n_images)
    values = values.permute(0, 2, 3, 1)
    if len(rows) < height:
        values = values[:, torch.from_numpy(rows).to(values.device)]
    if len(columns) < width:
        values = values[:, :, torch.from_numpy(columns).to(values.device)]
    return values


def _stored(values: np.ndarray, dtype: str) -> np.ndarray:
    with np.errstate(over="ignore"):  # what is too large becomes infinite, as documented
        return np.ascontiguousarray(values, dtype=dtype)


def predict(network: Network, images: np.ndarray, batch_size: int = 1024) -> np.ndarray:
    """Logits of shape (m, n_classes), in evaluation mode."""
    with torch.inference_mode():
        batches = _batches(network.eval(), images, batch_size)
        return np.concatenate([network(batch).cpu().numpy() for batch in batches])


def calibrate(network: Network, images: np.ndarray, batch_size: int = 1024) -> None:
    """Set every batch-norm statistic to that of given images, leaving the weights alone.

    Parameters
    ----------
    network : Network
        Changed in place.
    images : ndarray of shape (m, channels, height, width)
        Training images, taken as they are.
    batch_size : int, default 1024
        Images at a time. Each channel's mean and variance are averaged over the batches.

    Notes
    -----
    In this pass each layer normalises by its own batch, as in training, so that what a layer sees
    is already normalised by the layers before it.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # PyTorch's name for a plain average over the batches
    was_training = network.training
    network.train()
    try:
        with torch.no_grad():
            for batch in _batches(network, images, batch_size):
                network(batch)
    finally:
        network.train(was_training)
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum


def _batches(network: Network, images: np.ndarray, batch_size: int) -> Iterator[Tensor]:
    device = next(network.parameters()).device
    for start in range(0, len(images), batch_size):
        batch = torch.from_numpy(images[start : start + batch_size])
        yield batch.to(device, memory_format=torch.channels_last)
