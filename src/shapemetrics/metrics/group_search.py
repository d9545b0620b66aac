"""Search over rotations or permutations for losses that a linear function majorises.

Losses of this family decrease at every step ``Q <- argmax_{Q in G} <Q, M(Q)>``, with M the negative
half gradient of a quadratic that touches the loss at Q and lies above it (majorise-minimise). The
landscape has local optima, so many cheap descents and moves between neighbouring optima choose
where the long one starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Literal, NamedTuple, Protocol

import numpy as np
from scipy.optimize import linear_sum_assignment

from shapemetrics.linalg import Array, polar_factors

Group = Literal["orth", "perm", "identity"]
GROUPS = ("orth", "perm", "identity")

#: Stimuli, evenly spaced, on which starting points are compared; the descent itself takes all.
SEARCH_STIMULI = 64
#: Steps given to each starting point, then to the best quarter, then to the best eighth.
SCREEN_STEPS, SECOND_STEPS, BASIN_STEPS = 8, 16, 60
#: Neighbours of an optimum that are tried, and steps given to each. Descents over permutations
#: end after a step or two, so that more can be afforded.
NEIGHBOURS, FIRST_LOOK = {"orth": 16, "perm": 32}, 5
#: Units up to which all permutations are compared instead.
ALL_PERMUTATIONS = 5
#: Those looked at more closely, and further steps given to each.
FAVOURITES, SECOND_LOOK = 4, 10
#: Moves from optimum to better neighbouring optimum at most.
MOVES = 20


class Problem(Protocol):
    """A loss over n x n matrices of a group, and its majoriser."""

    n: int
    #: Size of the terms that cancel in the loss, and the machine precision of its arrays.
    scale: float
    resolution: float
    #: True where M does not depend on Q, so that one step reaches the optimum.
    is_linear: bool

    def evaluate(self, Q: Array) -> tuple[Array, Array]:
        """Losses (s,) and majorisers M (s, n, n) at a stack of matrices (s, n, n)."""
        ...

    def residual(self, Q: Array) -> float:
        """The loss at one matrix (n, n), from differences, so that small values keep digits."""
        ...

    def thinned(self, limit: int) -> Problem:
        """The problem on at most `limit` stimuli."""
        ...


class Search(NamedTuple):
    """The best element found."""

    Q: Array  # (n, n)
    loss: float
    history: Array  # losses before each step of the last descent, and after it; never increasing
    converged: bool


class _Descent(NamedTuple):
    """Where each of s starts has come to."""

    Q: Array  # (s, n, n)
    M: Array  # (s, n, n)
    losses: list[list[float]]
    converged: np.ndarray  # (s,)

    @property
    def final(self) -> Array:
        return np.array([history[-1] for history in self.losses])

    def best(self, count: int) -> Array:
        return self.Q[np.argsort(self.final, kind="stable")[:count]]


def project(M: Array, group: Group) -> Array:
    """Element of the group with the largest inner product with each M of a stack (s, n, n)."""
    if group == "orth":
        return polar_factors(M)
    Q = np.zeros_like(M)
    for q, matrix in zip(Q, M):
        q[linear_sum_assignment(matrix, maximize=True)] = 1.0
    return Q


def random_elements(count: int, n: int, group: Group, seed: int) -> Array:
    """Rotations and reflections (Haar measure), or permutations, as matrices (count, n, n)."""
    rng = np.random.default_rng(seed)
    if group == "perm":
        return np.eye(n)[np.array([rng.permutation(n) for _ in range(count)], dtype=int)]
    Q, R = np.linalg.qr(rng.normal(size=(count, n, n)))
    # Without these signs the decomposition's own convention would favour some rotations.
    return Q * np.sign(np.diagonal(R, axis1=-2, axis2=-1))[:, None, :]


def descend(problem: Problem, Q: Array, group: Group, max_iter: int, tol: float) -> _Descent:
    """Monotone descent from each of a stack of starting points, with momentum.

    A step goes where the majorisers of the last two points, extrapolated, point to. Where that
    gains nothing, the plain step is taken instead, which never raises the loss; only a plain step
    ends a descent.
    """
    loss, M = problem.evaluate(Q)
    Q, M, previous = Q.copy(), M.copy(), M.copy()
    losses = [[float(value)] for value in loss]
    converged = np.zeros(len(Q), dtype=bool)
    age = np.zeros(len(Q))
    rounding = 4.0 * problem.resolution * problem.scale
    active = np.arange(len(Q))
    for _ in range(max_iter):
        momentum = (age[active] / (age[active] + 3.0)).astype(M.dtype)[:, None, None]
        step = project(M[active] + momentum * (M[active] - previous[active]), group)
        new, majoriser = problem.evaluate(step)
        enough = np.maximum(tol * np.abs(loss[active]), rounding)
        worse = np.flatnonzero((loss[active] - new <= enough) & (age[active] > 0))
        if worse.size:
            step[worse] = project(M[active[worse]], group)
            new[worse], majoriser[worse] = problem.evaluate(step[worse])
            age[active[worse]] = -1.0
        age[active] += 1.0
        gain = loss[active] - new
        better = gain > 0.0
        moved = active[better]
        previous[moved] = M[moved]
        Q[moved], M[moved], loss[moved] = step[better], majoriser[better], new[better]
        for i in moved:
            losses[i].append(float(loss[i]))
        still = gain > enough
        converged[active[~still]] = True
        active = active[still]
        if not active.size:
            break
    return _Descent(Q, M, losses, converged)


def search(
    problem: Problem,
    group: Group,
    starts: Sequence[Array],
    *,
    n_starts: int,
    max_iter: int,
    tol: float,
    seed: int,
) -> Search:
    """Minimise over the group.

    Parameters
    ----------
    problem : Problem
    group : {"orth", "perm", "identity"}
    starts : sequence of ndarray of shape (n, n)
        Informed guesses, elements of the group, the most trusted first.
    n_starts : int
        Starting points: the first so many of `starts`, then random ones. With 1 there is a single
        descent; otherwise they are screened and the neighbours of the best optima are tried
        (permutations of few units: all are).
    max_iter, tol
        Of the last descent: steps at most, and the relative decrease of the loss that ends it.
    seed : int
        Of the random starting points.
    """
    if group == "identity":
        Q = np.eye(problem.n)
        return Search(Q, problem.residual(Q), problem.evaluate(Q[None])[0], True)
    if problem.is_linear:
        n_starts = 1
    Q = np.stack(starts[:n_starts])
    if n_starts > 1 and group == "perm" and problem.n <= ALL_PERMUTATIONS:
        every = np.eye(problem.n, dtype=Q.dtype)[np.array(list(permutations(range(problem.n))))]
        Q = every[[np.argmin(problem.evaluate(every)[0])]]
    elif n_starts > 1:
        Q = _screen(problem.thinned(SEARCH_STIMULI), group, Q, n_starts, seed)
        # On all stimuli the first guess competes too, so that more starts are never worse.
        Q = np.concatenate([Q, starts[0][None]])
    descent = descend(problem, Q, group, max_iter, tol)
    exact = [problem.residual(q) for q in descent.Q]
    best = int(np.argmin(exact))
    history = np.array(descent.losses[best])
    return Search(descent.Q[best], exact[best], history, bool(descent.converged[best]))


def _screen(problem: Problem, group: Group, Q: Array, n_starts: int, seed: int) -> Array:
    """The two most promising of many starting points, on few stimuli."""
    if n_starts > len(Q):
        random = random_elements(n_starts - len(Q), problem.n, group, seed)
        Q = np.concatenate([Q, random.astype(Q.dtype)])
    tol = 1e-9
    Q = descend(problem, Q, group, SCREEN_STEPS, tol).best(max(2, n_starts // 4))
    if group == "orth":  # a descent over permutations has ended by now
        Q = descend(problem, Q, group, SECOND_STEPS, tol).best(max(2, n_starts // 8))
    basins = _distinct(descend(problem, Q, group, BASIN_STEPS, tol))
    explored = sorted((_explore(problem, group, b, tol) for b in basins), key=lambda b: b.final[0])
    return np.concatenate([basin.Q for basin in explored[:2]])


def _distinct(descent: _Descent) -> list[_Descent]:
    """The optima reached, each once, as descents of one start."""
    final = descent.final
    kept: list[int] = []
    for i in np.argsort(final, kind="stable"):
        if all(final[i] - final[j] > 1e-5 * abs(final[j]) for j in kept):
            kept.append(int(i))
    return [
        _Descent(descent.Q[[i]], descent.M[[i]], [descent.losses[i]], descent.converged[[i]])
        for i in kept
    ]


def _explore(problem: Problem, group: Group, current: _Descent, tol: float) -> _Descent:
    """Move from optimum to better neighbouring optimum until there is none."""
    for _ in range(MOVES):
        candidates = neighbours(current.Q[0], current.M[0], group)
        if not len(candidates):
            break
        candidates = descend(problem, candidates, group, FIRST_LOOK, tol).best(FAVOURITES)
        candidates = descend(problem, candidates, group, SECOND_LOOK, tol).best(1)
        better = descend(problem, candidates, group, BASIN_STEPS, tol)
        margin = 1e-7 * abs(current.final[0]) + problem.resolution * problem.scale
        if not better.final[0] < current.final[0] - margin:
            break
        current = better
    return current


def neighbours(Q: Array, M: Array, group: Group) -> Array:
    """Elements across the lowest barriers: those whose inner product with M is the next largest.

    For rotations the optimum is U V' of M = U S V'; reflecting one singular axis costs twice its
    singular value. For permutations a swap of two columns costs the change of the assignment.
    """
    n = len(M)
    if group == "orth":
        U, _, Vt = np.linalg.svd(M)
        axes = np.arange(n)[::-1][: NEIGHBOURS[group]]
        base = U @ Vt
        return base - 2.0 * U[:, axes].T[:, :, None] * Vt[axes][:, None, :]
    taken = Q.argmax(axis=1)
    chosen = M[:, taken]  # entry (i, j): row i with the column that row j has now
    pairs = np.triu_indices(n, 1)
    own = np.diagonal(chosen)
    cost = (own[:, None] + own[None, :] - chosen - chosen.T)[pairs]
    swaps = np.argsort(cost, kind="stable")[: NEIGHBOURS[group]]
    moved = np.repeat(Q[None], len(swaps), axis=0)
    for swapped, i, j in zip(moved, pairs[0][swaps], pairs[1][swaps]):
        swapped[[i, j]] = Q[[j, i]]
    return moved


def matched_axes(cov_x: Array, cov_y: Array, mean_product: Array) -> Array:
    """Rotation that matches the principal axes of two networks' mean covariances.

    Parameters
    ----------
    cov_x, cov_y : ndarray of shape (m, n, n)
        Covariances of each stimulus.
    mean_product : ndarray of shape (n, n)
        Sum of mu_x mu_y', which settles the overall sign.

    Returns
    -------
    ndarray of shape (n, n)
        Exact where the second network is a rotation of the first and the eigenvalues of the mean
        covariance differ.

    Notes
    -----
    Signs of the axes are those of the leading eigenvector of the matrix of agreements between the
    stimuli's covariances in the two systems of axes, with entries sum_i A_jk(i) B_jk(i).
    """
    axes_x, axes_y = (np.linalg.eigh(cov.mean(axis=0))[1][:, ::-1] for cov in (cov_x, cov_y))
    A, B = axes_x.T @ cov_x @ axes_x, axes_y.T @ cov_y @ axes_y
    agreement = np.einsum("mjk,mjk->jk", A, B)
    np.fill_diagonal(agreement, 0.0)
    signs = np.where(np.linalg.eigh(agreement)[1][:, -1] < 0.0, -1.0, 1.0)
    if signs @ np.einsum("aj,ab,bj->j", axes_x, mean_product, axes_y) < 0.0:
        signs = -signs
    return (axes_x * signs) @ axes_y.T
