"""Unbiased moments of the singular values of a cross-covariance, and weights for their sum."""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

__all__ = ["spectral_moments", "square_root_weights"]


def spectral_moments(
    X: NDArray, Y: NDArray, n_moments: int, keep: NDArray | None = None
) -> NDArray[np.float64]:
    """Estimate the moments sum_k s_k^(2 p) of the singular values of E[x y'] without bias.

    Parameters
    ----------
    X, Y : ndarrays of shape (m, n_x), (m, n_y)
        Independent draws of a pair (x, y), paired by row, of mean zero.
    n_moments : int
        P, at most m / 2.
    keep : ndarray of shape (m,), bool, optional
        Rows to use.

    Returns
    -------
    ndarray of shape (P,)

    Notes
    -----
    For 2 p different rows, E[(x_1 . x_2) (y_2 . y_3) (x_3 . x_4) ... (y_2p . y_1)] is
    tr((S S')^p) with S = E[x y']. Averaging over rows in increasing order only makes the sum a
    product of strictly triangular Gram matrices (Kong and Valiant 2017).
    """
    if keep is not None:
        X, Y = X[keep], Y[keep]
    upper_x, gram_y = np.triu(X @ X.T, 1), Y @ Y.T
    step = upper_x @ np.triu(gram_y, 1)
    chain = upper_x
    moments = np.empty(n_moments)
    for p in range(1, n_moments + 1):
        if p > 1:
            chain = step @ chain
        moments[p - 1] = np.vdot(chain, gram_y) / comb(len(X), 2 * p)
    return moments


def square_root_weights(
    covariance: NDArray, n_values: int, *, max_bias: float | None = None, n_grid: int = 200
) -> tuple[NDArray[np.float64], float]:
    """Choose the polynomial that estimates sum_k s_k from moments sum_k s_k^(2 p), s_k in [0, 1].

    Parameters
    ----------
    covariance : ndarray of shape (P, P)
        Covariance of the moments' estimates.
    n_values : int
        Number of singular values, N.
    max_bias : float, optional
        Largest bias bound allowed; without it the bound on the mean squared error is least.
    n_grid : int
        Points of [0, 1] at which the polynomial's error is held.

    Returns
    -------
    weights : ndarray of shape (P,)
    bias_bound : float
        N times the largest error of the polynomial on the grid.

    Raises
    ------
    ValueError
        If no polynomial of that degree stays below `max_bias`.

    Notes
    -----
    Minimises w' C w + (N t)^2 subject to |sum_p w_p u^p - sqrt(u)| <= t on a grid of u in [0, 1],
    and N t <= max_bias. There is no constant term, so that no similarity is estimated as none. The
    quadratic program is a least-distance problem, solved exactly by non-negative least squares
    (Lawson and Hanson 1974, chapter 23).
    """
    n_moments = len(covariance)
    # Dense near zero, where the root is steep; cosines space the points as its error oscillates.
    u = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, n_grid + 1) / n_grid)
    powers = u[:, None] ** np.arange(1, n_moments + 1)
    root = np.sqrt(u)
    ones = np.ones((n_grid, 1))
    # Rows of A z >= b, with z = (w, N t).
    A = np.block([[powers, ones / n_values], [-powers, ones / n_values]])
    b = np.concatenate([root, -root])
    if max_bias is not None:
        A = np.vstack([A, np.r_[np.zeros(n_moments), -1.0]])
        b = np.append(b, -max_bias)
    scale = max(float(np.trace(covariance)) / n_moments, np.finfo(float).tiny)
    H = np.zeros((n_moments + 1, n_moments + 1))
    H[:-1, :-1] = covariance + 1e-10 * scale * np.eye(n_moments)
    H[-1, -1] = 1.0
    values, vectors = np.linalg.eigh(H)
    to_z = vectors / np.sqrt(np.maximum(values, 1e-12 * scale))  # z = to_z @ v, z'Hz = |v|^2
    E = np.vstack([(A @ to_z).T, b])
    f = np.zeros(len(E))
    f[-1] = 1.0
    dual, residual_norm = nnls(E, f, maxiter=50 * E.shape[1])
    residual = E @ dual - f
    if residual_norm < 1e-9 or residual[-1] > -1e-15:
        raise ValueError(
            f"max_bias: found {max_bias}, expected more, as no polynomial of {n_moments} moments "
            "reaches it; allow more bias or ask for more moments"
        )
    z = to_z @ (-residual[:-1] / residual[-1])
    weights = z[:-1]
    bias_bound = n_values * float(np.abs(powers @ weights - root).max())
    return weights, bias_bound
