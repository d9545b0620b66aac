"""What a file or folder holds, in a form that JSON has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from shapemetrics.cli.responses import is_store, members, read_responses
from shapemetrics.linalg import Array
from shapemetrics.pairwise.matrix import DistanceMatrix
from shapemetrics.store.metadata import OWN_COLUMNS
from shapemetrics.store.reader import RepresentationStore


def describe(path: Path, *, verify: bool = False) -> dict[str, Any]:
    """Kind, sizes and origin of a store, a matrix of distances, or arrays.

    Parameters
    ----------
    path : pathlib.Path
    verify : bool
        Check a store's arrays against their digests.

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
    if path.suffix.lower() == ".npz" and {"distances", "ids"} <= set(members(path)):
        return _distances(DistanceMatrix.load(path))
    responses = read_responses([path])
    return {"kind": "responses", "arrays": {id: _array(responses[id]) for id in responses}}


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
