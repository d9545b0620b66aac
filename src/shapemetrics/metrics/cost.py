"""How long the parts of a pair take on one core: a rough model, to size jobs beforehand."""

from __future__ import annotations

import numpy as np

#: Float64 operations per second of a matrix product on one core. Measured, like all constants here,
#: on one core of an AMD EPYC server with OpenBLAS; ``make bench`` compares the model with the
#: machine it runs on.
PRODUCT_RATE = 5.2e10
#: Microseconds for the singular values of one n x n matrix in a stack, by n.
SINGULAR_VALUES = {
    4: 1.9,
    8: 4.7,
    16: 13.0,
    32: 44.0,
    48: 87.0,
    64: 150.0,
    96: 370.0,
    128: 720.0,
    192: 1830.0,
    256: 4600.0,
    384: 10500.0,
    512: 29000.0,
    768: 77000.0,
    1024: 197000.0,
}
#: Singular vectors too: so many times the singular values alone.
WITH_VECTORS = 2.7
#: Seconds per squared number of units: linear assignment, and optimal transport.
ASSIGNMENT = 3.6e-8
TRANSPORT = 7.5e-8


def product_seconds(m: int, p: int, q: int) -> float:
    """Time of a product (p x m)(m x q) on one core."""
    return 2.0 * m * p * q / PRODUCT_RATE


def singular_value_seconds(n: int) -> float:
    """Time of the singular values of one n x n matrix on one core."""
    sizes, times = (np.log(list(part)) for part in (SINGULAR_VALUES, SINGULAR_VALUES.values()))
    if n <= 1024:
        return 1e-6 * float(np.exp(np.interp(np.log(n), sizes, times)))
    return 1e-6 * SINGULAR_VALUES[1024] * (n / 1024) ** 3


def gram_cosine_seconds(m: int, n: int) -> float:
    """Time of the inner product of two m x m Gram matrices, of n units each, on one core."""
    return 1.05 * product_seconds(m, n, n) if n < m else product_seconds(m * (m + 1) // 2, 1, 1)


def search_factor(group: str, n_starts: int) -> float:
    """Time of a search over a group, where one of 24 starts over rotations is 1."""
    if group == "identity":
        return 0.01
    # The last descent of all, from the best start, and the search before it.
    return 0.07 + 0.93 * ((n_starts - 1) / 23.0) ** 0.6
