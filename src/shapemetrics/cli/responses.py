"""Responses in files: each read when it is needed, under an id that its path gives."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from shapemetrics.cli.metric_names import assignment
from shapemetrics.datasets.files.folders import response_files
from shapemetrics.datasets.files.formats import COLUMNS, FORMATS, TABLES, stem_of, suffix_of
from shapemetrics.datasets.files.looks import looks_like_rdm
from shapemetrics.datasets.files.readers import (
    RDM_REMARK,
    Reading,
    read_file,
    shape_of,
    variables_of,
)
from shapemetrics.datasets.files.remarks import remarks_on_axes, remarks_on_containers, told_of
from shapemetrics.datasets.files.variables import candidates
from shapemetrics.files import sha256_of
from shapemetrics.linalg import Array
from shapemetrics.stimuli import StimulusOrder
from shapemetrics.store.arrays import Positions, flatten_positions
from shapemetrics.store.metadata import DATASET, INDEX
from shapemetrics.store.reader import RepresentationStore


@dataclass(frozen=True, eq=False)
class Responses(Mapping[str, Array]):
    """Arrays by id, read when asked for and memory-mapped where the file allows it.

    Attributes
    ----------
    readers : dict
        A function without arguments for each id.
    sources : dict
        Digest of each file or store, by its path as given.
    positions : {"samples", "features", "mean"}, optional
        How arrays of four axes become matrices.
    remarks : list of str
        What was left out, and what was taken for what, a line each.
    """

    readers: dict[str, Callable[[], Array]]
    sources: dict[str, str]
    positions: Positions | None = None
    remarks: list[str] = field(default_factory=list)
    #: The whole store that these are, whose index knows their digests.
    store: RepresentationStore | None = field(default=None, repr=False)

    def __getitem__(self, id: str) -> Array:
        X = self.readers[id]()
        return X if self.positions is None else flatten_positions(X, self.positions, id)

    def __iter__(self) -> Iterator[str]:
        return iter(self.readers)

    def __len__(self) -> int:
        return len(self.readers)

    def collection(self) -> Mapping[str, Array] | RepresentationStore:
        """What all pairs are asked of: the store where this is one as it stands."""
        return self if self.store is None or self.positions is not None else self.store

    def matching(self, ids: Sequence[str]) -> Responses:
        """The same ids in this order; ValueError where one is missing or there are others."""
        missing = [id for id in ids if id not in self.readers]
        if missing:
            raise ValueError(f"--heldout: found no responses of {missing[0]!r}")
        other = [id for id in self.readers if id not in set(ids)]
        if other:
            raise ValueError(f"--heldout: found {other[0]!r}, which is not among the fitted ones")
        readers = {id: self.readers[id] for id in ids}
        return Responses(readers, self.sources, self.positions, self.remarks)


def read_responses(
    paths: Sequence[Path],
    *,
    positions: Positions | None = None,
    select: Sequence[str] = (),
    **reading: Any,
) -> Responses:
    """Responses of files, archives, folders and stores.

    Parameters
    ----------
    paths : sequence of pathlib.Path
        A file holds one network, an archive of any kind (``.npz``, ``.mat``, ``.h5``, tensors)
        several by name. A folder is a
        representation store, or holds such files: those of
        :func:`~shapemetrics.datasets.files.folders.response_files`.
    positions : {"samples", "features", "mean"}, optional
        See :func:`shapemetrics.store.flatten_positions`.
    select : sequence of str
        ``COLUMN=VALUE`` texts: which representations of a store.
    **reading
        Of :func:`shapemetrics.datasets.files.read_array`.

    Returns
    -------
    Responses

    Raises
    ------
    ValueError
        If something cannot be read, stands twice, or `select` is given without a store; or tables
        name other stimuli than others, or in another order that cannot be mended.

    Notes
    -----
    Tables are read at once, since what they call their stimuli has to be compared, and again where
    their numbers are asked for.
    """
    options = Reading(**reading)
    files, remarks = _files(paths)
    stores = {path: _selected(path, select) for path in files if path.is_dir()}
    if select and not stores:
        raise ValueError("--select: expected a representation store among the files")
    order, arrays, told = StimulusOrder(remedy=""), [], []
    readers: dict[str, Callable[[], Array]] = {}
    for path, label in zip(files, labels(files)):
        if path in stores:
            found = {id: partial(stores[path].load, id) for id in stores[path].ids}
        else:
            names = _names(path, options)
            rows = None
            if suffix_of(path) in (*TABLES, *COLUMNS):
                content = read_file(path, options)
                rows = order.rows(content.stimuli, str(path))
                told += [] if content.told is None else [(str(path), content.told)]
            else:
                order.rows(None, str(path))
            arrays += [(path, name) for name in names]
            found = {name: partial(_read, path, name, rows, options) for name in names}
        for name, read in found.items():
            # One archive or store alone needs no name before those that it holds.
            whole = label if name is None else name if len(files) == 1 else f"{label}/{name}"
            if whole in readers:
                raise ValueError(f"{path}: {whole!r} is the id of another file too")
            readers[whole] = read
    remarks += [*remarks_on_axes(arrays, options), *told_of(told), *order.remarks()]
    if options.variable is None:
        remarks += remarks_on_containers(path for path, _ in arrays)
    remarks += _remarks_on_rdms(arrays, options)
    sources = {str(p): stores[p].digest if p in stores else sha256_of(p) for p in files}
    alone = stores.get(files[0]) if len(files) == 1 else None
    return Responses(readers, sources, positions, remarks, alone)


def _remarks_on_rdms(arrays: Sequence[tuple[Path, str | None]], reading: Reading) -> Iterator[str]:
    """Yield a line about the first array that looks like a matrix of dissimilarities."""
    for path, name in arrays:
        options = replace(reading, variable=name or reading.variable)
        try:
            shape = shape_of(path, options)
            if shape is None or len(shape) != 2 or shape[0] != shape[1]:
                continue
            if looks_like_rdm(read_file(path, options).array):
                yield f"{path}: {RDM_REMARK}"
                return
        except (ValueError, OSError):  # whoever reads it says what is wrong
            continue


def labels(paths: Sequence[Path]) -> list[str]:
    """An id for each path: its stem, or as much of the path as tells it from the others.

    Examples
    --------
    >>> labels([Path("runs/a.npy"), Path("runs/b.npy")])
    ['a', 'b']
    >>> labels([Path("runs/1/a.npy"), Path("runs/2/a.npy")])
    ['1/a', '2/a']
    >>> labels([Path("a.npy"), Path("a.csv")])
    ['a.npy', 'a.csv']
    """
    absolute = [Path(os.path.abspath(path)) for path in paths]
    often, times = Counter(absolute).most_common(1)[0]
    if times > 1:
        raise ValueError(f"{paths[absolute.index(often)]}: given twice, expected different files")
    shared = Path(os.path.commonpath([path.parent for path in absolute]))
    below = [path.relative_to(shared) for path in absolute]
    for named in (
        [stem_of(path) for path in absolute],
        [_without_suffix(path) for path in below],
    ):
        if len(set(named)) == len(named):
            return named
    return [path.as_posix() for path in below]


def _without_suffix(path: Path) -> str:
    return path.with_name(stem_of(path)).as_posix()


def _files(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The paths, with files of folders that are no stores in their places, and what is left out."""
    files: list[Path] = []
    remarks: list[str] = []
    for path in paths:
        if not path.is_dir() or is_store(path):
            files.append(path)
            continue
        found, said = response_files(path)
        if not found:
            raise ValueError(f"{path}: found no {', '.join(FORMATS)} in this folder, and no store")
        files += found
        remarks += said
    return files, remarks


