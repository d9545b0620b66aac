"""Block files: prepared networks on disk, written once, memory-mapped by each tile that needs them.

A block file has a header in JSON that lists each network's fields, then the arrays, raw and
aligned, so that they are read in place.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from shapemetrics.files import DamagedFile, atomic_path
from shapemetrics.metrics.base import Doubt, Origin, Prepared

MAGIC = b"SHAPEBLOCK3\n"
ALIGNMENT = 64
#: Bytes before the header: the magic, its length and its digest.
FIXED = len(MAGIC) + 8 + 32


def save_block(
    prepared: Sequence[Any], path: str | os.PathLike, provenance: Mapping[str, Any]
) -> None:
    """Write prepared networks to one file, under a temporary name and renamed.

    Parameters
    ----------
    prepared : sequence
        What a metric's `prepare` returned: dataclasses of arrays, numbers, text and None.
    path : path-like
        File to make.
    provenance : mapping
        Metric, dtype, digests: whatever JSON can hold. :func:`load_block` returns it.

    Raises
    ------
    TypeError
        If a field cannot be stored.

    Examples
    --------
    >>> import tempfile
    >>> from shapemetrics.metrics import LinearMetric
    >>> metric = LinearMetric()
    >>> prepared = [metric.prepare(np.random.default_rng(k).normal(size=(9, 2))) for k in range(3)]
    >>> path = Path(tempfile.mkdtemp()) / "first.block"
    >>> save_block(prepared, path, {"metric": "procrustes"})
    >>> items, provenance = load_block(path)
    >>> len(items), provenance
    (3, {'metric': 'procrustes'})
    """
    arrays: list[np.ndarray] = []
    items = [_described(item, arrays) for item in prepared]
    offsets = _offsets(arrays)
    layout = [
        {
            "dtype": array.dtype.str,
            "shape": array.shape,
            "offset": int(offset),
            "sha256": _sha256(array),
        }
        for array, offset in zip(arrays, offsets)
    ]
    header = {"provenance": dict(provenance), "items": items, "arrays": layout}
    text = json.dumps(header, sort_keys=True).encode()
    start = _aligned(FIXED + len(text))
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        stream.write(MAGIC + len(text).to_bytes(8, "little"))
        stream.write(hashlib.sha256(text).digest() + text)
        for array, offset in zip(arrays, offsets):
            stream.seek(start + offset)
            stream.write(np.ascontiguousarray(array).data)
        stream.truncate(start + _end(arrays, offsets))


def load_block(path: str | os.PathLike, *, verify: bool = True) -> tuple[list[Any], dict[str, Any]]:
    """Read what :func:`save_block` wrote, arrays memory-mapped.

    Parameters
    ----------
    path : path-like
        The file.
    verify : bool, default=True
        Read all arrays once and check their digests, which takes about a second a gigabyte.

    Returns
    -------
    prepared : list
        The networks.
    provenance : dict

    Raises
    ------
    ValueError
        If the file is missing.
    DamagedFile
        If it is cut short, altered or none of these.

    Examples
    --------
    >>> load_block("nowhere.block")
    Traceback (most recent call last):
        ...
    ValueError: nowhere.block: no such file, expected a block of prepared networks
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file, expected a block of prepared networks")
    header, start = _header(path)
    expected = start + max(
        (a["offset"] + _n_bytes(a["dtype"], a["shape"]) for a in header["arrays"]), default=0
    )
    if path.stat().st_size != expected:
        raise DamagedFile(path, f"found {path.stat().st_size} bytes, expected {expected}")
    whole = np.memmap(path, dtype=np.uint8, mode="r")
    arrays = [_view(whole, start, layout) for layout in header["arrays"]]
    for array, layout in zip(arrays, header["arrays"]):
        if verify and _sha256(array) != layout["sha256"]:
            raise DamagedFile(path, "found other content than was written (sha256 differs)")
    return [_rebuilt(item, arrays) for item in header["items"]], header["provenance"]


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """The header of a block, and where its arrays begin."""
    with open(path, "rb") as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            raise DamagedFile(path, "not a block of prepared networks")
        length = int.from_bytes(stream.read(8), "little")
        digest = stream.read(32)
        if length > path.stat().st_size:
            raise DamagedFile(path, f"truncated, expected a header of {length} bytes")
        text = stream.read(length)
    if hashlib.sha256(text).digest() != digest:
        raise DamagedFile(path, "found another header than was written (sha256 differs)")
    return json.loads(text), _aligned(FIXED + length)


def _sha256(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def _described(item: Any, arrays: list[np.ndarray]) -> dict[str, Any]:
    """A prepared network as JSON can hold it; its arrays go to the end of `arrays`."""
    kind = type(item)
    if not dataclasses.is_dataclass(item):
        raise TypeError(f"a prepared network of type {kind.__name__} cannot be stored")
    values = {}
    for field in dataclasses.fields(item):
        value = getattr(item, field.name)
        if isinstance(value, np.ndarray):
            arrays.append(value)
            value = {"array": len(arrays) - 1}
        elif dataclasses.is_dataclass(value):
            value = {"part": _described(value, arrays)}
        elif isinstance(value, np.generic):
            value = value.item()
        elif not isinstance(value, str | int | float | bool | None):
            raise TypeError(
                f"field {field.name!r} of {kind.__name__}, a {type(value).__name__}, "
                "cannot be stored"
            )
        values[field.name] = value
    return {"module": kind.__module__, "class": kind.__qualname__, "values": values}


def _rebuilt(item: Mapping[str, Any], arrays: Sequence[np.ndarray]) -> Any:
    values = {}
    for name, value in item["values"].items():
        if isinstance(value, dict):
            value = arrays[value["array"]] if "array" in value else _rebuilt(value["part"], arrays)
        values[name] = value
    return _kind(item["module"], item["class"])(**values)


def _kind(module: str, name: str) -> type:
    """The class of a prepared network, or of a part of one.

    A file may name what it likes. Modules of the package's metrics are imported; of others, such
    as a metric of the user's own, only classes of prepared networks that are loaded already.
    """
    own = module.startswith("shapemetrics.metrics.")
    found: Any = import_module(module) if own else sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type) or not issubclass(found, Prepared | Origin | Doubt):
        raise ValueError(f"a block names {module}.{name}, which is no prepared network of a metric")
    return found


def _offsets(arrays: Sequence[np.ndarray]) -> list[int]:
    offsets, position = [], 0
    for array in arrays:
        offsets.append(position)
        position = _aligned(position + array.nbytes)
    return offsets


def _end(arrays: Sequence[np.ndarray], offsets: Sequence[int]) -> int:
    return offsets[-1] + arrays[-1].nbytes if arrays else 0


def _aligned(position: int) -> int:
    return -(-position // ALIGNMENT) * ALIGNMENT


def _n_bytes(dtype: str, shape: Sequence[int]) -> int:
    return np.dtype(dtype).itemsize * int(np.prod(shape, dtype=np.int64))


def _view(whole: np.ndarray, start: int, layout: Mapping[str, Any]) -> np.ndarray:
    begin = start + layout["offset"]
    raw = whole[begin : begin + _n_bytes(layout["dtype"], layout["shape"])]
    return raw.view(np.dtype(layout["dtype"])).reshape(layout["shape"])
