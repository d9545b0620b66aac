"""NumPy as an array library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shapemetrics import linalg
from shapemetrics.backends.base import CertifiedNorms
from shapemetrics.linalg import Array


@dataclass
class NumpyBackend(CertifiedNorms):
    """NumPy: singular values, or eigenvalues of Gram matrices where a certificate allows."""

    name: str = "numpy"

    @property
    def on_cpu(self) -> bool:
        """Always."""
        return True

    def asarray(self, X: Array) -> Array:
        """The array itself."""
        return X

    def concatenate(self, parts: Sequence[Array]) -> Array:
        """Arrays one after another along their first axis."""
        return np.concatenate(parts)

    def polar_factors(self, C: Array) -> Array:
        """Rotations that maximise <C, R>, for a stack of matrices."""
        return linalg.polar_factors(C)

    def _exact(self, C: Array) -> Array:
        return linalg.nuclear_norms(C)

    def _fast(self, C: Array) -> tuple[Array, Array]:
        return linalg.gram_nuclear_norms(C)


#: Singular values by NumPy: what metrics use where no backend is named.
EXACT = NumpyBackend()
