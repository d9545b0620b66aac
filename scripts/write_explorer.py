"""One interactive page of all embeddings, dendrograms and distances."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from shapemetrics.explorer import write_explorer
from shapemetrics.explorer.views import CellGraph, View
from shapemetrics.pairwise.matrix import DistanceMatrix
from shapemetrics.store.metadata import OWN_COLUMNS
from shapemetrics.store.reader import RepresentationStore
from shapemetrics.study.jobs import job


def read_views(
    store: str | os.PathLike,
    matrices: Sequence[str | os.PathLike],
    embedding: str | os.PathLike,
    linkage: str | os.PathLike,
    unit: str,
) -> Iterator[View]:
    """Views of all selections of one dataset by one metric."""
    representations = RepresentationStore(store)
    coordinates = pd.read_csv(embedding)
    joins = pd.read_csv(linkage)
    axes = [c for c in coordinates if c.startswith("pc") and c.removeprefix("pc").isdigit()]
    for path in matrices:
        matrix = DistanceMatrix.load(path)
        selection = matrix.provenance["selection"]
        placed = coordinates[coordinates["selection"] == selection].set_index("id")
        tree = joins[joins["selection"] == selection].sort_values("step")
        index = representations.take(matrix.ids).index
        yield View(
            dataset=matrix.provenance["dataset"],
            selection=selection,
            metric=matrix.provenance["metric"],
            ids=matrix.ids,
            coordinates=placed.loc[matrix.ids, axes].to_numpy(dtype=float),
            distances=(matrix.values + matrix.values.T) / 2,
            linkage=tree[["left", "right", "height", "size"]].to_numpy(dtype=float),
            covariates=informative(index.drop(columns=list(OWN_COLUMNS))),
            simulated=representations.simulated,
            unit=unit,
            provenance=matrix.provenance,
        )


def informative(covariates: pd.DataFrame) -> pd.DataFrame:
    """Covariates that have a value at all."""
    return covariates.dropna(axis="columns", how="all").reset_index(drop=True)


def cell_graphs(networks: str | os.PathLike) -> dict[str, CellGraph]:
    """Cells of networks by hash, from the table of the networks chosen."""
    table = pd.read_csv(networks, dtype={"network": str, "adjacency": str})
    return {row["network"]: cell_of(row) for row in table.to_dict("records")}


def cell_of(row: Mapping[str, Any]) -> CellGraph:
    """The cell of one row of that table."""
    operations = row["operations"].split(",")
    n = len(operations)
    bits = np.array([int(bit) for bit in row["adjacency"]]).reshape(n, n)
    return CellGraph(bits.tolist(), operations)


with job(snakemake) as log:
    views = [view for part in snakemake.params.parts for view in read_views(**part)]
    graphs = {name: cell_graphs(table) for name, table in snakemake.params.cells.items()}
    write_explorer(views, snakemake.output.page, graphs=graphs)
    log.info("%d views", len(views))
