"""Embedded distances as a table and as a figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from shapemetrics.datasets.files.cells import shown
from shapemetrics.datasets.files.metadata import typed
from shapemetrics.datasets.files.text import read_text_table
from shapemetrics.geometry.embedding import Embedding

if TYPE_CHECKING:
    from shapemetrics.pairwise.matrix import DistanceMatrix

#: Networks that are named beside their points.
LABELLED = 60
POINT = "#0072B2"


def embedding_table(ids: list[str], found: Embedding) -> pd.DataFrame:
    """One row a network: its id, and its coordinate on each principal axis."""
    axes = {f"axis_{i + 1}": axis for i, axis in enumerate(found.coordinates.T)}
    return pd.DataFrame({"id": ids, **axes})


def read_metadata(path: Path, ids: list[str], column: str) -> pd.Series:
    """A covariate of these ids.

    Raises
    ------
    ValueError
        If the table has no such column or lacks an id.
    """
    table = read_text_table(path, "a table with a column id")
    for wanted in ("id", column):
        if wanted not in table.header:
            raise ValueError(f"{path}: found columns {shown(table.header)}, expected {wanted!r}")
    names = table.column("id")
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{path}: id {name!r} stands twice")
    values = typed(pd.Series(table.column(column), index=names, dtype=object))
    missing = [id for id in ids if id not in values.index]
    if missing:
        raise ValueError(f"{path}: found no row of {missing[0]!r}")
    return values.loc[ids]


def draw_map(
    D: DistanceMatrix, found: Embedding, path: Path, metadata: Path | None, color: str | None
) -> None:
    """Draw the first two axes, coloured by a covariate where one is given."""
    from shapemetrics.figures.embedding import plot_embedding
    from shapemetrics.figures.style import save_figure

    shares = {f"pc{i + 1}_fraction": found.variance[i] for i in range(2)}
    axes = {f"pc{i + 1}": found.coordinates[:, i] for i in range(2)}
    table = pd.DataFrame({"id": D.ids, **axes}).assign(**shares)
    column = color or "point"
    table[column] = POINT if color is None else read_metadata(metadata, D.ids, color).to_numpy()
    angular = D.provenance.get("parameters", {}).get("geometry") == "angular"
    figure = plot_embedding(
        table,
        column,
        row=None,
        col=None,
        label="id" if len(D.ids) <= LABELLED else None,
        unit="rad" if angular else "",
    )
    save_figure(figure, [path])
