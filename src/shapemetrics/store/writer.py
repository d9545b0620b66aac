"""Writing a representation store: all of it or nothing."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd

from shapemetrics.arrays import NumericArray, as_numeric
from shapemetrics.files import sha256_of
from shapemetrics.stimuli import StimulusOrder
from shapemetrics.store.arrays import check_representation
from shapemetrics.store.metadata import INDEX, NONE, OWN_COLUMNS, write_metadata


class StoreWriter:
    """Write a representation store, all of it or nothing.

    Everything goes to a temporary folder beside `path`, which is renamed to `path` when the
    ``with`` block ends without an error and removed when it ends with one. One writer at a time:
    the next one removes what a killed one left.

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
    >>> from shapemetrics import RepresentationStore
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
        self._stimuli = [_plain(label) for label in stimuli]
        self._dataset = {
            "source": source,
            "simulated": bool(simulated),
            "n_stimuli": len(self._stimuli),
            "stimuli": self._stimuli,
            **dict(metadata or {}),
        }

    def __enter__(self) -> StoreWriter:
        # What killed writers of this store left behind may be as large as the store.
        for remains in self._final.parent.glob(f".{glob.escape(self._final.name)}.*.tmp"):
            shutil.rmtree(remains, ignore_errors=True)
        self._folder.mkdir(parents=True)
        return self

    def add(self, id: str, array: Any, **covariates: Any) -> None:
        """Add one representation.

        Parameters
        ----------
        id : str
            Unique name, usable as a file name.
        array : array-like of shape (m, n), (m, trials, n) or (m, h, w, c)
            Responses: stimuli first, then units, or trials and units, or height, width and
            channels; anything that :func:`shapemetrics.arrays.as_numeric` takes, kept in the type
            that stores it. Where it labels its stimuli, they are put into the store's order.
        **covariates
            Further columns of the index (layer, structure_acronym, test_accuracy, ...).

        Raises
        ------
        ValueError
            If the id repeats or cannot be a file name, or the array is not a valid
            representation of this store's stimuli.
        """
        if id in self._rows:
            raise ValueError(f"id: found {id!r} twice, expected unique ids")
        if not id or Path(id).name != id or id.startswith("."):
            raise ValueError(f"representation id {id!r} cannot be a file name")
        clash = set(covariates) & set(OWN_COLUMNS)
        if clash:
            raise ValueError(f"{id!r}: covariates {sorted(clash)} are columns of the store")
        values = self._in_order(as_numeric(array, id), id)
        values = values.astype(np.uint8) if values.dtype == bool else values
        values = np.ascontiguousarray(values)
        check_representation(values, id, n_stimuli=len(self._stimuli))
        name = f"{id}.npy"
        np.save(self._folder / name, values, allow_pickle=False)
        self._rows[id] = {
            "id": id,
            "path": name,
            "shape": "x".join(map(str, values.shape)),
            "dtype": str(values.dtype),
            "sha256": sha256_of(self._folder / name),
            **covariates,
        }

    def add_item(self, id: str, digest: str, **covariates: Any) -> None:
        """Add what is known about an item whose responses are not at hand, only its distances.

        Parameters
        ----------
        id : str
            Unique name.
        digest : str
            Of what is known of the item otherwise, such as its distances.
        **covariates
            Further columns of the index.

        Raises
        ------
        ValueError
            If the id repeats, or a covariate has the name of one of the store's own columns.
        """
        if id in self._rows:
            raise ValueError(f"id: found {id!r} twice, expected unique ids")
        clash = set(covariates) & set(OWN_COLUMNS)
        if clash:
            raise ValueError(f"{id!r}: covariates {sorted(clash)} are columns of the store")
        row = {"id": id, "path": NONE, "shape": NONE, "dtype": NONE, "sha256": digest}
        self._rows[id] = {**row, **covariates}

    def _in_order(self, array: NumericArray, id: str) -> np.ndarray:
        """Responses in the order of the store's stimuli, by the labels of their container."""
        if array.labels is None or len(array.labels) != len(self._stimuli):
            return array.values  # a wrong number of stimuli is refused as such
        rows = StimulusOrder(self._stimuli, "the store").rows(array.labels, repr(id))
        return array.values if rows is None else array.values[rows]

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
        write_metadata(self._dataset, self._folder)
        shutil.rmtree(self._final, ignore_errors=True)
        os.replace(self._folder, self._final)


def _plain(label: Any) -> Any:
    """A stimulus's label as JSON can hold it: dates and the like as text."""
    plain = label.item() if isinstance(label, np.generic) else label
    return plain if isinstance(plain, str | int | float | list | dict | None) else str(plain)
