"""Tiles: parts of a matrix of distances on disk, checked when they are put together."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from shapemetrics.files import DamagedFile, read_archive, save_archive
from shapemetrics.linalg import Array

B = TypeVar("B")
#: Facts in which all tiles of a matrix agree.
COMMON = ("parameters", "dtype", "backend", "device", "tolerance", "version")


def block_digest(ids: Sequence[str], digests: Sequence[str], read: Mapping[str, Any]) -> str:
    """Identity of a block: which representations, with which contents, read how.

    Parameters
    ----------
    ids : sequence of str
        Representations, in order.
    digests : sequence of str
        Of their contents, as a store's index has them.
    read : mapping
        How they are read and prepared: whatever JSON can hold.

    Returns
    -------
    str
        24 hexadecimal digits.

    Examples
    --------
    >>> a = block_digest(["x"], ["00"], {"positions": None})
    >>> a == block_digest(["x"], ["00"], {"positions": None})
    True
    >>> a == block_digest(["x"], ["01"], {"positions": None})
    False
    """
    content = json.dumps([list(zip(ids, digests, strict=True)), dict(read)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:24]


def tile_name(rows: Any, columns: Any) -> str:
    """File of the tile of two blocks, whatever has their `digest`."""
    return f"tile_{rows.digest}_{columns.digest}.npz"


def tile_pairs(blocks: Sequence[B], *, symmetric: bool) -> list[tuple[B, B]]:
    """Pairs of blocks whose tiles make the whole matrix: half of them where it is symmetric.

    Examples
    --------
    >>> tile_pairs("ab", symmetric=True)
    [('a', 'a'), ('a', 'b'), ('b', 'b')]
    """
    return [
        (rows, columns)
        for i, rows in enumerate(blocks)
        for columns in (blocks[i:] if symmetric else blocks)
    ]


@dataclass(frozen=True, eq=False)
class Tile:
    """Distances between two blocks of representations.

    Attributes
    ----------
    values : ndarray of shape (len(rows), len(columns))
        Distances.
    rows, columns : list of str
        Representations, in order.
    provenance : dict
        Metric, precision, backend, version, digests of the blocks: whatever JSON can hold.
    """

    values: Array
    rows: list[str]
    columns: list[str]
    provenance: dict[str, Any]

    def __post_init__(self) -> None:
        expected = (len(self.rows), len(self.columns))
        if self.values.shape != expected:
            raise ValueError(f"found a tile of shape {self.values.shape}, expected {expected}")

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"tile of {self.rows[0]!r} ... by {self.columns[0]!r} ..."

    def save(self, path: str | os.PathLike) -> None:
        """Write ``.npz`` with a digest of its content, under a temporary name and renamed."""
        save_archive(
            path,
            distances=self.values,
            rows=np.array(self.rows, dtype=str),
            columns=np.array(self.columns, dtype=str),
            provenance=json.dumps(self.provenance, sort_keys=True),
            sha256=self._digest(),
        )

    @classmethod
    def load(cls, path: str | os.PathLike) -> Tile:
        """Read what :meth:`save` wrote.

        Raises
        ------
        ValueError
            If there is no such file.
        DamagedFile
            If it is cut short, altered, or no tile.
        """
        tile, expected = read_archive(path, "a tile of distances", cls._from_arrays)
        if tile._digest() != expected:
            raise DamagedFile(path, f"found sha256 {tile._digest()}, expected {expected}")
        return tile

    @classmethod
    def _from_arrays(cls, arrays: Mapping[str, Array]) -> tuple[Tile, str]:
        """A tile, and the digest that it had when it was written."""
        tile = cls(
            np.asarray(arrays["distances"], dtype=np.float64),
            [str(id) for id in arrays["rows"]],
            [str(id) for id in arrays["columns"]],
            json.loads(str(arrays["provenance"])),
        )
        return tile, str(arrays["sha256"])

    def _digest(self) -> str:
        total = hashlib.sha256(np.ascontiguousarray(self.values, dtype=np.float64).tobytes())
        facts = [self.rows, self.columns, self.provenance]
        total.update(json.dumps(facts, sort_keys=True).encode())
        return total.hexdigest()


def gather_tiles(
    tiles: Iterable[Tile | str | os.PathLike],
    ids: Sequence[str],
    *,
    symmetric: bool,
    columns: Sequence[str] | None = None,
) -> Array:
    """Put tiles together, checking that they are the whole matrix and nothing else.

    Parameters
    ----------
    tiles : iterable of Tile or path-like
        In any order; files are read one at a time.
    ids : sequence of str
        Representations, in the matrix' order.
    symmetric : bool
        Whether a tile stands for its transpose too.
    columns : sequence of str, optional
        Representations that columns stand for, where they are others than the rows.

    Returns
    -------
    ndarray of shape (len(ids), len(columns or ids))

    Raises
    ------
    ValueError
        If a tile is of another matrix or metric, holds numbers that are no distances, covers pairs
        that another one has, or if pairs are missing.
    DamagedFile
        If a file is damaged.

    Examples
    --------
    >>> left = Tile(np.array([[0.0, 1.0], [1.0, 0.0]]), ["a", "b"], ["a", "b"], {})
    >>> right = Tile(np.array([[2.0], [3.0]]), ["a", "b"], ["c"], {})
    >>> corner = Tile(np.zeros((1, 1)), ["c"], ["c"], {})
    >>> gather_tiles([left, right, corner], ["a", "b", "c"], symmetric=True)[2]
    array([2., 3., 0.])
    """
    of_rows, of_columns = _places(ids), _places(ids if columns is None else columns)
    D = np.full((len(of_rows), len(of_columns)), np.nan)
    common: dict[str, Any] | None = None
    for item in tiles:
        tile = item if isinstance(item, Tile) else Tile.load(item)
        facts = {key: tile.provenance.get(key) for key in COMMON}
        common = common or facts
        differing = [key for key in COMMON if facts[key] != common[key]]
        if differing:
            key = differing[0]
            raise ValueError(f"{tile.name}: found {key} {facts[key]}, expected {common[key]}")
        i, j = _positions(tile.rows, of_rows, tile), _positions(tile.columns, of_columns, tile)
        _check_values(tile, symmetric)
        where = np.ix_(i, j)
        if np.isfinite(D[where]).any():
            raise ValueError(f"{tile.name}: found pairs that another tile has too")
        D[where] = tile.values
        if symmetric and tile.rows != tile.columns:
            D[np.ix_(j, i)] = tile.values.T
    missing = int(np.count_nonzero(np.isnan(D)))
    if missing:
        first, second = np.argwhere(np.isnan(D))[0]
        pair = list(of_rows)[first], list(of_columns)[second]
        raise ValueError(
            f"found no tile for {missing} of {D.size} pairs, such as {pair[0]!r} and {pair[1]!r}"
        )
    return D


def _places(ids: Sequence[str]) -> dict[str, int]:
    position = {id: i for i, id in enumerate(ids)}
    if len(position) != len(ids):
        raise ValueError(f"found {len(ids) - len(position)} ids that repeat, expected unique ids")
    return position


def _positions(side: Sequence[str], position: Mapping[str, int], tile: Tile) -> np.ndarray:
    unknown = [id for id in side if id not in position]
    if unknown:
        raise ValueError(f"{tile.name}: found {unknown[0]!r}, which is not in this matrix")
    return np.array([position[id] for id in side])


def _check_values(tile: Tile, symmetric: bool) -> None:
    bad = np.argwhere(~np.isfinite(tile.values))
    if len(bad):
        i, j = bad[0]
        raise ValueError(
            f"{tile.name}: distance from {tile.rows[i]!r} to {tile.columns[j]!r} is not finite"
        )
    if symmetric and tile.rows == tile.columns:
        if not np.array_equal(tile.values, tile.values.T):
            raise ValueError(f"{tile.name}: found other distances one way than the other")
        if np.diagonal(tile.values).any():
            raise ValueError(f"{tile.name}: found distances to oneself that are not zero")
