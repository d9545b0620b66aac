"""Stimuli from a folder of images or an array, and models by the name of a function."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from shapemetrics.extras import needed_by

with needed_by("shapemetrics.extract", "torch"):
    import torch
    from torch import nn

IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


class Stimuli(NamedTuple):
    """Stimuli, and how they become batches.

    Attributes
    ----------
    ids : list of str or int
        Names of the images without their suffix, or the numbers of an array's rows.
    batches : callable
        Called with a batch size, yields tensors; may be called again.
    """

    ids: list[Any]
    batches: Callable[[int], Iterator[torch.Tensor]]


def load_model(name: str, folder: str | os.PathLike = ".") -> tuple[nn.Module, Callable | None]:
    """A model from the function that makes it.

    Parameters
    ----------
    name : str
        ``module:function``. The function takes nothing and returns a model, or a model and what
        prepares one image (a PIL image becomes a tensor).
    folder : path-like
        Where the module is looked for first.

    Returns
    -------
    model : torch.nn.Module
    prepare : callable or None

    Raises
    ------
    ValueError, TypeError
        If there is no such function, or it returns something else.

    Examples
    --------
    >>> load_model("torch.nn:Identity")
    (Identity(), None)
    """
    module, separator, attribute = name.partition(":")
    if not separator or not module or not attribute:
        raise ValueError(f"model: found {name!r}, expected module:function")
    sys.path.insert(0, str(Path(folder).resolve()))
    importlib.invalidate_caches()
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except ImportError as error:
        raise ValueError(f"model: found {name!r}, but cannot import {module}: {error}") from error
    finally:
        sys.path.pop(0)
    if not callable(found):
        raise ValueError(f"model: found {name!r}, but {module} has no function {attribute!r}")
    made = found()
    model, prepare = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not isinstance(model, nn.Module) or not (prepare is None or callable(prepare)):
        raise TypeError(
            f"model: found {name!r} to return a {type(made).__name__}, expected a torch.nn.Module, "
            "or one and what prepares an image"
        )
    return model, prepare


def read_stimuli(path: str | os.PathLike, prepare: Callable | None = None) -> Stimuli:
    """Stimuli of a folder of images, or of an array.

    Parameters
    ----------
    path : path-like
        A folder, whose images are taken in the order of their names; or an ``.npy`` file, stimuli
        on the first axis, given to the model as it is.
    prepare : callable, optional
        Makes a tensor of one PIL image, as preprocessing of torchvision and timm does. Without it
        images become RGB from 0 to 1, channels first, and must have one size.

    Returns
    -------
    Stimuli
        ``ids``, and ``batches(size)``.

    Raises
    ------
    ValueError
        If there are no images, or their sizes differ.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "pictures.npy"
    >>> np.save(path, np.zeros((5, 3, 8, 8), np.float32))
    >>> found = read_stimuli(path)
    >>> found.ids, [len(batch) for batch in found.batches(2)]
    ([0, 1, 2, 3, 4], [2, 2, 1])
    """
    path = Path(path)
    if path.is_file():
        return _array(path)
    if not path.is_dir():
        raise ValueError(f"stimuli: found no {path}, expected a folder of images or an .npy file")
    files = sorted(
        file
        for file in path.iterdir()
        if file.suffix.lower() in IMAGES and not file.name.startswith(".")
    )
    if not files:
        raise ValueError(f"stimuli: found no image in {path}, expected {', '.join(IMAGES)}")
    ids = [file.stem for file in files]
    if len(set(ids)) < len(ids):
        ids = [file.name for file in files]

    def batches(size: int) -> Iterator[torch.Tensor]:
        for first in range(0, len(files), size):
            tensors = [_image(file, prepare) for file in files[first : first + size]]
            for file, tensor in zip(files[first:], tensors):
                if tensor.shape != tensors[0].shape:
                    raise ValueError(
                        f"stimuli: found {tuple(tensor.shape)} for {file.name}, expected "
                        f"{tuple(tensors[0].shape)} as for {files[first].name}; a model's function "
                        "may also return what prepares an image"
                    )
            yield torch.stack(tensors)

    return Stimuli(ids, batches)


def _array(path: Path) -> Stimuli:
    if path.suffix.lower() != ".npy":
        raise ValueError(f"stimuli: found {path}, expected a folder of images or an .npy file")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"stimuli: {path} is damaged or no .npy file: {error}") from error
    if array.ndim < 2 or not np.issubdtype(array.dtype, np.number):
        raise ValueError(
            f"stimuli: found shape {array.shape} of {array.dtype} in {path}, expected numbers with "
            "stimuli on the first of at least two axes"
        )

    def batches(size: int) -> Iterator[torch.Tensor]:
        for first in range(0, len(array), size):
            yield torch.as_tensor(np.array(array[first : first + size]))

    return Stimuli(list(range(len(array))), batches)


def _image(file: Path, prepare: Callable | None) -> torch.Tensor:
    with needed_by(f"{file}: reading images", "torch"):
        from PIL import Image
    with Image.open(file) as image:
        picture = image.convert("RGB")
    if prepare is not None:
        return torch.as_tensor(prepare(picture))
    values = np.asarray(picture, dtype=np.float32) / 255.0
    return torch.as_tensor(values).permute(2, 0, 1)
