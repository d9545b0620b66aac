"""A matrix of distances with the ids, the metric and the data that it belongs to."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from shapemetrics.files import atomic_path, read_archive, save_archive
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
        save_archive(
            path,
            distances=self.values,
            ids=np.array(self.ids, dtype=str),
            provenance=json.dumps(self.provenance, sort_keys=True),
        )

    def save_table(self, path: str | os.PathLike) -> None:
        """Write the matrix as CSV, ids as header and first column, for people."""
        with atomic_path(path) as temporary:
            table = pd.DataFrame(self.values, index=self.ids, columns=self.ids)
            table.to_csv(temporary, index_label="id", float_format="%.9g")

    @classmethod
    def load(cls, path: str | os.PathLike) -> DistanceMatrix:
        """Read what :meth:`save` wrote; DamagedFile names a file that is damaged or another's."""
        return read_archive(path, "a matrix of distances", cls.from_arrays)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> DistanceMatrix:
        """The matrix that the arrays of a file hold."""
        return cls(
            np.asarray(arrays["distances"], dtype=np.float64),
            [str(id) for id in arrays["ids"]],
            json.loads(str(arrays["provenance"])),
        )
