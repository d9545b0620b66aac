"""From tables to figure files: what every drawing script does around its one plot function."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from shapemetrics.figures.style import save_figure
from shapemetrics.store.metadata import read_metadata
from shapemetrics.study.jobs import job
from shapemetrics.study.origin import made_by
from shapemetrics.study.tables import read_tables, write_table

__all__ = ["is_simulated", "job", "read_tables", "save_drawn"]


def is_simulated(dataset: str | os.PathLike) -> bool:
    """Whether a store's ``dataset.json`` says that its data are simulated.

    Raises
    ------
    ValueError
        If the file does not say.
    """
    found = read_metadata(dataset).get("simulated")
    if not isinstance(found, bool):
        raise ValueError(f"{dataset}: does not say whether the data are simulated")
    return found


def save_drawn(figure: Figure, table: pd.DataFrame, output: Any) -> None:
    """Write a figure as PDF and PNG, and the numbers in it as CSV.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        What was drawn.
    output : object
        With the paths `pdf`, `png` and `csv`, as a rule's output has them.
    """
    # The PNG is for screens and for the report; print has the PDF.
    save_figure(figure, [output.pdf, output.png], dpi=200, description=made_by())
    write_table(table, output.csv)
