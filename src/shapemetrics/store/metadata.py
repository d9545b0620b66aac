"""The facts about a store in ``dataset.json``, and the digests that they and the index carry."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from shapemetrics.files import DamagedFile, sha256_of

INDEX = "index.csv"
DATASET = "dataset.json"
#: Columns of the index that are not covariates.
OWN_COLUMNS = ("id", "path", "shape", "dtype", "sha256")
#: Path, shape and dtype of an item without responses.
NONE = "-"
#: Digests in ``dataset.json``: of the index, and of everything else in that file.
INDEX_DIGEST, OWN_DIGEST = "index_sha256", "sha256"


def write_metadata(facts: Mapping[str, Any], folder: str | os.PathLike) -> None:
    """Write ``dataset.json`` beside a finished index, with digests of both."""
    folder = Path(folder)
    facts = {**facts, INDEX_DIGEST: sha256_of(folder / INDEX)}
    facts[OWN_DIGEST] = _digest_of(facts)
    text = json.dumps(facts, indent=1, sort_keys=True, default=_jsonable)
    (folder / DATASET).write_text(text + "\n", encoding="utf-8")


def read_metadata(path: str | os.PathLike) -> dict[str, Any]:
    """What a store's ``dataset.json`` says, checked against the digest that it carries.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    dict

    Raises
    ------
    DamagedFile
        If it is not what was written. Without a digest anything is believed.
    """
    try:
        facts = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise DamagedFile(path, f"damaged or no JSON: {error}") from error
    if not isinstance(facts, dict):
        raise DamagedFile(path, "found no table of facts, expected a store's metadata")
    if OWN_DIGEST in facts and facts[OWN_DIGEST] != _digest_of(facts):
        raise _altered(Path(path))
    return facts


def check_index(folder: str | os.PathLike, facts: Mapping[str, Any]) -> None:
    """DamagedFile where a store's index is not what its metadata have the digest of."""
    index = Path(folder) / INDEX
    if INDEX_DIGEST in facts and sha256_of(index) != facts[INDEX_DIGEST]:
        raise _altered(index)


def _digest_of(facts: Mapping[str, Any]) -> str:
    """SHA-256 over all facts but this digest itself."""
    rest = {name: value for name, value in facts.items() if name != OWN_DIGEST}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, default=_jsonable).encode()).hexdigest()


def _altered(file: Path) -> DamagedFile:
    return DamagedFile(
        file,
        "found other content than was written (sha256 differs); after an edit of your own, "
        f"delete {INDEX_DIGEST!r} and {OWN_DIGEST!r} from {DATASET}",
    )


def _jsonable(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"dataset.json cannot hold a {type(value).__name__}")
