"""A real matrix of distances between brain regions, recovered from the figures it was published in.

Authors of the paper compared 55 regions of the Allen Visual Coding Neuropixels recordings (natural
movie three, 32 sessions) and published a heat map, a dendrogram and a map of the Procrustes
distances (github.com/brunaafl/ShapeMetrics, folder allen-brain). The figures hold the numbers: the
heat map the distances, to a grey level; the dendrogram the names and the heights of the merges, to
six digits; the map the order of the leaves that the dendrogram does not tell apart.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shapemetrics.datasets.allen.anatomy import (
    area,
    division,
    hierarchy_score,
    structure,
)
from shapemetrics.datasets.distances.drawn import drawn_tree, grey_levels, labelled_points
from shapemetrics.datasets.distances.naming import (
    fitted_scale,
    name_rows,
    order_pairs,
)
from shapemetrics.datasets.distances.pdf import read_figure
from shapemetrics.datasets.distances.tables import DistanceTable, checked_distances
from shapemetrics.datasets.download import Progress, Remote, download_all
from shapemetrics.datasets.http import Retry
from shapemetrics.files import sha256_of

__all__ = ["AuthorsAllen", "recover_distances", "region_covariates"]

COMMIT = "0b60018b317274e89a6ae208a2a7a57060e244b5"
#: Where the figures are, at the commit that is read.
PUBLIC = f"https://raw.githubusercontent.com/brunaafl/ShapeMetrics/{COMMIT}/allen-brain/"
#: Size in bytes and SHA-256 of each figure.
FILES = {
    "Procrustes_distmat.pdf": (
        16007,
        "671c63c2a60c75ed40f9f833eaa2907e52f566e7b59f5fd3b380716f4d3946bc",
    ),
    "Procrustes_dn.pdf": (
        19187,
        "7c4e9d707d2ff342215f3e439a518df348ac46c9ab7cb3900c2287e24de4e266",
    ),
    "Procrustes_mds.pdf": (
        18020,
        "a6434800f2d184bc663faf447f78ba1f60c1387c3418ea99180a6523a8a58879",
    ),
}
#: How much worse the map must be with a pair of leaves exchanged for its order to be decided.
DECIDED = 1.1
SOURCE = (
    "Procrustes distances of 55 regions, Allen Visual Coding Neuropixels, natural movie three; "
    "recovered from the figures of github.com/brunaafl/ShapeMetrics"
)
#: How the authors computed the distances (their public code, folder allen-brain).
SETTINGS: dict[str, Any] = {
    "stimulus": "natural_movie_three",
    "session_type": "brain_observatory_1.1",
    "regions": "voxel of the CCFv3 annotation (10 um) at the unit's coordinates",
    "excluded": ["MB", "alv", "ccs", "dhc", "fp", "or"],
    "min_units": 50,
    "smoothing_frames": 20,
    "n_components": 50,
    "metric": "Procrustes, Euclidean, of configurations of unit norm",
}

_SUFFIX = re.compile(r"(?:1|2/3|4|5|6a|6b)$")


class AuthorsAllen:
    """The source of the published matrix: three files of together 53 kB.

    Parameters
    ----------
    folder : path-like
        Where the figures go.
    url : str
        Address of the folder that has them.
    retry : Retry, optional
    progress : callable, optional
        ``progress(bytes done, bytes in all)``.

    Notes
    -----
    No licence is stated in the repository. The figures are fetched for each user, and are no part
    of this package; the numbers in them are facts.

    Examples
    --------
    >>> AuthorsAllen("figures").url.endswith("allen-brain/")
    True
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        url: str = PUBLIC,
        retry: Retry | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.folder, self.url = Path(folder), url.rstrip("/") + "/"
        self.retry, self.progress = retry, progress

    def fetch(self) -> list[Path]:
        """Fetch the figures, or keep those that are there and right.

        Raises
        ------
        ValueError
            If a file is not the published one: both digests are named.
        TransientError
            If the server stays away.
        """
        remotes = [
            Remote(self.url + name, self.folder / name, sha256=sha256, size=size)
            for name, (size, sha256) in FILES.items()
        ]
        return download_all(remotes, retry=self.retry, progress=self.progress)

    def table(self) -> DistanceTable:
        """Fetch the figures and recover the matrix, with what the ontology says of each region."""
        return recover_distances(*self.fetch())


