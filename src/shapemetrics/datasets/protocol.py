"""What a dataset is to this package, and how one becomes a representation store."""

from __future__ import annotations

import math
import numbers
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from shapemetrics.store.metadata import OWN_COLUMNS
from shapemetrics.store.reader import RepresentationStore
from shapemetrics.store.writer import StoreWriter

#: Covariates may not be called like columns that tables of results have of themselves.
RESERVED = (*OWN_COLUMNS, "state", "selection", "metric", "leaf", "stress", "target", "task")
_COORDINATE = re.compile(r"pc\d+(_fraction)?")

#: What every dataset says about itself.
FACTS = ("source", "simulated", "stimuli", "metadata")

Trials = Literal["keep", "mean"]


class Representation(NamedTuple):
    """One network's, layer's or region's responses, and what is known about it.

    Attributes
    ----------
    id : str
        Unique name, usable as a file name.
    array : ndarray of shape (m, n), (m, trials, n) or (m, h, w, c)
        Responses: stimuli first, then units, or trials and units, or height, width and channels.
    covariates : mapping
        Numbers (regression predicts them, colours show them), or text (classification tells it
        apart); None where unknown. Every representation has the same ones.
    """

    id: str
    array: np.ndarray
    covariates: Mapping[str, Any]


class Dataset(ABC):
    """A source of representations: what to subclass for data of one's own.

    Three facts and one loop. An instance is iterated more than once, always with the same result,
    and makes one array at a time, so that data need not fit into memory.

    Attributes
    ----------
    source : str
        Where the data come from, for people.
    simulated : bool
        True where no network or animal produced the numbers. Every figure then says so.
    stimuli : sequence
        Identifier of each stimulus, in the order of the first axis of every array.
    metadata : mapping
        Anything else worth keeping that JSON can hold: settings, versions, digests of inputs.

    See Also
    --------
    check_dataset : The conformance test, for a test suite of one's own.
    write_store : Makes the store that everything else reads.
    """

    # Attributes of the class or of the instance, or properties: whatever suits.
    source: str
    simulated: bool
    stimuli: Sequence[Any]
    metadata: Mapping[str, Any] = {}

    @abstractmethod
    def __iter__(self) -> Iterator[Representation]:
        """Yield the representations, one at a time."""


def write_store(
    dataset: Dataset,
    path: str | os.PathLike,
    *,
    trials: Trials = "keep",
    metadata: Mapping[str, Any] | None = None,
) -> RepresentationStore:
    """Write all representations of a dataset as a store, or nothing at all.

    Parameters
    ----------
    dataset : Dataset
        Or any object with the same four members.
    path : path-like
        Folder to make; a store there is replaced when the new one is whole.
    trials : {"keep", "mean"}
        Whether arrays of shape (m, trials, n) stay as they are (stochastic metrics compare trials)
        or are averaged over trials (all other metrics compare means).
    metadata : mapping, optional
        Kept in ``dataset.json`` beside the dataset's own.

    Returns
    -------
    RepresentationStore

    Raises
    ------
    ValueError, TypeError
        If ids repeat or cannot be file names, an array is no representation of the stimuli, or
        covariates are not the same for all.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> class Noise(Dataset):
    ...     source, simulated, stimuli = "noise", True, range(6)
    ...     def __iter__(self):
    ...         for seed in range(3):
    ...             array = np.random.default_rng(seed).normal(size=(6, 4))
    ...             yield Representation(f"noise{seed}", array, {"seed": seed})
    >>> store = write_store(Noise(), Path(tempfile.mkdtemp()) / "store")
    >>> store.ids, store.index["seed"].tolist()
    (['noise0', 'noise1', 'noise2'], [0, 1, 2])
    """
    if trials not in ("keep", "mean"):
        raise ValueError(f"trials {trials!r} is unknown, expected 'keep' or 'mean'")
    for name in FACTS:
        if not hasattr(dataset, name):
            raise TypeError(
                f"{type(dataset).__name__} has no {name!r}, expected {', '.join(FACTS)}"
            )
    columns: list[str] | None = None
    with StoreWriter(
        path,
        source=dataset.source,
        simulated=dataset.simulated,
        stimuli=list(dataset.stimuli),
        metadata={**dataset.metadata, **dict(metadata or {})},
    ) as store:
        for id, array, covariates in dataset:
            columns = list(covariates) if columns is None else columns
            checked_covariates(id, covariates, columns)
            if np.ndim(array) == 3 and trials == "mean":
                array = array.mean(axis=1, dtype=np.float64)
            store.add(id, array, **covariates)
            del array  # before the next one is made
    return RepresentationStore(path)


def checked_covariates(id: str, covariates: Mapping[str, Any], expected: Sequence[str]) -> None:
    """Raise one clear ValueError or TypeError where covariates cannot stand in a store's index.

    Parameters
    ----------
    id : str
        Whose they are, for the message.
    covariates : mapping
    expected : sequence of str
        Those that the first representation has.
    """
    if list(covariates) != list(expected):
        raise ValueError(
            f"{id!r}: found covariates {', '.join(map(str, covariates)) or 'none'}, expected those "
            f"of the first representation: {', '.join(expected) or 'none'}"
        )
    for name, value in covariates.items():
        reason = refused_name(name)
        if reason:
            raise ValueError(f"{id!r}: covariate {reason}")
        if value is None or isinstance(value, str | bool | np.bool_):
            continue
        if not isinstance(value, numbers.Real):
            raise TypeError(
                f"{id!r}: covariate {name!r} is a {type(value).__name__}, "
                "expected a number, text, bool or None"
            )
        if math.isinf(value):
            raise ValueError(f"{id!r}: covariate {name!r} is infinite, expected a finite number")


def refused_name(name: Any) -> str | None:
    """Why a covariate cannot have this name; None where it can."""
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        return f"{name!r}: found no readable name, expected text"
    if name in RESERVED or _COORDINATE.fullmatch(name):
        return f"{name!r} has the name of a column that results have of themselves; rename it"
    return None


def refused_id(id: str) -> str | None:
    """Why an id cannot be a file name on every system; None where it can."""
    if not id or id != id.strip():
        return "is empty or begins or ends with a space"
    if id.startswith(".") or any(c in '/\\:*?"<>|' or not c.isprintable() for c in id):
        return 'cannot be a file name: no / \\ : * ? " < > |, and no dot in front'
    if len(id.encode()) > 200:
        return "is longer than 200 bytes"
    return None
