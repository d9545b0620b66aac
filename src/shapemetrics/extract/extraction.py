"""Run stimuli through a model, and keep what its layers return."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from shapemetrics.extras import needed_by

with needed_by("shapemetrics.extract", "torch"):
    import torch
    from torch import nn

from shapemetrics.extract.layers import (
    POSITIONS,
    Positions,
    arranged,
    choose_layers,
    layout_of,
    named_layers,
    reduced,
    tensor_of,
)
from shapemetrics.store.reader import RepresentationStore
from shapemetrics.store.writer import StoreWriter
from shapemetrics.validation import check_choice, check_integer

DTYPES = ("float16", "float32", "float64")
CALLS = ("once", "first", "last")


class Extracted(dict):
    """Representations by layer, with the stimuli that they are responses to.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        By layer: (stimuli, units), (stimuli, tokens, channels) or (stimuli, height, width,
        channels).
    stimuli : sequence
        Identifier of each stimulus, in the order of the arrays' first axis.

    Attributes
    ----------
    stimuli : list
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], stimuli: Sequence[Any]) -> None:
        super().__init__(arrays)
        self.stimuli = list(stimuli)


def list_layers(model: nn.Module, example: Any, *, layouts: Mapping[str, str] = {}) -> pd.DataFrame:
    """Names, shapes and sizes of a model's layers, from one forward pass.

    Parameters
    ----------
    model : torch.nn.Module
    example : tensor, tuple or mapping
        One batch, as :func:`extract` takes them. One stimulus is enough.
    layouts : mapping of str to str
        See :func:`extract`.

    Returns
    -------
    pandas.DataFrame
        A row per layer in the model's order: ``layer``, ``type``, ``calls`` in one forward pass,
        ``shape`` of a representation of one stimulus (channels last), ``dtype``, ``bytes`` per
        stimulus. Shape and dtype are empty, and bytes are 0, where a layer was not called, or
        returned no single tensor.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Flatten())
    >>> list_layers(model, torch.zeros(1, 3, 6, 6))[["layer", "shape", "bytes"]].to_numpy().tolist()
    [['0', '4x4x8', 512], ['1', '4x4x8', 512], ['2', '128', 512], ['output', '128', 512]]
    """
    modules = named_layers(_checked(model))
    calls = dict.fromkeys(modules, 0)
    found: dict[str, tuple[str, str, int]] = {}

    def look(name: str, output: Any) -> None:
        calls[name] += 1
        try:
            tensor = tensor_of(output, name)
            tensor = arranged(tensor, layout_of(tensor, name, modules[name], layouts))
        except (TypeError, ValueError):
            return
        shape = tuple(tensor.shape[1:])
        size = int(np.prod(shape)) * tensor.element_size()
        found[name] = ("x".join(map(str, shape)), str(tensor.dtype).removeprefix("torch."), size)

    with _watched(model, modules, look), torch.no_grad():
        _forward(model, example, *_place(model, None))
    rows = [
        (name, type(module).__name__, calls[name], *found.get(name, ("", "", 0)))
        for name, module in modules.items()
    ]
    return pd.DataFrame(rows, columns=["layer", "type", "calls", "shape", "dtype", "bytes"])


