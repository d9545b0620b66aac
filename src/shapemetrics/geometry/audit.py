"""Triangle audit: which triples of items break d(i, k) <= d(i, j) + d(j, k), and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import comb
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shapemetrics.pairwise.checks import check_dissimilarities
from shapemetrics.pairwise.threads import item_workers
from shapemetrics.validation import check_number

__all__ = ["TriangleAudit", "Triple", "triangle_audit"]

# Inequalities visited at a time: a few such blocks of numbers fit into a core's second cache.
_BLOCK = 32_768
# Smallest indices that a thread takes at a time.
_PER_TASK = 8


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


@dataclass
class _Tally:
    """Counts and maxima over some inequalities; `worst` is the first with the largest excess."""

    n_violations: int = 0
    n_triangles: int = 0
    max_excess: float = -np.inf
    max_relative: float = 0.0
    worst: tuple[int, int, int] = (0, 0, 0)

    def add(self, later: _Tally) -> None:
        """Add what was found in inequalities that come later."""
        self.n_violations += later.n_violations
        self.n_triangles += later.n_triangles
        self.max_relative = max(self.max_relative, later.max_relative)
        if later.max_excess > self.max_excess:
            self.max_excess, self.worst = later.max_excess, later.worst


class _Scan:
    """Visits every ordered triple once, in blocks that fit a cache.

    With a the smallest index of a triple and b != c above it, a is the start, the stop or the
    end: three inequalities per ordered pair (b, c).

    Where distances are symmetric and non-negative, half of that is enough. A triple read
    backwards is the same inequality; and at most one side of a triangle is too long, since a
    rounded sum of non-negative numbers is no smaller than either.

    Parameters
    ----------
    matrix : ndarray of shape (K, K)
    slack : float
        Excess that is tolerated, not negative.
    """

    def __init__(self, matrix: NDArray, slack: float) -> None:
        # No triple visits an item twice: a detour over the diagonal is infinite.
        self.matrix = matrix.copy()
        np.fill_diagonal(self.matrix, np.inf)
        self.slack = slack
        self.symmetric = bool((matrix == matrix.T).all() and self.matrix.min() >= 0)

    def __call__(self, first: int, stop: int) -> _Tally:
        """Tally the triples whose smallest index is at least `first` and below `stop`."""
        tally = _Tally()
        buffers = np.empty((2, max(_BLOCK, len(self.matrix))))
        for a in range(first, stop):
            self._of_smallest(a, tally, buffers)
        return tally

    def _of_smallest(self, a: int, tally: _Tally, buffers: NDArray) -> None:
        rest = self.matrix[a + 1 :, a + 1 :]
        width = len(rest)
        step = max(1, _BLOCK // width)
        blocks = [slice(begin, min(begin + step, width)) for begin in range(0, width, step)]
        before = tally.n_violations
        broken = None if self.symmetric else np.zeros((width, width), dtype=bool)
        for kind in ("start", "stop") if self.symmetric else ("start", "stop", "end"):
            for rows in blocks:
                mask = self._visit(kind, a, rows, tally, buffers)
                if mask is not None and broken is not None:
                    broken[rows] |= mask
        found = tally.n_violations - before
        if self.symmetric:
            tally.n_violations += found
            tally.n_triangles += found
        elif found and broken is not None:
            tally.n_triangles += int(np.count_nonzero(np.triu(broken | broken.T, k=1)))

    def _visit(
        self, kind: str, a: int, rows: slice, tally: _Tally, buffers: NDArray
    ) -> NDArray | None:
        """Tally a block of inequalities; return the mask of violations, None without any."""
        rest = self.matrix[a + 1 :, a + 1 :]
        out, back = self.matrix[a, a + 1 :], self.matrix[a + 1 :, a]
        skipped = 0
        if kind == "start":  # a -> b -> c
            direct, first, second = out[None, :], out[rows, None], rest[rows]
        elif kind == "end":  # b -> c -> a
            direct, first, second = back[rows, None], rest[rows], back[None, :]
        else:  # b -> a -> c; where distances are symmetric, of c from the first b on
            skipped = rows.start if self.symmetric else 0
            direct, first, second = rest[rows, skipped:], back[rows, None], out[None, skipped:]
        shape = (rows.stop - rows.start, len(rest) - skipped)
        detour, excess = (buffer[: shape[0] * shape[1]].reshape(shape) for buffer in buffers)
        np.add(first, second, out=detour)
        if kind == "stop":
            np.subtract(direct, detour, out=excess)
            excess.reshape(-1)[rows.start - skipped :: shape[1] + 1] = -np.inf  # b == c
            shortest, greatest = detour, excess
        else:
            # All b (all c) compete for one direct way: the shortest detour decides.
            shortest = detour.min(axis=0 if kind == "start" else 1, keepdims=True)
            greatest = direct - shortest
        largest = float(greatest.max())
        if largest > tally.max_excess:
            tally.max_excess = largest
            found = excess if kind == "stop" else np.subtract(direct, detour, out=excess)
            row, column = np.unravel_index(int(np.argmax(found)), shape)
            b, c = a + 1 + rows.start + int(row), a + 1 + skipped + int(column)
            tally.worst = {"start": (a, b, c), "stop": (b, a, c), "end": (b, c, a)}[kind]
        if largest <= self.slack:
            return None
        too_long = greatest > self.slack
        with np.errstate(divide="ignore"):
            relative = greatest[too_long] / np.maximum(shortest[too_long], 0.0)
        tally.max_relative = max(tally.max_relative, float(relative.max()))
        if kind == "stop":
            broken = too_long
            if self.symmetric:
                # Each pair b, c once. Rows and columns of the block begin with the same item.
                corner = broken[:, : shape[0]]
                corner[:] = np.triu(corner, k=1)
        else:
            # Only direct ways that some detour undercuts are looked at again.
            among = np.flatnonzero(too_long)
            which = (slice(None), among) if kind == "start" else (among, slice(None))
            broken = np.zeros(shape, dtype=bool)
            broken[which] = direct[which] - detour[which] > self.slack
        tally.n_violations += int(np.count_nonzero(broken))
        return broken


def _scan(matrix: NDArray, slack: float, n_jobs: int | None) -> _Tally:
    """Visit every ordered triple once, the longest rows first."""
    scan = _Scan(matrix, slack)
    last = len(matrix) - 2
    ranges = [(first, min(first + _PER_TASK, last)) for first in range(0, last, _PER_TASK)]
    total = _Tally()
    with item_workers(len(matrix), n_jobs) as run:
        for tally in run(scan, ranges):
            total.add(tally)
    return total


def triangle_audit(
    D: ArrayLike,
    ids: Sequence | None = None,
    *,
    tolerance: float = 1e-9,
    name: str = "D",
    n_jobs: int | None = None,
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
    n_jobs : int, optional
        Threads; -1 takes all cores. By default as many as the linear algebra may use, at most
        eight, and one for fewer than 700 items. The result does not depend on their number.

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
    K^3; symmetric, non-negative dissimilarities take half as long, since each inequality is also
    that of the triple read backwards. Threads share the triples by their smallest index. Memory is
    about 20 K^2 bytes, and 1 MB per thread (an asymmetric matrix: 4 K^2 bytes per thread).

    Examples
    --------
    >>> audit = triangle_audit([[0, 1, 5], [1, 0, 1], [5, 1, 0]], ids=["a", "b", "c"])
    >>> audit.n_triples, audit.n_violations, audit.max_violation
    (6, 2, 3.0)
    >>> audit.worst
    Triple(i='a', j='b', k='c', d_ik=5.0, d_ij=1.0, d_jk=1.0)
    """
    check_number(tolerance, "tolerance", low=0.0)
    matrix, names = check_dissimilarities(D, ids, name=name, min_items=3)
    n_items = len(matrix)
    slack = tolerance * float(np.abs(matrix).max())
    tally = _scan(matrix, slack, n_jobs)
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
        worst=Triple(
            *(labels[0], labels[1], labels[2]),
            *(float(matrix[i, k]), float(matrix[i, j]), float(matrix[j, k])),
        ),
        symmetric=max_asymmetry <= slack,
        max_asymmetry=max_asymmetry,
        max_diagonal=float(np.abs(np.diagonal(matrix)).max()),
        minimum=float(matrix[~np.eye(n_items, dtype=bool)].min()),
        tolerance=tolerance,
        threshold=slack,
    )
