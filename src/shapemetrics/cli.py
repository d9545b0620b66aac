"""The command line: distances between files of responses, their embedding and their audit.

Results go to the standard output or a file in a form that programs read, everything else to the
standard error stream. Mistakes are one line and exit code 2; an audit that fails is exit code 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import click
import yaml

from shapemetrics import __version__

#: Short names of much used metrics.
SHORT = {
    "procrustes": {"family": "linear", "alpha": 1.0},
    "cca": {"family": "linear", "alpha": 0.0},
    "cka": {"family": "angular_cka"},
}
FORMATS = ("csv", "tsv", "json", "npz")
SUFFIXES = (".npy", ".npz", ".csv", ".tsv", ".txt")


class Mistake(click.ClickException):
    """A mistake in files or options: one line, exit code 2."""

    exit_code = 2


def one_line_errors(command: Callable) -> Callable:
    """Turn the package's errors into one line on the standard error stream and exit code 2."""

    @wraps(command)
    def wrapped(*args: Any, **options: Any) -> Any:
        try:
            return command(*args, **options)
        except (ValueError, TypeError, OSError, MemoryError) as error:
            raise Mistake(str(error)) from None

    return wrapped


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="shapemetrics")
def main() -> None:
    """Shape metrics on neural representations: distances, embeddings and audits of files.

    \b
    shapemetrics distances layers/*.npy -o distances.npz
    shapemetrics distances layers/*.npy --metric cca --param n_components=20 -o cca.csv
    shapemetrics embed distances.npz -o map.csv
    shapemetrics audit distances.npz
    """


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--metric", default="procrustes", show_default=True, help="See `shapemetrics metrics`."
)
@click.option(
    *("--param", "params"),
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the metric, such as alpha=0.5; may be repeated.",
)
@click.option("--n-jobs", default=1, show_default=True, help="Threads; -1 takes all cores.")
@click.option(
    "--dtype", type=click.Choice(["float64", "float32"]), default="float64", show_default=True
)
@click.option(
    "--backend", type=click.Choice(["numpy", "torch"]), default="numpy", show_default=True
)
@click.option("--device", help="Of torch, such as cuda.")
@click.option("--tolerance", type=float, help="Certified error of a distance that is allowed.")
@click.option(
    "--scratch",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for work out of core; a run that was killed resumes there.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="By its suffix: .npz, .csv, .tsv or .json.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="Overrides the suffix; without an output csv.",
)
@click.option("--force", is_flag=True, help="Replace an output that exists.")
@click.option("--quiet", is_flag=True, help="No progress.")
@one_line_errors
def distances(
    files: Sequence[Path],
    metric: str,
    params: Sequence[str],
    n_jobs: int,
    dtype: str,
    backend: str,
    device: str | None,
    tolerance: float | None,
    scratch: Path | None,
    output: Path | None,
    form: str | None,
    force: bool,
    quiet: bool,
) -> None:
    """Distances between all pairs of FILES.

    A file holds the responses of one network, stimuli x units: .npy, .csv, .tsv, or .npz with
    several networks by name. A folder is a representation store. All have the same stimuli in the
    same order.
    """
    from shapemetrics.pairwise import DistanceMatrix, pairwise_distances

    check_output(output, force)
    form = format_of(output, form)
    chosen = build(metric, params)
    arrays = read_arrays(files)
    values = pairwise_distances(
        arrays,
        chosen,
        n_jobs=n_jobs,
        backend=backend,
        device=device,
        tolerance=tolerance,
        dtype=dtype,
        scratch=scratch,
        progress=not quiet,
    )
    provenance = {
        "parameters": chosen.parameters(),
        "dtype": dtype,
        "files": [str(file) for file in files],
        "version": __version__,
    }
    write_matrix(DistanceMatrix(values, list(arrays), provenance), output, form)