def extract(
    model: nn.Module,
    batches: Any,
    layers: str | Sequence[str],
    *,
    store: str | os.PathLike | None = None,
    stimuli: Sequence[Any] | None = None,
    positions: Positions = "keep",
    n_positions: int | None = None,
    seed: int = 0,
    layouts: Mapping[str, str] = {},
    calls: Literal["once", "first", "last"] = "once",
    dtype: str | None = None,
    device: str | None = None,
    batch_size: int = 64,
    name: str = "",
    covariates: Mapping[str, Any] = {},
    source: str | None = None,
    simulated: bool = False,
) -> Extracted | RepresentationStore:
    """Responses of a model's layers to stimuli.

    Parameters
    ----------
    model : torch.nn.Module
        Run in evaluation mode, without gradients. Its modes and hooks are as before afterwards,
        also where an error ends the extraction.
    batches : tensor, ndarray, or iterable of tensor, tuple, list or mapping
        One array of all stimuli, cut into batches of `batch_size`; or batches as a data loader
        yields them. Of a tuple or list the first entry is the input (labels follow it), a mapping
        is given as keyword arguments.
    layers : str or sequence of str
        Names or globs, such as ``"blocks.*.mlp"``; ``"output"`` is the model's own. Of an output
        that holds several tensors ``"name:key"`` takes one: see
        :func:`~shapemetrics.extract.list_layers` for names.
    store : path-like, optional
        Write a representation store, one representation per layer: memory is then bounded by a
        batch. Without it arrays are returned.
    stimuli : sequence, optional
        Identifier of each stimulus, in the order of `batches`; by default numbers from 0.
    positions : {"keep", "sample", "mean", "first", "flatten"}, default="keep"
        What becomes of the grids of convolutional layers and of tokens: kept; `n_positions` of
        them, the same for all stimuli; their mean; the first (a transformer's CLS token); or every
        position's channel a unit.
    n_positions : int, optional
        With ``positions="sample"``.
    seed : int, default=0
        Draws these positions.
    layouts : mapping of str to str
        Axes of outputs by glob, where they are not NC, NLC (NCL of one-dimensional convolutions) or
        NCHW: ``{"features.*": "NHWC", "encoder.*": "LNC"}``.
    calls : {"once", "first", "last"}, default="once"
        What of a layer that is called several times in a forward pass (such as one activation
        module used twice): an error, its first or its last output.
    dtype : {"float16", "float32", "float64"}, optional
        Of what is kept; by default as computed (bfloat16, which NumPy lacks, as float32).
    device : str, optional
        Where batches go; by default where the model's first parameter lies. The model is not
        moved.
    batch_size : int, default=64
        For one array of all stimuli.
    name : str
        Put before the layers' names in a store's ids: ``name.layer``.
    covariates : mapping
        Further columns of the store's index.
    source : str, optional
        Where the data come from, for the store; by default the model's class.
    simulated : bool, default=False
        Whether the store says that the data are simulated.

    Returns
    -------
    Extracted or RepresentationStore
        Arrays by layer, stimuli first and channels last: (N, C), (N, L, C) or (N, H, W, C). In a
        store, tokens are a grid of height 1, as its three axes mean trials; its index has columns
        ``model`` and ``layer``.

    Raises
    ------
    ValueError, TypeError
        If a pattern matches nothing, a layer is not called, or called twice, or its shape varies
        between batches, a value is NaN or infinite, or numbers of stimuli disagree; in one line
        that names the layer. Nothing is then written.

    Examples
    --------
    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> model = torch.nn.Sequential(torch.nn.Linear(6, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    >>> found = extract(model, torch.randn(10, 6), ["0", "output"])
    >>> {layer: array.shape for layer, array in found.items()}
    {'0': (10, 4), 'output': (10, 2)}
    """
    check_choice(positions, "positions", POSITIONS)
    check_choice(calls, "calls", CALLS)
    if dtype is not None:
        check_choice(dtype, "dtype", DTYPES)
    check_integer(n_positions, "n_positions", 1, optional=True)
    check_integer(batch_size, "batch_size", 1)
    check_integer(seed, "seed", 0)
    if (n_positions is not None) != (positions == "sample"):
        raise ValueError(
            f"n_positions: found {n_positions} with positions={positions!r}, expected a number "
            "with positions='sample' and none otherwise"
        )
    chosen = choose_layers(_checked(model), layers)
    labels = None if stimuli is None else list(stimuli)
    with _kept(store) as keep:
        count = _run(
            model,
            _cut(batches, batch_size),
            chosen,
            keep,
            labels,
            place=_place(model, device),
            take=calls,
            dtype=dtype,
            layouts=layouts,
            reduction=(positions, n_positions, seed),
        )
        if labels is None:
            labels = list(range(count))
        if len(labels) != count:
            raise ValueError(f"stimuli: found {len(labels)} identifiers, expected {count}")
        if store is None:
            return Extracted({layer: keep.array(layer) for layer in chosen}, labels)
        kind = name or type(model).__name__
        facts = {
            "model": type(model).__name__,
            "positions": positions,
            "n_positions": n_positions,
            "seed": seed,
            "torch": torch.__version__,
        }
        with StoreWriter(
            store, source=source or kind, simulated=simulated, stimuli=labels, metadata=facts
        ) as writer:
            for layer in chosen:
                array = keep.array(layer)
                grid = array[:, None] if array.ndim == 3 else array
                id = f"{name}.{layer}" if name else layer
                writer.add(_file_name(id), grid, model=kind, layer=layer, **covariates)
    return RepresentationStore(store)


