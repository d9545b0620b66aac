"""What a reference answers: the distance, and how far sound computations may be from it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from extended import DOUBLE, SINGLE, UNIT, angle

#: Rounding errors that a sound computation may make, as multiples of its machine precision. The
#: reference's own, in extended precision, are among them.
STEPS, LAST_STEPS = 16.0 * (1.0 + UNIT / DOUBLE), 64.0 * (1.0 + UNIT / DOUBLE)
#: Where an arc cosine ends that is not refined near zero: the root of the machine precision.
FLOOR = {DOUBLE: 1e-7, SINGLE: 2e-3}


class Undefined(ValueError):
    """The equations give no number for these networks, and the package must refuse them."""


class Answer(NamedTuple):
    """A distance from the equations.

    Attributes
    ----------
    value : float
    double, single : float
        How far a backward stable computation may be from it that prepares networks in float64 and
        keeps them in float64, or in float32. Infinite where rounding in float64 decides the answer
        (a rank, a matching): then neither a number nor a refusal is wrong.
    size : float
        What distances of such networks compare with: 1, or their norms in the data's units.
    refusable : bool
        Whether a refusal is as good as the value: a Gram matrix that rounding of its entries to
        float16 or float32 may have made indefinite.
    """

    value: float
    double: float
    single: float
    size: float = 1.0
    refusable: bool = False

    @property
    def is_determined(self) -> bool:
        """Whether float64 can tell the distance at all."""
        return self.double < 1e-2 * self.size

    @property
    def may_be_refused(self) -> bool:
        """Whether one clear line is no error."""
        return self.refusable or not self.is_determined

    def allowed(self, dtype: str = "float64", certified: float = 0.0) -> float:
        """Largest difference from the value that is no error."""
        return (self.double if dtype == "float64" else self.single) + certified

    def doubted(self) -> Answer:
        """The same value, which rounding decides."""
        return self._replace(double=np.inf, single=np.inf)


def between(
    inner: np.longdouble,
    norm_x: np.longdouble,
    norm_y: np.longdouble,
    geometry: str,
    *,
    errors: tuple[float, float],
    slack: float = 0.0,
) -> Answer:
    """The angle or the chord between two vectors.

    Parameters
    ----------
    inner, norm_x, norm_y : longdouble
        Their inner product and norms.
    geometry : {"angular", "euclidean"}
    errors : tuple of float
        Relative errors of the two vectors for one rounding error of the data, as `condition` below
        gives them. Both distances are metrics, so that an error of a vector moves them by no more.
    slack : float
        Further error of the inner product, relative to the product of the norms.
    """
    tolerances = []
    size = 1.0
    if geometry == "angular":
        value = angle(inner / (norm_x * norm_y))
        sine = max(float(np.sin(value)), 1e-300)
        for unit, moved in ((DOUBLE, sum(errors)), (SINGLE, 2.0 + sum(errors) * DOUBLE / SINGLE)):
            last = LAST_STEPS * unit + slack * unit / DOUBLE
            tolerances.append(STEPS * unit * moved + min(last / sine, FLOOR[unit] + last**0.5))
    else:
        squared = np.maximum(norm_x**2 + norm_y**2 - 2 * inner, 0)
        value = np.sqrt(squared)
        total = norm_x**2 + norm_y**2
        size = float(np.sqrt(total))
        shared = float(norm_x * norm_y / total)
        relative = max(float(value / np.sqrt(total)), 1e-300)
        weighted = sum(e * float(n / np.sqrt(total)) for e, n in zip(errors, (norm_x, norm_y)))
        for unit, moved in ((DOUBLE, weighted), (SINGLE, 2.0 + weighted * DOUBLE / SINGLE)):
            last = LAST_STEPS * unit + 2.0 * slack * shared * unit / DOUBLE
            near = min(last / relative, FLOOR[unit] + last**0.5)
            tolerances.append(size * (STEPS * unit * moved + near))
    return Answer(float(value), *tolerances, size)
