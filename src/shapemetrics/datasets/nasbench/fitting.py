"""The loop that trains one network: step by step, able to be saved and taken up again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .augmentation import Changes, apply_changes, draw_changes
from .devices import autocast
from .image_set import ImageSet
from .networks import BATCH_NORM_MOMENTUM, Network
from .optimizer import TensorFlowRMSProp
from .settings import TrainingSettings

#: Steps between two looks at the loss. A look makes the CPU wait for the GPU.
STEPS_A_LOOK = {"cpu": 1, "cuda": 25}

_resident: WeakKeyDictionary[ImageSet, dict[str, tuple[Tensor, Tensor]]] = WeakKeyDictionary()


class Fit:
    """Training of one network, in place.

    Parameters
    ----------
    network : Network
        As it is before training, on the device.
    images : ImageSet
    settings : TrainingSettings
    draws : torch.Generator
        Draws batches and augmentation; on the CPU.
    device : str

    Attributes
    ----------
    step, total : int
        Steps taken, and steps of the whole schedule.
    diverged : bool
        Whether the loss ceased to be finite. The network then is as it was when its loss was last
        seen to be finite: at the step before on the CPU, up to 25 steps earlier on a GPU.
    last_loss : float
        Cross-entropy of the last batch whose loss was finite; NaN if there was none.

    Raises
    ------
    ValueError
        If the training images do not fill a batch.
    """

    def __init__(
        self,
        network: Network,
        images: ImageSet,
        settings: TrainingSettings,
        draws: torch.Generator,
        device: str,
    ) -> None:
        n_images, size = len(images.train_x), settings.batch_size
        if size > n_images:
            raise ValueError(
                f"batch_size {size} is larger than the {n_images} training images of {images.name}"
            )
        self.network, self.settings, self.device = network, settings, device
        self.pixels, self.classes = resident(images, device)
        self.black = None if images.black is None else torch.tensor(images.black, device=device)
        self.optimizer = TensorFlowRMSProp(
            network.parameters(),
            decay=settings.decay,
            momentum=settings.momentum,
            epsilon=settings.epsilon,
            weight_decay=settings.weight_decay,
        )
        self.total = int(settings.epochs * n_images / size)
        self.step, self.diverged, self.last_loss = 0, False, math.nan
        self._draws = draws
        self._queue = torch.empty(0, dtype=torch.int64)
        state = network.state_dict(keep_vars=True)
        self._current = [v.detach() for v in state.values() if v.is_floating_point()]
        self._sound = [values.clone() for values in self._current]
        self._spare = [values.clone() for values in self._current]
        _share_momentum(network, settings.shards)

    def run(self, every: int | None = None, save: Callable[[Fit], None] | None = None) -> None:
        """Take the steps that are left.

        Parameters
        ----------
        every : int, optional
            Number of steps between two calls of `save`.
        save : callable, optional
            Given this fit, between two steps.
        """
        self.network.train()
        look = STEPS_A_LOOK[self.device.partition(":")[0]]
        while self.step < self.total and not self.diverged:
            count = min(look, self.total - self.step)
            if every:
                # Looks fall on the same steps whether or not a run was interrupted.
                count = min(count, every - self.step % every)
            self._advance(count)
            if every and save and self.step % every == 0 and self.step < self.total:
                save(self)

    def restore_sound(self) -> None:
        """Put back the last state, weights and running averages, that gave a finite loss."""
        torch._foreach_copy_(self._current, self._sound)

    def state(self) -> dict[str, np.ndarray]:
        """All that the next step depends on, and the sound state, as arrays on the CPU."""
        arrays = {name: values.cpu().numpy() for name, values in self._tensors()}
        arrays["queue"], arrays["draws"] = self._queue.numpy(), self._draws.get_state().numpy()
        arrays["progress"] = np.array([self.step, self.last_loss], dtype=np.float64)
        return arrays

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Take up a state.

        Raises
        ------
        ValueError, KeyError
            If it is not one of this network; nothing is changed then.
        """
        tensors = dict(self._tensors())
        for name, values in tensors.items():
            found = arrays.get(name)
            if found is None or found.shape != tuple(values.shape):
                shape = None if found is None else found.shape
                raise ValueError(f"{name}: found shape {shape}, expected {tuple(values.shape)}")
        # All of it is looked up before anything is changed.
        queue, draws, progress = (arrays[name] for name in ("queue", "draws", "progress"))
        with torch.no_grad():
            for name, values in tensors.items():
                values.copy_(torch.from_numpy(arrays[name]))
        self._queue = torch.from_numpy(queue.copy())
        self._draws.set_state(torch.from_numpy(draws.copy()))
        self.step, self.last_loss = int(progress[0]), float(progress[1])

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        for name, values in self.network.state_dict(keep_vars=True).items():
            yield f"network.{name}", values.detach()
        for kind, tensors in (
            ("square", self.optimizer._squares),
            ("step", self.optimizer._steps),
            ("sound", self._sound),
        ):
            for number, values in enumerate(tensors):
                yield f"{kind}.{number}", values

    def _advance(self, count: int) -> None:
        """Take some steps, then look whether their losses were finite."""
        parts: list[list[Tensor]] = []
        for position, (batch, changes) in enumerate(self._drawn(count)):
            self.optimizer.zero_grad()
            pixels = apply_changes(
                self.pixels[batch], changes, self.settings.crop_padding, self.black
            )
            parts.append(self._backward(pixels, self.classes[batch]))
            if position == 0:
                torch._foreach_copy_(self._spare, self._current)
            step = self.step + position
            rate = self.settings.learning_rate * (1 + math.cos(math.pi * step / self.total)) / 2
            self.optimizer.step(rate if step else 0.0)
        shards = torch.stack([part for shares in parts for part in shares]).tolist()
        width = len(shards) // count
        losses = [sum(shards[i * width : (i + 1) * width]) for i in range(count)]
        finite = [math.isfinite(loss) for loss in losses]
        if finite[0]:
            self._sound, self._spare = self._spare, self._sound
        taken = count if all(finite) else finite.index(False)
        if taken:
            self.last_loss = losses[taken - 1]
        self.step += taken
        if taken < count:
            self.diverged = True
            self.restore_sound()

    def _drawn(self, count: int) -> Iterator[tuple[Tensor, Changes]]:
        """Batches and their augmentation for some steps, moved to the device at once."""
        size = self.settings.batch_size
        batches, changes = [], []
        for _ in range(count):
            while len(self._queue) < size:
                order = torch.randperm(len(self.pixels), generator=self._draws)
                self._queue = torch.cat([self._queue, order])
            batches.append(self._queue[:size])
            self._queue = self._queue[size:]
            changes.append(draw_changes(size, self.settings, self._draws))
        moved = torch.stack(batches).to(self.device)
        shifts, mirrored = (
            [None] * count if parts[0] is None else torch.stack(parts).to(self.device)
            for parts in zip(*changes)
        )
        return zip(moved, map(Changes, shifts, mirrored))

    def _backward(self, pixels: Tensor, classes: Tensor) -> list[Tensor]:
        """Add a batch's gradient; each shard's share of the mean cross-entropy.

        Each shard is normalised by itself.
        """
        shares = []
        count = self.settings.shards
        for part, labels in zip(pixels.chunk(count), classes.chunk(count)):
            with autocast(self.settings, self.device):
                logits = self.network(part)
            loss = functional.cross_entropy(logits.float(), labels) * (len(part) / len(pixels))
            loss.backward()
            shares.append(loss.detach())
        return shares


def resident(images: ImageSet, device: str) -> tuple[Tensor, Tensor]:
    """All training images and their classes on a device, put there once for all networks."""
    held = _resident.setdefault(images, {})
    if device not in held:
        held[device] = (
            torch.from_numpy(images.train_x).to(device, memory_format=torch.channels_last),
            torch.from_numpy(images.train_y).to(device),
        )
    return held[device]


def _share_momentum(network: Network, shards: int) -> None:
    """Make the running averages of a step's shards together as slow as one update."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1 - (1 - BATCH_NORM_MOMENTUM) ** (1 / shards)
