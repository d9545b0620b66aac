"""Training of one network of the search space."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .activations import calibrate, predict
from .cells import Cell
from .images import ImageSet
from .networks import BATCH_NORM_MOMENTUM, Network, build_network
from .optimizer import TensorFlowRMSProp
from .settings import TrainingSettings


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network after its training.

    Attributes
    ----------
    network : Network
        In evaluation mode.
    train_accuracy, test_accuracy : float
        Fractions of images classified correctly.
    diverged : bool
        Whether the loss, or at the end a logit, ceased to be finite. Training stopped there; the
        network is the last one whose loss was finite.
    steps : int
        Steps taken.
    final_loss : float
        Cross-entropy of the last batch whose loss was finite; NaN if there was none.
    """

    network: Network
    train_accuracy: float
    test_accuracy: float
    diverged: bool
    steps: int
    final_loss: float


def initial_network(
    cell: Cell, images: ImageSet, settings: TrainingSettings, seed: int, device: str = "cpu"
) -> Network:
    """Build the network of a cell as it is before training, ready for use.

    Its weights are those that `train_network` starts from. Its batch-norm statistics are those of
    one pass over training images, whatever `settings.batch_norm` says: the averages before the
    first step are 0 and 1 for every channel, which describe no image, and without normalisation
    the scale of the responses would drift with depth. Calibrated, the untrained network computes
    in use what it computes in the first step of training.
    """
    network = _fresh_network(cell, images, settings, seed, device)
    _calibrate(network, images, settings)
    return network.eval()


def train_network(
    cell: Cell, images: ImageSet, settings: TrainingSettings, seed: int, device: str = "cpu"
) -> TrainedNetwork:
    """Train the network of one cell.

    Parameters
    ----------
    cell : Cell
        A valid cell.
    images : ImageSet
        Images to train and test on.
    settings : TrainingSettings
        Size and schedule.
    seed : int
        Seed of the study; the network's own seeds derive from it and the cell's hash, so that its
        result does not depend on which other networks are trained, or in what order.
    device : str, default "cpu"
        Where PyTorch computes.

    Returns
    -------
    TrainedNetwork
        The network with its accuracies. On the CPU, with one thread, the same arguments give the
        same numbers.

    Raises
    ------
    ValueError
        If the training images do not fill a batch.

    Notes
    -----
    Each pass visits the images in a new random order; the schedule has
    ``int(epochs * images / batch_size)`` steps, and step t of T has the rate
    ``learning_rate (1 + cos(pi t / T)) / 2``, but step 0 the rate 0, as published.
    """
    network = _fresh_network(cell, images, settings, seed, device)
    sound = _Snapshot(network)
    draws = _generator(seed, cell, stream=1)
    diverged, steps, loss = _fit(network, sound, images, settings, draws, device)
    logits = _settled_logits(network, images, settings)
    if not np.isfinite(logits).all():
        # The last step did it, after which no loss was taken.
        diverged = True
        sound.restore()
        logits = _settled_logits(network, images, settings)
    return TrainedNetwork(
        network=network,
        train_accuracy=_accuracy(logits, images.train_y),
        test_accuracy=_accuracy(
            predict(network, images.test_x, settings.eval_batch_size), images.test_y
        ),
        diverged=diverged,
        steps=steps,
        final_loss=loss,
    )


class _Snapshot:
    """The last state of a network, weights and running averages, that gave a finite loss."""

    def __init__(self, network: Network) -> None:
        state = network.state_dict(keep_vars=True).values()
        self._current = [values.detach() for values in state if values.is_floating_point()]
        self._kept = [values.clone() for values in self._current]

    def take(self) -> None:
        torch._foreach_copy_(self._kept, self._current)

    def restore(self) -> None:
        torch._foreach_copy_(self._current, self._kept)


def _settled_logits(network: Network, images: ImageSet, settings: TrainingSettings) -> np.ndarray:
    """Make a trained network ready for use; its logits for the training images."""
    if settings.batch_norm == "calibrated":
        _calibrate(network, images, settings)
    return predict(network.eval(), images.train_x, settings.eval_batch_size)


def _accuracy(logits: np.ndarray, classes: np.ndarray) -> float:
    """Fraction of images whose largest logit is that of their class."""
    return float((logits.argmax(axis=1) == classes).mean())


