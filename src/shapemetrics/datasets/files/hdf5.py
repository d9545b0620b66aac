"""Arrays in HDF5 files, and in MATLAB's of version 7.3, which are such.

Links within a file are followed. Those that leave it are not: to follow them would read what nobody
named, and what no digest covers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from shapemetrics.datasets.files.variables import Variable, check_fits, chosen_variable
from shapemetrics.extras import needed_by

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
#: MATLAB's classes of real numbers; others that are stored as numbers mean something else.
NUMERIC = (
    "double",
    "single",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)


def hdf5_variables(path: Path, *, matlab: bool = False) -> list[Variable]:
    """What an HDF5 file holds.

    Parameters
    ----------
    path : pathlib.Path
    matlab : bool
        Whether MATLAB wrote it, whose axes it lists from the last to the first.

    Returns
    -------
    list of Variable
        Each array once, by its own path where links lead to it as well.

    Raises
    ------
    ValueError
        If the file is damaged.
    ModuleNotFoundError
        If h5py is not installed.
    """
    h5py = _h5py(path)
    try:
        with h5py.File(path, "r") as file:
            return list(_variables(h5py, file, matlab))
    except (OSError, KeyError, RuntimeError) as error:
        raise damaged(path, error) from None


def read_hdf5(path: Path, variable: str | None, *, matlab: bool = False) -> np.ndarray:
    """Read a numeric dataset of an HDF5 file, with the axes that the file says, or MATLAB's.

    Raises
    ------
    ValueError
        If the file is damaged, or the dataset holds no numbers or leads to another file.
    """
    h5py = _h5py(path)
    try:
        with h5py.File(path, "r") as file:
            held = list(_variables(h5py, file, matlab))
            wanted = variable
            if variable is not None:
                wanted = variable.strip("/")
                if wanted not in {each.name for each in held}:
                    wanted = _resolved(h5py, path, file, variable, matlab, held)
            found = file[chosen_variable(path, held, wanted).name]
            check_fits(path, found.name.strip("/"), found.nbytes)
            array = found[()]
            return array.T if matlab else array
    except (OSError, KeyError, RuntimeError) as error:
        raise damaged(path, error) from None


def damaged(path: Path, error: Exception) -> ValueError:
    """What to say about a file that its reader cannot read."""
    lines = str(error).splitlines() or [type(error).__name__]
    return ValueError(f"{path}: damaged, or no {path.suffix} file: {lines[0]}")


def _variables(h5py: Any, file: Any, matlab: bool) -> Iterator[Variable]:
    seen: set[Any] = set()

    def below(group: Any, prefix: str) -> Iterator[Variable]:
        later = []
        for name in group:
            if name.startswith("#"):
                continue  # where MATLAB keeps what cells hold
            path = f"{prefix}{name}"
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                yield Variable(path, (), f"is a link to another file ({link.filename})", False)
            elif isinstance(link, h5py.SoftLink):
                later.append((path, name, link))
            else:
                yield from inside(group[name], path)
        # Links after what they lead to, so that an array has its own name.
        for path, name, link in later:
            item = _followed(file, group, name)
            if isinstance(item, str):
                yield Variable(path, (), f"is a soft link to {link.path!r}, {item}", False)
            else:
                yield from inside(item, path)

    def inside(item: Any, path: str) -> Iterator[Variable]:
        key = h5py.h5o.get_info(item.id).addr
        if key in seen:
            return
        seen.add(key)
        if isinstance(item, h5py.Group) and not _matlab_class(item):
            yield from below(item, f"{path}/")
        else:
            yield _described(h5py, item, path, matlab)

    yield from below(file, "")


def _followed(file: Any, group: Any, name: str) -> Any:
    """What a soft link leads to within the file, or why it leads to nothing there."""
    try:
        item = group[name]
    except KeyError:
        return "which is not in the file"
    return item if item.file.filename == file.filename else "which is in another file"


def _described(h5py: Any, item: Any, path: str, matlab: bool) -> Variable:
    label = _matlab_class(item)
    if not isinstance(item, h5py.Dataset):
        # A sparse matrix is a group of its parts.
        what = f"is a MATLAB {label}" if label else "is no array"
        return Variable(path, (), what, label == "sparse")
    shape = tuple(item.shape or ())
    shape = shape[::-1] if matlab else shape
    axes = sum(length != 1 for length in shape) if matlab else len(shape)
    if label and label not in NUMERIC:
        return Variable(path, shape, f"is a MATLAB {label}", label == "logical" and axes >= 2)
    if "MATLAB_empty" in item.attrs:
        return Variable(path, (0, 0), "is empty", False)
    if item.external or (
        item.is_virtual and any(s.file_name != "." for s in item.virtual_sources())
    ):
        return Variable(path, shape, "is kept in another file", axes >= 2)
    if item.dtype.kind in "SUO":
        return Variable(path, shape, "holds text", False)
    kind = "" if item.dtype.kind in "fiu" else f"holds {item.dtype}"
    return Variable(path, shape, kind, axes >= 2)


def _matlab_class(item: Any) -> str:
    if "MATLAB_sparse" in item.attrs:
        return "sparse"
    label = item.attrs.get("MATLAB_class", b"")
    return label.decode() if isinstance(label, bytes) else str(label)


def _resolved(
    h5py: Any, path: Path, file: Any, name: str, matlab: bool, held: list[Variable]
) -> str:
    """The own name of an array that another name leads to; it is added where it was not listed."""
    wanted = name.strip("/")
    try:
        item = file[wanted]
    except KeyError:
        return wanted
    if item.file.filename != file.filename:
        raise ValueError(
            f"{path}: {name!r} is a link to another file ({item.file.filename}), expected an array "
            "in this one"
        )
    if not isinstance(item, h5py.Dataset):
        label = _matlab_class(item)
        what = f"MATLAB {label}" if label else "group"
        raise ValueError(f"{path}: {name!r} is a {what}, expected a full array of real numbers")
    held.append(_described(h5py, item, wanted, matlab))
    return wanted


def _h5py(path: Path) -> Any:
    with needed_by(f"{path}: reading HDF5"):
        import h5py
    return h5py
