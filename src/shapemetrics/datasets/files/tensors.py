"""Tensors in files of PyTorch and safetensors; never with pickles of anything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from shapemetrics.datasets.files.variables import Variable, chosen_variable
from shapemetrics.extras import needed_by
from shapemetrics.files import READING, shortened


def torch_variables(path: Path) -> list[Variable]:
    """What a ``.pt`` or ``.pth`` file holds: tensors by name, those of nested mappings by path.

    Raises
    ------
    ValueError
        If the file is damaged or holds more than tensors.
    """
    return [_described(name, tensor) for name, tensor in _tensors(path)]


def read_torch(path: Path, variable: str | None) -> np.ndarray:
    """Read a tensor of a ``.pt`` or ``.pth`` file, with ``weights_only``.

    Raises
    ------
    ValueError
        If the file is damaged or holds more than tensors, or which tensor is not clear.
    """
    held = dict(_tensors(path))
    listed = [_described(name, tensor) for name, tensor in held.items()]
    return _as_numpy(held[chosen_variable(path, listed, variable).name])


def safetensors_variables(path: Path) -> list[Variable]:
    """What a ``.safetensors`` file holds, from its header.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    with _opened(path) as file:
        parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        return [
            Variable(name, tuple(part.get_shape()), "", len(part.get_shape()) >= 2)
            for name, part in parts.items()
        ]


def read_safetensors(path: Path, variable: str | None) -> np.ndarray:
    """Read a tensor of a ``.safetensors`` file.

    Raises
    ------
    ValueError
        If the file is damaged, or which tensor is not clear.
    """
    name = chosen_variable(path, safetensors_variables(path), variable).name
    with _opened(path) as file:
        try:
            return file.get_tensor(name)
        except (*READING, AttributeError) as error:  # types that NumPy lacks
            raise ValueError(
                f"{path}: {name!r} cannot be read ({error}), expected numbers of a type that "
                "NumPy has"
            ) from None


def _tensors(path: Path) -> Iterator[tuple[str, Any]]:
    with needed_by(f"{path}: reading {path.suffix}"):
        import torch
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the reader raises nearly anything on damaged files
        line = (str(error).splitlines() or [""])[0]
        if "weights_only" in str(error) or "Unsupported" in str(error):
            line = "holds Python objects (a pickle), which are never loaded"
        raise ValueError(
            f"{path}: {line}, expected tensors, as torch.save writes of a dictionary of them"
        ) from None
    yield from _below(held, "")


def _below(held: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if isinstance(held, Mapping):
        for name, item in held.items():
            yield from _below(item, f"{prefix}/{name}" if prefix else str(name))
    elif isinstance(held, list | tuple):
        for number, item in enumerate(held):
            yield from _below(item, f"{prefix}/{number}" if prefix else str(number))
    elif hasattr(held, "detach"):
        yield prefix or "tensor", held


def _described(name: str, tensor: Any) -> Variable:
    shape = tuple(tensor.shape)
    kind = str(tensor.dtype).removeprefix("torch.")
    odd = "" if not (tensor.is_complex() or kind == "bool") else f"holds {kind}"
    if tensor.is_sparse:
        odd = "is sparse"
    return Variable(name, shape, odd, len(shape) >= 2)


def _as_numpy(tensor: Any) -> np.ndarray:
    # bfloat16, which NumPy lacks, is held exactly by float32.
    known = str(tensor.dtype) in ("torch.float16", "torch.float32", "torch.float64")
    return (tensor if known or not tensor.is_floating_point() else tensor.float()).detach().numpy()


def _opened(path: Path) -> Any:
    with needed_by(f"{path}: reading .safetensors"):
        from safetensors import SafetensorError, safe_open
    try:
        return safe_open(path, framework="numpy")
    except (SafetensorError, *READING, OSError) as error:
        raise ValueError(f"{path}: damaged, or no .safetensors file: {shortened(error)}") from None