def recover_distances(
    heat_map: str | os.PathLike, dendrogram: str | os.PathLike, points: str | os.PathLike
) -> DistanceTable:
    """Recover a matrix of distances between structures of the Allen ontology from three figures.

    Parameters
    ----------
    heat_map, dendrogram, points : path-like
        PDF files: the distances in grey, their tree by Ward's method with named leaves, and a map
        with a label at each region.

    Returns
    -------
    DistanceTable
        Ids are acronyms, in the order of the leaves; covariates as in :func:`region_covariates`.
        ``provenance["recovery"]`` has the residuals that show how far the numbers can be trusted.

    Raises
    ------
    ValueError
        If the figures do not belong together: the heights that the distances give differ from
        those drawn by more than a grey step.

    Notes
    -----
    Every step is checked by numbers of the figures that it does not use: the image must be exactly
    symmetric, of one level in each cell and black on the diagonal; the scale and the order of the
    rows must give all heights of the tree; the distance within each pair of leaves must be the
    height at which they are joined; and the map, computed again from the matrix as the authors
    computed it, must lie on the one drawn.
    """
    levels = grey_levels(read_figure(heat_map))
    tree = drawn_tree(read_figure(dendrogram))
    if len(levels) != len(tree.names):
        raise ValueError(
            f"{heat_map}: found {len(levels)} rows, expected {len(tree.names)} as {dendrogram} has "
            "leaves"
        )
    scale = fitted_scale(levels, tree)
    distances = scale.distances(levels)
    naming = name_rows(distances, tree, enough=scale.step)
    if naming.rms > scale.step:
        raise ValueError(
            f"{heat_map}: found no order of its rows that gives the tree of {dendrogram} (heights "
            f"differ by {naming.rms:.4f} in the root mean square after {naming.n_starts} starts), "
            f"expected at most one grey step, {scale.step:.4f}"
        )
    placed = distances[np.ix_(naming.rows, naming.rows)]
    places = labelled_points(read_figure(points), tree.names)
    by_name = np.argsort(np.array(tree.names), kind="stable")
    pairs = order_pairs(placed, tree.pairs, places, lambda D: _published_map(D, by_name))
    placed = placed[np.ix_(pairs.order, pairs.order)]
    values = checked_distances(placed, tree.names, name=str(heat_map))
    joined = [placed[i, j] for i, j in tree.pairs]
    heights = [m.height for m in tree.merges if len(m.left) == len(m.right) == 1]
    names = [f"{tree.names[i]}/{tree.names[j]}" for i, j in tree.pairs]
    recovery = {
        "n_regions": len(tree.names),
        "grey_step": scale.step,
        "smallest": scale.smallest,
        "largest": scale.largest,
        "heights_rms": naming.rms,
        "heights_max": naming.largest,
        "pairs_max": float(np.abs(np.subtract(joined, heights)).max()) if joined else 0.0,
        "map_rms_points": pairs.rms,
        "map_width_points": float(np.ptp(places[:, 0])),
        "map_rms_points_exchanged": dict(zip(names, pairs.exchanged)),
        "undecided": [n for n, rms in zip(names, pairs.exchanged) if rms < DECIDED * pairs.rms],
    }
    files = {Path(path).name: sha256_of(path) for path in (heat_map, dendrogram, points)}
    provenance: Mapping[str, Any] = {
        "source": SOURCE,
        "commit": COMMIT,
        "inputs": files,
        "settings": SETTINGS,
        "recovery": recovery,
        "simulated": False,
    }
    return DistanceTable(values, list(tree.names), region_covariates(tree.names), dict(provenance))


def region_covariates(acronyms: list[str]) -> pd.DataFrame:
    """What the Allen ontology and the hierarchy say of regions, one row each.

    Parameters
    ----------
    acronyms : list of str
        Structures of the ontology.

    Returns
    -------
    pandas.DataFrame
        ``structure_acronym``, ``structure_name``, ``division``, ``area`` (of a layer or a part: the
        structure that it shares its place in the hierarchy with, so that it can be kept together),
        ``cortical_layer`` (None where there is none), ``hierarchy_score`` (Harris et al. 2019, all
        connections; NaN where there is none), ``hierarchy_rule`` and ``ccf_color``.
    """
    rows = []
    for acronym in acronyms:
        entry, score = structure(acronym), hierarchy_score(acronym)
        suffix = _SUFFIX.search(acronym) if division(acronym) == "Isocortex" else None
        rows.append(
            {
                "structure_acronym": acronym,
                "structure_name": entry.name,
                "division": division(acronym),
                "area": area(acronym),
                "cortical_layer": suffix[0] if suffix else None,
                "hierarchy_score": score.value,
                "hierarchy_rule": score.rule or None,
                "ccf_color": entry.color,
            }
        )
    return pd.DataFrame(rows)


def _published_map(distances: NDArray[np.float64], by_name: NDArray[np.int64]) -> NDArray:
    """Coordinates of the authors' map: metric scaling in 50 dimensions, then two components.

    Parameters
    ----------
    distances : ndarray of shape (K, K)
    by_name : ndarray of shape (K,), int
        Rows in the alphabetical order of their names, in which the authors had them: the random
        starts depend on it.

    Notes
    -----
    Stress majorisation (de Leeuw 1977) from ten uniform starts of the generator with seed 0, until
    the normalised stress falls by less than 1e-3, as scikit-learn 1.2 and 1.3 have it by default.
    """
    ordered = distances[np.ix_(by_name, by_name)]
    generator = np.random.RandomState(0)
    starts = (generator.uniform(size=(len(ordered), 50)) for _ in range(10))
    embedded = min((_majorised(ordered, start) for start in starts), key=lambda found: found[1])[0]
    centred = embedded - embedded.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    coordinates = np.empty((len(ordered), 2))
    coordinates[by_name] = left[:, :2] * values[:2]
    return coordinates


def _majorised(distances: NDArray, start: NDArray) -> tuple[NDArray[np.float64], float]:
    """Lower the stress of a configuration until it hardly falls; the configuration and the stress.

    `start` has shape (K, dimensions).
    """
    found, previous, stress = start, np.inf, np.inf
    for _ in range(300):
        products = found @ found.T
        norms = np.diagonal(products)
        apart = np.sqrt(np.maximum(norms[:, None] + norms - 2 * products, 0.0))
        np.fill_diagonal(apart, 0.0)
        stress = float(((apart - distances) ** 2).sum() / 2)
        ratio = distances / np.where(apart == 0, 1e-5, apart)
        weights = np.diag(ratio.sum(axis=1)) - ratio
        found = weights @ found / len(distances)
        normalised = stress / np.sqrt((found**2).sum(axis=1)).sum()
        if previous - normalised < 1e-3:
            break
        previous = normalised
    return found, stress