@main.command()
@click.argument("matrix", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-n", "--n-components", default=2, show_default=True, help="Dimensions.")
@click.option(
    "--method", type=click.Choice(["metric", "classical"]), default="metric", show_default=True
)
@click.option("--seed", default=0, show_default=True)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help=".csv, .tsv or .json."
)
@click.option("--format", "form", type=click.Choice(FORMATS[:3]), help="Without an output csv.")
@click.option(
    "--figure",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the first two axes: .pdf, .png or .svg.",
)
@click.option("--force", is_flag=True, help="Replace outputs that exist.")
@one_line_errors
def embed(
    matrix: Path,
    n_components: int,
    method: str,
    seed: int,
    output: Path | None,
    form: str | None,
    figure: Path | None,
    force: bool,
) -> None:
    """Coordinates in few dimensions whose distances approximate those of MATRIX (metric MDS)."""
    import pandas as pd

    from shapemetrics.geometry import embed as embedded

    for path in (output, figure):
        check_output(path, force)
    form = format_of(output, form)
    D = read_matrix(matrix)
    found = embedded(D.values, n_components, method, seed=seed)
    axes = {f"axis_{i + 1}": axis for i, axis in enumerate(found.coordinates.T)}
    table = pd.DataFrame({"id": D.ids, **axes})
    click.echo(f"stress {found.stress:.4g}", err=True)
    if figure is not None:
        draw(table, figure)
    write_table(table, output, form)


@main.command()
@click.argument("matrix", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--tolerance", default=1e-9, show_default=True, help="Fraction of the largest distance."
)
@one_line_errors
def audit(matrix: Path, tolerance: float) -> None:
    """Whether MATRIX is one of a metric: symmetry, zero diagonal, and every triangle.

    Prints JSON. The exit code is 0 if nothing contradicts a metric, and 1 otherwise.
    """
    from shapemetrics.geometry import triangle_audit

    D = read_matrix(matrix)
    found = triangle_audit(D.values, D.ids, name=str(matrix), tolerance=tolerance)
    click.echo(json.dumps({"is_metric": found.is_metric, **found.row()}, default=plain, indent=1))
    sys.exit(0 if found.is_metric else 1)


@main.command()
@one_line_errors
def metrics() -> None:
    """List metrics and their parameters with defaults."""
    import dataclasses

    from shapemetrics.metrics.registry import FAMILIES, metric_class

    for name, settings in SHORT.items():
        listed = ", ".join(f"{key}={value}" for key, value in settings.items() if key != "family")
        click.echo(f"{name}: {settings['family']}{' with ' + listed if listed else ''}")
    for family in FAMILIES:
        fields = [
            f"{f.name}" if f.default is dataclasses.MISSING else f"{f.name}={f.default}"
            for f in dataclasses.fields(metric_class(family))
        ]
        click.echo(f"{family}: {', '.join(fields)}")


def build(name: str, params: Iterable[str]) -> Any:
    """A metric from its short name or family, and parameters as text."""
    from shapemetrics.metrics.registry import build_metric

    settings = dict(SHORT.get(name, {"family": name.replace("-", "_")}))
    for text in params:
        key, separator, value = text.partition("=")
        if not separator:
            raise ValueError(f"--param: found {text!r}, expected NAME=VALUE")
        settings[key.strip()] = yaml.safe_load(value)
    return build_metric(settings)


def read_arrays(paths: Sequence[Path]) -> dict[str, Any]:
    """Arrays of files, archives and stores by name, memory-mapped where that is possible."""
    names = unique_names(paths)
    arrays: dict[str, Any] = {}
    for path, name in zip(paths, names):
        for key, array in read_one(path, name):
            if key in arrays:
                raise ValueError(f"{path}: {key!r} is there already, expected unique names")
            arrays[key] = array
    return arrays


def read_one(path: Path, name: str) -> Iterable[tuple[str, Any]]:
    """Names and arrays that one path holds."""
    import numpy as np

    from shapemetrics.store import RepresentationStore

    if path.is_dir():
        store = RepresentationStore(path)
        return [(id, store.load(id)) for id in store.ids]
    try:
        if path.suffix == ".npy":
            return [(name, np.load(path, mmap_mode="r", allow_pickle=False))]
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                keys = list(archive)
                alone = len(keys) == 1
                return [(name if alone else f"{name}/{key}", archive[key]) for key in keys]
        if path.suffix in (".csv", ".txt"):
            return [(name, np.loadtxt(path, delimiter=",", ndmin=2))]
        if path.suffix == ".tsv":
            return [(name, np.loadtxt(path, delimiter="\t", ndmin=2))]
    except Exception as error:
        raise ValueError(f"{path}: not readable as an array of numbers ({error})") from None
    raise ValueError(f"{path}: found {path.suffix or 'no suffix'}, expected {', '.join(SUFFIXES)}")


