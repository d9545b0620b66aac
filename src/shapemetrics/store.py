"""The representation store: the one contract that datasets write and distances read.

A store is a folder with ``index.csv`` (one row a representation), one uncompressed ``.npy`` file
each, and ``dataset.json`` (source, stimuli, versions, whether the data are simulated).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
import pandas as pd

from shapemetrics.files import DamagedFile, sha256_of

INDEX = "index.csv"
DATASET = "dataset.json"
OWN_COLUMNS = ("id", "path", "shape", "dtype", "sha256")
Positions = Literal["samples", "features", "mean"]


class StoreWriter:
    """Write a representation store, all of it or nothing.

    Everything goes to a temporary folder beside `path`, which is renamed to `path` when the
    ``with`` block ends without an error and removed when it ends with one.

    Parameters
    ----------
    path : path-like
        Folder to make. An existing store there is replaced at the end.
    source : str
        Where the data come from, for people, for example ``"nasbench/digits"``.
    simulated : bool
        True where no network or animal produced the numbers. Figures show it.
    stimuli : sequence
        Identifier of each stimulus, in the order of the first axis of every array.
    metadata : mapping, optional
        Anything else worth keeping that JSON can hold: configuration, versions, digests.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "store"
    >>> with StoreWriter(folder, source="demo", simulated=True, stimuli=[0, 1, 2]) as store:
    ...     store.add("a", np.eye(3), layer="stem")
    >>> RepresentationStore(folder).ids
    ['a']
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        source: str,
        simulated: bool,
        stimuli: Sequence[Any],
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self._final = Path(path)
        self._folder = self._final.with_name(f".{self._final.name}.{os.getpid()}.tmp")
        self._rows: dict[str, dict[str, Any]] = {}
        self._stimuli = [s.item() if isinstance(s, np.generic) else s for s in stimuli]
        self._dataset = {
            "source": source,
            "simulated": bool(simulated),
            "n_stimuli": len(self._stimuli),
            "stimuli": self._stimuli,
            **dict(metadata or {}),
        }

    def __enter__(self) -> StoreWriter:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        return self

    def add(self, id: str, array: np.ndarray, **covariates: Any) -> None:
        """Add one representation.

        Parameters
        ----------
        id : str
            Unique name, usable as a file name.
        array : ndarray of shape (m, n), (m, trials, n) or (m, h, w, c)
            Responses: stimuli first, then units, or trials and units, or height, width and
            channels.
        **covariates
            Further columns of the index (layer, structure_acronym, test_accuracy, ...).

        Raises
        ------
        ValueError
            If the id repeats or cannot be a file name, or the array is not a valid
            representation of this store's stimuli.
        """
        if id in self._rows:
            raise ValueError(f"representation {id!r} is given twice; ids must be unique")
        if not id or Path(id).name != id or id.startswith("."):
            raise ValueError(f"representation id {id!r} cannot be a file name")
        clash = set(covariates) & set(OWN_COLUMNS)
        if clash:
            raise ValueError(f"{id!r}: covariates {sorted(clash)} are columns of the store")
        array = np.ascontiguousarray(array)
        check_representation(array, id, n_stimuli=len(self._stimuli))
        name = f"{id}.npy"
        np.save(self._folder / name, array, allow_pickle=False)
        self._rows[id] = {
            "id": id,
            "path": name,
            "shape": "x".join(map(str, array.shape)),
            "dtype": str(array.dtype),
            "sha256": sha256_of(self._folder / name),
            **covariates,
        }

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._commit()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _commit(self) -> None:
        if not self._rows:
            raise ValueError(f"store {self._final}: no representation was added")
        pd.DataFrame(self._rows.values()).to_csv(self._folder / INDEX, index=False)
        (self._folder / DATASET).write_text(
            json.dumps(self._dataset, indent=1, sort_keys=True, default=_jsonable) + "\n"
        )
        shutil.rmtree(self._final, ignore_errors=True)
        os.replace(self._folder, self._final)


