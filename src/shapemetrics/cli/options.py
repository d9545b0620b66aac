"""Options that several commands have."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


class PlainPath(click.Path):
    """A file or folder: devices and pipes, which may have no end, are refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check a path as click does, and that it is a regular file or a folder."""
        path = super().convert(value, param, ctx)
        plain = Path(os.fsdecode(path))
        if str(plain) != "-" and not (plain.is_file() or plain.is_dir()):
            self.fail(f"{plain}: found a device or a pipe, expected a file", param, ctx)
        return path


EXISTING = PlainPath(exists=True, path_type=Path)
MATRIX = PlainPath(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
TARGET = click.Path(path_type=Path)
#: Options that say how files of responses are read.
READING = (
    *("variable", "orientation", "axes", "delimiter", "decimal", "header", "index"),
    "stimulus_column",
)


def output_options(*forms: str) -> Callable:
    """``--output``, ``--format``, ``--force`` and ``--quiet`` of a command."""
    suffixes = ", ".join(f".{form}" for form in forms)

    def decorate(command: Callable) -> Callable:
        for option in (
            click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors."),
            click.option("--force", is_flag=True, help="Replace files that exist."),
            click.option(
                *("--format", "form"),
                type=click.Choice(forms),
                help=f"Form of the result; by default that of the suffix, or {forms[0]}.",
            ),
            click.option(
                *("-o", "--output"),
                type=TARGET,
                help=f"File for the result ({suffixes}); by default the standard output.",
            ),
        ):
            command = option(command)
        return command

    return decorate


def reading_options(command: Callable) -> Callable:
    """Options that say how files of responses are read; the same as those of `read_array`."""
    for option in (
        click.option(
            "--stimulus-column",
            metavar="NAME",
            help="Column of each table that names the stimuli.",
        ),
        click.option(
            "--index/--no-index",
            default=None,
            help="Whether the first column of tables is names; by default rules tell, or refuse.",
        ),
        click.option(
            "--header/--no-header",
            default=None,
            help="Whether the first row of tables is names; by default rules tell, or refuse.",
        ),
        click.option(
            "--decimal",
            type=click.Choice([".", ","]),
            help="Mark of decimals in tables; by default told from them.",
        ),
        click.option(
            "--delimiter",
            metavar="CHARACTER",
            help="Between the cells of tables; by default a tab in .tsv, and a comma or semicolon "
            "in .csv, as the second line has it.",
        ),
        click.option(
            "--axes",
            metavar="NAME,NAME,...",
            help="Axes of the arrays as they lie in the files: some order of stimuli,units, or "
            "stimuli,trials,units, or stimuli,height,width,channels. Without --orientation.",
        ),
        click.option(
            "--orientation",
            type=click.Choice(["stimuli_first", "stimuli_last"]),
            default="stimuli_first",
            show_default=True,
            help="Which axis of the arrays stimuli are on; stimuli_last turns all axes around.",
        ),
        click.option(
            "--variable",
            metavar="NAME",
            help="Which array of each file that holds several. By default all of at least two "
            "axes, as networks by name. In MATLAB's structs and cells: session.rates, areas{3}.",
        ),
    ):
        command = option(command)
    return command


def reading_of(options: dict[str, Any]) -> dict[str, Any]:
    """Take the options of :func:`reading_options` out of a command's, as `read_array` has them."""
    reading = {name: options.pop(name) for name in READING}
    if reading["axes"] is not None:
        reading["axes"] = [name.strip() for name in reading["axes"].split(",")]
    return reading
