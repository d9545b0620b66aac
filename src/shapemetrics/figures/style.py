"""The one visual language of the study's figures: sizes, type, colours, marks and saving.

Figures are `matplotlib.figure.Figure` objects on an Agg canvas; pyplot is never imported. Every
plot function runs inside `figure_style`, so neither a user's matplotlibrc nor an earlier plot
changes how a figure looks, and nothing is left behind in matplotlib's settings.
"""

from __future__ import annotations

import functools
import os
import textwrap
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

__all__ = [
    "CATEGORIES",
    "DOUBLE",
    "INK",
    "MUTED",
    "NULL",
    "OKABE_ITO",
    "SINGLE",
    "STATE_COLORS",
    "figure_style",
    "finish",
    "mark_simulated",
    "new_figure",
    "ordered_colors",
    "panel_letter",
    "plain_log_axis",
    "save_figure",
    "spread_out",
    "styled",
]

SINGLE, DOUBLE = 3.4, 7.0
"""Widths of one column and of a page, in inches."""

OKABE_ITO = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
}
"""Okabe and Ito's palette, safe for the common kinds of colour blindness."""

CATEGORIES = tuple(
    OKABE_ITO[name]
    for name in ("blue", "vermillion", "green", "orange", "purple", "sky", "black", "yellow")
)
STATE_COLORS = {"untrained": OKABE_ITO["orange"], "trained": OKABE_ITO["blue"]}
INK, MUTED, NULL = "#222222", "#666666", "#C4C4C4"
"""Text and data; secondary text; bands of a permutation null."""

_NOT_STYLE = frozenset(
    {
        *("_internal", "animation", "axes3d", "backend", "backend_fallback", "docstring"),
        *("interactive", "keymap", "macosx", "pgf", "timezone", "tk", "toolbar", "webagg"),
    }
)
STYLE: dict[str, Any] = {
    **{k: v for k, v in matplotlib.rcParamsDefault.items() if k.split(".")[0] not in _NOT_STYLE},
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # the one that matplotlib carries with it
    "font.size": 8,
    "mathtext.fontset": "dejavusans",
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.title_fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "legend.borderaxespad": 0.2,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.edgecolor": "#808080",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlepad": 4,
    "axes.labelpad": 2.5,
    "xtick.color": "#808080",
    "ytick.color": "#808080",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.pad": 2,
    "ytick.major.pad": 2,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "patch.linewidth": 0.6,
    "image.cmap": "viridis",
    "figure.dpi": 150,
    "savefig.dpi": 300,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.hashsalt": "shapemetrics",
}

_FORMATS: dict[str, dict[str, Any]] = {
    ".pdf": {"CreationDate": None, "ModDate": None, "Creator": "shapemetrics"},
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
}
#: What each format calls the line that says where a figure comes from.
_DESCRIPTIONS = {".pdf": "Subject", ".png": "Description", ".svg": "Description"}
_HEADER_LINE = 0.165  # inches a line of the figure's title or of the simulated-data mark takes
_MARK = "simulated-data-mark"

P = ParamSpec("P")
R = TypeVar("R")


def figure_style() -> AbstractContextManager[None]:
    """Context in which matplotlib uses the study's settings, and afterwards its earlier ones."""
    return matplotlib.rc_context(STYLE)


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator: run a plot function inside `figure_style`."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with figure_style():
            return function(*args, **kwargs)

    return wrapper


def new_figure(width: float, height: float, *, compress: bool = False) -> Figure:
    """Make an empty figure with a constrained layout on an Agg canvas.

    Parameters
    ----------
    width, height : float
        Size in inches, the header of `finish` not counted.
    compress : bool
        Move axes of fixed aspect together.
    """
    engine = ConstrainedLayoutEngine(
        compress=compress, w_pad=0.04, h_pad=0.03, wspace=0.02, hspace=0.02
    )
    figure = Figure(figsize=(width, height), layout=engine)
    FigureCanvasAgg(figure)
    return figure


def panel_letter(axes: Axes, letter: str) -> None:
    """Write a bold panel letter above the axes' upper left corner."""
    axes.set_title(letter, loc="left", fontsize=9, fontweight="bold")


def ordered_colors(n: int, cmap: str = "viridis") -> list[tuple[float, float, float, float]]:
    """Colours for n ordered levels: a perceptually even map without its palest end."""
    return [tuple(c) for c in matplotlib.colormaps[cmap](np.linspace(0.0, 0.86, max(n, 1)))]


