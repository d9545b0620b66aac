"""Whether matrices of distances will fit into memory, estimated from shapes."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from shapemetrics.metrics.registry import build_metric
from shapemetrics.pairwise.memory import check_memory
from shapemetrics.study.facts import matrix_shape
from shapemetrics.study.fitting import need_of
from shapemetrics.study.needs import Note
from shapemetrics.study.study import Study


def check_room(study: Study, dataset: str, rows: pd.DataFrame) -> None:
    """Refuse matrices of distances that do not fit into the memory that is free.

    Parameters
    ----------
    study : Study
    dataset : str
    rows : pandas.DataFrame
        The store's index, or what is known of it. Matrices that exist already need no room.

    Raises
    ------
    Refused
        With what is needed and what is free.
    """
    dtype = np.dtype(study.settings.distances.dtype)
    for selection, name in study.matrices(dataset):
        matrix = study.layout["matrix"].format(dataset=dataset, selection=selection, metric=name)
        if Path(matrix).exists():
            continue
        chosen, settings = study.selection(dataset, selection, name), study.metric_settings(name)
        kept, metric = need_of(settings).kept, build_metric(settings)
        arrays = []
        for text in chosen.rows(rows)["shape"]:
            shape = matrix_shape(text, chosen.positions)
            whole = shape if 2 in metric.axes else map(int, text.split("x"))
            arrays.append(SimpleNamespace(shape=(max(kept(metric, *shape), math.prod(whole)),)))
        try:
            check_memory(arrays, len(arrays) ** 2, dtype)
        except MemoryError as error:
            found = str(error).split(";")[0]
            raise Note(
                "distances.block_size",
                f"null, and for {dataset}, {selection}, {name}: {found}",
                "auto or a number, which computes distances in tiles",
                "",
            ).refusal() from None