def _run(
    model: nn.Module,
    batches: Iterator[Any],
    chosen: Mapping[str, nn.Module],
    keep: _Memory,
    labels: list | None,
    *,
    place: tuple[torch.device, torch.dtype | None],
    take: str,
    dtype: str | None,
    layouts: Mapping[str, str],
    reduction: tuple[Positions, int | None, int],
) -> int:
    """Run all batches, and keep what is asked of every layer; returns the number of stimuli."""
    current: dict[str, list[np.ndarray]] = {}

    def capture(layer: str, output: Any) -> None:
        earlier = current.setdefault(layer, [])
        if earlier and take == "first":
            return
        tensor = tensor_of(output, layer)
        layout = layout_of(tensor, layer, chosen[layer], layouts)
        tensor = reduced(arranged(tensor.detach(), layout), *reduction)
        # Copied at once: a module that works in place may overwrite it.
        array = _as_numpy(tensor, dtype)
        current[layer] = [array] if take == "last" else [*earlier, array]

    count = 0
    with _watched(model, chosen, capture), torch.no_grad():
        for number, batch in enumerate(batches):
            current.clear()
            size = _forward(model, batch, *place)
            for layer in chosen:
                found = current.get(layer, [])
                if not found:
                    called = [name for name in chosen if current.get(name)]
                    hint = f"; {len(called)} of {len(chosen)} chosen layers were called"
                    raise ValueError(
                        f"layer {layer!r}: found no call in a forward pass, expected one{hint}"
                    )
                if len(found) > 1:
                    raise ValueError(
                        f"layer {layer!r}: found {len(found)} calls in a forward pass, expected "
                        "one; calls='first' or 'last' chooses"
                    )
                _check(found[0], layer, size, count, labels)
                keep.append(layer, found[0], number)
            count += size
    if not count:
        raise ValueError("batches: found none, expected at least one")
    return count


def _check(array: np.ndarray, layer: str, size: int, first: int, labels: list | None) -> None:
    """ValueError unless an output has a finite row for each stimulus of its batch."""
    if len(array) != size:
        raise ValueError(
            f"layer {layer!r}: found {array.shape} for a batch of {size} stimuli, expected "
            "stimuli on the first axis; layouts={'" + layer + "': 'LNC'} and the like say another"
        )
    finite = np.isfinite(array).reshape(size, -1)
    if not finite.all():
        row = first + int(np.argmin(finite.all(axis=1)))
        which = row if labels is None or row >= len(labels) else labels[row]
        raise ValueError(
            f"layer {layer!r}: found {int(finite.size - np.count_nonzero(finite))} values that are "
            f"NaN or infinite, first for stimulus {which!r}, expected none"
        )


def _checked(model: Any) -> nn.Module:
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: found a {type(model).__name__}, expected a torch.nn.Module")
    return model


def _place(model: nn.Module, device: str | None) -> tuple[torch.device, torch.dtype | None]:
    """Device of batches, and the type that floating inputs are cast to: the model's."""
    first = next(model.parameters(), None)
    where = torch.device(device) if device else torch.device("cpu")
    if device is None and first is not None:
        where = first.device
    return where, first.dtype if first is not None and first.is_floating_point() else None


def _cut(batches: Any, size: int) -> Iterator[Any]:
    """Batches of one array of all stimuli, or those that are given."""
    if isinstance(batches, np.ndarray | torch.Tensor):
        for first in range(0, len(batches), size):
            yield torch.as_tensor(batches[first : first + size])
    elif isinstance(batches, Mapping):
        raise TypeError("batches: found a mapping, expected an iterable of such batches")
    elif isinstance(batches, Iterable):
        yield from batches
    else:
        kind = type(batches).__name__
        raise TypeError(f"batches: found a {kind}, expected an array or an iterable of batches")


