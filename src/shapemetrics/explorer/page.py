"""One HTML file that holds the page, its data and the plotting library."""

from __future__ import annotations

import base64
import gzip
import html
import json
import os
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

from shapemetrics.explorer.packing import packed
from shapemetrics.explorer.views import CellGraph, View
from shapemetrics.extras import needed_by
from shapemetrics.files import atomic_path

#: In the order in which they rest on one another.
SCRIPTS = ("unpack.js", "cell.js", "charts.js", "explorer.js")


def write_explorer(
    views: Sequence[View],
    path: str | os.PathLike,
    *,
    graphs: Mapping[str, Mapping[str, CellGraph]] | None = None,
    title: str = "Shape metrics: explorer",
) -> None:
    """Write the explorer: one HTML file that opens from disk, without a network.

    Parameters
    ----------
    views : sequence of View
        What can be chosen on the page; the first is shown first.
    path : path-like
        File to make, under a temporary name and renamed.
    graphs : mapping, optional
        For each dataset, graphs by the value of its covariate ``network``, or by id: drawn for the
        item under the pointer.
    title : str
        Of the page.

    Raises
    ------
    ValueError
        If there are no views, two are of one dataset, selection and metric, or views of one
        selection differ in ids or covariates.

    Notes
    -----
    Charts are Plotly's, whose library is part of the file, compressed like the data (browsers
    unpack it since 2023). Distances take 16 bits each: they are shown to 1/65535 of a matrix'
    largest. Of more than 400 items the heat map shows 400, evenly along the dendrogram, and of
    each item the 20 nearest neighbours are kept.

    Examples
    --------
    >>> import tempfile, pandas as pd, numpy as np
    >>> from pathlib import Path
    >>> from scipy.cluster.hierarchy import linkage
    >>> from scipy.spatial.distance import squareform
    >>> X = np.random.default_rng(0).normal(size=(6, 2))
    >>> D = np.linalg.norm(X[:, None] - X, axis=2)
    >>> facts = pd.DataFrame({"depth": range(6)})
    >>> tree = linkage(squareform(D), "average")
    >>> view = View("demo", "all", "euclidean", list("abcdef"), X, D, tree, facts, simulated=True)
    >>> page = Path(tempfile.mkdtemp()) / "explorer.html"
    >>> write_explorer([view], page)
    >>> "<html" in page.read_text()
    True
    """
    if not views:
        raise ValueError("explorer: found no views, expected at least one")
    data = json.dumps(packed(views, graphs or {}), allow_nan=False, separators=(",", ":"))
    parts = {
        "TITLE": html.escape(title),
        "STYLE": _asset("explorer.css"),
        "PLOTLY": _compressed(_plotly()),
        "DATA": _compressed(data),
        "SCRIPT": "\n".join(map(_asset, SCRIPTS)),
    }
    # Split, not replaced one after another: what is put in is never looked through again.
    pieces = re.split("@@([A-Z]+)@@", _asset("explorer.html"))
    text = "".join(parts[piece] if i % 2 else piece for i, piece in enumerate(pieces))
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _compressed(text: str) -> str:
    """Compressed, in letters that no markup is made of; without a time, so that bytes repeat."""
    return base64.b64encode(gzip.compress(text.encode("utf-8"), mtime=0)).decode("ascii")


def _asset(name: str) -> str:
    return (files("shapemetrics.explorer") / "assets" / name).read_text(encoding="utf-8")


def _plotly() -> str:
    with needed_by("shapemetrics.explorer"):
        from plotly.offline import get_plotlyjs
    return get_plotlyjs()
