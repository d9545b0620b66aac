"""Arrays in MATLAB's files of versions 4 to 7; version 7.3 is HDF5."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import scipy.io

from shapemetrics.datasets.files.hdf5 import (
    HDF5_SIGNATURE,
    NUMERIC,
    damaged,
    hdf5_variables,
    read_hdf5,
)
from shapemetrics.datasets.files.variables import Variable, chosen_variable, listed

#: Classes of what may hold numbers in an array, but is none that is read here.
OTHER_ARRAYS = ("sparse", "logical")
#: What leads into a struct or a cell: a field, an element of a struct array, of a cell.
INSIDE = re.compile(r"\.(\w+)|\((\d+)\)|\{(\d+)\}")


def mat_variables(path: Path) -> list[Variable]:
    """What a ``.mat`` file of any version holds, with MATLAB's axes."""
    if _is_hdf5(path):
        return hdf5_variables(path, matlab=True)
    try:
        held = scipy.io.whosmat(path)
    except Exception as error:  # the reader raises nearly anything on damaged files
        raise damaged(path, error) from None
    return [
        Variable(
            name,
            tuple(shape),
            "" if kind in NUMERIC else f"is a MATLAB {kind}",
            kind in (*NUMERIC, *OTHER_ARRAYS) and sum(length != 1 for length in shape) >= 2,
        )
        for name, shape, kind in held
    ]


def read_mat(path: Path, variable: str | None) -> np.ndarray:
    """Read a numeric array of a ``.mat`` file of any version, with MATLAB's axes.

    Raises
    ------
    ValueError
        If the file is damaged, or the variable is a struct, cell, text or sparse.
    """
    if _is_hdf5(path):
        return read_hdf5(path, variable, matlab=True)
    if variable is not None and INSIDE.search(variable):
        return _inside(path, variable)
    wanted = chosen_variable(path, mat_variables(path), variable).name
    try:
        array = scipy.io.loadmat(path, variable_names=[wanted])[wanted]
    except Exception as error:
        raise damaged(path, error) from None
    return np.asarray(array)


def _inside(path: Path, variable: str) -> np.ndarray:
    """An array inside structs and cells, by MATLAB's own way of writing it."""
    root = variable[: INSIDE.search(variable).start()]  # type: ignore[union-attr]
    rest = variable[len(root) :]
    if "".join(found[0] for found in INSIDE.finditer(rest)) != rest:
        raise ValueError(f"{path}: found {variable!r}, expected a path such as a.b(2).c or d{{3}}")
    held = mat_variables(path)
    if root not in {each.name for each in held}:
        raise ValueError(f"{path}: no variable {root!r}, found {listed(held)}")
    try:
        item = scipy.io.loadmat(path, variable_names=[root], struct_as_record=True)[root]
    except Exception as error:
        raise damaged(path, error) from None
    done = root
    for step in INSIDE.finditer(rest):
        field, *numbers = step.groups()
        if field is not None:
            names = item.dtype.names or ()
            if item.size != 1 or field not in names:
                what = f"fields {', '.join(names)}" if names else "no struct"
                what = f"{item.size} elements" if names and item.size != 1 else what
                raise ValueError(f"{path}: found {what} in {done!r}, expected one with {field!r}")
            item = item.reshape(-1)[0][field]
        else:
            number = int(next(one for one in numbers if one is not None))
            if not 1 <= number <= item.size:
                raise ValueError(
                    f"{path}: found {item.size} elements in {done!r}, expected number {number}"
                )
            picked = item.reshape(-1, order="F")[number - 1 : number]
            is_cell = numbers[1] is not None and item.dtype.hasobject and not item.dtype.names
            item = picked[0] if is_cell else picked
        done += step[0]
    item = np.asarray(item)
    if item.dtype.hasobject or item.dtype.names or item.dtype.kind not in "fiu":
        names = ", ".join(item.dtype.names or ())
        what = f"a struct with {names}" if names else f"{item.dtype}"
        raise ValueError(f"{path}: {variable!r} is {what}, expected a full array of real numbers")
    return item


def _is_hdf5(path: Path) -> bool:
    with open(path, "rb") as stream:
        # MATLAB puts its own header of 512 bytes in front.
        start = stream.read(520)
    return start.startswith(HDF5_SIGNATURE) or start[512:] == HDF5_SIGNATURE
