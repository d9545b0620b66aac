"""Structures by coordinates: the annotation volume of the Common Coordinate Framework, by slices.

The annotation that the recordings come with stops at areas. The volume (CCFv3 of 2017, voxels of
10 um) knows the layers of the cortex, too: a channel's structure is that of the voxel at its
coordinates.
"""

from __future__ import annotations

import gzip
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from shapemetrics.datasets.allen.anatomy import ontology
from shapemetrics.datasets.allen.sessions import read_table
from shapemetrics.datasets.download import Progress, Remote, download
from shapemetrics.datasets.http import Retry

__all__ = [
    "channel_structures",
    "channel_table",
    "fetch_annotation",
    "open_annotation",
    "read_channel_table",
    "structure_ids",
]

#: The annotation at 10 um, where AllenSDK's ReferenceSpaceCache finds it.
PUBLIC = (
    "http://download.alleninstitute.org/informatics-archive/current-release/mouse_ccf/annotation/"
    "ccf_2017/annotation_10.nrrd"
)
#: Edge of a voxel in micrometres.
RESOLUTION = 10.0
#: Columns of a table of channels: from front to back, from top to bottom, from left to right.
COORDINATES = (
    "anterior_posterior_ccf_coordinate",
    "dorsal_ventral_ccf_coordinate",
    "left_right_ccf_coordinate",
)
_TYPES = {
    "uint32": "u4",
    "unsigned int": "u4",
    "uint16": "u2",
    "unsigned short": "u2",
    "int32": "i4",
    "int": "i4",
}


def fetch_annotation(
    folder: str | os.PathLike,
    url: str = PUBLIC,
    *,
    retry: Retry | None = None,
    progress: Progress | None = None,
) -> Path:
    """Fetch the annotation volume once; its digest is kept beside it and checked from then on.

    Parameters
    ----------
    folder : path-like
        Where it goes.
    url : str
    retry : Retry, optional
    progress : callable, optional
        ``progress(bytes done, bytes in all)``.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ValueError
        If what arrives is no volume, or the file there has changed.
    """
    path = Path(folder) / url.rsplit("/", 1)[-1]
    return download(Remote(url, path), retry=retry, progress=progress, check=_check_volume)


def open_annotation(
    place: str | None,
    folder: str | os.PathLike,
    *,
    retry: Retry | None = None,
    progress: Progress | None = None,
) -> Path:
    """The annotation volume, wherever it lies.

    Parameters
    ----------
    place : str or None
        Path of a volume, or an address from which it is fetched once; None is the Allen
        Institute's.
    folder : path-like
        Where it goes if it is fetched.
    retry : Retry, optional
    progress : callable, optional

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ValueError
        If there is no file, or what arrives is no volume.
    """
    if place is None or place.startswith(("http://", "https://")):
        return fetch_annotation(folder, place or PUBLIC, retry=retry, progress=progress)
    if not Path(place).is_file():
        raise ValueError(f"annotation: found no file {place}, expected a volume or an address")
    return Path(place)


def structure_ids(
    path: str | os.PathLike, coordinates: ArrayLike, *, resolution: float = RESOLUTION
) -> NDArray[np.int64]:
    """Structure at each of some points, by the voxel that holds it.

    Parameters
    ----------
    path : path-like
        An ``.nrrd`` of three axes (front to back, top to bottom, left to right), raw or compressed
        by gzip.
    coordinates : array of shape (n, 3)
        In micrometres along these axes. Points without coordinates are NaN or negative (some files
        have -1).
    resolution : float
        Edge of a voxel in micrometres.

    Returns
    -------
    ndarray of shape (n,), int64
        Ids of the ontology; 0 outside of the brain and where there are no coordinates.

    Raises
    ------
    ValueError
        If the file is damaged or another one, or a point lies outside of the volume.

    Notes
    -----
    The volume (4.8 GB at 10 um) is read slice by slice along its last axis, and never held.
    """
    path = Path(path)
    points = np.asarray(coordinates, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"coordinates: found shape {points.shape}, expected (n, 3)")
    known = np.flatnonzero(np.isfinite(points).all(axis=1) & (points >= 0).all(axis=1))
    found = np.zeros(len(points), dtype=np.int64)
    with open(path, "rb") as file:
        header = _Header.of(file, path)
        voxels = (points[known] / resolution).astype(np.int64)
        outside = (voxels >= header.sizes).any(axis=1)
        if outside.any():
            at = known[np.flatnonzero(outside)[0]]
            raise ValueError(
                f"{path}: found the point {points[at].tolist()} um, expected points within "
                f"{(np.array(header.sizes) * resolution).tolist()} um"
            )
        order = np.argsort(voxels[:, 2], kind="stable")
        stream: BinaryIO = gzip.GzipFile(fileobj=file) if header.compressed else file  # type: ignore
        now = 0
        for wanted in np.unique(voxels[:, 2]):
            _skip(stream, (int(wanted) - now) * header.slice_bytes, path)
            values = _slice(stream, header, path)
            now = int(wanted) + 1
            here = order[voxels[order, 2] == wanted]
            found[known[here]] = values[voxels[here, 1], voxels[here, 0]]
    return found


