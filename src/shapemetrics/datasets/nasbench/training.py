"""Training of one network of the search space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from .activations import calibrate, predict
from .augmentation import augment
from .cells import Cell
from .checkpoints import Checkpoint
from .fitting import Fit
from .image_set import ImageSet
from .networks import Network, build_network
from .settings import TrainingSettings

__all__ = ["TrainedNetwork", "augment", "initial_network", "train_network"]


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network after its training.

    Attributes
    ----------
    network : Network
        In evaluation mode.
    train_accuracy, test_accuracy : float
        Fractions of images classified correctly, of the training images the first
        ``train_evaluation_images``.
    diverged : bool
        Whether the loss, or at the end a logit, ceased to be finite. Training stopped there; the
        network is the last one whose loss was finite.
    steps : int
        Steps taken.
    final_loss : float
        Cross-entropy of the last batch whose loss was finite; NaN if there was none.
    validation_accuracy : float or None
        The same for the validation images, if there are any.
    """

    network: Network
    train_accuracy: float
    test_accuracy: float
    diverged: bool
    steps: int
    final_loss: float
    validation_accuracy: float | None = None


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
    cell: Cell,
    images: ImageSet,
    settings: TrainingSettings,
    seed: int,
    device: str = "cpu",
    checkpoint: Checkpoint | None = None,
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
    checkpoint : Checkpoint, optional
        Keeps the state of the training, and is where it is taken up if it was interrupted.

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
    fit = Fit(network, images, settings, _generator(seed, cell, stream=1), device)
    if checkpoint is None:
        fit.run()
    else:
        checkpoint.run(fit)
    diverged = fit.diverged
    logits = _settled_logits(network, images, settings)
    if not np.isfinite(logits).all():
        # The last step did it, after which no loss was taken.
        diverged = True
        fit.restore_sound()
        logits = _settled_logits(network, images, settings)
    accuracies = {"validation_accuracy": None}
    for part in ("test", "validation"):
        pixels = getattr(images, f"{part}_x")
        if pixels is not None:
            found = predict(network, pixels, settings.eval_batch_size)
            accuracies[f"{part}_accuracy"] = accuracy(found, getattr(images, f"{part}_y"))
    return TrainedNetwork(
        network=network,
        train_accuracy=accuracy(logits, images.train_y[: len(logits)]),
        diverged=diverged,
        steps=fit.step,
        final_loss=fit.last_loss,
        **accuracies,
    )


def _settled_logits(network: Network, images: ImageSet, settings: TrainingSettings) -> np.ndarray:
    """Make a trained network ready for use; its logits for the first training images."""
    if settings.batch_norm == "calibrated":
        _calibrate(network, images, settings)
    evaluated = images.train_x[: settings.train_evaluation_images]
    return predict(network.eval(), evaluated, settings.eval_batch_size)


def accuracy(logits: np.ndarray, classes: np.ndarray) -> float:
    """Fraction of images whose largest logit is that of their class."""
    return float((logits.argmax(axis=1) == classes).mean())


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