def is_store(path: Path) -> bool:
    """Whether a folder is a representation store."""
    return (path / INDEX).is_file() and (path / DATASET).is_file()


def _selected(path: Path, select: Sequence[str]) -> RepresentationStore:
    store = RepresentationStore(path)
    for text in select:
        column, value = assignment(text, "--select")
        as_text = store.index[column].astype(str) if column in store.index else None
        # An index may hold "1" where the command line says 1: what is written decides.
        if as_text is not None and value not in set(store.index[column]):
            wanted = text.partition("=")[2].strip()
            value = list(store.index.loc[as_text == wanted, column].unique()) or value
        store = store.select(**{column: value})
    return store


def _names(path: Path, reading: Reading) -> list[str | None]:
    """Which arrays of a file are networks, by name; None where it is one."""
    if reading.variable is not None or suffix_of(path) == ".h5ad":
        return [None]
    found = candidates(variables_of(path) or [])
    unreadable = any(each.unreadable for each in found) and suffix_of(path) != ".npz"
    return [each.name for each in found] if len(found) > 1 and not unreadable else [None]


def _read(path: Path, name: str | None, rows: Array | None, reading: Reading) -> Array:
    array = read_file(path, replace(reading, variable=name or reading.variable)).array
    return array if rows is None else array[rows]
