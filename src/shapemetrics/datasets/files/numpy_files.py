"""Arrays in NumPy's files; never with pickles."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import numpy as np

from shapemetrics.datasets.files.variables import Variable, check_fits, chosen_variable
from shapemetrics.files import READING, shortened

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_npy(path: Path) -> np.ndarray:
    """Map an ``.npy`` file into memory.

    Raises
    ------
    ValueError
        If it is damaged, or holds Python objects.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (*READING, OSError) as error:
        raise _unreadable(path, error) from None
    if not isinstance(array, np.ndarray):
        array.close()
        raise ValueError(f"{path}: is an .npz archive under another name, expected an .npy file")
    return array


def npz_variables(path: Path) -> list[Variable]:
    """What an ``.npz`` archive holds, from the headers of its arrays.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            return [_described(archive, name) for name in names]
    except (*READING, OSError) as error:
        raise _unreadable(path, error) from None


def read_npz(path: Path, variable: str | None) -> np.ndarray:
    """Read an array of an ``.npz`` archive.

    Raises
    ------
    ValueError
        If it is damaged, or which array is not clear.
    """
    chosen = chosen_variable(path, npz_variables(path), variable)
    name = chosen.name
    check_fits(path, name, _size(path, chosen))
    try:
        with np.load(path, allow_pickle=False) as content:
            return content[name]
    except (*READING, OSError) as error:
        raise _unreadable(path, error) from None


def _size(path: Path, variable: Variable) -> int:
    """Bytes of an array, as its header says."""
    with zipfile.ZipFile(path) as archive, archive.open(f"{variable.name}.npy") as stream:
        _, _, dtype = _HEADERS[np.lib.format.read_magic(stream)](stream)
    return math.prod(variable.shape) * dtype.itemsize


def _described(archive: zipfile.ZipFile, member: str) -> Variable:
    name = member.removesuffix(".npy")
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        if version not in _HEADERS:
            return Variable(name, (), "has fields", False)
        shape, _, dtype = _HEADERS[version](stream)
    if dtype.hasobject:
        return Variable(name, shape, "holds Python objects; pickles are never loaded", True)
    if dtype.kind in "SU":
        return Variable(name, shape, "holds text", False)
    kind = "" if dtype.kind in "fiu" else f"holds {dtype}"
    return Variable(name, shape, kind, len(shape) >= 2)


def _unreadable(path: Path, error: Exception) -> ValueError:
    text = str(error) or type(error).__name__
    if "allow_pickle" in text or "pickled" in text or "ython objects" in text or "Object" in text:
        return ValueError(
            f"{path}: holds Python objects (a pickle) or is damaged, expected an array of "
            "numbers; pickles are never loaded"
        )
    return ValueError(f"{path}: damaged, or no {path.suffix} file: {shortened(error) or text}")
