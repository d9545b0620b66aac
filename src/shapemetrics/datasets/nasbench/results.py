"""Files that hold the result of one network: its activations and accuracies."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from shapemetrics.files import atomic_path

from .image_set import ImageSet
from .probes import STATES, ProbeSettings
from .settings import TrainingSettings

# Modules whose text decides what a result is.
_MODULES = (
    "cells",
    "channels",
    "image_set",
    "images",
    "cifar10",
    "networks",
    "optimizer",
    "settings",
    "augmentation",
    "devices",
    "fitting",
    "training",
    "probes",
    "activations",
)
_FACTS = "facts"

__all__ = [
    "STATES",
    "NetworkResult",
    "checkpoint_path",
    "read_result",
    "result_key",
    "result_path",
    "write_result",
]


@dataclass(frozen=True, eq=False)
class NetworkResult:
    """What is kept of one network.

    Attributes
    ----------
    network : str
        Hash of its cell.
    activations : dict of str to ndarray
        For each ``{layer}_{state}``, such as "stem_untrained", the responses to the probe images.
    train_accuracy, test_accuracy : float or None
        Fractions of images classified correctly after training, if there was any.
    trainable_parameters : int
        Trainable parameters of the network as it was trained.
    diverged : bool
        Whether its loss ceased to be finite.
    steps : int
        Steps of training taken.
    final_loss : float or None
        Cross-entropy of the last batch, if there was a finite one.
    device, torch : str
        Where, and with which version of PyTorch, it was computed.
    validation_accuracy : float or None
        The same for the validation images, if there are any.
    untrained_accuracy : float or None
        Fraction of the test images that the network answers rightly before its training, if it
        is trained.
    """

    network: str
    activations: dict[str, np.ndarray]
    train_accuracy: float | None
    test_accuracy: float | None
    trainable_parameters: int
    diverged: bool
    steps: int
    final_loss: float | None
    device: str
    torch: str
    untrained_accuracy: float | None
    validation_accuracy: float | None = None


def result_key(
    images: ImageSet,
    settings: TrainingSettings,
    seed: int,
    probes: ProbeSettings | None = None,
) -> str:
    """Digest of everything that decides a result, apart from the cell.

    Parameters
    ----------
    images : ImageSet
        Images to train on and to probe with.
    settings : TrainingSettings
        Size and schedule.
    seed : int
        Seed of the study.
    probes : ProbeSettings, optional
        What is kept of the responses.

    Returns
    -------
    str
        16 hexadecimal digits. They change with the settings, the seed, any image, and the source
        text of the modules that build, train and record a network, so that a result made by other
        code is never taken for a present one.
    """
    total = hashlib.sha256()
    total.update(json.dumps(asdict(settings), sort_keys=True).encode())
    total.update(f"\n{images.digest}\n{seed}\n".encode())
    total.update(json.dumps(asdict(probes or ProbeSettings()), sort_keys=True).encode())
    for name in _MODULES:
        text = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
        total.update(f"{name}\n{text}\n".encode())
    return total.hexdigest()[:16]


def result_path(folder: str | os.PathLike, key: str, network: str) -> Path:
    """Name the file of one network's result: ``folder/key/network.npz``."""
    return Path(folder) / key / f"{network}.npz"


def checkpoint_path(folder: str | os.PathLike, key: str, network: str) -> Path:
    """Name the file of the state of a training under way."""
    return Path(folder) / key / f"{network}.checkpoint.npz"


def write_result(path: Path, result: NetworkResult) -> None:
    """Write a result under a temporary name, then rename it: never half a file."""
    facts = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
    # The names of the arrays, so that one that is missing is missed.
    facts["activations"] = list(result.activations)
    with atomic_path(path) as temporary:
        np.savez(temporary, **{_FACTS: np.array(json.dumps(facts))}, **result.activations)


def read_result(path: Path, network: str) -> NetworkResult:
    """Read a result, every byte of it against the archive's checksums.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, incomplete, or of another network.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            facts = json.loads(str(archive[_FACTS]))
            facts["activations"] = {name: archive[name] for name in facts["activations"]}
        result = NetworkResult(**facts)
    except FileNotFoundError:
        raise
    except Exception as error:  # whatever a damaged archive makes its reader raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} is damaged or incomplete: {reason}") from error
    if result.network != network:
        raise ValueError(f"{path} holds network {result.network}, expected {network}")
    return result
