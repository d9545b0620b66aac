"""A matrix of distances with the ids, the metric and the data that it belongs to."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from shapemetrics.files import READING, DamagedFile, atomic_path
from shapemetrics.linalg import Array


@dataclass(frozen=True, eq=False)
class DistanceMatrix:
    """Distances between K representations.

    Attributes
    ----------
    values : ndarray of shape (K, K)
        Distances.
    ids : list of str
        Representations, in order.
    provenance : dict
        Metric and its parameters, store digest, versions: whatever JSON can hold.
    """

    values: Array
    ids: list[str]
    provenance: dict[str, Any]

    def __post_init__(self) -> None:
        K = len(self.ids)
        if self.values.shape != (K, K):
            raise ValueError(f"found a matrix of shape {self.values.shape} for {K} ids")
        if not np.isfinite(self.values).all():
            i, j = np.argwhere(~np.isfinite(self.values))[0]
            raise ValueError(f"distance from {self.ids[i]!r} to {self.ids[j]!r} is not finite")

    def save(self, path: str | os.PathLike) -> None:
        """Write ``.npz``, under a temporary name and renamed."""
        with atomic_path(path) as temporary, open(temporary, "wb") as stream:
            np.savez(
                stream,
                distances=self.values,
                ids=np.array(self.ids, dtype=str),
                provenance=np.array(json.dumps(self.provenance, sort_keys=True)),
            )

    def save_table(self, path: str | os.PathLike) -> None:
        """Write the matrix as CSV, ids as header and first column, for people."""
        with atomic_path(path) as temporary:
            table = pd.DataFrame(self.values, index=self.ids, columns=self.ids)
            table.to_csv(temporary, index_label="id", float_format="%.9g")

    @classmethod
    def load(cls, path: str | os.PathLike) -> DistanceMatrix:
        """Read what :meth:`save` wrote; DamagedFile names a file that is damaged or another's."""
        path = Path(path)
        if not path.is_file():
            raise ValueError(f"{path}: no such file, expected a matrix of distances")
        try:
            with np.load(path, allow_pickle=False) as parts:
                return cls(
                    np.asarray(parts["distances"], dtype=np.float64),
                    [str(id) for id in parts["ids"]],
                    json.loads(str(parts["provenance"])),
                )
        except READING as error:
            raise DamagedFile(path, f"not a readable matrix of distances ({error})") from error
