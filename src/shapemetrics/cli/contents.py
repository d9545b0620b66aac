"""What a file or folder holds, in a form that JSON has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from shapemetrics.cli.responses import is_store, read_responses
from shapemetrics.datasets.files.formats import FORMATS, suffix_of
from shapemetrics.datasets.files.readers import variables_of
from shapemetrics.datasets.files.remarks import remarks_on_containers
from shapemetrics.datasets.files.variables import Variable, candidates, left_out
from shapemetrics.linalg import Array
from shapemetrics.pairwise.matrix import DistanceMatrix
from shapemetrics.store.metadata import OWN_COLUMNS
from shapemetrics.store.reader import RepresentationStore


def describe(path: Path, *, verify: bool = False, **reading: Any) -> dict[str, Any]:
    """Kind, sizes and origin of a store, a matrix of distances, or arrays.

    Parameters
    ----------
    path : pathlib.Path
    verify : bool
        Check a store's arrays against their digests.
    **reading
        How files of responses are read: of :func:`shapemetrics.cli.responses.read_responses`.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If the path holds none of these, or the store is damaged.
    """
    if path.is_dir() and is_store(path):
        return _store(RepresentationStore(path), verify)
    if verify:
        raise ValueError(f"--verify: {path} is no representation store")
    form = suffix_of(path)
    held = None if path.is_dir() or form not in FORMATS else variables_of(path)
    if form == ".npz" and {"distances", "ids"} <= {each.name for each in held or ()}:
        return _distances(DistanceMatrix.load(path))
    if held is not None and reading.get("variable") is None:
        return _container(path, held, reading)
    return _responses(path, reading)


def _responses(path: Path, reading: dict[str, Any]) -> dict[str, Any]:
    found = read_responses([path], **reading)
    passed = remarks_on_containers([path])
    remarks = [line for line in found.remarks if line not in passed]
    said = {"remarks": remarks} if remarks else {}
    return {"kind": "responses", "arrays": {id: _array(found[id]) for id in found}, **said}


def _container(path: Path, held: list[Variable], reading: dict[str, Any]) -> dict[str, Any]:
    """A file of several arrays: those that may be responses, and those that are passed over."""
    passed = {each.name: _header(each) for each in left_out(held)}
    others = {"left_out": passed} if passed else {}
    # Of an archive all are networks, unless some of them cannot be read.
    readable = not any(each.unreadable for each in candidates(held))
    if len(candidates(held)) == 1 or suffix_of(path) == ".npz" or (readable and candidates(held)):
        return {**_responses(path, reading), **others}
    arrays = {each.name: _header(each) for each in candidates(held)}
    return {"kind": "responses", "arrays": arrays, "chosen_by": "--variable", **others}


def _header(variable: Variable) -> dict[str, Any]:
    unreadable = {"unreadable": variable.unreadable} if variable.unreadable else {}
    return {"shape": list(variable.shape), **unreadable}


def _array(X: Array) -> dict[str, Any]:
    return {"shape": list(X.shape), "dtype": str(X.dtype)}


def _store(store: RepresentationStore, verify: bool) -> dict[str, Any]:
    covariates = store.index.drop(columns=list(OWN_COLUMNS))
    facts = {
        "kind": "store",
        "n_representations": len(store),
        "shapes": store.index["shape"].value_counts().to_dict(),
        "covariates": {
            name: {"n_levels": int(column.nunique()), "n_missing": int(column.isna().sum())}
            for name, column in covariates.items()
        },
        "digest": store.digest,
        **{key: value for key, value in store.metadata.items() if key != "stimuli"},
    }
    if verify:
        store.verify()
        facts["verified"] = True
    return facts


def _distances(D: DistanceMatrix) -> dict[str, Any]:
    off = D.values[~np.eye(len(D.ids), dtype=bool)]
    spread = {"minimum": np.min, "median": np.median, "maximum": np.max}
    return {
        "kind": "distances",
        "n_items": len(D.ids),
        "ids": D.ids,
        "symmetric": bool(np.array_equal(D.values, D.values.T)),
        **({name: of(off) for name, of in spread.items()} if len(off) else {}),
        "provenance": D.provenance,
    }
