"""Gram matrices: radial basis functions, centring, and symmetric matrices kept as vectors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from shapemetrics.arrays import Responses
from shapemetrics.linalg import Array
from shapemetrics.validation import check_number

#: Largest asymmetry of a Gram matrix or covariance, relative to its largest entry, and largest
#: negative eigenvalue, relative to the largest one, that count as rounding.
ASYMMETRY = 1e-6
NEGATIVE = 1e-5
#: Stimuli, evenly spaced, that the median heuristic looks at where there are more.
MEDIAN_STIMULI = 2000
#: Squared distances below this fraction of the squared norms of the two rows are computed from
#: differences: expanding the square would leave them fewer than about 12 digits.
CANCELLED = 2.0**-10
#: Share of such pairs above which another origin is tried first.
MANY_CANCELLED = 1 / 16
#: Entries of one batch of differences: 8 MB in float64.
BATCH_SIZE = 2**20
#: Entries of one block of rows: 256 KB in float64.
CACHED = 2**15
#: Bandwidths, relative to the largest response, whose squares and their inverses float64 holds.
NARROWEST, WIDEST = 1e-150, 1e100
#: A kernel is wide where no exponent is below the negative of this.
WIDE = 0.25
#: Exponent of the largest entry below which a matrix is brought to about one.
SMALL_EXPONENT = -32


def squared_distances(X: Array, Y: Array) -> Array:
    r"""Squared Euclidean distances between the rows of two matrices.

    Parameters
    ----------
    X : ndarray of shape (p, n)
    Y : ndarray of shape (q, n)

    Returns
    -------
    ndarray of shape (p, q)

    Notes
    -----
    Expanded, :math:`\|x\|^2 + \|y\|^2 - 2 x^T y`, as one matrix product. Where that is small beside
    the norms, as between neighbours when another stimulus lies far away, its digits have cancelled,
    and the difference of the two rows is squared instead. All entries are right to about 1e-12
    relative to themselves.
    """
    # Distances do not see an offset, but rounding in the expansion does.
    squared, cancelled = _expanded(X, Y, Y.mean(axis=0))
    n_cancelled = np.count_nonzero(cancelled)
    if n_cancelled > MANY_CANCELLED * squared.size:
        # A few rows far away drag the mean from all others, but not the median.
        other = _expanded(X, Y, np.median(Y, axis=0))
        if np.count_nonzero(other[1]) < n_cancelled:
            squared, cancelled = other
    step = max(1, BATCH_SIZE // X.shape[1])
    for block in _row_blocks(cancelled):
        rows, columns = np.nonzero(cancelled[block])
        rows += block.start
        if X is Y:
            upper = rows < columns
            rows, columns = rows[upper], columns[upper]
        for first in range(0, len(rows), step):
            i, j = rows[first : first + step], columns[first : first + step]
            difference = X[i] - Y[j]
            squared[i, j] = np.einsum("ij,ij->i", difference, difference)
            if X is Y:
                squared[j, i] = squared[i, j]
    if X is Y:
        np.fill_diagonal(squared, 0.0)
    return squared


def _expanded(X: Array, Y: Array, origin: Array) -> tuple[Array, Array]:
    """Squared distances by expanding the square, and which of them have lost digits."""
    same = X is Y
    X = X - origin
    Y = X if same else Y - origin
    squared = X @ Y.T
    sizes_x, sizes_y = (np.einsum("ij,ij->i", Z, Z) for Z in (X, Y))
    limits_x, limits_y = CANCELLED * sizes_x, CANCELLED * sizes_y
    cancelled = np.empty(squared.shape, dtype=bool)
    for block in _row_blocks(squared):
        part = squared[block]
        part *= -2.0
        part += sizes_x[block, None]
        part += sizes_y
        np.less_equal(part, limits_x[block, None] + limits_y, out=cancelled[block])
    return squared, cancelled


def _row_blocks(matrix: Array) -> Iterator[slice]:
    """Slices of rows that stay in the processor's cache while they are worked on."""
    step = max(1, CACHED // matrix.shape[1])
    for first in range(0, len(matrix), step):
        yield slice(first, first + step)


def median_distance(X: Array, squared: Array | None = None) -> float:
    """Median Euclidean distance between different rows, of at most `MEDIAN_STIMULI` of them.

    Parameters
    ----------
    X : ndarray of shape (m, n)
    squared : ndarray of shape (m, m), optional
        Squared distances between all rows, where they are known.

    Returns
    -------
    float
    """
    m = len(X)
    if m > MEDIAN_STIMULI:
        chosen = np.linspace(0, m - 1, MEDIAN_STIMULI).round().astype(int)
        X = X[chosen]
        squared = None if squared is None else squared[np.ix_(chosen, chosen)]
    if squared is None:
        squared = squared_distances(X, X)
    return float(np.median(np.sqrt(squared[np.triu_indices(len(X), 1)])))


def choose_bandwidth(
    X: Responses, bandwidth: float | None, fraction: float, squared: Array | None = None
) -> float:
    """The bandwidth itself, or `fraction` of the median distance between stimuli.

    Parameters
    ----------
    X : Responses
        A matrix (m, n).
    bandwidth : float, optional
        In the data's units.
    fraction : float
    squared : ndarray of shape (m, m), optional
        Squared distances between the rows of ``X.values``, where they are known.

    Returns
    -------
    float
        In the units of ``X.values``, the data's divided by ``2**X.exponent``.

    Raises
    ------
    ValueError
        If the median distance is zero: more than half of the pairs of stimuli look alike; or the
        bandwidth is out of all proportion to the responses.
    """
    if bandwidth is None:
        median = median_distance(X.values, squared)
        if median == 0.0:
            raise ValueError(
                f"{X.name!r}: found a median distance between stimuli of 0, expected more of them "
                "to differ; give a bandwidth instead"
            )
        found, what = fraction * median, "bandwidth: found by default"
    else:
        found, what = float(np.ldexp(float(bandwidth), -X.exponent)), "bandwidth: found"
    if not NARROWEST < found < WIDEST:
        raise ValueError(
            f"{what} {np.ldexp(found, X.exponent):g} for responses of up to "
            f"{np.ldexp(np.abs(X.values).max(), X.exponent):.3g} in {X.name!r}, expected a number "
            "of their order"
        )
    return found


def check_bandwidth(kernel: str, bandwidth: float | None, fraction: float) -> None:
    """TypeError or ValueError unless the numbers are positive, and given where they have a use."""
    check_number(bandwidth, "bandwidth", above=0.0, optional=True)
    check_number(fraction, "median_fraction", above=0.0)
    for value, name, default in (
        (bandwidth, "bandwidth", None),
        (fraction, "median_fraction", 1.0),
    ):
        if kernel != "rbf" and value != default:
            raise ValueError(
                f"{name}: found {value!r}, expected none, as the {kernel} kernel has no bandwidth"
            )


def rbf(squared: Array, bandwidth: float) -> Array:
    r"""Radial basis function kernel :math:`\exp(-\|x - y\|^2 / 2 \sigma^2)`.

    Parameters
    ----------
    squared : ndarray of shape (p, q)
        Squared distances, which are overwritten.
    bandwidth : float
        Sigma, in the units of the distances.

    Returns
    -------
    ndarray of shape (p, q)
    """
    squared *= -0.5 / bandwidth**2
    return np.exp(squared, out=squared)


def rbf_minus_one(squared: Array, bandwidth: float) -> Array:
    r"""Radial basis function kernel less one, with all its digits where the kernel is wide.

    Centring takes the constant away in any case. Beside it a wide kernel,
    :math:`1 - \|x - y\|^2 / 2 \sigma^2` to first order, would round to the constant alone.

    Parameters
    ----------
    squared : ndarray of shape (p, q)
        Squared distances, which are overwritten.
    bandwidth : float
        Sigma, in the units of the distances.

    Returns
    -------
    ndarray of shape (p, q)
    """
    squared *= -0.5 / bandwidth**2
    if float(squared.min()) > -WIDE:
        return np.expm1(squared, out=squared)
    # Beside entries of order one, rounding is the same, and this is several times as fast.
    K = np.exp(squared, out=squared)
    K -= 1.0
    return K


def divide_if_small(K: Array) -> tuple[Array, int]:
    """A matrix over ``2**exponent``, and that exponent: 0 unless float32 might hold nothing of it.

    Parameters
    ----------
    K : ndarray

    Returns
    -------
    divided : ndarray
    exponent : int
    """
    exponent = int(np.frexp(max(float(K.max()), -float(K.min())))[1])
    return (np.ldexp(K, -exponent), exponent) if exponent < SMALL_EXPONENT else (K, 0)


def center_gram(K: Array) -> Array:
    """C K C with C = I - 11'/m, symmetric: the Gram matrix of centred features."""
    rows = K.mean(axis=0)
    centred = K - rows
    centred -= rows[:, None]
    centred += rows.mean()
    symmetric = centred + centred.T
    symmetric *= 0.5
    return symmetric


def check_gram(K: Array, name: str) -> None:
    """ValueError unless K is a square, symmetric matrix with a non-negative diagonal.

    What single precision can do to a Gram matrix is let pass, whatever type stores it now.
    """
    if K.shape[0] != K.shape[1]:
        raise ValueError(f"{name!r}: found shape {K.shape}, expected a square Gram matrix")
    tolerance = ASYMMETRY * float(np.abs(K).max())
    if float(np.abs(K - K.T).max()) > tolerance:
        raise ValueError(f"{name!r}: found a matrix that is not symmetric, expected a Gram matrix")
    if float(np.diagonal(K).min()) < -tolerance:
        raise ValueError(f"{name!r}: found a negative diagonal entry, expected a Gram matrix")


def packed(K: Array) -> Array:
    """A symmetric matrix as a vector of length m (m + 1) / 2 with the same inner products."""
    vector = K[np.triu_indices(len(K), 1)] * np.sqrt(2.0)
    return np.concatenate([np.diagonal(K), vector])
