"""Choosing landmarks: some at random, some farthest from all others, by K x L distances only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapemetrics.geometry.landmarks import LandmarkDistances
from shapemetrics.metrics.base import Metric, Origin, warn_of_doubts
from shapemetrics.pairwise.compare import PairEngine, Side, backend_of
from shapemetrics.pairwise.inputs import Arrays, Networks
from shapemetrics.pairwise.memory import check_memory
from shapemetrics.pairwise.preparation import prepare_networks, working_dtype
from shapemetrics.progress import Progress, reporting
from shapemetrics.validation import check_integer

__all__ = ["select_landmarks"]

#: Bytes of networks that are read and prepared at a time, beyond the candidates.
CHUNK_BYTES = 2**27
#: Distances below this share of the largest are between items equal in shape.
ZERO = 1e-7


def select_landmarks(
    arrays: Arrays,
    metric: Metric,
    n_landmarks: int,
    *,
    seed: int = 0,
    n_random: int | None = None,
    n_candidates: int | None = None,
    heldout: Arrays | None = None,
    n_jobs: int = 1,
    backend: str | None = None,
    device: str | None = None,
    tolerance: float | None = None,
    dtype: Any = "float64",
    progress: bool | Progress = False,
) -> LandmarkDistances:
    """Choose landmarks among many representations, and measure all distances to them.

    Parameters
    ----------
    arrays : sequence, mapping or RepresentationStore
        K representations, read one at a time: a store, or an object of one's own with a length
        and items that are read when asked, need not fit into memory.
    metric : Metric
        A symmetric one.
    n_landmarks : int
        L, from 1 to K.
    seed : int, default=0
        Of what is drawn at random.
    n_random : int, optional
        So many landmarks are drawn at random, the others chosen one after another, each the item
        farthest from all landmarks before it. 1 is the greedy max-min selection of Gonzalez
        (1985), whose covering radius is at most twice the best possible; `n_landmarks` is a plain
        random sample. By default half: random ones stand for where the items are many, the others
        for those that are unlike all.
    n_candidates : int, optional
        Choose among so many items, drawn at random, which are kept in memory; the others are then
        read, prepared and measured in chunks of 128 MB. By default all are candidates.
    heldout, n_jobs, backend, device, tolerance, dtype, progress
        See :func:`shapemetrics.pairwise_distances`.

    Returns
    -------
    LandmarkDistances
        The K x L distances, with the landmarks' positions and covering radius.

    Raises
    ------
    TypeError, ValueError
        If a representation or an option is not valid, the metric is not symmetric, or fewer
        than `n_landmarks` items differ.
    MemoryError
        If the candidates cannot fit into the memory that is free.

    Notes
    -----
    K L distances are computed and no others, since a landmark's distances are just those by which
    the next one is chosen. Each item is read and prepared once (landmarks twice). Memory holds the
    candidates in the working precision, a chunk of the others, and 8 K L bytes.

    Gonzalez (1985), Clustering to minimize the maximum intercluster distance, Theoretical
    Computer Science 38.

    Examples
    --------
    >>> from shapemetrics.metrics import LinearMetric
    >>> X = [np.random.default_rng(k).normal(size=(30, 3)) for k in range(40)]
    >>> found = select_landmarks(X, LinearMetric(), 5)
    >>> found.values.shape, len(found.landmark_ids)
    ((40, 5), 5)
    """
    networks, dtype = Networks(arrays), working_dtype(dtype)
    library = backend_of(metric, backend, device, tolerance, [networks.read(0)])
    if not metric.symmetric:
        raise ValueError(
            f"metric: found {type(metric).__name__}, which is not symmetric, expected a symmetric "
            "one, as landmarks need it"
        )
    engine = PairEngine(metric, n_jobs, library)
    others = None if heldout is None else Networks(heldout, "heldout")
    if others is not None:
        networks.check_same(others, "heldout")
    plan = _Plan.of(len(networks), n_landmarks, seed, n_random, n_candidates)
    measure = _Measure(networks, others, engine, dtype, n_jobs)
    _check_candidates(networks, len(plan.candidates), n_landmarks, dtype)

    values = np.empty((len(networks), n_landmarks))
    with reporting(progress, total=values.size, desc="landmarks", unit="pairs") as report:
        landmarks = _choose(plan, measure, values, report)
        items = measure.prepared(landmarks)
        rest = np.setdiff1d(np.arange(len(networks)), plan.candidates, assume_unique=True)
        for chunk in _chunks(rest, networks, dtype):
            values[chunk] = measure.distances(measure.side(chunk), items)
            done = len(plan.candidates) + int(np.searchsorted(rest, chunk[-1])) + 1
            report(done * n_landmarks, values.size)
    warn_of_doubts(measure.origins.values())
    values[landmarks, np.arange(n_landmarks)] = 0.0
    return LandmarkDistances(values, networks.names, landmarks, metric.parameters())


@dataclass(frozen=True)
class _Plan:
    """Checked numbers and what was drawn."""

    n_landmarks: int
    candidates: NDArray[np.intp]  # positions among all
    first: NDArray[np.intp]  # the random landmarks, as positions among the candidates

    @classmethod
    def of(
        cls, K: int, n_landmarks: int, seed: int, n_random: int | None, n_candidates: int | None
    ) -> _Plan:
        check_integer(n_landmarks, "n_landmarks", 1)
        check_integer(seed, "seed", 0)
        check_integer(n_random, "n_random", 1, optional=True)
        check_integer(n_candidates, "n_candidates", 1, optional=True)
        rng = np.random.default_rng(seed)
        n = min(n_candidates or K, K)
        candidates = np.arange(K) if n == K else np.sort(rng.choice(K, n, replace=False))
        if n_landmarks > n:
            kind = "representations" if n == K else "candidates"
            raise ValueError(
                f"n_landmarks: found {n_landmarks}, expected at most {n}, the number of {kind}"
            )
        n_random = -(-n_landmarks // 2) if n_random is None else n_random
        if n_random > n_landmarks:
            raise ValueError(
                f"n_random: found {n_random}, expected at most {n_landmarks}, n_landmarks"
            )
        return cls(n_landmarks, candidates, rng.choice(n, n_random, replace=False))


def _check_candidates(networks: Networks, n: int, n_landmarks: int, dtype: np.dtype) -> None:
    try:
        check_memory([networks.read(0)] * n, len(networks) * n_landmarks, dtype)
    except MemoryError as error:
        facts = str(error).split(";")[0]
        raise MemoryError(f"{facts}; give n_candidates, or dtype='float32'") from None


def _choose(plan: _Plan, measure: _Measure, values: NDArray, report: Progress) -> NDArray[np.intp]:
    """Fill the candidates' rows of `values`, column by column; return the landmarks."""
    candidates = plan.candidates
    side = measure.side(candidates, bounded=False)
    nearest = np.full(len(candidates), np.inf)
    chosen: list[int] = []
    more, largest = plan.first, 0.0
    while True:
        found = measure.distances(side, measure.prepared(candidates[more]))
        values[candidates, len(chosen) : len(chosen) + len(more)] = found
        chosen.extend(int(i) for i in more)
        report(len(candidates) * len(chosen), values.size)
        if len(chosen) == plan.n_landmarks:
            return candidates[chosen]
        np.minimum(nearest, found.min(axis=1), out=nearest)
        nearest[more] = 0.0
        largest = max(largest, float(found.max()))
        farthest = int(nearest.argmax())
        if nearest[farthest] <= ZERO * largest:
            raise ValueError(
                f"n_landmarks: found {plan.n_landmarks}, expected at most {len(chosen)}, as no "
                f"candidate differs from the first {len(chosen)} landmarks"
            )
        more = np.array([farthest])