def unique_names(paths: Sequence[Path]) -> list[str]:
    """Stems where they are unique, and whole paths without suffix where they are not."""
    stems = [path.stem for path in paths]
    if len(set(stems)) == len(stems):
        return stems
    return [str(path.with_suffix("")) for path in paths]


def read_matrix(path: Path) -> Any:
    """A matrix of distances: what `distances` wrote, as .npz or as a table."""
    import pandas as pd

    from shapemetrics.pairwise import DistanceMatrix

    if path.suffix == ".npz":
        return DistanceMatrix.load(path)
    if path.suffix == ".json":
        content = json.loads(path.read_text(encoding="utf-8"))
        import numpy as np

        try:
            return DistanceMatrix(np.array(content["distances"], float), content["ids"], {})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: not a matrix of distances ({error})") from None
    separator = "\t" if path.suffix == ".tsv" else ","
    try:
        table = pd.read_csv(path, sep=separator, index_col=0, dtype={0: str})
        ids = [str(id) for id in table.index]
        if not ids or [str(column) for column in table.columns] != ids:
            raise ValueError("expected ids as the first column and, in the same order, as header")
        return DistanceMatrix(table.to_numpy(dtype=float), ids, {})
    except ValueError as error:
        raise ValueError(f"{path}: not a matrix of distances ({error})") from None


def format_of(output: Path | None, form: str | None) -> str:
    """Format of an output: as asked for, or by the suffix, or csv."""
    if form is not None:
        if form == "npz" and output is None:
            raise ValueError("--format npz: expected --output as well")
        return form
    if output is None:
        return "csv"
    found = output.suffix.removeprefix(".")
    if found not in FORMATS:
        raise ValueError(
            f"{output}: found suffix {output.suffix!r}, expected .{', .'.join(FORMATS)}"
        )
    return found


def check_output(path: Path | None, force: bool) -> None:
    """Refuse to replace a file, before anything is computed."""
    if path is not None and path.exists() and not force:
        raise ValueError(f"{path} exists; --force replaces it")


def write_matrix(matrix: Any, output: Path | None, form: str) -> None:
    """Write a matrix of distances to a file or the standard output."""
    import pandas as pd

    if form == "npz":
        matrix.save(output)
    elif form == "json":
        content = {"ids": matrix.ids, "distances": matrix.values.tolist(), **matrix.provenance}
        write_text(json.dumps(content, default=plain) + "\n", output)
    else:
        table = pd.DataFrame(matrix.values, index=matrix.ids, columns=matrix.ids)
        write_table(table.rename_axis("id").reset_index(), output, form)


def write_table(table: Any, output: Path | None, form: str) -> None:
    """Write a table to a file or the standard output."""
    if form == "json":
        write_text(json.dumps(table.to_dict("records"), default=plain) + "\n", output)
    else:
        write_text(table.to_csv(index=False, sep="\t" if form == "tsv" else ","), output)


def write_text(text: str, output: Path | None) -> None:
    """Write text, to a file under a temporary name that is renamed."""
    from shapemetrics.files import atomic_path

    if output is None:
        click.echo(text, nl=False)
        return
    with atomic_path(output) as temporary:
        temporary.write_text(text, encoding="utf-8")


def draw(table: Any, path: Path) -> None:
    """Draw the first two axes of an embedding with the names of its items."""
    from shapemetrics.figures.style import new_figure
    from shapemetrics.files import atomic_path

    figure = new_figure(4.0, 3.6)
    ax = figure.add_subplot()
    second = table["axis_2"] if "axis_2" in table else 0.0 * table["axis_1"]
    ax.scatter(table["axis_1"], second, s=18)
    if len(table) <= 40:
        for name, x, y in zip(table["id"], table["axis_1"], second):
            ax.annotate(name, (x, y), xytext=(3, 3), textcoords="offset points", fontsize=6)
    ax.set(xlabel="axis 1", ylabel="axis 2")
    ax.set_aspect("equal", adjustable="datalim")
    with atomic_path(path) as temporary:
        figure.savefig(temporary)


def plain(value: Any) -> Any:
    """NumPy's numbers as Python's, for JSON."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


if __name__ == "__main__":
    main()
