"""Training of a block of networks, one file a network, resumed where it was interrupted."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from .activations import layer_activations, predict
from .cells import Cell
from .checkpoints import Checkpoint
from .devices import numerics
from .image_set import ImageSet
from .probes import ProbeSettings
from .results import (
    NetworkResult,
    checkpoint_path,
    read_result,
    result_key,
    result_path,
    write_result,
)
from .settings import TrainingSettings
from .training import accuracy, initial_network, train_network

logger = logging.getLogger(__name__)


@dataclass
class BlockReport:
    """What became of each network of a block, by hash.

    Attributes
    ----------
    folder : Path
        Where the results are.
    trained : list of str
        Trained now, those of `remade` among them.
    reused : list of str
        Found, whole, from an earlier run.
    remade : list of str
        Found damaged, and trained anew.
    diverged : list of str
        Those, trained or reused, whose loss ceased to be finite.
    """

    folder: Path
    trained: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    remade: list[str] = field(default_factory=list)
    diverged: list[str] = field(default_factory=list)


def train_block(
    cells: Iterable[Cell],
    images: ImageSet,
    settings: TrainingSettings,
    seed: int,
    folder: str | os.PathLike,
    progress: Callable[[int, int], None] | None = None,
    device: str = "cpu",
    *,
    probes: ProbeSettings | None = None,
    checkpoint_epochs: float | None = None,
) -> BlockReport:
    """Train networks in this process and keep each one's result in a file of its own.

    Parameters
    ----------
    cells : iterable of Cell
        Valid cells.
    images : ImageSet
        Images to train, test and probe with.
    settings : TrainingSettings
        Size and schedule.
    seed : int
        Seed of the study.
    folder : path-like
        Results go to ``folder/<key>/<hash>.npz``; the key is a digest of settings, images, seed
        and code (see `result_key`).
    progress : callable, optional
        Called as ``progress(done, total)`` after each network.
    device : str, default "cpu"
        Where PyTorch computes. The CPU is used with one thread: run a block a core. On a GPU, too,
        run several blocks at once, each in its own process: a network alone does not fill one.
    probes : ProbeSettings, optional
        What is kept of the responses.
    checkpoint_epochs : float, optional
        Keep the state of a training under way every so many epochs, and take it up where it was
        interrupted; see `Checkpoint`.

    Returns
    -------
    BlockReport
        A network whose file is there and whole is not trained again; a damaged file is reported to
        the log and remade.

    Raises
    ------
    ValueError
        If a cell is not valid, or the settings do not fit the images.
    """
    cells = list(cells)
    report = BlockReport(Path(folder) / result_key(images, settings, seed, probes))
    with numerics(settings, device):
        for done, cell in enumerate(cells, start=1):
            path = result_path(folder, report.folder.name, cell.hash)
            result = _finished(path, cell, report)
            if result is None:
                checkpoint = None
                if checkpoint_epochs is not None:
                    where = checkpoint_path(folder, report.folder.name, cell.hash)
                    checkpoint = Checkpoint(where, checkpoint_epochs)
                result = _run(cell, images, settings, seed, device, probes, checkpoint)
                write_result(path, result)
                if checkpoint is not None:
                    checkpoint.remove()
                report.trained.append(cell.hash)
            if result.diverged:
                report.diverged.append(cell.hash)
            if progress is not None:
                progress(done, len(cells))
    return report


def _finished(path: Path, cell: Cell, report: BlockReport) -> NetworkResult | None:
    """The result of an earlier run, if it is there and whole."""
    try:
        result = read_result(path, cell.hash)
    except FileNotFoundError:
        return None
    except ValueError as error:
        logger.warning("%s; network %s is trained again", error, cell.hash)
        report.remade.append(cell.hash)
        return None
    report.reused.append(cell.hash)
    return result


def _run(
    cell: Cell,
    images: ImageSet,
    settings: TrainingSettings,
    seed: int,
    device: str,
    probes: ProbeSettings | None,
    checkpoint: Checkpoint | None,
) -> NetworkResult:
    """Record one network before and, where the settings train it, after its training."""
    network = initial_network(cell, images, settings, seed, device)
    before = layer_activations(network, images.probe_x, settings.eval_batch_size, probes)
    n_parameters = sum(weight.numel() for weight in network.parameters())
    if not settings.epochs:
        # Accuracies before training are chance: no picture is classified for them.
        return NetworkResult(
            network=cell.hash,
            activations={f"{layer}_untrained": values for layer, values in before.items()},
            train_accuracy=None,
            test_accuracy=None,
            trainable_parameters=n_parameters,
            diverged=False,
            steps=0,
            final_loss=None,
            device=device,
            torch=torch.__version__,
            untrained_accuracy=None,
        )
    guesses = predict(network, images.test_x, settings.eval_batch_size)
    trained = train_network(cell, images, settings, seed, device, checkpoint)
    after = layer_activations(trained.network, images.probe_x, settings.eval_batch_size, probes)
    activations = {f"{layer}_untrained": values for layer, values in before.items()}
    activations |= {f"{layer}_trained": values for layer, values in after.items()}
    # float16 overflows where a sound network is only large: that is for the store to tell.
    sound = all(
        bool(np.isfinite(values).all()) for values in after.values() if values.dtype == np.float32
    )
    return NetworkResult(
        network=cell.hash,
        activations=activations,
        train_accuracy=trained.train_accuracy,
        test_accuracy=trained.test_accuracy,
        trainable_parameters=n_parameters,
        diverged=trained.diverged or not sound,
        steps=trained.steps,
        final_loss=trained.final_loss if math.isfinite(trained.final_loss) else None,
        device=device,
        torch=torch.__version__,
        validation_accuracy=trained.validation_accuracy,
        untrained_accuracy=accuracy(guesses, images.test_y),
    )
