"""A dataset class by name: from a module in the project's folder, or an installed package."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shapemetrics.datasets.protocol import Dataset


def load_dataset(name: str, options: Mapping[str, Any], folder: Path) -> Dataset:
    """Make a dataset from its class's name.

    Parameters
    ----------
    name : str
        ``module:Class``.
    options : mapping
        Keyword arguments of the class.
    folder : pathlib.Path
        Where modules are looked for first.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If there is no such module or class, or it does not take the options.
    """
    module, _, attribute = name.partition(":")
    with _importing_from(folder):
        try:
            found = importlib.import_module(module)
        except ImportError as error:
            raise ValueError(f"class {name!r}: cannot import {module}: {error}") from error
    made = getattr(found, attribute, None)
    if not callable(made):
        names = [key for key, value in vars(found).items() if isinstance(value, type)]
        raise ValueError(
            f"class {name!r}: module {module} has no class {attribute!r}, found "
            f"{', '.join(names) or 'none'}"
        )
    try:
        return made(**options)
    except TypeError as error:
        raise ValueError(
            f"class {name!r} does not take options {dict(options)}: {error}"
        ) from error


def class_file(name: str, folder: Path) -> str | None:
    """File of the class's module, relative to `folder` if it lies there, without importing it.

    Raises
    ------
    ValueError
        If there is no such module.
    """
    module = name.partition(":")[0]
    with _importing_from(folder):
        try:
            spec = importlib.util.find_spec(module)
        except ImportError as error:
            raise ValueError(f"class {name!r}: cannot find {module}: {error}") from error
    if spec is None:
        raise ValueError(
            f"class {name!r}: there is no module {module}, neither in {folder} nor installed"
        )
    if spec.origin is None or not Path(spec.origin).is_file():
        return None
    origin = Path(spec.origin)
    return str(origin.relative_to(folder) if origin.is_relative_to(folder) else origin)


@contextmanager
def _importing_from(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
