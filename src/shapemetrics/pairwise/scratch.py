"""All pairs out of core: blocks of prepared networks and finished tiles in a folder."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Metric
from shapemetrics.pairwise.blocks import load_block, save_block
from shapemetrics.pairwise.compare import compare_blocks
from shapemetrics.pairwise.inputs import Arrays, Source
from shapemetrics.pairwise.memory import prepared_bytes
from shapemetrics.pairwise.tiles import Tile, block_digest, gather_tiles, tile_name, tile_pairs
from shapemetrics.pairwise.workers import workers
from shapemetrics.progress import Progress, reporting

#: Bytes of a block of prepared networks.
BLOCK_BYTES = 2**27


def scratch_distances(
    arrays: Arrays,
    metric: Metric,
    folder: str | os.PathLike,
    *,
    n_jobs: int,
    backend: str,
    device: str | None,
    tolerance: float | None,
    dtype: Any,
    block_size: int | None,
    progress: bool | Progress,
) -> Array:
    """What ``pairwise_distances(..., scratch=folder)`` does.

    Parameters
    ----------
    folder : path-like
        Made where it is missing. Tiles stay; blocks go when all tiles are done.
    arrays, metric, n_jobs, backend, device, tolerance, dtype, block_size, progress
        See :func:`pairwise_distances`.

    Returns
    -------
    ndarray of shape (K, K)
    """
    source, folder = Source.of(arrays), Path(folder)
    if not source.names:
        raise ValueError("found no representations, expected at least one")
    dtype = np.dtype(dtype)
    facts = {
        "parameters": metric.parameters(),
        "dtype": str(dtype),
        "backend": backend,
        "device": device,
        "tolerance": tolerance,
        "version": _version(),
    }
    blocks = _blocks(source, block_size or _block_size(source, metric, dtype), facts)
    folder.mkdir(parents=True, exist_ok=True)
    tiles = tile_pairs(blocks, symmetric=metric.symmetric)
    paths = [folder / tile_name(a, b) for a, b in tiles]
    total = sum(len(a.some) * len(b.some) for a, b in tiles)
    done, loaded = 0, _Loaded(source, metric, dtype, folder, n_jobs)
    with reporting(progress, total=total, desc="distances", unit="pairs") as report:
        for (a, b), path in zip(tiles, paths):
            if not _is_sound(path, Tile.load):

                def count(pairs: int, _: int, before: int = done) -> None:
                    report(before + pairs, total)

                rows = loaded(a)
                columns = rows if a is b else loaded(b)
                values = compare_blocks(
                    *(rows, columns, metric),
                    n_jobs=n_jobs,
                    backend=backend,
                    device=device,
                    tolerance=tolerance,
                    progress=count,
                )
                names = [[source.names[i] for i in block.some] for block in (a, b)]
                Tile(values, *names, {**facts, "blocks": [a.digest, b.digest]}).save(path)
            done += len(a.some) * len(b.some)
            report(done, total)
    loaded.remove(blocks)
    return gather_tiles(paths, source.names, symmetric=metric.symmetric)


@dataclass(frozen=True)
class _Block:
    some: range
    digest: str


def _block_size(source: Source, metric: Metric, dtype: np.dtype) -> int:
    """Networks that a block holds, told from the largest of the first few once it is prepared.

    Of the first few only, so that further networks leave the blocks as they are.
    """
    sizes = [math.prod(np.shape(source.read(i))) for i in range(min(len(source), 8))]
    i = int(np.argmax(sizes))
    prepared = metric.prepare(source.read(i), name=source.names[i], dtype=dtype)
    return max(1, BLOCK_BYTES // max(prepared_bytes(prepared), sizes[i] * dtype.itemsize))


def _blocks(source: Source, block_size: int, facts: Mapping[str, Any]) -> list[_Block]:
    n = len(source.names)
    ranges = [range(start, min(start + block_size, n)) for start in range(0, n, block_size)]
    return [
        _Block(
            some,
            block_digest([source.names[i] for i in some], [source.digest(i) for i in some], facts),
        )
        for some in ranges
    ]


class _Loaded:
    """Blocks read from their files, which are made when first needed."""

    def __init__(
        self, source: Source, metric: Metric, dtype: np.dtype, folder: Path, n_jobs: int
    ) -> None:
        self._source, self._metric, self._dtype = source, metric, dtype
        self._folder, self._n_jobs = folder, n_jobs
        self._checked: set[str] = set()

    def __call__(self, block: _Block) -> list[Any]:
        path = self._path(block)
        # Another run with the same folder may have removed a block that it was done with.
        if block.digest not in self._checked or not path.exists():
            if not _is_sound(path, load_block):
                self._prepare(block, path)
            self._checked.add(block.digest)
        prepared, _ = load_block(path, verify=False)
        for item in prepared[1:]:  # two blocks are held against each other by their tile
            self._metric.check_pair(prepared[0], item)
        return prepared

    def _prepare(self, block: _Block, path: Path) -> None:
        def prepare(i: int) -> tuple[int, Any]:
            X, name = self._source.read(i), self._source.names[i]
            return i, self._metric.prepare(X, name=name, dtype=self._dtype)

        with workers(self._n_jobs) as run:
            found = dict(run(prepare, [(i,) for i in block.some]))
        save_block([found[i] for i in block.some], path, {"digest": block.digest})

    def _path(self, block: _Block) -> Path:
        return self._folder / f"{block.digest}.block"

    def remove(self, blocks: Sequence[_Block]) -> None:
        """Remove the files of these blocks, those of an earlier run that was killed included."""
        for block in blocks:
            self._path(block).unlink(missing_ok=True)


def _is_sound(path: Path, read: Callable[[Path], Any]) -> bool:
    """Whether a file is there and undamaged; a damaged one is removed, to be made anew."""
    if not path.exists():
        return False
    try:
        read(path)
    except ValueError:
        path.unlink(missing_ok=True)
        return False
    return True


def _version() -> str:
    from shapemetrics import __version__

    return __version__
