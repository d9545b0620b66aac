"""Layers of a model by name, and what of their outputs is a representation."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal

import numpy as np

from shapemetrics.extras import needed_by

with needed_by("shapemetrics.extract", "torch"):
    import torch
    from torch import nn

#: What the model itself, which has no name among its modules, is called.
WHOLE = "output"
#: Axes of outputs by their number, where nothing else is said. L counts tokens.
LAYOUTS = {2: "NC", 3: "NLC", 4: "NCHW"}
#: Modules whose outputs of three axes have channels before positions.
CHANNELS_FIRST = (nn.Conv1d, nn.ConvTranspose1d, nn.BatchNorm1d, nn.MaxPool1d, nn.AvgPool1d)
#: Keys of which the first that holds a tensor is taken where an output names several.
USUAL_KEYS = ("last_hidden_state", "logits")

Positions = Literal["keep", "sample", "mean", "first", "flatten"]
POSITIONS = ("keep", "sample", "mean", "first", "flatten")


def named_layers(model: nn.Module) -> dict[str, nn.Module]:
    """The modules of a model by name; the model itself as ``output``."""
    found = dict(model.named_modules())
    whole = found.pop("")
    name = WHOLE if WHOLE not in found else f"{WHOLE} of {type(model).__name__}"
    return {**found, name: whole}


def matches(model: nn.Module, pattern: str) -> bool:
    """Whether a name or glob matches a layer of a model."""
    return any(fnmatchcase(name, pattern.partition(":")[0]) for name in named_layers(model))


def choose_layers(model: nn.Module, patterns: str | Sequence[str]) -> dict[str, nn.Module]:
    """Layers whose names match patterns, in the model's order.

    Parameters
    ----------
    model : torch.nn.Module
    patterns : str or sequence of str
        Names or globs. ``name:key`` takes one entry of an output that holds several: an attribute
        or key, or a number.

    Returns
    -------
    dict of str to torch.nn.Module
        By name, with the key where one is given.

    Raises
    ------
    ValueError
        If a pattern matches nothing; the message has the nearest names.
    """
    modules = named_layers(model)
    asked = [patterns] if isinstance(patterns, str) else list(patterns)
    if not asked:
        raise ValueError("layers: found none, expected at least one name or glob")
    chosen: set[str] = set()
    for pattern in asked:
        stem, separator, key = pattern.partition(":")
        matching = [name for name in modules if fnmatchcase(name, stem)]
        if not matching:
            near = difflib.get_close_matches(stem, modules, n=3, cutoff=0.4) or list(modules)[:3]
            raise ValueError(
                f"layers: found {pattern!r}, which matches none of {len(modules)} layers, expected "
                f"a name or glob such as {', '.join(map(repr, near))}"
            )
        chosen.update(name + separator + key for name in matching)
    order = list(modules)
    ranked = sorted(chosen, key=lambda name: (order.index(name.partition(":")[0]), name))
    return {name: modules[name.partition(":")[0]] for name in ranked}


def tensor_of(output: Any, layer: str) -> torch.Tensor:
    """The tensor among a layer's outputs.

    Parameters
    ----------
    output : tensor, tuple, list, mapping or dataclass
        What the module returned. Of a tuple the first entry, of a mapping or dataclass the only
        tensor, else ``last_hidden_state`` or ``logits``; or what the layer's name says after a
        colon.
    layer : str

    Raises
    ------
    TypeError, ValueError
        If there is no tensor, or several without a rule.
    """
    key = layer.partition(":")[2]
    if isinstance(output, torch.Tensor) and not key:
        return output
    entries = _entries(output)
    tensors = {name: entry for name, entry in entries.items() if isinstance(entry, torch.Tensor)}
    known = ", ".join(tensors) or "none"
    if key:
        if key not in tensors:
            raise ValueError(f"layer {layer!r}: found tensors {known}, expected {key!r} among them")
        return tensors[key]
    if isinstance(output, tuple | list) and "0" in tensors and not hasattr(output, "_fields"):
        return tensors["0"]
    if len(tensors) == 1:
        return next(iter(tensors.values()))
    for name in USUAL_KEYS:
        if name in tensors:
            return tensors[name]
    if tensors:
        first = next(iter(tensors))
        raise ValueError(
            f"layer {layer!r}: found several tensors ({known}), expected one to be chosen, such as "
            f"'{layer}:{first}'"
        )
    raise TypeError(f"layer {layer!r}: found a {type(output).__name__}, expected a tensor in it")


def _entries(output: Any) -> dict[str, Any]:
    """Entries of an output by name, or number."""
    if isinstance(output, Mapping):
        return {str(name): entry for name, entry in output.items()}
    if dataclasses.is_dataclass(output):
        return {field.name: getattr(output, field.name) for field in dataclasses.fields(output)}
    if hasattr(output, "_fields"):
        return dict(zip(output._fields, output))
    if isinstance(output, tuple | list):
        return {str(number): entry for number, entry in enumerate(output)}
    return {}


def layout_of(tensor: torch.Tensor, layer: str, module: nn.Module, layouts: Mapping) -> str:
    """Axes of a layer's output: a permutation of NC, NLC or NCHW."""
    name = layer.partition(":")[0]
    for pattern, layout in layouts.items():
        if fnmatchcase(name, pattern):
            if len(layout) != tensor.ndim:
                raise ValueError(
                    f"layer {layer!r}: found shape {tuple(tensor.shape)}, expected "
                    f"{len(layout)} axes {layout}"
                )
            return layout
    if tensor.ndim == 3 and isinstance(module, CHANNELS_FIRST):
        return "NCL"
    if tensor.ndim not in LAYOUTS:
        raise ValueError(
            f"layer {layer!r}: found shape {tuple(tensor.shape)}, expected 2 axes (stimuli, "
            "units), 3 (stimuli, tokens, channels) or 4 (stimuli, channels, height, width)"
        )
    return LAYOUTS[tensor.ndim]


def arranged(tensor: torch.Tensor, layout: str) -> torch.Tensor:
    """Stimuli first, channels last: (N, C), (N, L, C) or (N, H, W, C)."""
    target = "".join(axis for axis in "NLHWC" if axis in layout)
    return tensor.permute([layout.index(axis) for axis in target])


def reduced(
    tensor: torch.Tensor, positions: Positions, n_positions: int | None, seed: int
) -> torch.Tensor:
    """An arranged output with its positions kept, sampled, averaged or cut to the first.

    Sampled positions are the same for all stimuli, and for all layers of one grid.
    """
    if tensor.ndim == 2 or positions == "keep":
        return tensor
    if positions == "flatten":
        return tensor.reshape(len(tensor), -1)
    tokens = tensor.reshape(len(tensor), -1, tensor.shape[-1])
    if positions == "first":
        return tokens[:, 0]
    if positions == "mean":
        wide = tokens if tokens.dtype == torch.float64 else tokens.float()
        return wide.mean(dim=1).to(tokens.dtype)
    there = tokens.shape[1]
    count = min(n_positions or there, there)
    drawn = np.sort(np.random.default_rng([seed, there]).choice(there, count, replace=False))
    return tokens[:, torch.as_tensor(drawn, device=tokens.device)]