def channel_structures(
    channels: str | os.PathLike, annotation: str | os.PathLike, *, resolution: float = RESOLUTION
) -> pd.Series:
    """Structure of each channel, by its coordinates.

    Parameters
    ----------
    channels : path-like
        ``channels.csv`` of an ecephys cache.
    annotation : path-like
        From :func:`fetch_annotation`.
    resolution : float
        Edge of a voxel in micrometres.

    Returns
    -------
    pandas.Series
        Acronym by channel id, for :func:`shapemetrics.datasets.allen.extraction.extract`; None
        without coordinates, empty outside of the brain; the number of a structure that the ontology
        does not have, so that it is counted as unknown.
    """
    table = read_table(channels, COORDINATES)
    points = np.column_stack(
        [pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64) for name in COORDINATES]
    )
    ids = structure_ids(annotation, points, resolution=resolution)
    acronyms = {entry.id: entry.acronym for entry in ontology().values()} | {0: ""}
    located = np.isfinite(points).all(axis=1) & (points >= 0).all(axis=1)
    names = [acronyms.get(int(id), str(id)) if at else None for id, at in zip(ids, located)]
    return pd.Series(names, index=table.index, name="ccf_structure_acronym", dtype=object)


def channel_table(structures: pd.Series) -> pd.DataFrame:
    """Structures of channels as a table to write: ``id``, ``located``, ``structure_acronym``."""
    return pd.DataFrame(
        {
            "id": structures.index,
            "located": structures.notna().to_numpy(dtype=int),
            "structure_acronym": structures.fillna("").to_numpy(),
        }
    )


def read_channel_table(path: str | os.PathLike) -> pd.Series:
    """What :func:`channel_structures` gave, from the table of :func:`channel_table`."""
    table = pd.read_csv(
        path, index_col="id", keep_default_na=False, dtype={"structure_acronym": str}
    )
    names = table["structure_acronym"].astype(object)
    return names.where(table["located"].astype(bool), None)


@dataclass(frozen=True)
class _Header:
    """What the first lines of an ``.nrrd`` say."""

    sizes: tuple[int, int, int]
    dtype: np.dtype
    compressed: bool

    @property
    def slice_bytes(self) -> int:
        return self.sizes[0] * self.sizes[1] * self.dtype.itemsize

    @classmethod
    def of(cls, file: BinaryIO, path: Path) -> _Header:
        """Read the header; the file is then at the first byte of the data."""
        if not file.readline(32).startswith(b"NRRD"):
            raise ValueError(f"{path}: found no NRRD at its beginning, expected a volume")
        fields: dict[str, str] = {}
        for _ in range(64):
            line = file.readline(4096).decode("latin-1").strip()
            if not line:
                break
            name, separator, value = line.partition(":")
            if separator and not line.startswith("#"):
                fields[name.strip()] = value.strip()
        try:
            a, b, c = map(int, fields["sizes"].split())
            order = {"little": "<", "big": ">"}[fields.get("endian", "little")]
            dtype = np.dtype(order + _TYPES[fields["type"]])
            encoding = fields["encoding"]
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"{path}: found a header without {error}, expected three sizes, a type of whole "
                "numbers and an encoding"
            ) from None
        if encoding not in ("gzip", "gz", "raw"):
            raise ValueError(f"{path}: found encoding {encoding!r}, expected gzip or raw")
        return cls((a, b, c), dtype, encoding != "raw")


def _slice(stream: BinaryIO, header: _Header, path: Path) -> NDArray:
    """The next slice, as (second axis, first axis)."""
    content = _read(stream, header.slice_bytes, path)
    return np.frombuffer(content, dtype=header.dtype).reshape(header.sizes[1], header.sizes[0])


def _skip(stream: BinaryIO, size: int, path: Path) -> None:
    while size > 0:
        size -= len(_read(stream, min(size, 1 << 24), path))


def _read(stream: BinaryIO, size: int, path: Path) -> bytes:
    try:
        content = stream.read(size)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: damaged: {error}") from None
    if len(content) < size:
        raise ValueError(f"{path}: found {len(content)} bytes of a slice, expected {size}")
    return content


def _check_volume(path: Path) -> None:
    """ValueError where a file is no volume, or is cut off."""
    with open(path, "rb") as file:
        header = _Header.of(file, path)
        stream: BinaryIO = gzip.GzipFile(fileobj=file) if header.compressed else file  # type: ignore
        _skip(stream, header.slice_bytes * header.sizes[2], path)
