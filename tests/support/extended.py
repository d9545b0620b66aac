"""Linear algebra in extended precision, by one-sided Jacobi rotations.

Numbers are ``numpy.longdouble``: a significand of 64 bits and exponents to 10^4932 on x86, so
that sums keep 19 digits and no square leaves the range. Where that type is float64 itself (Windows,
macOS on ARM), `UNIT` says so, and the references that build on this module widen what they allow.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Exact = np.longdouble
#: Spacing of the extended numbers about 1: the accuracy of everything here, relative to norms.
UNIT = float(np.finfo(Exact).eps)
#: The same of float64 and of float32, in which the package computes.
DOUBLE, SINGLE = (float(np.finfo(kind).eps) for kind in (np.float64, np.float32))


def exact(X: object) -> np.ndarray:
    """The numbers as float64 holds them, in extended precision."""
    return np.asarray(X).astype(np.float64).astype(Exact)


def centring(m: int) -> np.ndarray:
    """The matrix C = I - 11'/m, (m, m)."""
    return np.eye(m, dtype=Exact) - Exact(1) / m


def norm(X: np.ndarray) -> np.longdouble:
    """Frobenius norm."""
    return np.sqrt(np.sum(X * X))


class Decomposition(NamedTuple):
    """``X = left @ diag(values) @ right.T``, values descending, of min(m, n) directions."""

    left: np.ndarray
    values: np.ndarray
    right: np.ndarray


def decompose(X: np.ndarray) -> Decomposition:
    """Singular value decomposition by rotating pairs of columns until all are orthogonal.

    Errors of singular values are about `UNIT` times the largest, whatever their spread. Left
    vectors of values at that level mean nothing.
    """
    if X.shape[0] < X.shape[1]:
        left, values, right = decompose(X.T)
        return Decomposition(right, values, left)
    rows, right = _rotated(np.array(X.T, dtype=Exact))
    values = np.sqrt(np.sum(rows * rows, axis=1))
    order = np.argsort(-values, kind="stable")
    values = values[order]
    left = rows[order] / np.where(values > 0, values, 1)[:, None]
    return Decomposition(left.T, values, right[order].T)


def nuclear_norm(X: np.ndarray) -> np.longdouble:
    """Sum of singular values."""
    return decompose(X).values.sum()


def eigen(K: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues of a symmetric matrix, by size descending, and their vectors as columns."""
    left, values, right = decompose(K)
    signs = np.where(np.sum(left * right, axis=0) < 0, -1, 1)
    return signs * values, right


def root(K: np.ndarray) -> np.ndarray:
    """Symmetric square root of a positive semi-definite matrix."""
    values, vectors = eigen(K)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def angle(cosine: np.longdouble) -> np.longdouble:
    """Arc cosine, as twice the arc sine of the half chord where the cosine is near one."""
    cosine = np.clip(cosine, -1, 1)
    return 2 * np.arcsin(np.sqrt((1 - cosine) / 2)) if cosine > 0 else np.arccos(cosine)


def _rotated(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, m) turned among themselves until they are orthogonal, and the rotation (n, n)."""
    n, m = rows.shape
    peak = np.abs(rows).max()
    if n == 1 or peak == 0:
        return rows, np.eye(n, dtype=Exact)
    exponent = int(np.frexp(peak)[1])
    rows = np.ldexp(rows, -exponent)
    turn = _guess(rows)
    rows = turn @ rows
    enough = 4 * np.sqrt(Exact(m)) * UNIT
    nothing = (16 * UNIT * norm(rows)) ** 2
    rounds = _pairings(n)
    for _ in range(60):
        turned = False
        for p, q in rounds:
            a, b = rows[p], rows[q]
            aa, bb, ab = (np.sum(x * y, axis=1) for x, y in ((a, a), (b, b), (a, b)))
            wanted = (np.abs(ab) > enough * np.sqrt(aa * bb)) & (np.minimum(aa, bb) > nothing)
            if not wanted.any():
                continue
            turned = True
            half = (bb - aa) / (2 * np.where(wanted, ab, 1))
            t = np.where(half < 0, -1, 1) / (np.abs(half) + np.sqrt(1 + half * half))
            c = 1 / np.sqrt(1 + t * t)
            s = np.where(wanted, c * t, 0)[:, None]
            c = np.where(wanted, c, 1)[:, None]
            rows[p], rows[q] = c * a - s * b, s * a + c * b
            a, b = turn[p], turn[q]
            turn[p], turn[q] = c * a - s * b, s * a + c * b
        if not turned:
            break
    return np.ldexp(rows, exponent), turn


def _guess(rows: np.ndarray) -> np.ndarray:
    """A rotation that nearly does it, orthogonal to all digits: it saves time, no more."""
    guess = exact(np.linalg.svd(rows.astype(np.float64))[0].T)
    return (1.5 * np.eye(len(guess), dtype=Exact) - guess @ guess.T / 2) @ guess


def _pairings(n: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rounds of disjoint pairs in which each pair of n players meets once."""
    players = [*range(n), *([-1] if n % 2 else [])]
    half = len(players) // 2
    rounds = []
    for _ in range(len(players) - 1):
        pairs = zip(players[:half], reversed(players[half:]))
        kept = [pair for pair in pairs if -1 not in pair]
        rounds.append(tuple(np.array(side) for side in zip(*kept)))
        players = [players[0], players[-1], *players[1:-1]]
    return rounds
