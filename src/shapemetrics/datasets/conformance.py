"""The conformance test of datasets: what a class must do so that a study can rely on it."""

from __future__ import annotations

import gc
import hashlib
import numbers
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np

from shapemetrics.datasets.protocol import FACTS, Dataset, checked_covariates, refused_id
from shapemetrics.store.arrays import check_representation

__all__ = ["check_dataset"]

#: Arrays of a dataset that may be alive together, in bytes, before it counts as not lazy.
LAZY_LIMIT = 500_000_000


def check_dataset(dataset: Dataset, *, lazy_limit: float = LAZY_LIMIT) -> int:
    """Check that a dataset keeps the contract; call it from the tests of a class of one's own.

    Parameters
    ----------
    dataset : Dataset
        An instance. It is iterated twice, and holds one array at a time for it.
    lazy_limit : float
        Bytes of arrays that may be alive at the same time: more, and the dataset counts as one
        that holds all of its data in memory.

    Returns
    -------
    int
        Number of representations, all of them sound.

    Raises
    ------
    AssertionError
        In one line what was found and what was expected: `source`, `simulated` and `stimuli` are
        there; items are triples; ids are unique, usable as file names, and differ in more than
        capitals; arrays are real, finite, of 2 to 4 axes, with the dataset's number of stimuli;
        covariates are the same for all, each of one type; a second pass gives the same; arrays
        are made one at a time.

    Examples
    --------
    >>> from shapemetrics.datasets import Representation
    >>> class Noise(Dataset):
    ...     source, simulated, stimuli = "noise", True, range(6)
    ...     def __iter__(self):
    ...         for seed in range(3):
    ...             array = np.random.default_rng(seed).normal(size=(6, 4))
    ...             yield Representation(f"noise{seed}", array, {"seed": seed})
    >>> check_dataset(Noise())
    3
    """
    n_stimuli = _checked_facts(dataset)
    first = _pass(dataset, n_stimuli, lazy_limit)
    second = _pass(dataset, n_stimuli, lazy_limit)
    _require(bool(first), "found no representation, expected at least one")
    _require(
        list(first) == list(second),
        f"a second pass gave {len(second)} other ids than the first ({len(first)}); an instance "
        "must be iterable more than once, in the same order",
    )
    for id, digest in first.items():
        _require(
            second[id] == digest,
            f"{id!r}: a second pass gave other numbers or covariates; set every seed explicitly",
        )
    return len(first)


def _require(condition: bool, message: str) -> None:
    # No assert statement: python -O would take the test away.
    if not condition:
        raise AssertionError(message)


def _checked_facts(dataset: Any) -> int:
    """Check what is said about the whole dataset; give its number of stimuli."""
    for name in (*FACTS, "__iter__"):
        _require(hasattr(dataset, name), f"{type(dataset).__name__} has no {name}")
    source, simulated = dataset.source, dataset.simulated
    _require(
        isinstance(source, str) and bool(source.strip()), f"source is {source!r}, expected text"
    )
    _require(
        isinstance(simulated, bool), f"simulated is {simulated!r}, expected True or False exactly"
    )
    stimuli = list(dataset.stimuli)
    _require(bool(stimuli), "stimuli is empty, expected an identifier for each stimulus")
    _require(stimuli == list(dataset.stimuli), "stimuli differ when they are asked for twice")
    for stimulus in stimuli:
        _require(
            isinstance(stimulus, str | numbers.Real | np.bool_),
            f"stimulus {stimulus!r} is a {type(stimulus).__name__}, expected text or a number",
        )
    _require(len(set(stimuli)) == len(stimuli), "stimuli repeat, expected unique identifiers")
    return len(stimuli)


def _pass(dataset: Any, n_stimuli: int, lazy_limit: float) -> dict[str, str]:
    """Iterate once; a digest of each array and its covariates by id."""
    iterator = iter(dataset)
    _require(
        isinstance(iterator, Iterator), f"iter() gave a {type(iterator).__name__}, not an iterator"
    )
    digests: dict[str, str] = {}
    folded: set[str] = set()
    kinds: dict[str, type] = {}
    columns: list[str] | None = None
    alive: list[tuple[weakref.ref, int]] = []
    for item in iterator:
        _require(
            isinstance(item, tuple) and len(item) == 3,
            f"item {len(digests)} is a {type(item).__name__}, expected (id, array, covariates)",
        )
        id, array, covariates = item
        _check_id(id, folded)
        columns = list(covariates) if columns is None else columns
        try:
            _require(
                isinstance(array, np.ndarray),
                f"{id!r}: found a {type(array).__name__}, expected a NumPy array",
            )
            check_representation(array, id, n_stimuli=n_stimuli)
            checked_covariates(id, covariates, columns)
        except (ValueError, TypeError) as error:
            raise AssertionError(str(error)) from None
        _check_types(id, covariates, kinds)
        digests[id] = _digest(array, covariates)
        alive.append((weakref.ref(array), array.nbytes))
        del item, array
        gc.collect(0)
        alive = [(array, size) for array, size in alive if array() is not None]
        held = sum(size for _, size in alive)
        _require(
            len(alive) < 3 or held <= lazy_limit,
            f"{len(alive)} arrays of {held / 1e9:.1f} GB are alive after {id!r}; make each array "
            "when it is asked for and keep none",
        )
    return digests


def _check_id(id: Any, folded: set[str]) -> None:
    _require(isinstance(id, str), f"id {id!r} is a {type(id).__name__}, expected text")
    reason = refused_id(id)
    _require(reason is None, f"id {id!r} {reason}")
    _require(id.casefold() not in folded, f"id {id!r} is given twice (capitals do not count)")
    folded.add(id.casefold())


def _check_types(id: str, covariates: Any, kinds: dict[str, type]) -> None:
    """A covariate is text for all, or a number for all."""
    for name, value in covariates.items():
        if value is None:
            continue
        kind = str if isinstance(value, str) else bool if _is_bool(value) else float
        known = kinds.setdefault(name, kind)
        _require(
            known is kind,
            f"{id!r}: covariate {name!r} is {kind.__name__}, for others {known.__name__}",
        )


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


def _digest(array: np.ndarray, covariates: Any) -> str:
    total = hashlib.sha256(f"{array.shape} {array.dtype.str} ".encode())
    total.update(np.ascontiguousarray(array).data)
    total.update(repr([(name, _plain(value)) for name, value in covariates.items()]).encode())
    return total.hexdigest()


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
