"""Arrays in MATLAB's files of versions 4 to 7; version 7.3 is HDF5."""

from __future__ import annotations

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
from shapemetrics.datasets.files.variables import Variable, chosen_variable

#: Classes of what may hold numbers in an array, but is none that is read here.
OTHER_ARRAYS = ("sparse", "logical")


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
    wanted = chosen_variable(path, mat_variables(path), variable).name
    try:
        array = scipy.io.loadmat(path, variable_names=[wanted])[wanted]
    except Exception as error:
        raise damaged(path, error) from None
    return np.asarray(array)


def _is_hdf5(path: Path) -> bool:
    with open(path, "rb") as stream:
        # MATLAB puts its own header of 512 bytes in front.
        start = stream.read(520)
    return start.startswith(HDF5_SIGNATURE) or start[512:] == HDF5_SIGNATURE