def _fit(
    network: Network,
    sound: _Snapshot,
    images: ImageSet,
    settings: TrainingSettings,
    draws: torch.Generator,
    device: str,
) -> tuple[bool, int, float]:
    """Train in place; tell whether it diverged, the steps taken, and the last finite loss."""
    n_images, size = len(images.train_x), settings.batch_size
    if size > n_images:
        raise ValueError(
            f"batch_size {size} is larger than the {n_images} training images of {images.name}"
        )
    pixels = torch.from_numpy(images.train_x).to(device, memory_format=torch.channels_last)
    classes = torch.from_numpy(images.train_y).to(device)
    optimizer = TensorFlowRMSProp(
        network.parameters(),
        decay=settings.decay,
        momentum=settings.momentum,
        epsilon=settings.epsilon,
        weight_decay=settings.weight_decay,
    )
    total = int(settings.epochs * n_images / size)
    queue = torch.empty(0, dtype=torch.int64)
    last = math.nan
    _share_momentum(network, settings.shards)
    network.train()
    for step in range(total):
        while len(queue) < size:
            queue = torch.cat([queue, torch.randperm(n_images, generator=draws)])
        batch, queue = queue[:size].to(device), queue[size:]
        optimizer.zero_grad()
        loss = _backward(
            network, augment(pixels[batch], settings, draws), classes[batch], settings.shards
        )
        if not math.isfinite(loss):
            sound.restore()
            return True, step, last
        last = loss
        sound.take()
        rate = settings.learning_rate * (1 + math.cos(math.pi * step / total)) / 2
        optimizer.step(rate if step else 0.0)
    return False, total, last


def _share_momentum(network: Network, shards: int) -> None:
    """Make the running averages of a step's shards together as slow as one update."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1 - (1 - BATCH_NORM_MOMENTUM) ** (1 / shards)


def _backward(network: Network, pixels: Tensor, classes: Tensor, shards: int) -> float:
    """Add a batch's gradient; the mean cross-entropy. Each shard is normalised by itself."""
    total = 0.0
    for part, labels in zip(pixels.chunk(shards), classes.chunk(shards)):
        loss = functional.cross_entropy(network(part), labels) * (len(part) / len(pixels))
        loss.backward()
        total += loss.item()
    return total


def augment(pixels: Tensor, settings: TrainingSettings, draws: torch.Generator) -> Tensor:
    """Crop and mirror a batch at random, as the settings say.

    Parameters
    ----------
    pixels : Tensor of shape (m, c, h, w)
    settings : TrainingSettings
    draws : torch.Generator
        On the CPU, so that every device sees the same images.
    """
    count, _, height, width = pixels.shape
    if settings.crop_padding:
        pad = settings.crop_padding
        shifts = torch.randint(2 * pad + 1, (2, count, 1), generator=draws).to(pixels.device)
        rows = shifts[0] + torch.arange(height, device=pixels.device)
        columns = shifts[1] + torch.arange(width, device=pixels.device)
        padded = functional.pad(pixels, (pad,) * 4).permute(0, 2, 3, 1)
        images = torch.arange(count, device=pixels.device)[:, None, None]
        pixels = padded[images, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    if settings.flip:
        mirrored = torch.rand((count, 1, 1, 1), generator=draws).to(pixels.device) < 0.5
        pixels = torch.where(mirrored, pixels.flip(3), pixels)
    return pixels


def _fresh_network(
    cell: Cell, images: ImageSet, settings: TrainingSettings, seed: int, device: str
) -> Network:
    network = build_network(
        cell,
        in_channels=images.in_channels,
        stem_channels=settings.stem_channels,
        cells_per_stack=settings.cells_per_stack,
        n_classes=images.n_classes,
        stacks=settings.stacks,
        generator=_generator(seed, cell, stream=0),
    )
    # Channels last is the layout in which convolutions of few channels are fastest.
    return network.to(device, memory_format=torch.channels_last)


def _calibrate(network: Network, images: ImageSet, settings: TrainingSettings) -> None:
    calibrate(network, images.train_x[: settings.calibration_images], settings.eval_batch_size)


def _generator(seed: int, cell: Cell, stream: int) -> torch.Generator:
    """Random numbers of one network: stream 0 draws its weights, stream 1 its batches."""
    sequence = np.random.SeedSequence([seed, int(cell.hash, 16), stream])
    state = int(sequence.generate_state(1, np.uint64)[0])
    return torch.Generator().manual_seed(state & (2**63 - 1))
