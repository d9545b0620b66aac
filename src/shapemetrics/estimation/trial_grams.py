"""Inner products of signal Gram matrices, estimated from products of different trials only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shapemetrics.metrics.gram import center_gram

__all__ = ["FEWEST_TRIALS", "Session", "SessionProducts", "features", "session_products"]

Feature = Literal["gram", "rdm"]
#: Trials that an unbiased estimate of the square of a Gram matrix needs: two for each factor.
FEWEST_TRIALS = 4
#: Entries of the products that are held at a time: 32 MB in float64.
CHUNK_ENTRIES = 2**22


@dataclass(frozen=True, eq=False)
class Session:
    """Trials of the networks that were recorded together, and so share their trials.

    Attributes
    ----------
    name : str
    members : list of int
        Positions of the networks among all.
    conditions : list of list of ndarray of shape (r_c, b_c, n)
        For each network, and each condition of the session: r_c trials of b_c stimuli (one, or
        the time bins of a trial), n units. Trials of one condition are independent of each other
        and of those of other conditions; within a trial nothing need be.
    """

    name: str
    members: list[int]
    conditions: list[list[NDArray[np.float64]]]

    @property
    def counts(self) -> list[int]:
        """Trials of each condition."""
        return [len(trials) for trials in self.conditions[0]]

    def means(self, k: int) -> NDArray[np.float64]:
        """Mean responses (m, n) of the network at position k among the members."""
        return np.concatenate([trials.mean(axis=0) for trials in self.conditions[k]])

    def subset(
        self, trials: Sequence[NDArray], units: Sequence[NDArray], members: Sequence[int]
    ) -> Session:
        """The same session with some trials of each condition and units of each network."""
        chosen = [
            [X[np.ix_(rows, np.arange(X.shape[1]), cols)] for X, rows in zip(own, trials)]
            for own, cols in zip(self.conditions, units)
        ]
        return Session(self.name, list(members), chosen)


@dataclass(frozen=True, eq=False)
class SessionProducts:
    """What one session adds to the inner products of all networks.

    Attributes
    ----------
    features : ndarray of shape (k, p)
        Unbiased features of its k networks.
    correction : ndarray of shape (k, k)
        Estimated inner products of the session's own features, less the products of `features`,
        which hold the noise of trials that both factors share.
    """

    features: NDArray[np.float64]
    correction: NDArray[np.float64]


def features(K: NDArray, feature: Feature) -> NDArray[np.float64]:
    """Symmetric matrices (..., m, m) as vectors (..., p) whose inner products are compared.

    Parameters
    ----------
    K : ndarray of shape (..., m, m)
        Gram matrices of centred responses.
    feature : {"gram", "rdm"}
        The entries of K, with the inner product of matrices; or the squared distances
        K_ii + K_jj - 2 K_ij of all pairs of stimuli less their mean.

    Returns
    -------
    ndarray of shape (..., m * m)
    """
    m = K.shape[-1]
    if feature == "gram":
        return K.reshape(*K.shape[:-2], m * m)
    diagonal = np.diagonal(K, axis1=-2, axis2=-1)
    distances = diagonal[..., :, None] + diagonal[..., None, :] - 2.0 * K
    distances -= distances.sum(axis=(-2, -1), keepdims=True) / (m * (m - 1))
    distances[..., np.arange(m), np.arange(m)] = 0.0  # each pair stands twice, and none else
    return distances.reshape(*K.shape[:-2], m * m)


def unbiased_gram(conditions: Sequence[NDArray]) -> NDArray[np.float64]:
    """Gram matrix of the signal (m, m), centred over stimuli, from products of different trials.

    Parameters
    ----------
    conditions : sequence of ndarray of shape (r_c, b_c, n)
        At least two trials each.

    Notes
    -----
    Between conditions, products of means; within one, with R trials X_r,
    sum_{r != s} X_r X_s' / (R (R - 1)).
    """
    means = np.concatenate([X.mean(axis=0) for X in conditions])
    K = means @ means.T
    start = 0
    for X in conditions:
        r, b = X.shape[:2]
        own = slice(start, start + b)
        K[own, own] = (r * K[own, own] - _summed_grams(X) / r) / (r - 1)
        start += b
    return np.asarray(center_gram(K), dtype=np.float64)


def _summed_grams(X: NDArray) -> NDArray[np.float64]:
    """Sum of the trials' own Gram matrices X_r X_r'."""
    flat = X.transpose(1, 0, 2).reshape(X.shape[1], -1)
    return flat @ flat.T


def session_products(
    session: Session, feature: Feature, n_draws: int, rng: np.random.Generator
) -> SessionProducts:
    """Features of a session's networks, and the correction of their inner products.

    Parameters
    ----------
    session : Session
        At least two trials for each condition.
    feature : {"gram", "rdm"}
    n_draws : int
        Random ways to put trials of several conditions side by side, or in two halves.
    rng : Generator

    Notes
    -----
    With four trials or more per condition, products are averaged over all quadruples of different
    trials, in closed form (see `quadruple_products`); where conditions have unequal numbers, over
    random choices of as many trials as the least has. With two or three trials no such quadruple
    exists: then the Gram matrices of two halves are multiplied, each freed of a noise power that
    is taken to be equal for all stimuli.
    """
    grams = [unbiased_gram(conditions) for conditions in session.conditions]
    found = np.stack([features(K, feature) for K in grams])
    least = min(session.counts)
    k = len(session.members)
    products = np.zeros((k, k))
    if least < FEWEST_TRIALS:
        power = [np.trace(K) for K in grams]
        for _ in range(n_draws):
            products += _half_products(session, power, feature, rng) / n_draws
    else:
        # One condition has one arrangement: all of its trials as they are.
        draws = 1 if len(session.counts) == 1 else n_draws
        for _ in range(draws):
            products += quadruple_products(list(_aligned(session, least, rng)), feature) / draws
    return SessionProducts(found, products - found @ found.T)


def _aligned(session: Session, least: int, rng: np.random.Generator) -> Iterator[NDArray]:
    """For each network, trials of all conditions side by side: (least, m, n)."""
    if len(session.counts) == 1:
        chosen = [np.arange(session.counts[0])]
    else:
        chosen = [rng.permutation(count)[:least] for count in session.counts]
    for conditions in session.conditions:
        yield np.concatenate([X[rows] for X, rows in zip(conditions, chosen)], axis=1)


def quadruple_products(trials: Sequence[NDArray], feature: Feature) -> NDArray[np.float64]:
    """Inner products of the features of all pairs of networks, from different trials only.

    Parameters
    ----------
    trials : sequence of k ndarrays of shape (R, m, n)
        The same R trials, four or more, of each network.
    feature : {"gram", "rdm"}

    Returns
    -------
    ndarray of shape (k, k)
        Mean over all ordered quadruples of different trials (r, s, t, u) of
        <f(X_r X_s'), f(Y_t Y_u')>, where f is linear and sees the symmetric part.

    Notes
    -----
    Inclusion and exclusion over the trials that both factors may share leaves sums over single
    trials and over pairs: with S = sum_r X_r and f_rs = f(X_r X_s'),

        sum <f(sum_{r != s} X_r X_s'), g(sum_{t != u} Y_t Y_u')> - 4 sum_r <f(X_r (S - X_r)'),
        g(Y_r (T - Y_r)')> + 2 sum_{r != s} <f_rs, g_rs>.
    """
    centred = [X - X.mean(axis=1, keepdims=True) for X in trials]
    sums = [X.sum(axis=0) for X in centred]
    k, (R, m, _) = len(centred), centred[0].shape

    def of(products: Sequence[NDArray]) -> NDArray:
        stacked = np.stack(products)
        return features((stacked + stacked.swapaxes(-1, -2)) / 2, feature).reshape(k, -1)

    every = of([S @ S.T - _summed_grams(X) for X, S in zip(centred, sums)])
    total = every @ every.T
    chunk = max(1, CHUNK_ENTRIES // (k * m * m))
    for r in range(R):
        one = of([X[r] @ (S - X[r]).T for X, S in zip(centred, sums)])
        total -= 4.0 * one @ one.T
        for start in range(r + 1, R, chunk):
            later = slice(start, min(start + chunk, R))
            # (c, m, m): products of this trial with later ones.
            pair = of([X[r] @ X[later].swapaxes(-1, -2) for X in centred])
            total += 4.0 * pair @ pair.T
    return total / (R * (R - 1) * (R - 2) * (R - 3))


def _half_products(
    session: Session, power: Sequence[float], feature: Feature, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Products of features between two halves of the trials, where there are too few for more;
    `power` is the trace of each network's unbiased Gram matrix."""
    halves = [
        (order[: len(order) // 2], order[len(order) // 2 :]) for order in _orders(session, rng)
    ]
    both = []
    for h in (0, 1):
        found = []
        for conditions, signal in zip(session.conditions, power):
            means = np.concatenate([X[half[h]].mean(axis=0) for X, half in zip(conditions, halves)])
            K = center_gram(means @ means.T)
            m = len(K)
            # Noise adds its power to all eigenvalues alike, if it is equal for all stimuli.
            noise = (np.trace(K) - signal) / (m - 1)
            K -= noise * (np.eye(m) - 1.0 / m)
            found.append(features(K, feature))
        both.append(np.stack(found))
    product = both[0] @ both[1].T
    return (product + product.T) / 2


def _orders(session: Session, rng: np.random.Generator) -> list[NDArray]:
    return [rng.permutation(count) for count in session.counts]
