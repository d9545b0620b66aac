"""Gram matrices: radial basis functions, centring, and symmetric matrices kept as vectors."""

from __future__ import annotations

import numpy as np

from shapemetrics.linalg import Array
from shapemetrics.validation import check_number

#: Largest asymmetry of a Gram matrix or covariance, relative to its largest entry, and largest
#: negative eigenvalue, relative to the largest one, that count as rounding.
ASYMMETRY = 1e-6
NEGATIVE = 1e-5
#: Stimuli, evenly spaced, that the median heuristic looks at where there are more.
MEDIAN_STIMULI = 2000


def squared_distances(X: Array, Y: Array) -> Array:
    """Squared Euclidean distances between the rows of two matrices.

    Parameters
    ----------
    X : ndarray of shape (p, n)
    Y : ndarray of shape (q, n)

    Returns
    -------
    ndarray of shape (p, q)
    """
    # Distances do not see an offset, but rounding in the product below does.
    origin = Y.mean(axis=0)
    X, Y = X - origin, Y - origin
    squared = X @ Y.T
    squared *= -2.0
    squared += np.einsum("ij,ij->i", X, X)[:, None]
    squared += np.einsum("ij,ij->i", Y, Y)
    return np.maximum(squared, 0.0, out=squared)


def median_distance(X: Array) -> float:
    """Median Euclidean distance between different rows, of at most `MEDIAN_STIMULI` of them.

    Parameters
    ----------
    X : ndarray of shape (m, n)

    Returns
    -------
    float
    """
    if len(X) > MEDIAN_STIMULI:
        X = X[np.linspace(0, len(X) - 1, MEDIAN_STIMULI).round().astype(int)]
    squared = squared_distances(X, X)
    return float(np.median(np.sqrt(squared[np.triu_indices(len(X), 1)])))


def choose_bandwidth(
    X: Array, bandwidth: float | None, fraction: float, name: str, exponent: int = 0
) -> float:
    """The bandwidth itself, or `fraction` of the median distance between stimuli.

    Parameters
    ----------
    X : ndarray of shape (m, n)
        Responses, divided by ``2**exponent``.
    bandwidth : float, optional
        In the data's units.
    fraction : float
    name : str
        Network's name, for messages.
    exponent : int

    Returns
    -------
    float
        In the units of X.

    Raises
    ------
    ValueError
        If the median distance is zero: more than half of the pairs of stimuli look alike; or a
        bandwidth that is given is out of all proportion to the responses.
    """
    if bandwidth is not None:
        found = float(np.ldexp(float(bandwidth), -exponent))
        if not 1e-150 < found < 1e150:
            raise ValueError(
                f"bandwidth: found {bandwidth:g} for responses of up to "
                f"{np.ldexp(np.abs(X).max(), exponent):.3g} in {name!r}, expected a number of "
                "their order"
            )
        return found
    median = median_distance(X)
    if median == 0.0:
        raise ValueError(
            f"{name!r}: found a median distance between stimuli of 0, expected more of them to "
            "differ; give a bandwidth instead"
        )
    return fraction * median


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


def rbf(X: Array, Y: Array, bandwidth: float) -> Array:
    r"""Radial basis function kernel :math:`\exp(-\|x - y\|^2 / 2 \sigma^2)`.

    Parameters
    ----------
    X : ndarray of shape (p, n)
    Y : ndarray of shape (q, n)
    bandwidth : float
        Sigma, in the data's units.

    Returns
    -------
    ndarray of shape (p, q)
    """
    squared = squared_distances(X, Y)
    squared *= -0.5 / bandwidth**2
    K = np.exp(squared, out=squared)
    if X is Y:
        np.fill_diagonal(K, 1.0)
    return K


def center_gram(K: Array) -> Array:
    """C K C with C = I - 11'/m, symmetric: the Gram matrix of centred features."""
    rows = K.mean(axis=0)
    centred = K - rows - rows[:, None] + rows.mean()
    return 0.5 * (centred + centred.T)


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
