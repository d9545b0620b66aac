"""Arrays in MATLAB's files and in HDF5, which version 7.3 of the former is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import scipy.sparse

from shapemetrics.datasets.files.variables import chosen_variable

#: MATLAB's classes of real numbers.
NUMERIC = (
    "double",
    "single",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def read_mat(path: Path, variable: str | None) -> np.ndarray:
    """Read a numeric array of a ``.mat`` file of any version, with MATLAB's axes.

    Raises
    ------
    ValueError
        If the file is damaged, or the variable is a struct, cell, text or sparse.
    """
    if _is_hdf5(path):
        # HDF5 lists MATLAB's axes from the last to the first.
        return _read_hdf5(path, variable, matlab=True).T
    try:
        held = {name: kind for name, _, kind in scipy.io.whosmat(path)}
    except Exception as error:  # the reader raises nearly anything on damaged files
        raise _damaged(path, error) from None
    numeric = [name for name, kind in held.items() if kind in NUMERIC]
    wanted = (
        variable if variable in held else chosen_variable(path, numeric or list(held), variable)
    )
    if held[wanted] not in NUMERIC:
        raise ValueError(
            f"{path}: {wanted!r} is a MATLAB {held[wanted]}, expected a full numeric array"
        )
    try:
        array = scipy.io.loadmat(path, variable_names=[wanted])[wanted]
    except Exception as error:
        raise _damaged(path, error) from None
    return np.asarray(array)


def read_hdf5(path: Path, variable: str | None) -> np.ndarray:
    """Read a numeric dataset of an HDF5 file, with the axes that the file says.

    Raises
    ------
    ValueError
        If the file is damaged, or the dataset holds no numbers or leads to another file.
    """
    return _read_hdf5(path, variable, matlab=False)


def _read_hdf5(path: Path, variable: str | None, matlab: bool) -> np.ndarray:
    h5py = _h5py(path)
    try:
        with h5py.File(path, "r") as file:
            names = _numeric_datasets(h5py, file)
            wanted = variable.strip("/") if variable is not None else None
            if wanted is not None and wanted not in names and _kind(h5py, file, wanted):
                raise ValueError(
                    f"{path}: {variable!r} is {_kind(h5py, file, wanted)}, "
                    "expected a full numeric array"
                )
            found = file[chosen_variable(path, names, wanted)]
            if matlab and "MATLAB_empty" in found.attrs:
                raise ValueError(f"{path}: {found.name!r} is empty, expected numbers")
            return found[()]
    except (OSError, KeyError, RuntimeError) as error:
        raise _damaged(path, error) from None


def _numeric_datasets(h5py: Any, file: Any) -> list[str]:
    """Names of the datasets of numbers that lie in the file itself."""
    names: list[str] = []

    def visit(name: str, item: Any) -> None:
        # visititems follows no links to other files; MATLAB keeps what cells hold in #refs#.
        if name.startswith("#") or not isinstance(item, h5py.Dataset) or item.external:
            return
        label = item.attrs.get("MATLAB_class", b"double")
        label = label.decode() if isinstance(label, bytes) else str(label)
        inside_struct = "MATLAB_class" in item.parent.attrs
        if item.dtype.kind in "fiu" and label in NUMERIC and not inside_struct and item.ndim:
            names.append(name)

    file.visititems(visit)
    return names


def _kind(h5py: Any, file: Any, name: str) -> str:
    """What a name that is no numeric dataset stands for; empty where it is not there."""
    link = file.get(name, getlink=True)
    if link is None:
        return ""
    if isinstance(link, h5py.ExternalLink):
        return f"a link to another file ({link.filename})"
    item = file.get(name)
    label = item.attrs.get("MATLAB_class") if item is not None else None
    if label is not None:
        return f"a MATLAB {label.decode() if isinstance(label, bytes) else label}"
    return "a group" if isinstance(item, h5py.Group) else "no array of numbers"


def _is_hdf5(path: Path) -> bool:
    with open(path, "rb") as stream:
        # MATLAB puts its own header of 512 bytes in front.
        start = stream.read(520)
    return start.startswith(HDF5_SIGNATURE) or start[512:] == HDF5_SIGNATURE


def _h5py(path: Path) -> Any:
    try:
        import h5py
    except ImportError:
        raise ValueError(f"{path}: reading HDF5 needs the package h5py, which is missing") from None
    return h5py


def _damaged(path: Path, error: Exception) -> ValueError:
    lines = str(error).splitlines() or [type(error).__name__]
    return ValueError(f"{path}: damaged, or no {path.suffix} file: {lines[0]}")