class RepresentationStore:
    """Read a representation store, or a selection of one.

    Parameters
    ----------
    path : path-like
        Folder with ``index.csv`` and ``dataset.json``.

    Attributes
    ----------
    index : pandas.DataFrame
        One row a representation, indexed by id.
    metadata : dict
        Content of ``dataset.json``.

    Raises
    ------
    ValueError
        If the folder is not a store, or lists a file that is missing.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        for name in (INDEX, DATASET):
            if not (self.path / name).is_file():
                raise ValueError(f"{self.path} is not a representation store: {name} is missing")
        # Text stays text: a structure named 'NA' or a hash such as '1e5' is not a number.
        index = pd.read_csv(
            self.path / INDEX,
            dtype={"id": str, "path": str, "shape": str, "network": str},
            keep_default_na=False,
            na_values=[""],
        )
        missing = [column for column in OWN_COLUMNS if column not in index]
        if missing:
            raise ValueError(f"{self.path / INDEX}: columns {missing} are missing")
        if index["id"].duplicated().any():
            twice = index.loc[index["id"].duplicated(), "id"].iloc[0]
            raise ValueError(f"{self.path / INDEX}: id {twice!r} stands twice")
        self.index = index.set_index("id", drop=False)
        self.metadata: dict[str, Any] = json.loads((self.path / DATASET).read_text())

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        return f"RepresentationStore({str(self.path)!r}, {len(self)} representations)"

    @property
    def ids(self) -> list[str]:
        """Ids in the order of the index."""
        return list(self.index["id"])

    @property
    def simulated(self) -> bool:
        """Whether the data are simulated."""
        return bool(self.metadata.get("simulated", False))

    @property
    def digest(self) -> str:
        """SHA-256 over ids, shapes and the arrays' own digests, in order."""
        total = hashlib.sha256()
        for row in self.index[["id", "shape", "dtype", "sha256"]].itertuples(index=False):
            total.update("\t".join(row).encode() + b"\n")
        return total.hexdigest()

    def select(self, **covariates: Any) -> RepresentationStore:
        """Representations whose covariates equal the given values (or are among given lists).

        Raises
        ------
        ValueError
            If a covariate is unknown or nothing is left.
        """
        keep = np.ones(len(self.index), dtype=bool)
        for name, wanted in covariates.items():
            if name not in self.index:
                known = ", ".join(c for c in self.index if c not in OWN_COLUMNS)
                raise ValueError(f"{self.path}: no covariate {name!r}; there are: {known}")
            values = wanted if isinstance(wanted, list | tuple | set) else [wanted]
            keep &= self.index[name].isin(list(values)).to_numpy()
        if not keep.any():
            raise ValueError(f"{self.path}: no representation has {covariates}")
        return self._view(self.index[keep])

    def take(self, ids: Iterable[str]) -> RepresentationStore:
        """The representations with these ids, in this order."""
        ids = list(ids)
        unknown = [id for id in ids if id not in self.index.index]
        if unknown:
            raise ValueError(f"{self.path}: no representation {unknown[0]!r}")
        return self._view(self.index.loc[ids])

    def load(self, id: str, *, mmap: bool = True) -> np.ndarray:
        """One representation's array, memory-mapped read-only unless ``mmap=False``.

        Raises
        ------
        ValueError
            If the id is unknown, its file missing, or its shape or dtype not the index's.
        """
        file = self._file(id)
        row = self.index.loc[id]
        try:
            array = np.load(file, mmap_mode="r" if mmap else None, allow_pickle=False)
        except (ValueError, EOFError, SyntaxError, tokenize.TokenError) as error:
            raise DamagedFile(file, f"damaged or not an .npy file: {error}") from error
        found = ("x".join(map(str, array.shape)), str(array.dtype))
        if found != (row["shape"], row["dtype"]):
            raise ValueError(
                f"{file}: found shape {found[0]} of {found[1]}, "
                f"expected {row['shape']} of {row['dtype']}"
            )
        return array

    def arrays(self, positions: Positions | None = None) -> list[np.ndarray]:
        """All arrays in order, checked; convolutional ones flattened by `positions`.

        Parameters
        ----------
        positions : {"samples", "features", "mean"}, optional
            See :func:`~shapemetrics.store.flatten_positions`; None leaves arrays as they are.

        Raises
        ------
        ValueError
            If an array holds NaN or infinity, or the numbers of stimuli differ.
        """
        loaded = []
        for id in self.ids:
            array = self.load(id)
            check_representation(array, id, n_stimuli=self.metadata.get("n_stimuli"))
            loaded.append(array if positions is None else flatten_positions(array, positions, id))
        for id, array in zip(self.ids, loaded):
            if len(array) != len(loaded[0]):
                raise ValueError(
                    f"{self.path}: {id!r} has {len(array)} samples and {self.ids[0]!r} "
                    f"{len(loaded[0])}; all must have the same number"
                )
        return loaded

    def verify(self) -> None:
        """Check every file against its digest, about a second a gigabyte.

        Raises
        ------
        DamagedFile
            Names the first that differs.
        """
        for id in self.ids:
            file = self._file(id)
            found, expected = sha256_of(file), self.index.loc[id, "sha256"]
            if found != expected:
                raise DamagedFile(file, f"found sha256 {found}, expected {expected}")

    def _file(self, id: str) -> Path:
        """The file of a representation, inside the store and there."""
        if id not in self.index.index:
            raise ValueError(f"{self.path}: no representation {id!r}")
        name = self.index.loc[id, "path"]
        file = self.path / name
        if not file.resolve().is_relative_to(self.path.resolve()):
            raise ValueError(f"{self.path}: {id!r} points outside the store: {name}")
        if not file.is_file():
            raise DamagedFile(file, "missing, though the index of the store lists it")
        return file

    def _view(self, index: pd.DataFrame) -> RepresentationStore:
        view = object.__new__(RepresentationStore)
        view.path, view.metadata, view.index = self.path, self.metadata, index
        return view


