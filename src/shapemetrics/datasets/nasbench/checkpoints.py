"""Training that survives being killed: its state in a file, replaced every few epochs."""

from __future__ import annotations

import logging
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shapemetrics.files import atomic_path

from .fitting import Fit

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """Where the state of one network's training is kept, and how often.

    Parameters
    ----------
    path : Path
        A ``.npz`` file. It must belong to this network, these settings, images and code, which is
        what the folder's key says (see `result_key`).
    epochs : float
        Passes over the training images between two writings.

    Notes
    -----
    On the CPU a training that is taken up goes on to the same numbers, bit for bit, as one that
    was not interrupted. The file is written under another name and renamed, so that it is never
    half a state.
    """

    path: Path
    epochs: float

    def __post_init__(self) -> None:
        if self.epochs <= 0:
            raise ValueError(f"checkpoint epochs must be positive, found {self.epochs}")

    def run(self, fit: Fit) -> None:
        """Train to the end from the state that is kept, or from the start."""
        self._resume(fit)
        steps = self.epochs * len(fit.pixels) / fit.settings.batch_size
        fit.run(max(int(steps), 1), self._save)

    def remove(self) -> None:
        """Forget the state."""
        self.path.unlink(missing_ok=True)

    def _save(self, fit: Fit) -> None:
        with atomic_path(self.path) as temporary:
            np.savez(temporary, **fit.state())

    def _resume(self, fit: Fit) -> None:
        try:
            # Reading every array checks it against the archive's checksum, before any is used.
            with np.load(self.path, allow_pickle=False) as archive:
                fit.load({name: archive[name] for name in archive.files})
        except FileNotFoundError:
            return
        except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
            logger.warning("%s is damaged (%s); training starts over", self.path, error)
            return
        logger.info("%s: training goes on at step %d of %d", self.path, fit.step, fit.total)
