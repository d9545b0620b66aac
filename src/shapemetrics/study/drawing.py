"""From tables to figure files: what every drawing script does around its one plot function."""

from __future__ import annotations

import logging
import os
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from shapemetrics.figures.style import MUTED, finish, new_figure, save_figure, styled
from shapemetrics.store.metadata import read_metadata
from shapemetrics.study import jobs
from shapemetrics.study.origin import made_by
from shapemetrics.study.tables import LEFT_OUT, NothingDone, done_rows, read_tables, write_table

__all__ = ["Given", "colored", "done_rows", "is_simulated", "job", "read_tables", "save_drawn"]

#: Most classes that colours and markers of figures tell apart.
MOST_COLORS = 40


class Named:
    """Values by name, read as Snakemake hands them to a script."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(f"found no {name!r} among what the script is given") from None

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values.values())

    def get(self, name: str, default: Any = None) -> Any:
        """A value, or the default where there is none of this name."""
        return self._values.get(name, default)


@dataclass
class Given:
    """What the script of one figure finds as ``snakemake``, where a job draws several.

    Parameters
    ----------
    rule : str
        What log and messages call the drawing.
    wildcards, input, output, params : mapping
    log : list of str
    config : mapping
    """

    rule: str
    wildcards: Any
    input: Any
    output: Any
    params: Any
    log: list[str]
    config: Mapping[str, Any]

    def __post_init__(self) -> None:
        for name in ("wildcards", "input", "output", "params"):
            setattr(self, name, Named(getattr(self, name)))


@contextmanager
def job(snakemake: Any) -> Iterator[logging.Logger]:
    """The frame around a drawing script: as :func:`shapemetrics.study.jobs.job`, and where nothing
    of the table could be done, the figure is a line that says why."""
    with jobs.job(snakemake) as log:
        try:
            yield log
        except NothingDone as nothing:
            log.warning("%s", nothing)
            simulated = is_simulated(snakemake.input.dataset)
            figure = plot_reasons(nothing.reasons, simulated=simulated)
            save_drawn(figure, pd.DataFrame({LEFT_OUT: nothing.reasons}), snakemake.output)


@styled
def plot_reasons(reasons: Sequence[str], *, simulated: bool = False) -> Figure:
    """A figure in place of another one that could not be drawn: why not, line by line."""
    lines = [line for reason in reasons for line in textwrap.wrap(f"left out: {reason}", 72)]
    figure = new_figure(5.5, 0.3 + 0.17 * len(lines))
    ax = figure.subplots()
    ax.set_axis_off()
    ax.text(0, 1, "\n".join(lines), va="top", fontsize=7, color=MUTED, transform=ax.transAxes)
    return finish(figure, None, simulated)


def colored(table: pd.DataFrame, color: str) -> tuple[pd.DataFrame, str]:
    """A table and the column that colours it, with a colour for every row.

    Shapes that are too many for colours to distinguish become numbers of units.
    """
    if color != "shape" or table[color].nunique() <= MOST_COLORS:
        return table, color
    units = table[color].str.rsplit("x", n=1).str[-1].astype(int)
    return table.assign(n_units=units), "n_units"


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
