"""Draw the figures of a matrix as the published ones are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import dendrogram, leaves_list, optimal_leaf_ordering, ward
from scipy.spatial.distance import squareform


@dataclass(frozen=True)
class Drawn:
    """A matrix, its names, and the three figures of it."""

    distances: np.ndarray
    names: list[str]
    heat_map: Path
    dendrogram: Path
    points: Path

    @property
    def paths(self) -> tuple[Path, Path, Path]:
        return self.heat_map, self.dendrogram, self.points


def draw(folder: Path, distances: np.ndarray, names: list[str], places: np.ndarray) -> Drawn:
    """Draw the heat map, the dendrogram and the map of a matrix as PDF files."""
    folder.mkdir(parents=True, exist_ok=True)
    above = distances[np.triu_indices_from(distances, 1)]
    tree = ward(squareform(distances))
    rows = leaves_list(optimal_leaf_ordering(tree, squareform(distances)))
    drawn = Drawn(distances, names, *(folder / f"{n}.pdf" for n in ("heat", "tree", "map")))
    with matplotlib.rc_context({"pdf.fonttype": 3, "pdf.compression": 6}):
        figure = Figure(figsize=(9, 6))
        axes = figure.subplots()
        axes.imshow(distances[rows][:, rows], cmap="gray", clim=(above.min(), above.max()))
        figure.savefig(drawn.heat_map)
        figure = Figure(figsize=(9, 6))
        axes = figure.subplots()
        dendrogram(tree, ax=axes, link_color_func=lambda _: "k", labels=names, leaf_rotation=90)
        figure.savefig(drawn.dendrogram)
        figure = Figure(figsize=(9, 6))
        axes = figure.subplots()
        axes.scatter(*places.T, lw=0, s=90, c=np.arange(len(names)))
        for name, (x, y) in zip(names, places):
            axes.text(x, y, name)
        axes.axis("off")
        figure.savefig(drawn.points)
    return drawn