def _forward(model: nn.Module, batch: Any, device: torch.device, dtype: torch.dtype | None) -> int:
    """Run one batch, and say how many stimuli it has."""

    def moved(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            value = torch.as_tensor(value)
        if not isinstance(value, torch.Tensor):
            return value
        return value.to(device, dtype if value.is_floating_point() else None)

    if isinstance(batch, Mapping):
        inputs = {str(key): moved(value) for key, value in batch.items()}
        tensors = [value for value in inputs.values() if isinstance(value, torch.Tensor)]
        if not tensors:
            raise TypeError(f"batches: found a mapping of {', '.join(inputs)}, expected tensors")
        model(**inputs)
        return len(tensors[0])
    stimuli = moved(batch[0] if isinstance(batch, tuple | list) and len(batch) else batch)
    if not isinstance(stimuli, torch.Tensor):
        raise TypeError(f"batches: found a {type(stimuli).__name__}, expected tensors")
    model(stimuli)
    return len(stimuli)


@contextmanager
def _watched(model: nn.Module, chosen: Mapping[str, nn.Module], look: Any) -> Iterator[None]:
    """Hooks on layers, and evaluation mode; both taken back at the end."""
    modes = [(module, module.training) for module in model.modules()]
    hooks = []
    try:
        model.eval()
        for layer, module in chosen.items():

            def hook(_module: Any, _inputs: Any, output: Any, layer: str = layer) -> None:
                look(layer, output)

            hooks.append(module.register_forward_hook(hook))
        yield
    finally:
        for handle in hooks:
            handle.remove()
        for module, training in modes:
            module.training = training


def _as_numpy(tensor: torch.Tensor, dtype: str | None) -> np.ndarray:
    """A copy in main memory."""
    if dtype is not None:
        tensor = tensor.to(getattr(torch, dtype))
    elif tensor.is_floating_point() and str(tensor.dtype).removeprefix("torch.") not in DTYPES:
        tensor = tensor.float()
    return np.array(tensor.cpu().numpy(), order="C")


def _file_name(id: str) -> str:
    """A layer's name as a file name: keys after a colon after a dash."""
    return id.replace(":", "-").replace(os.sep, "-")


class _Memory:
    """Arrays of each layer, batch after batch."""

    def __init__(self) -> None:
        self._shapes: dict[str, tuple] = {}
        self._parts: dict[str, list[np.ndarray]] = {}

    def append(self, layer: str, array: np.ndarray, number: int) -> None:
        """Keep one batch of a layer."""
        shape = self._shapes.setdefault(layer, array.shape[1:])
        if array.shape[1:] != shape:
            raise ValueError(
                f"layer {layer!r}: found shape {array.shape[1:]} in batch {number}, expected "
                f"{shape} as in the first; positions='mean' or 'first' makes sizes equal"
            )
        self._put(layer, array)

    def _put(self, layer: str, array: np.ndarray) -> None:
        self._parts.setdefault(layer, []).append(array)

    def array(self, layer: str) -> np.ndarray:
        """All batches of a layer."""
        return np.concatenate(self._parts.pop(layer))


class _Disk(_Memory):
    """Arrays of each layer, appended to a file each."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._files: dict[str, tuple[Path, np.dtype]] = {}

    def _put(self, layer: str, array: np.ndarray) -> None:
        path = self._folder / f"{len(self._files)}.raw"
        path, _ = self._files.setdefault(layer, (path, array.dtype))
        with open(path, "ab") as stream:
            stream.write(array.data)

    def array(self, layer: str) -> np.ndarray:
        """The file of a layer, memory-mapped."""
        path, dtype = self._files[layer]
        return np.memmap(path, dtype, mode="r").reshape(-1, *self._shapes[layer])


@contextmanager
def _kept(store: str | os.PathLike | None) -> Iterator[_Memory]:
    """Where batches go: memory, or a folder beside the store that is removed at the end."""
    if store is None:
        yield _Memory()
        return
    final = Path(store)
    final.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".batches", dir=final.parent))
    try:
        yield _Disk(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
