"""Distances to landmarks: where all pairs are too many, each item is held against a few only."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from shapemetrics.files import read_archive, save_archive
from shapemetrics.pairwise.checks import nonnegative_numbers, real_numbers

__all__ = ["LandmarkDistances", "triangle_bounds"]


@dataclass(frozen=True, eq=False)
class LandmarkDistances:
    """Distances from K items to L landmarks among them.

    Attributes
    ----------
    values : ndarray of shape (K, L)
        Distances; a landmark's to itself is exactly zero.
    ids : list of str
        Items, in order.
    landmarks : ndarray of shape (L,)
        Positions of the landmarks among the items, in the order in which they were chosen.
    parameters : dict
        The metric's name and parameters.
    """

    values: NDArray[np.float64]
    ids: list[str]
    landmarks: NDArray[np.intp]
    parameters: dict[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", real_numbers(self.values, "values", finite=False))
        expected = (len(self.ids), len(self.landmarks))
        if self.values.shape != expected:
            raise ValueError(f"values: found shape {self.values.shape}, expected {expected}")
        if not np.isfinite(self.values).all():
            i, j = np.argwhere(~np.isfinite(self.values))[0]
            raise ValueError(
                f"values: found {self.values[i, j]} from {self.ids[i]!r} to landmark "
                f"{self.landmark_ids[j]!r}, expected finite distances"
            )

    @property
    def landmark_ids(self) -> list[str]:
        """Ids of the landmarks, in their order."""
        return [self.ids[i] for i in self.landmarks]

    @property
    def among(self) -> NDArray[np.float64]:
        """Distances between the landmarks, (L, L), exactly symmetric."""
        square = self.values[self.landmarks]
        return 0.5 * (square + square.T)

    @property
    def nearest(self) -> NDArray[np.intp]:
        """For each item the landmark nearest to it, as a column of `values`, (K,)."""
        return self.values.argmin(axis=1)

    @property
    def radii(self) -> NDArray[np.float64]:
        """Covering radius of the first 1, 2, ... L landmarks, (L,), never increasing."""
        return np.minimum.accumulate(self.values, axis=1).max(axis=0)

    @property
    def covering_radius(self) -> float:
        """Greatest distance from an item to the landmark nearest to it."""
        return float(self.values.min(axis=1).max())

    def bounds(
        self, rows: ArrayLike | None = None, columns: ArrayLike | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Bounds that the triangle inequality sets to distances that were not computed.

        Parameters
        ----------
        rows, columns : sequence of int, optional
            Positions of items; by default all, which makes two K x K matrices.

        Returns
        -------
        lower, upper : ndarray of shape (len(rows), len(columns))

        Raises
        ------
        ValueError
            If the triangle inequality does not hold for the metric.
        """
        if not self.parameters.get("is_metric", False):
            raise ValueError(
                f"metric: found {self.parameters.get('metric')}, which satisfies no triangle "
                "inequality, expected one that does"
            )
        A, B = (
            self.values if some is None else self.values[np.asarray(some)]
            for some in (rows, columns)
        )
        return triangle_bounds(A, B)

    def save(self, path: str | os.PathLike) -> None:
        """Write ``.npz``, under a temporary name and renamed."""
        save_archive(
            path,
            distances=self.values,
            ids=np.array(self.ids, dtype=str),
            landmarks=self.landmarks,
            parameters=json.dumps(self.parameters, sort_keys=True),
        )

    @classmethod
    def load(cls, path: str | os.PathLike) -> LandmarkDistances:
        """Read what :meth:`save` wrote; DamagedFile names a file that is damaged or another's."""
        return read_archive(path, "distances to landmarks", cls._from_arrays)

    @classmethod
    def _from_arrays(cls, arrays: Mapping[str, NDArray]) -> LandmarkDistances:
        return cls(
            np.asarray(arrays["distances"], dtype=np.float64),
            [str(id) for id in arrays["ids"]],
            np.asarray(arrays["landmarks"], dtype=np.intp),
            json.loads(str(arrays["parameters"])),
        )


def triangle_bounds(A: ArrayLike, B: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Bounds on distances between items, from their distances to common landmarks.

    Parameters
    ----------
    A : array of shape (p, L)
    B : array of shape (q, L)
        Distances to L landmarks, by a metric.

    Returns
    -------
    lower, upper : ndarray of shape (p, q)
        :math:`\max_l |d(x, l) - d(y, l)| \le d(x, y) \le \min_l d(x, l) + d(y, l)`; equal where
        one of the two is a landmark.

    Raises
    ------
    TypeError
        If one is no dense array of real numbers.
    ValueError
        If one holds negative numbers, NaN or infinity, or the numbers of landmarks differ.

    Examples
    --------
    >>> lower, upper = triangle_bounds([[0.0, 3.0]], [[2.0, 2.5]])
    >>> lower.item(), upper.item()
    (2.0, 2.0)
    """
    A, B = (np.atleast_2d(nonnegative_numbers(M, name)) for M, name in ((A, "A"), (B, "B")))
    for M, name in ((A, "A"), (B, "B")):
        if M.ndim != 2:
            raise ValueError(f"{name}: found shape {M.shape}, expected (items, landmarks)")
    if A.shape[1] != B.shape[1]:
        raise ValueError(
            f"B: found distances to {B.shape[1]} landmarks, expected {A.shape[1]} as in A"
        )
    return bounds_of(A, B)


def bounds_of(A: NDArray, B: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The bounds of :func:`triangle_bounds`, of distances that are checked."""
    upper = np.full((len(A), len(B)), np.inf)
    total = np.empty_like(upper)
    for a, b in zip(A.T, B.T):
        np.add.outer(a, b, out=total)
        np.minimum(upper, total, out=upper)
    return np.asarray(cdist(A, B, "chebyshev"), dtype=np.float64), upper
