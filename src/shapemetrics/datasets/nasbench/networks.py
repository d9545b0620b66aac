"""The convolutional network that NAS-Bench-101 builds from a cell, on PyTorch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .cells import CONV1X1, CONV3X3, MAXPOOL3X3, Cell
from .channels import vertex_channels

#: TensorFlow's momentum 0.997 is the weight of the past, PyTorch's that of the new batch.
BATCH_NORM_MOMENTUM = 0.003
BATCH_NORM_EPSILON = 1e-5

# Standard deviation of a standard normal variable cut off at two standard deviations.
_TRUNCATED_STD = 0.87962566103423978


def build_network(
    cell: Cell,
    in_channels: int = 3,
    stem_channels: int = 128,
    cells_per_stack: int = 3,
    n_classes: int = 10,
    stacks: int = 3,
    *,
    generator: torch.Generator | None = None,
) -> Network:
    """Build the network of a cell as published, with freshly drawn weights.

    Parameters
    ----------
    cell : Cell
        A valid cell of the search space; it is pruned first.
    in_channels : int, default 3
        Channels of the images.
    stem_channels : int, default 128
        Channels of the stem and of the first stack; each further stack doubles them.
    cells_per_stack : int, default 3
        Copies of the cell in each stack.
    n_classes : int, default 10
        Classes to tell apart.
    stacks : int, default 3
        Stacks, with a 2x2 max-pooling between them.
    generator : torch.Generator, optional
        Source of the weights; PyTorch's global one where it is left out.

    Returns
    -------
    Network
        A `torch.nn.Module` from images (m, in_channels, h, w) to logits (m, n_classes).

    Raises
    ------
    ValueError
        If the cell is not valid, a size is not positive, or there are fewer channels than vertices
        that share them.

    Notes
    -----
    Weights follow the published initialisers: convolutions a normal of variance 1 / fan-in
    truncated at two standard deviations, the dense layer Glorot's uniform, offsets zero and scales
    one (Ying et al. 2019).

    Examples
    --------
    >>> cell = Cell([[0, 1, 1], [0, 0, 1], [0, 0, 0]], ["input", "conv3x3-bn-relu", "output"])
    >>> network = build_network(cell, in_channels=1, stem_channels=16, cells_per_stack=1)
    >>> shapes = network.activations(torch.zeros(2, 1, 8, 8))
    >>> {name: tuple(values.shape[1:]) for name, values in shapes.items()}
    {'stem': (16, 8, 8), 'stack1': (16, 8, 8), 'stack2': (32, 4, 4), 'stack3': (64, 2, 2),
     'pool': (64,)}
    """
    sizes = {
        "in_channels": in_channels,
        "stem_channels": stem_channels,
        "cells_per_stack": cells_per_stack,
        "n_classes": n_classes,
        "stacks": stacks,
    }
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, found {size}")
    cell.check_operations()
    if not cell.is_valid:
        raise ValueError(f"{cell!r} is not in the search space: see Cell.is_valid")
    network = Network(cell.pruned(), **sizes)
    initialise(network, generator)
    return network


class Network(nn.Module):
    """Stem, stacks of cells, global average pooling and a dense layer; see `build_network`."""

    def __init__(
        self,
        cell: Cell,
        in_channels: int,
        stem_channels: int,
        cells_per_stack: int,
        n_classes: int,
        stacks: int,
    ) -> None:
        super().__init__()
        self.stem = ConvBnRelu(in_channels, stem_channels, 3)
        self.stacks = nn.ModuleList()
        before = stem_channels
        for stack in range(stacks):
            channels = stem_channels * 2**stack
            self.stacks.append(
                nn.Sequential(
                    CellModule(cell, before, channels),
                    *(CellModule(cell, channels, channels) for _ in range(cells_per_stack - 1)),
                )
            )
            before = channels
        self.classifier = _blank(nn.Linear, before, n_classes)

    def _layers(self, images: Tensor) -> Iterator[tuple[str, Tensor]]:
        values = self.stem(images)
        yield "stem", values
        for number, stack in enumerate(self.stacks, start=1):
            if number > 1:
                # TensorFlow's padding "same" keeps the last row and column of an odd size.
                values = functional.max_pool2d(values, 2, ceil_mode=True)
            values = stack(values)
            yield f"stack{number}", values
        yield "pool", values.mean(dim=(2, 3))

    def activations(self, images: Tensor) -> dict[str, Tensor]:
        """Responses of the stem, of each stack, and of the average pool.

        Parameters
        ----------
        images : Tensor of shape (m, in_channels, h, w)

        Returns
        -------
        dict of str to Tensor
            "stem", "stack1", ... of shape (m, c, h', w'), each before the next pooling, and "pool"
            of shape (m, c).
        """
        return dict(self._layers(images))

    def forward(self, images: Tensor) -> Tensor:
        """Logits of shape (m, n_classes)."""
        for _, values in self._layers(images):  # noqa: B007 - the last layer's are wanted
            pass
        return self.classifier(values)


class CellModule(nn.Module):
    """One cell: its graph with an operation at each interior vertex.

    The input reaches each vertex that it feeds through a 1x1 convolution of its own. They all read
    the same tensor, so they are one convolution here, whose channels are dealt out afterwards:
    the same function, the same parameters, fewer calls.
    """

    def __init__(self, cell: Cell, in_channels: int, out_channels: int) -> None:
        super().__init__()
        last = cell.n_vertices - 1
        widths = vertex_channels(cell.adjacency, in_channels, out_channels)
        edges = cell.adjacency.astype(bool).tolist()
        self.widths = widths
        self.projected = [v for v in range(1, last + 1) if edges[0][v]]
        self.sources = [[u for u in range(1, v) if edges[u][v]] for v in range(last + 1)]
        self.projection = ConvBnRelu(in_channels, sum(widths[v] for v in self.projected), 1)
        self.operations = nn.ModuleList(
            _operation(name, widths[v]) for v, name in enumerate(cell.operations[1:-1], start=1)
        )

    def forward(self, values: Tensor) -> Tensor:
        """Map (m, in_channels, h, w) to (m, out_channels, h, w)."""
        pieces = self.projection(values).split([self.widths[v] for v in self.projected], dim=1)
        from_input = dict(zip(self.projected, pieces))
        outputs: list[Tensor] = [values]
        for vertex, operation in enumerate(self.operations, start=1):
            terms = [_first(outputs[u], self.widths[vertex]) for u in self.sources[vertex]]
            if vertex in from_input:
                terms.append(from_input[vertex])
            outputs.append(operation(_total(terms)))
        last = len(self.widths) - 1
        terms = [from_input[last]] if last in from_input else []
        if self.sources[last]:
            terms.append(torch.cat([outputs[u] for u in self.sources[last]], dim=1))
        return _total(terms)


class ConvBnRelu(nn.Module):
    """Convolution without offset, batch normalisation, rectification."""

    def __init__(self, in_channels: int, out_channels: int, size: int) -> None:
        super().__init__()
        self.convolution = _blank(
            nn.Conv2d, in_channels, out_channels, size, padding=size // 2, bias=False
        )
        self.norm = nn.BatchNorm2d(
            out_channels, eps=BATCH_NORM_EPSILON, momentum=BATCH_NORM_MOMENTUM
        )

    def forward(self, values: Tensor) -> Tensor:
        """Map (m, in_channels, h, w) to (m, out_channels, h, w)."""
        return functional.relu(self.norm(self.convolution(values)), inplace=True)


def initialise(network: nn.Module, generator: torch.Generator | None = None) -> None:
    """Draw every weight anew from the published initialisers; reset batch normalisation."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_in = module.weight[0].numel()
            std = math.sqrt(1.0 / fan_in) / _TRUNCATED_STD
            nn.init.trunc_normal_(
                module.weight, std=std, a=-2 * std, b=2 * std, generator=generator
            )
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight, generator=generator)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()


def _blank(kind: type[nn.Module], *sizes: int, **options: Any) -> nn.Module:
    """Make a layer without drawing the weights that `initialise` draws later."""
    return nn.utils.skip_init(kind, *sizes, device=torch.get_default_device(), **options)


def _operation(name: str, channels: int) -> nn.Module:
    if name == MAXPOOL3X3:
        return nn.MaxPool2d(3, stride=1, padding=1)
    return ConvBnRelu(channels, channels, {CONV3X3: 3, CONV1X1: 1}[name])


def _first(values: Tensor, channels: int) -> Tensor:
    """Leave out the channel that a wider vertex has in excess of the one it feeds."""
    return values if values.shape[1] == channels else values[:, :channels]


def _total(terms: list[Tensor]) -> Tensor:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
