"""Where results lie: the one place that knows the layout of the results folder.

Paths are patterns with the wildcards of the workflow's rules in braces. ``str.format`` fills them.
"""

from __future__ import annotations

import os
from pathlib import Path

from shapemetrics.store.metadata import DATASET, INDEX


class Layout:
    """Paths of a study's results.

    Parameters
    ----------
    results : path-like
        The results folder.

    Examples
    --------
    >>> layout = Layout("results")
    >>> layout.index.format(dataset="mine")
    'results/mine/store/index.csv'
    >>> layout.log("embed_distances", "dataset", "metric")
    'results/logs/embed_distances/{dataset}_{metric}.log'
    """

    def __init__(self, results: str | os.PathLike) -> None:
        self.results = Path(results)

    def path(self, *parts: str) -> str:
        """A path below the results folder."""
        return str(self.results.joinpath(*parts))

    # A dataset's own folder.

    @property
    def index(self) -> str:
        """Index of the representation store."""
        return self.path("{dataset}", "store", INDEX)

    @property
    def metadata(self) -> str:
        """What the store says of itself."""
        return self.path("{dataset}", "store", DATASET)

    @property
    def downloads(self) -> str:
        """Folder of downloads."""
        return self.path("{dataset}", "downloads")

    @property
    def networks(self) -> str:
        """Table of the networks that were chosen."""
        return self.path("{dataset}", "networks.csv")

    @property
    def sessions_folder(self) -> str:
        """Folder of fetched or simulated sessions."""
        return self.path("{dataset}", "sessions")

    def of_dataset(self, *parts: str) -> str:
        """A path in a dataset's own folder."""
        return self.path("{dataset}", *parts)

    # Distances, tables and figures.

    @property
    def matrix(self) -> str:
        """Distances of a selection by a metric."""
        return self.of_matrix("distances.npz")

    def of_matrix(self, *parts: str) -> str:
        """A path in the folder of a matrix of distances."""
        return self.path("distances", "{dataset}", "{selection}", "{metric}", *parts)

    @property
    def tiles(self) -> str:
        """Plan of the tiles of a dataset's matrices."""
        return self.path("distances", "{dataset}", "tiles.json")

    def geometry(self, name: str, *, metric: bool = True) -> str:
        """A table about the geometry of a dataset's distances, of a metric or of all."""
        return self.path("geometry", "{dataset}", *(["{metric}"] if metric else []), name)

    def learning(self, name: str, *, metric: bool = True) -> str:
        """A table about what is learned from a dataset's distances, of a metric or of all."""
        return self.path("learning", "{dataset}", *(["{metric}"] if metric else []), name)

    def figure(self, name: str, *, metric: bool = True) -> str:
        """A figure of a dataset, of a metric or of all, without the suffix."""
        return self.path("figures", "{dataset}", *(["{metric}"] if metric else []), name)

    # What jobs leave behind.

    def log(self, rule: str, *wildcards: str) -> str:
        """Log of a rule's job."""
        return self._of_job("logs", rule, wildcards, ".log") or self.path("logs", f"{rule}.log")

    def benchmark(self, rule: str, *wildcards: str) -> str:
        """Time and memory of a rule's job."""
        return self._of_job("benchmarks", rule, wildcards, ".tsv") or self.path(
            "benchmarks", rule, "all.tsv"
        )

    def _of_job(self, folder: str, rule: str, wildcards: tuple[str, ...], suffix: str) -> str:
        if not wildcards:
            return ""
        name = "_".join(f"{{{wildcard}}}" for wildcard in wildcards)
        return self.path(folder, rule, name + suffix)
