"""Variables in netCDF files: version 4 is HDF5, version 3 is read by SciPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import netcdf_file

from shapemetrics.datasets.files.hdf5 import (
    HDF5_SIGNATURE,
    damaged,
    hdf5_variables,
    read_hdf5,
)
from shapemetrics.datasets.files.variables import Variable, chosen_variable


def netcdf_variables(path: Path) -> list[Variable]:
    """What a netCDF file holds, coordinates among it.

    Raises
    ------
    ValueError
        If the file is damaged, or h5py is missing for version 4.
    """
    if _is_hdf5(path):
        return hdf5_variables(path)
    try:
        with netcdf_file(path, "r", mmap=False) as file:
            return [
                Variable(
                    name,
                    tuple(held.shape),
                    "holds text" if held.data.dtype.kind == "S" else "",
                    len(held.shape) >= 2 and held.data.dtype.kind != "S",
                )
                for name, held in file.variables.items()
            ]
    except Exception as error:  # the reader raises nearly anything on damaged files
        raise damaged(path, error) from None


def read_netcdf(path: Path, variable: str | None) -> np.ndarray:
    """Read a variable of a netCDF file.

    Raises
    ------
    ValueError
        If the file is damaged, or which variable is not clear.
    """
    if _is_hdf5(path):
        return read_hdf5(path, variable)
    name = chosen_variable(path, netcdf_variables(path), variable).name
    with netcdf_file(path, "r", mmap=False) as file:
        return np.array(file.variables[name].data)


def _is_hdf5(path: Path) -> bool:
    with open(path, "rb") as stream:
        return stream.read(8) == HDF5_SIGNATURE