def plain_log_axis(axis: Any, ticks: Sequence[float]) -> None:
    """Give a logarithmic axis these ticks, written as plain numbers, and no minor ones."""
    axis.set_major_locator(FixedLocator(list(ticks)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def spread_out(values: Sequence[float] | np.ndarray, most: int) -> list[float]:
    """Those of ascending values, first and last among them, at least 1 / `most` of their range
    apart on a logarithmic axis."""
    if len(values) < 2:
        return [float(value) for value in values]
    least = np.log(values[-1] / values[0]) / most
    kept = [float(values[0])]
    for value in values[1:-1]:
        if np.log(value / kept[-1]) >= least and np.log(values[-1] / value) >= least:
            kept.append(float(value))
    return [*kept, float(values[-1])]


def _grow_top(figure: Figure, inches: float) -> float:
    """Make the figure taller at its top, its content unmoved; return the height before."""
    width, before = figure.get_size_inches()
    after = before + inches
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        left, bottom, across, up = engine.get()["rect"]
        scale = before / after
        engine.set(rect=(left, bottom * scale, across, up * scale))
    else:
        for axes in figure.axes:
            x, y, w, h = axes.get_position(original=True).bounds
            axes.set_position((x, y * before / after, w, h * before / after))
    figure.set_size_inches(width, after)
    return float(before)


def mark_simulated(figure: Figure) -> Figure:
    """Put a small "simulated data" tag at the upper right of the figure, on a strip of its own.

    The figure grows by that strip, so the tag never covers anything. Marking twice marks once.

    Parameters
    ----------
    figure : matplotlib.figure.Figure

    Returns
    -------
    matplotlib.figure.Figure
        The same figure.
    """
    if any(text.get_gid() == _MARK for text in figure.texts):
        return figure
    before = _grow_top(figure, _HEADER_LINE + 0.04)
    return _tag(figure, before + 0.5 * _HEADER_LINE)


def _tag(figure: Figure, height: float) -> Figure:
    """Write the tag at a height in inches above the figure's lower edge."""
    figure.text(
        figure.get_size_inches()[0] - 0.07,
        height,
        "simulated data",
        transform=figure.dpi_scale_trans,
        ha="right",
        va="center",
        fontsize=7,
        fontweight="bold",
        color=OKABE_ITO["vermillion"],
        gid=_MARK,
        bbox={
            "boxstyle": "round,pad=0.2",
            "facecolor": "white",
            "edgecolor": OKABE_ITO["vermillion"],
            "linewidth": 0.6,
        },
    ).set_in_layout(False)
    return figure


def finish(figure: Figure, title: str | None = None, simulated: bool = False) -> Figure:
    """Add the header: a title over the whole figure, and the mark of simulated data.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    title : str, optional
        Written at the upper left, wrapped to the figure's width.
    simulated : bool
        Whether the data were simulated.

    Returns
    -------
    matplotlib.figure.Figure
        The same figure.
    """
    if not title:
        return mark_simulated(figure) if simulated else figure
    letters = max(int(figure.get_size_inches()[0] * 13.5), 10)  # about 13.5 an inch
    lines = textwrap.wrap(title, letters)
    before = _grow_top(figure, _HEADER_LINE * len(lines) + 0.06)
    figure.text(
        0.05,
        before + 0.04,
        "\n".join(lines),
        transform=figure.dpi_scale_trans,
        ha="left",
        va="bottom",
        fontsize=8.5,
        fontweight="bold",
        linespacing=1.15,
    ).set_in_layout(False)
    if simulated and len(lines) == 1 and len(title) <= letters - 16:
        return _tag(figure, before + 0.04 + 0.42 * _HEADER_LINE)  # beside a short title
    return mark_simulated(figure) if simulated else figure


def save_figure(
    figure: Figure,
    paths: str | os.PathLike | Iterable[str | os.PathLike],
    *,
    dpi: int = 300,
    description: str | None = None,
) -> list[Path]:
    """Write a figure, the same bytes for the same figure, never half a file.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    paths : path-like or iterable of path-like
        One path without suffix writes a PDF and a PNG of that name. A path that ends in .pdf,
        .png or .svg, or a list of such, writes exactly those.
    dpi : int
        Resolution of PNG files and of rasterised parts, in dots an inch.
    description : str, optional
        Where the figure comes from, for the file's metadata.

    Returns
    -------
    list of pathlib.Path
        The files written.

    Raises
    ------
    ValueError
        If a path in a list ends in another suffix.

    Notes
    -----
    No dates are written. Each file is made under a temporary name in its own folder and renamed.
    """
    if isinstance(paths, (str, os.PathLike)):
        one = Path(paths)
        known = one.suffix.lower() in _FORMATS
        targets = [one] if known else [one.with_name(one.name + s) for s in (".pdf", ".png")]
    else:
        targets = [Path(path) for path in paths]
    for target in targets:
        if target.suffix.lower() not in _FORMATS:
            raise ValueError(
                f"{target}: cannot save a figure as {target.suffix or 'a file without suffix'}, "
                f"expected one of {', '.join(_FORMATS)}"
            )
    with figure_style():
        for target in targets:
            suffix = target.suffix.lower()
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
            try:
                metadata = {**_FORMATS[suffix], _DESCRIPTIONS[suffix]: description}
                figure.savefig(temporary, format=suffix[1:], dpi=dpi, metadata=metadata)
                os.replace(temporary, target)
            finally:
                temporary.unlink(missing_ok=True)
    return targets
