"""How a dataset's distance matrices are cut into tiles: which blocks, how many jobs, how long.

A block is some representations of a selection, a tile all pairs of two blocks. Blocks are named by
a digest of what they hold, tiles by those of their two blocks. When representations come to a
dataset the blocks of the others keep their names, so that only tiles that did not exist are made.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from shapemetrics.files import DamagedFile, atomic_path
from shapemetrics.metrics.base import Metric
from shapemetrics.metrics.registry import build_metric
from shapemetrics.pairwise.cost import estimated_pair_seconds
from shapemetrics.pairwise.memory import prepared_bytes
from shapemetrics.pairwise.tiles import block_digest, tile_name, tile_pairs
from shapemetrics.store.reader import RepresentationStore
from shapemetrics.study.facts import sizes_of
from shapemetrics.study.fitting import fitted_measure
from shapemetrics.study.needs import LeftOut
from shapemetrics.study.selection import Selection

#: Bytes that a tile job takes beside its blocks: the interpreter and products.
OVERHEAD = 600e6
#: Number of recent tiles from whose pace the time left is estimated.
RECENT = 20


@dataclass(frozen=True)
class Block:
    """Some representations of a selection.

    Attributes
    ----------
    digest : str
        Hexadecimal, over ids, contents and how they are read.
    ids : list of str
        Representations, in order.
    """

    digest: str
    ids: list[str]


@dataclass(frozen=True)
class MatrixPlan:
    """One matrix of distances as blocks.

    Attributes
    ----------
    blocks : list of Block
        All representations of the selection, in order.
    symmetric : bool
        Whether half of the tiles suffice.
    block_bytes : int
        Size of the largest block once prepared.
    pair_seconds : float
        Estimated time of a pair on one core.
    measure : dict
        Settings of the measure that fit what it compares.
    left_out : str or None
        Why the measure cannot be computed; there are no blocks then.
    """

    blocks: list[Block]
    symmetric: bool
    block_bytes: int
    pair_seconds: float
    measure: dict[str, Any] = field(default_factory=dict)
    left_out: str | None = None

    @property
    def ids(self) -> list[str]:
        """Representations, in order."""
        return [id for block in self.blocks for id in block.ids]

    @property
    def tiles(self) -> list[tuple[Block, Block]]:
        """Pairs of blocks that are computed."""
        return tile_pairs(self.blocks, symmetric=self.symmetric)

    @property
    def n_pairs(self) -> int:
        """Distances that all tiles hold together."""
        return sum(len(rows.ids) * len(columns.ids) for rows, columns in self.tiles)

    @property
    def seconds(self) -> float:
        """Estimated time of all tiles together, on one core."""
        return self.n_pairs * self.pair_seconds

    def block(self, digest: str) -> Block:
        """The block of this digest."""
        for block in self.blocks:
            if block.digest == digest:
                return block
        raise ValueError(f"block {digest} is not in the plan; was the dataset made anew meanwhile?")

    def mem_mb(self, n_blocks: int) -> int:
        """Memory that a job needs which holds so many blocks, in megabytes."""
        return math.ceil((n_blocks * self.block_bytes + OVERHEAD) / 1e6)


def plan_matrix(
    store: RepresentationStore,
    selection: Selection,
    measure: Mapping[str, Any],
    *,
    dtype: str,
    block_size: int | str,
    tile_minutes: float,
    block_gigabytes: float,
    names: tuple[str, str] = ("", ""),
    entry: str = "metrics",
    fixed: Sequence[str] = (),
) -> MatrixPlan:
    """Cut a selection into blocks.

    Parameters
    ----------
    store : RepresentationStore
    selection : Selection
    measure : mapping
        Settings of a metric or comparison.
    dtype : str
        Precision of prepared networks.
    block_size : int or "auto"
        Representations in a block; ``"auto"`` takes as many as make a tile last `tile_minutes`.
    tile_minutes : float
        Wanted time of a tile on one core.
    block_gigabytes : float
        Most that a prepared block may take, which bounds a job's memory.
    names : (str, str)
        Of the dataset and selection, for messages.
    entry, fixed
        Configuration key of the measure, and those of its settings that the user chose.

    Returns
    -------
    MatrixPlan

    Raises
    ------
    Refused, LeftOut
        As :func:`shapemetrics.study.requirements.fitted_measure`.
    """
    chosen = selection.chosen(store)
    sizes = sizes_of(chosen.index, selection.positions, *names)
    fitting, _ = fitted_measure(measure, sizes, entry=entry, fixed=fixed)
    metric = build_metric(fitting)
    shapes = [tuple(map(int, text.split("x"))) for text in chosen.index["shape"]]
    largest = chosen.take([chosen.ids[max(range(len(shapes)), key=lambda k: math.prod(shapes[k]))]])
    n_bytes = _prepared_bytes(largest, metric, selection, dtype)
    seconds = max(pair_seconds(metric, shape, selection.positions) for shape in set(shapes))
    wanted = math.sqrt(tile_minutes * 60.0 / seconds) if block_size == "auto" else block_size
    size = max(1, min(int(wanted), int(block_gigabytes * 1e9 / n_bytes + 1e-6)))
    digests = list(chosen.index["sha256"])
    read: dict[str, Any] = {"positions": selection.positions, "dtype": dtype}
    if fitting != dict(measure):  # a block of other components is another block
        read["measure"] = fitting
    blocks = [
        Block(
            block_digest(chosen.ids[start : start + size], digests[start : start + size], read),
            chosen.ids[start : start + size],
        )
        for start in range(0, len(chosen), size)
    ]
    room = n_bytes * len(blocks[0].ids)
    return MatrixPlan(blocks, metric.symmetric, room, seconds, fitting)


def _prepared_bytes(
    largest: RepresentationStore, metric: Metric, selection: Selection, dtype: str
) -> int:
    """Bytes that a representation takes once prepared.

    Measured by preparing one: kernels and dissimilarities grow with the square of the number of
    stimuli, held-out predictions take several times what the responses do, components less.
    """
    (X,) = selection.arrays(largest)
    return prepared_bytes(metric.prepare(X, name=largest.ids[0], dtype=np.dtype(dtype)))


def plan_dataset(
    store: RepresentationStore, matrices: Sequence[Mapping[str, Any]], **options: Any
) -> TilePlan:
    """Plans of all matrices of a dataset.

    Parameters
    ----------
    store : RepresentationStore
    matrices : sequence of mapping
        Names and settings, as :meth:`shapemetrics.study.Study.wanted_matrices` gives.
    **options
        Of :func:`plan_matrix`.
    """
    return TilePlan(
        {
            (matrix["selection"], matrix["metric"]): _planned(store, matrix, options)
            for matrix in matrices
        }
    )


def _planned(
    store: RepresentationStore, matrix: Mapping[str, Any], options: Mapping[str, Any]
) -> MatrixPlan:
    """Plan of one matrix; a comparison that cannot be computed is left out where it may be."""
    chosen, optional = Selection(**matrix["chosen"]), matrix.get("may_be_left_out", False)
    fitting = {name: matrix[name] for name in ("entry", "fixed") if name in matrix}
    names = matrix.get("dataset", "dataset"), matrix["selection"]
    try:
        return plan_matrix(store, chosen, matrix["measure"], names=names, **fitting, **options)
    except (LeftOut, ValueError) as reason:
        if not optional or isinstance(reason, DamagedFile):
            raise
        return MatrixPlan(
            [], build_metric(matrix["measure"]).symmetric, 0, 0.0, left_out=str(reason)
        )


def pair_seconds(metric: Metric, shape: tuple[int, ...], positions: str | None) -> float:
    """Estimated time of a pair of representations of this shape on one core."""
    m, *middle, n = shape
    if len(middle) == 1:
        return estimated_pair_seconds(metric, m, n, trials=middle[0])
    if len(middle) == 2:
        h, w = middle
        if positions is None:
            return estimated_pair_seconds(metric, m, n, grid=(h, w))
        m = m * h * w if positions == "samples" else m
        n = n * h * w if positions == "features" else n
    return estimated_pair_seconds(metric, m, n)


@dataclass(frozen=True)
class TilePlan:
    """Plans of all matrices of a dataset.

    Attributes
    ----------
    matrices : dict
        From selection and metric to a MatrixPlan.
    """

    matrices: dict[tuple[str, str], MatrixPlan]

    def save(self, path: str | os.PathLike) -> None:
        """Write JSON, under a temporary name and renamed."""
        parts = [
            {"selection": selection, "metric": metric, **asdict(plan)}
            for (selection, metric), plan in self.matrices.items()
        ]
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(parts, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike) -> TilePlan:
        """Read what :meth:`save` wrote."""
        return _loaded(str(path), os.stat(path).st_mtime_ns)

    def matrix(self, selection: str, metric: str) -> MatrixPlan:
        """The plan of one matrix."""
        try:
            return self.matrices[selection, metric]
        except KeyError:
            raise ValueError(f"no plan of tiles for {selection} by {metric}") from None

    def summary(self, dataset: str) -> str:
        """Number of jobs and estimated time, in one line."""
        plans = self.matrices.values()
        tiles = sum(len(plan.tiles) for plan in plans)
        pairs = sum(plan.n_pairs for plan in plans)
        seconds = sum(plan.seconds for plan in plans)
        return (
            f"{dataset}: {len(plans)} matrices of distances, {tiles} tiles, {pairs:,} pairs, "
            f"about {duration(seconds)} on one core (estimate)"
        )


@lru_cache(maxsize=32)
def _loaded(path: str, _: int) -> TilePlan:
    matrices = {}
    for part in json.loads(Path(path).read_text(encoding="utf-8")):
        blocks = [Block(**block) for block in part.pop("blocks")]
        key = part.pop("selection"), part.pop("metric")
        matrices[key] = MatrixPlan(blocks, **part)
    return TilePlan(matrices)


def progress(plan: MatrixPlan, folder: str | os.PathLike, name: str) -> str:
    """Progress of a whole matrix, found from the tiles that exist, in one line.

    Parameters
    ----------
    plan : MatrixPlan
    folder : path-like
        Where the tiles lie.
    name : str
        What to call the matrix.

    Returns
    -------
    str
        Tiles and pairs done, pairs a second, and time left at the pace of the last tiles.
    """
    done = sorted(_finished(plan, Path(folder)))
    pairs = sum(n for _, n in done)
    line = f"{name}: {len(done)} of {len(plan.tiles)} tiles, {pairs:,} of {plan.n_pairs:,} pairs"
    recent = done[-RECENT:]
    if len(recent) > 1 and recent[-1][0] > recent[0][0]:
        rate = sum(n for _, n in recent[1:]) / (recent[-1][0] - recent[0][0])
        line += f", {rate:,.0f} pairs/s, {duration((plan.n_pairs - pairs) / rate)} left"
    return line


def note_progress(
    plan: MatrixPlan, folder: str | os.PathLike, names: Any, log: str | os.PathLike
) -> str:
    """Append the :func:`progress` of a matrix to a log that all its jobs share, and return it.

    Parameters
    ----------
    plan : MatrixPlan
    folder : path-like
        Where the tiles lie.
    names : object
        With attributes `dataset`, `selection` and `metric`.
    log : path-like
        Text file.
    """
    line = progress(plan, folder, f"{names.dataset} {names.selection} {names.metric}")
    with open(log, "a", encoding="utf-8") as stream:
        stream.write(line + "\n")  # short enough to be appended whole, whoever else writes
    return line


def _finished(plan: MatrixPlan, folder: Path) -> Iterator[tuple[float, int]]:
    for rows, columns in plan.tiles:
        try:
            finished = (folder / tile_name(rows, columns)).stat().st_mtime
        except FileNotFoundError:
            continue
        yield min(finished, time.time()), len(rows.ids) * len(columns.ids)


def duration(seconds: float) -> str:
    """A time, human-readable."""
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.0f} s"
