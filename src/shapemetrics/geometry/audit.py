"""Triangle audit: which triples of items break d(i, k) <= d(i, j) + d(j, k), and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import comb
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shapemetrics.pairwise.checks import check_dissimilarities

__all__ = ["TriangleAudit", "Triple", "triangle_audit"]


@dataclass(frozen=True)
class Triple:
    """Three items, the detour i -> j -> k and the direct way i -> k.

    Attributes
    ----------
    i, j, k : object
        Names of the items; j is the stop on the way.
    d_ik, d_ij, d_jk : float
        The three distances.
    """

    i: Any
    j: Any
    k: Any
    d_ik: float
    d_ij: float
    d_jk: float

    @property
    def excess(self) -> float:
        """How much longer the direct way is than the detour; positive in a violation."""
        return self.d_ik - (self.d_ij + self.d_jk)


@dataclass(frozen=True)
class TriangleAudit:
    """What `triangle_audit` found.

    Attributes
    ----------
    name : str
        Name of the dissimilarity.
    n : int
        Number of items, K.
    n_triples : int
        Inequalities checked: K (K - 1) (K - 2) ordered triples.
    n_violations : int
        Inequalities broken by more than the tolerance.
    fraction : float
        ``n_violations / n_triples``.
    fraction_triangles : float
        Share of the K (K - 1) (K - 2) / 6 unordered triples with at least one broken inequality.
        For a symmetric dissimilarity it is three times `fraction`: at most one side of a triangle
        can be too long, and it is counted from both its ends among six inequalities.
    max_violation : float
        Largest d(i, k) - d(i, j) - d(j, k) among the violations, in the units of D; 0 with none.
    max_relative_violation : float
        Largest d(i, k) / (d(i, j) + d(j, k)) - 1 among the violations; 0 with none.
    max_excess : float
        Largest d(i, k) - d(i, j) - d(j, k) of all, tolerated or not; negative where there is room.
    worst : Triple
        The triple of `max_excess`.
    symmetric : bool
        Whether the largest asymmetry is within the tolerance.
    max_asymmetry : float
        Largest ``|d(i, j) - d(j, i)|``.
    max_diagonal : float
        Largest ``|d(i, i)|``.
    minimum : float
        Smallest d(i, j) between two different items.
    tolerance : float
        The tolerance asked for, a fraction of the largest absolute entry of D.
    threshold : float
        The same in the units of D.
    """

    name: str
    n: int
    n_triples: int
    n_violations: int
    fraction: float
    fraction_triangles: float
    max_violation: float
    max_relative_violation: float
    max_excess: float
    worst: Triple
    symmetric: bool
    max_asymmetry: float
    max_diagonal: float
    minimum: float
    tolerance: float
    threshold: float

    @property
    def is_metric(self) -> bool:
        """Whether nothing found contradicts a (pseudo)metric: symmetric, non-negative, zero
        diagonal, no violation, all within the tolerance."""
        return (
            self.symmetric
            and self.n_violations == 0
            and self.max_diagonal <= self.threshold
            and self.minimum >= -self.threshold
        )

    def row(self) -> dict[str, Any]:
        """Return one flat row of a table, with the worst triple as worst_i ... worst_d_jk."""
        row = asdict(self)
        worst = row.pop("worst")
        return row | {f"worst_{key}": value for key, value in worst.items()}


class _Tally:
    """Running counts and maxima over blocks of inequalities."""

    def __init__(self, slack: float) -> None:
        self.slack = slack
        self.n_violations = 0
        self.n_triangles = 0
        self.max_excess = -np.inf
        self.max_relative = 0.0
        self.worst = (0, 0, 0)

    def add(self, excess: NDArray, detour: NDArray, names: tuple[NDArray, ...]) -> NDArray | None:
        """Count one block; return the mask of violations, or None where there are none.

        `names` are three index arrays (i, j, k) that broadcast to the shape of the block.
        """
        at = np.unravel_index(int(np.argmax(excess)), excess.shape)
        if excess[at] > self.max_excess:
            self.max_excess = float(excess[at])
            self.worst = tuple(int(np.broadcast_to(name, excess.shape)[at]) for name in names)
        if excess[at] <= self.slack:
            return None
        broken = excess > self.slack
        self.n_violations += int(np.count_nonzero(broken))
        with np.errstate(divide="ignore"):
            relative = excess[broken] / np.maximum(detour[broken], 0.0)
        self.max_relative = max(self.max_relative, float(relative.max()))
        return broken


def _scan(matrix: NDArray, slack: float) -> _Tally:
    """Visit every ordered triple once, in blocks that share their smallest index.

    With a the smallest index and b != c above it, a is the start, the stop or the end: three
    inequalities an ordered pair (b, c), so one K x K block at a time is held in memory.
    """
    tally = _Tally(slack)
    n_items = len(matrix)
    for a in range(n_items - 2):
        rest = np.arange(a + 1, n_items)
        b, c = rest[:, None], rest[None, :]
        block = matrix[a + 1 :, a + 1 :]
        out, back = matrix[a, a + 1 :], matrix[a + 1 :, a]
        any_broken = np.zeros(block.shape, dtype=bool)
        for direct, detour, names in (
            (out[None, :], out[:, None] + block, (a, b, c)),  # a -> b -> c
            (block, back[:, None] + out[None, :], (b, a, c)),  # b -> a -> c
            (back[:, None], block + back[None, :], (b, c, a)),  # b -> c -> a
        ):
            excess = direct - detour
            np.fill_diagonal(excess, -np.inf)  # b == c is no triple
            broken = tally.add(excess, detour, names)
            if broken is not None:
                any_broken |= broken
        if any_broken.any():
            tally.n_triangles += int(np.count_nonzero(np.triu(any_broken | any_broken.T, k=1)))
    return tally


def triangle_audit(
    D: ArrayLike,
    ids: Sequence | None = None,
    *,
    tolerance: float = 1e-9,
    name: str = "D",
) -> TriangleAudit:
    """Check the triangle inequality on every triple of a matrix of dissimilarities.

    Parameters
    ----------
    D : array of shape (K, K)
        Dissimilarities, D[i, j] from item i to item j. It may be asymmetric and it need not have
        a zero diagonal: both are measured, neither is demanded.
    ids : sequence of length K, optional
        Names of the items, used to name the worst triple; 0 ... K - 1 when not given.
    tolerance : float
        A triple counts as violated when d(i, k) - d(i, j) - d(j, k) exceeds ``tolerance`` times
        the largest absolute entry of D, so the count does not depend on the units. Where several
        items are equal in shape, angular distances carry the floor of arccos (about 2e-8), and
        1e-7 is the right value.
    name : str
        Name of the dissimilarity, kept in the result.

    Returns
    -------
    TriangleAudit

    Raises
    ------
    ValueError
        If D is not square, not finite, or has fewer than three items.

    Notes
    -----
    All K (K - 1) (K - 2) ordered triples of different items (i, j, k) are checked for

        d(i, k) <= d(i, j) + d(j, k),

    which is what the triangle inequality says of an asymmetric dissimilarity too. Time grows as
    K^3 (K = 500 is a second or so), memory as K^2.

    Examples
    --------
    >>> audit = triangle_audit([[0, 1, 5], [1, 0, 1], [5, 1, 0]], ids=["a", "b", "c"])
    >>> audit.n_triples, audit.n_violations, audit.max_violation
    (6, 2, 3.0)
    >>> audit.worst
    Triple(i='a', j='b', k='c', d_ik=5.0, d_ij=1.0, d_jk=1.0)
    """
    if not tolerance >= 0:
        raise ValueError(f"tolerance must be zero or more, found {tolerance}")
    matrix, names = check_dissimilarities(D, ids, name=name, min_items=3)
    n_items = len(matrix)
    slack = tolerance * float(np.abs(matrix).max())
    tally = _scan(matrix, slack)
    i, j, k = tally.worst
    labels = [names[at].item() if hasattr(names[at], "item") else names[at] for at in (i, j, k)]
    max_asymmetry = float(np.abs(matrix - matrix.T).max())
    n_triples = n_items * (n_items - 1) * (n_items - 2)
    return TriangleAudit(
        name=name,
        n=n_items,
        n_triples=n_triples,
        n_violations=tally.n_violations,
        fraction=tally.n_violations / n_triples,
        fraction_triangles=tally.n_triangles / comb(n_items, 3),
        max_violation=max(tally.max_excess, 0.0) if tally.n_violations else 0.0,
        max_relative_violation=tally.max_relative,
        max_excess=tally.max_excess,
        worst=Triple(*labels, float(matrix[i, k]), float(matrix[i, j]), float(matrix[j, k])),
        symmetric=max_asymmetry <= slack,
        max_asymmetry=max_asymmetry,
        max_diagonal=float(np.abs(np.diagonal(matrix)).max()),
        minimum=float(matrix[~np.eye(n_items, dtype=bool)].min()),
        tolerance=tolerance,
        threshold=slack,
    )
