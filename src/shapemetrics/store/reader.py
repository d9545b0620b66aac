"""Reading a representation store, every fault named."""

from __future__ import annotations

import hashlib
import os
import tokenize
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from shapemetrics.files import DamagedFile, sha256_of
from shapemetrics.store.arrays import Positions, check_representation, flatten_positions
from shapemetrics.store.metadata import DATASET, INDEX, OWN_COLUMNS, check_index, read_metadata


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
        Content of ``dataset.json``, which holds a digest of itself and of the index.

    Raises
    ------
    ValueError
        If the folder is not a store.
    DamagedFile
        If its index or ``dataset.json`` is not what was written.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        for name in (INDEX, DATASET):
            if not (self.path / name).is_file():
                raise ValueError(f"{self.path} is not a representation store: {name} is missing")
        self.metadata = read_metadata(self.path / DATASET)
        check_index(self.path, self.metadata)
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

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        return f"RepresentationStore({str(self.path)!r}, {len(self)} representations)"

    @property
    def ids(self) -> list[str]:
        """Ids in the order of the index."""
        return list(self.index["id"])

    @property
    def stimuli(self) -> tuple[Any, ...] | None:
        """Labels of the stimuli; None where they only count, from 0 or 1."""
        labels = self.metadata.get("stimuli")
        if not isinstance(labels, list):
            return None
        counts = [list(range(first, first + len(labels))) for first in (0, 1)]
        return None if labels in counts else tuple(labels)

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
        return self._view(self.index.loc[keep])

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
            See :func:`~shapemetrics.store.arrays.flatten_positions`; None leaves arrays as they
            are.

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