def check_representation(array: np.ndarray, name: str, n_stimuli: int | None = None) -> None:
    """Raise one clear ValueError or TypeError where `array` is no representation.

    Parameters
    ----------
    array : ndarray of shape (m, n), (m, trials, n) or (m, h, w, c)
        Responses of one network or region.
    name : str
        What to call it in the message.
    n_stimuli : int, optional
        The number of stimuli expected on the first axis.
    """
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        raise TypeError(f"{name!r}: found dtype {array.dtype}, expected real numbers")
    if array.ndim not in (2, 3, 4):
        raise ValueError(
            f"{name!r}: found shape {array.shape}, expected (stimuli, units), "
            "(stimuli, trials, units) or (stimuli, height, width, channels)"
        )
    if array.size == 0:
        raise ValueError(f"{name!r}: found shape {array.shape}, expected at least one unit")
    if n_stimuli is not None and len(array) != n_stimuli:
        raise ValueError(f"{name!r}: found {len(array)} stimuli, expected {n_stimuli}")
    bad = array.size - int(np.count_nonzero(np.isfinite(array)))
    if bad:
        raise ValueError(f"{name!r}: found {bad} values that are NaN or infinite, expected none")


def flatten_positions(array: np.ndarray, positions: Positions, name: str = "array") -> np.ndarray:
    """Turn a convolutional representation into a matrix.

    Parameters
    ----------
    array : ndarray of shape (m, h, w, c) or (m, n)
        A matrix passes unchanged.
    positions : {"samples", "features", "mean"}
        ``samples``: (m h w) x c, every position a sample, which is the channel-rotation
        representation of the paper; ``features``: m x (h w c); ``mean``: m x c, averaged over
        positions.

    Returns
    -------
    ndarray
        The matrix.
    """
    if positions not in ("samples", "features", "mean"):
        raise ValueError(
            f"positions {positions!r} is unknown, expected 'samples', 'features' or 'mean'"
        )
    if array.ndim == 2:
        return array
    if array.ndim != 4:
        raise ValueError(f"{name!r}: found {array.ndim} axes, expected 2 or 4")
    if positions == "samples":
        return array.reshape(-1, array.shape[-1])
    if positions == "features":
        return array.reshape(len(array), -1)
    return array.mean(axis=(1, 2), dtype=np.float64).astype(array.dtype)


def _jsonable(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"dataset.json cannot hold a {type(value).__name__}")