_Items = tuple[list[Any], list[Any] | None]


@dataclass(frozen=True)
class _Measure:
    """Reads, prepares and compares some of the representations."""

    networks: Networks
    heldout: Networks | None
    engine: PairEngine
    dtype: np.dtype
    n_jobs: int
    origins: dict[int, Origin] = field(default_factory=dict)

    def prepared(self, positions: Sequence[int] | NDArray, *, bounded: bool = True) -> _Items:
        """These representations, prepared, with their held-out responses; they fit into memory
        where their number is bounded."""
        fitted, moved = prepare_networks(
            self.networks,
            self.engine.metric,
            self.dtype,
            heldout=self.heldout,
            positions=positions,
            n_jobs=self.n_jobs,
            bounded=bounded,
        )
        self.origins.update(zip(map(int, positions), (item.origin for item in fitted)))
        return fitted, moved

    def side(self, positions: Sequence[int] | NDArray, *, bounded: bool = True) -> Side:
        """These representations as stacks that are all kept."""
        found = self.engine.side(*self.prepared(positions, bounded=bounded), keep_all=True)
        found.take()
        return found

    def distances(self, side: Side, items: _Items) -> NDArray[np.floating]:
        """Distances of one side's networks to other prepared networks: (len(side), len(items))."""
        side.check_pair(items[0][0])
        return self.engine.compare(side, self.engine.side(*items), lambda done, total: None)


def _chunks(positions: NDArray, networks: Networks, dtype: np.dtype) -> list[NDArray]:
    if len(positions) == 0:
        return []
    some = positions[:8]
    largest = max(networks.size(int(i)) for i in some)
    size = max(1, CHUNK_BYTES // (max(largest, 1) * dtype.itemsize))
    return [positions[start : start + size] for start in range(0, len(positions), size)]
