"""What is compared: layers of small networks really trained on scikit-learn's digits, and noise."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

Array = np.ndarray

CLASSES = 10


def digits(n: int | None = None, side: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (n, side, side) and classes; beyond 1,797 come copies shifted by a pixel.

    Parameters
    ----------
    n : int, optional
        Pictures; by default each once.
    side : int
        8, or a multiple, to which pictures are enlarged.
    """
    data = load_digits()
    pictures = np.stack([np.roll(data.images, k, axis=2) for k in (0, 1, -1)]).reshape(-1, 8, 8)
    classes = np.tile(data.target, 3)
    n = len(data.target) if n is None else n
    x = torch.tensor(pictures[:n] / 16.0, dtype=torch.float32)
    x = functional.interpolate(x[:, None], size=(side, side), mode="bilinear")[:, 0]
    return x - x.mean(), torch.tensor(classes[:n])


def dense_layers(
    widths: Sequence[int], n_stimuli: int, *, epochs: int = 4, seed: int = 0
) -> list[Array]:
    """Responses of both hidden layers of multilayer perceptrons, one network a width.

    Networks of one width are trained together, as one batched computation, from different
    starting weights and at different rates.

    Returns
    -------
    list of ndarray of shape (n_stimuli, width)
        Float64, after the rectification: first and second layer of the first network, and so on.
    """
    layers: dict[int, list[Array]] = {}
    for width in sorted(set(widths)):
        group = [k for k, w in enumerate(widths) if w == width]
        for k, pair in zip(group, _trained(len(group), width, n_stimuli, epochs, seed)):
            layers[k] = pair
    return [layer for k in range(len(widths)) for layer in layers[k]]


def _trained(
    n_networks: int, width: int, n_stimuli: int, epochs: int, seed: int
) -> list[list[Array]]:
    generator = torch.Generator().manual_seed(seed * 10_000 + width)
    pictures, classes = digits()
    sizes = [64, width, width, CLASSES]
    weights = [
        torch.randn(n_networks, a, b, generator=generator) * (2.0 / a) ** 0.5
        for a, b in pairwise(sizes)
    ]
    offsets = [torch.zeros(n_networks, 1, b) for b in sizes[1:]]
    parameters = [p.requires_grad_() for p in (*weights, *offsets)]
    velocities = [torch.zeros_like(p) for p in parameters]
    # A rate of its own for each network, so that they end at different places.
    rates = torch.logspace(-2.0, -0.7, n_networks)[torch.randperm(n_networks, generator=generator)]

    def responses(x: torch.Tensor) -> list[torch.Tensor]:
        found = [x.flatten(1).expand(n_networks, -1, -1)]
        for weight, offset in zip(weights, offsets):
            last = found[-1] if weight is weights[0] else functional.relu(found[-1])
            found.append(torch.baddbmm(offset, last, weight))
        return found[1:]

    for _ in range(epochs):
        for batch in torch.randperm(len(pictures), generator=generator).split(100):
            outputs = responses(pictures[batch])[-1]
            target = classes[batch].repeat(n_networks)
            loss = functional.cross_entropy(outputs.flatten(0, 1), target, reduction="sum")
            gradients = torch.autograd.grad(loss / len(batch), parameters)
            with torch.no_grad():
                for p, velocity, gradient in zip(parameters, velocities, gradients):
                    p -= rates[:, None, None] * velocity.mul_(0.9).add_(gradient)
    stimuli, _ = digits(n_stimuli)
    with torch.no_grad():
        first, second, _ = (functional.relu(part).double().numpy() for part in responses(stimuli))
    return [list(pair) for pair in zip(first, second)]


def convolutional_layers(
    n_networks: int, channels: int, side: int, n_stimuli: int, *, steps: int = 60, seed: int = 0
) -> list[Array]:
    """Responses of the second layer of convolutional networks trained on (enlarged) digits.

    Returns
    -------
    list of ndarray of shape (n_stimuli, side, side, channels)
        Float64, after the rectification.
    """
    pictures, classes = digits(side=side)
    stimuli, _ = digits(n_stimuli, side)
    found = []
    for number in range(n_networks):
        torch.manual_seed(seed * 1000 + number)
        features = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
        )
        head = nn.Linear(channels, CLASSES)
        parameters = [*features.parameters(), *head.parameters()]
        optimizer = torch.optim.Adam(parameters, lr=3e-3)
        for _ in range(steps):
            batch = torch.randint(len(pictures), (64,))
            pooled = features(pictures[batch, None]).mean(dim=(2, 3))
            loss = functional.cross_entropy(head(pooled), classes[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            responses = features(stimuli[:, None]).permute(0, 2, 3, 1)
        found.append(np.ascontiguousarray(responses.double().numpy()))
    return found
