"""Models as a dataset: the layers of PyTorch models, seen with the same stimuli."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from shapemetrics.datasets.protocol import Dataset, Representation


class ModelsDataset(Dataset):
    """Layers of PyTorch models, one representation per model and layer.

    Parameters
    ----------
    models : mapping of str to str
        ``module:function`` by the model's name; see :func:`shapemetrics.extract.load_model`.
    stimuli : path-like
        Folder of images, or an ``.npy`` file; see :func:`shapemetrics.extract.read_stimuli`.
    layers : sequence of str
        Names or globs of layers; see :func:`shapemetrics.extract.extract`.
    positions : {"keep", "sample", "mean", "first", "flatten"}
    n_positions : int, optional
    seed : int
        As :func:`shapemetrics.extract.extract` has them.
    calls : {"once", "first", "last"}
    batch_size : int
    device : str, optional
        Where models are run.

    Attributes
    ----------
    source, simulated, stimuli, metadata
        See :class:`~shapemetrics.datasets.Dataset`.

    Notes
    -----
    Covariates are ``model``, ``layer``, ``depth`` (0 at a model's first layer and 1 at its last
    one, of those chosen) and ``units`` (units or channels). One model's layers are in memory at a
    time.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> path = Path(tempfile.mkdtemp()) / "stimuli.npy"
    >>> np.save(path, np.eye(6, dtype=np.float32))
    >>> found = ModelsDataset({"same": "torch.nn:Identity"}, path, ["output"])
    >>> [(one.id, one.array.shape) for one in found]
    [('same.output', (6, 6))]
    """

    simulated = False

    def __init__(
        self,
        models: Mapping[str, str],
        stimuli: str | os.PathLike,
        layers: Sequence[str],
        positions: str = "keep",
        n_positions: int | None = None,
        seed: int = 0,
        calls: str = "once",
        batch_size: int = 64,
        device: str | None = None,
    ) -> None:
        self._models, self._path, self._layers = dict(models), Path(stimuli), list(layers)
        self._options: dict[str, Any] = {
            "positions": positions,
            "n_positions": n_positions,
            "seed": seed,
            "calls": calls,
        }
        self._batch_size, self._device = batch_size, device
        self.source = f"models {', '.join(self._models)}"
        self.metadata = {"models": self._models, "layers": self._layers, **self._options}

    @cached_property
    def stimuli(self) -> Sequence[Any]:  # type: ignore[override]
        """Identifier of each stimulus."""
        from shapemetrics.extract.stimuli import read_stimuli

        return read_stimuli(self._path).ids

    def __iter__(self) -> Iterator[Representation]:
        from shapemetrics.extract.extraction import extract
        from shapemetrics.extract.layers import matches
        from shapemetrics.extract.stimuli import load_model, read_stimuli

        unmatched = set(self._layers)
        for name, function in self._models.items():
            model, prepare = load_model(function, Path.cwd())
            if self._device is not None:
                model.to(self._device)
            matching = [pattern for pattern in self._layers if matches(model, pattern)]
            unmatched -= set(matching)
            batches = read_stimuli(self._path, prepare).batches(self._batch_size)
            try:
                found = extract(model, batches, matching or self._layers, **self._options)
            except (ValueError, TypeError) as error:
                raise type(error)(f"model {name!r}: {error}") from error
            assert isinstance(found, dict)
            for number, layer in enumerate(list(found)):
                array = found.pop(layer)
                # Three axes mean trials in a store: tokens are a grid of height 1.
                grid = array[:, None] if array.ndim == 3 else array
                depth = number / max(1, number + len(found))
                covariates = {
                    "model": name,
                    "layer": layer,
                    "depth": depth,
                    "units": array.shape[-1],
                }
                yield Representation(re.sub(r"[:/\\]", "-", f"{name}.{layer}"), grid, covariates)
        if unmatched:
            raise ValueError(
                f"layers: found {min(unmatched)!r}, which matches no layer of any model, expected "
                "one; `shapemetrics extract` lists them"
            )
