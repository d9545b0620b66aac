"""All pairs out of core: block files of prepared networks and finished tiles in a folder.

``pairwise_distances(..., scratch=folder)`` runs all of it in one process; the study runs
:func:`prepare_block` and :func:`compute_tile` as jobs of their own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Metric, Origin, warn_of_doubts
from shapemetrics.pairwise.blocks import load_block, save_block
from shapemetrics.pairwise.compare import compare_prepared
from shapemetrics.pairwise.inputs import Networks
from shapemetrics.pairwise.memory import prepared_bytes
from shapemetrics.pairwise.preparation import prepare_networks
from shapemetrics.pairwise.tiles import Tile, block_digest, gather_tiles, tile_name, tile_pairs
from shapemetrics.pairwise.workers import workers
from shapemetrics.progress import Progress, reporting

#: Bytes of a block file.
BLOCK_BYTES = 2**27
#: Networks of which the largest tells how many a block file holds.
LOOKED_AT = 8


@dataclass(frozen=True)
class BlockFile:
    """A block file as it was read: networks, and their held-out responses where it has them."""

    fitted: list[Any]
    heldout: list[Any] | None
    #: Why its networks could not be prepared, where a study leaves them out.
    left_out: str | None = None


def prepare_block(
    networks: Networks,
    positions: Sequence[int],
    metric: Metric,
    path: str | os.PathLike,
    *,
    digest: str,
    dtype: Any = np.float64,
    heldout: Networks | None = None,
    n_jobs: int = 1,
) -> list[Origin]:
    """Read and prepare some networks, and write them as one block file.

    Parameters
    ----------
    networks : Networks
    positions : sequence of int
        Which of them.
    metric : Metric
    path : path-like
        File to make.
    digest : str
        Identity of the block.
    dtype : dtype
        Precision of what is compared.
    heldout : Networks, optional
        Held-out responses of the same networks.
    n_jobs : int
        Threads.

    Returns
    -------
    list of Origin
        Of the prepared networks, for :func:`shapemetrics.metrics.base.warn_of_doubts`.
    """
    fitted, moved = prepare_networks(
        networks, metric, dtype, heldout=heldout, positions=positions, n_jobs=n_jobs, bounded=True
    )
    facts = {"digest": digest, "heldout": moved is not None}
    save_block([*fitted, *(moved or [])], path, facts)
    return [item.origin for item in fitted]


def read_block(path: str | os.PathLike, *, verify: bool = True) -> BlockFile:
    """Read what :func:`prepare_block` wrote, arrays memory-mapped.

    Raises
    ------
    ValueError, DamagedFile
        See :func:`load_block`.
    """
    items, facts = load_block(path, verify=verify)
    if not facts.get("heldout"):
        return BlockFile(items, None, facts.get("left_out"))
    half = len(items) // 2
    return BlockFile(items[:half], items[half:])


def compute_tile(
    rows: BlockFile,
    columns: BlockFile | None,
    metric: Metric,
    names: Sequence[Sequence[str]],
    facts: Mapping[str, Any],
    digests: Sequence[str],
    *,
    n_jobs: int = 1,
    backend: str | None = None,
    device: str | None = None,
    tolerance: float | None = None,
    progress: bool | Progress = False,
) -> Tile:
    """Distances between the networks of two block files.

    Parameters
    ----------
    rows, columns : BlockFile
        None as columns, for all pairs within `rows`.
    metric : Metric
    names : pair of sequences of str
        What rows and columns stand for.
    facts : mapping
        In which all tiles of a matrix agree; kept with the tile.
    digests : pair of str
        Identities of both blocks.
    n_jobs, backend, device, tolerance, progress
        See :func:`pairwise_distances`.

    Returns
    -------
    Tile
    """
    values = compare_prepared(
        rows.fitted,
        None if columns is None else columns.fitted,
        metric,
        heldout_a=rows.heldout,
        heldout_b=None if columns is None else columns.heldout,
        n_jobs=n_jobs,
        backend=backend,
        device=device,
        tolerance=tolerance,
        progress=progress,
    )
    return Tile(values, list(names[0]), list(names[1]), {**facts, "blocks": list(digests)})


def scratch_distances(
    rows: Networks,
    columns: Networks | None,
    metric: Metric,
    folder: str | os.PathLike,
    *,
    heldout: tuple[Networks, Networks | None] | None,
    n_jobs: int,
    backend: str | None,
    device: str | None,
    tolerance: float | None,
    dtype: np.dtype,
    block_size: int | None,
    progress: bool | Progress,
) -> Array:
    """What the doors do with ``scratch=folder``.

    Parameters
    ----------
    rows, columns : Networks
        None as columns, for all pairs within `rows`.
    metric : Metric
    folder : path-like
        Made where it is missing. Tiles stay; block files go when all tiles are done.
    heldout : pair of Networks, optional
        Held-out responses of `rows` and `columns`.
    n_jobs, backend, device, tolerance, dtype, block_size, progress
        See :func:`pairwise_distances`.

    Returns
    -------
    ndarray of shape (len(rows), len(columns or rows))
    """
    folder = Path(folder)
    facts = {
        "parameters": metric.parameters(),
        "dtype": str(dtype),
        "backend": backend,
        "device": device,
        "tolerance": tolerance,
        "version": _version(),
    }
    others = None if heldout is None else heldout[0]
    cache = BlockCache(rows, others, metric, dtype, folder, facts, block_size, n_jobs)
    symmetric = columns is None and metric.symmetric
    if columns is None:
        caches = (cache, cache)
        tiles = tile_pairs(cache.blocks, symmetric=symmetric)
    else:
        others = None if heldout is None else heldout[1]
        second = BlockCache(columns, others, metric, dtype, folder, facts, block_size, n_jobs)
        caches = (cache, second)
        tiles = [(a, b) for a in cache.blocks for b in second.blocks]
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / tile_name(a, b) for a, b in tiles]
    counts = [_n_pairs(a, b, symmetric=symmetric) for a, b in tiles]
    total, done = sum(counts), 0
    with reporting(progress, total=total, desc="distances", unit="pairs") as report:
        for (a, b), path, n in zip(tiles, paths, counts):
            if not _is_sound(path, Tile.load):

                def count(pairs: int, _: int, before: int = done) -> None:
                    report(before + pairs, total)

                tile = compute_tile(
                    caches[0](a),
                    None if a is b else caches[1](b),
                    metric,
                    (caches[0].names(a), caches[1].names(b)),
                    facts,
                    (a.digest, b.digest),
                    n_jobs=n_jobs,
                    backend=backend,
                    device=device,
                    tolerance=tolerance,
                    progress=count,
                )
                tile.save(path)
            done += n
            report(done, total)
    for each in set(caches):
        each.remove()
    warn_of_doubts([o for each in set(caches) for o in each.origins.values()], stacklevel=5)
    return gather_tiles(
        paths,
        rows.names,
        symmetric=symmetric,
        columns=None if columns is None else columns.names,
    )


@dataclass(frozen=True)
class _Block:
    positions: range
    digest: str


def _n_pairs(a: _Block, b: _Block, *, symmetric: bool) -> int:
    n = len(a.positions)
    return n * (n - 1) // 2 if symmetric and a is b else n * len(b.positions)


class BlockCache:
    """Block files of a collection of networks, made when first needed.

    Parameters
    ----------
    networks, heldout : Networks
    metric : Metric
    dtype : dtype
    folder : pathlib.Path
    facts : mapping
        How networks are prepared and compared: part of a block's identity.
    block_size : int or None
        Networks in a block; by default as many as take `BLOCK_BYTES`.
    n_jobs : int
    """

    def __init__(
        self,
        networks: Networks,
        heldout: Networks | None,
        metric: Metric,
        dtype: np.dtype,
        folder: Path,
        facts: Mapping[str, Any],
        block_size: int | None,
        n_jobs: int,
    ) -> None:
        self._networks, self._heldout, self._metric = networks, heldout, metric
        self._dtype, self._folder, self._n_jobs = dtype, folder, n_jobs
        self._checked: set[str] = set()
        self.origins: dict[int, Origin] = {}
        size, n = block_size or self._block_size(), len(networks)
        ranges = [range(start, min(start + size, n)) for start in range(0, n, size)]
        digests = self._digests()
        self.blocks = [
            _Block(
                some,
                block_digest(
                    [networks.names[i] for i in some], digests[some.start : some.stop], facts
                ),
            )
            for some in ranges
        ]

    def names(self, block: _Block) -> list[str]:
        """Names of a block's networks."""
        return [self._networks.names[i] for i in block.positions]

    def __call__(self, block: _Block) -> BlockFile:
        """The block file, read."""
        path = self._path(block)
        # Another run with the same folder may have removed a block that it was done with.
        if block.digest not in self._checked or not path.exists():
            if not _is_sound(path, read_block):
                prepare_block(
                    self._networks,
                    block.positions,
                    self._metric,
                    path,
                    digest=block.digest,
                    dtype=self._dtype,
                    heldout=self._heldout,
                    n_jobs=self._n_jobs,
                )
            self._checked.add(block.digest)
        found = read_block(path, verify=False)
        self.origins.update(zip(block.positions, (item.origin for item in found.fitted)))
        return found

    def remove(self) -> None:
        """Remove all block files, those of an earlier run that was killed included."""
        for block in self.blocks:
            self._path(block).unlink(missing_ok=True)

    def _path(self, block: _Block) -> Path:
        return self._folder / f"{block.digest}.block"

    def _digests(self) -> list[str]:
        """Of each network's content, and that of its held-out responses."""

        def digest(i: int) -> tuple[int, str]:
            found = self._networks.digest(i)
            return i, found if self._heldout is None else f"{found} {self._heldout.digest(i)}"

        n = len(self._networks)
        with workers(self._n_jobs, n_tasks=n) as run:
            found = dict(run(digest, ((i,) for i in range(n))))
        return [found[i] for i in range(n)]

    def _block_size(self) -> int:
        """Networks in a block, estimated by preparing the largest of the first eight.

        Of the first few only, so that further networks leave the blocks as they are.
        """
        networks, dtype = self._networks, self._dtype
        some = range(min(len(networks), LOOKED_AT))
        sizes = [networks.size(i) for i in some]
        i = int(np.argmax(sizes))
        prepared = self._metric.prepare(networks.responses(i), name=networks.names[i], dtype=dtype)
        each = max(prepared_bytes(prepared), sizes[i] * dtype.itemsize)
        return max(1, BLOCK_BYTES // (each if self._heldout is None else 2 * each))


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
    import shapemetrics

    return shapemetrics.__version__
