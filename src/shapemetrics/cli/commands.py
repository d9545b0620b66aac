"""The commands: their options, and the library's functions that they call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from shapemetrics import __version__
from shapemetrics.cli import matrices, metric_names
from shapemetrics.cli.frame import OneLineGroup
from shapemetrics.cli.options import (
    EXISTING,
    MATRIX,
    TARGET,
    PlainPath,
    output_options,
    reading_of,
    reading_options,
)
from shapemetrics.extras import require

# Modules that load NumPy and more are imported where they are used, so that help comes at once.


@click.group(
    "shapemetrics",
    cls=OneLineGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="shapemetrics")
def main() -> None:
    """Shape metrics on neural representations, for responses that lie in files.

    \b
    Examples:
      shapemetrics distances layers/*.npy -o distances.npz
      shapemetrics distances layers/*.npy --metric cca --n-components 20 -o cca.csv
      shapemetrics embed distances.npz --figure map.pdf -o map.csv
      shapemetrics audit distances.npz
      shapemetrics distances layers/ | shapemetrics embed - --method classical

    Results go to the standard output or to a file, progress and messages to the standard error
    stream. Exit codes: 0, or 2 for a mistake, or 1 where an audit fails.
    """


@main.command(short_help="Distances between all pairs of networks.")
@click.argument("files", nargs=-1, required=True, type=EXISTING)
@click.option(
    *("-m", "--metric"),
    default="procrustes",
    show_default=True,
    metavar="NAME",
    shell_complete=lambda _, __, typed: [n for n in metric_names.METRICS if n.startswith(typed)],
    help="One of: " + ", ".join(metric_names.METRICS) + ".",
)
@click.option("--alpha", type=float, help="0 is CCA, 1 Procrustes (partial, convolution, kernel).")
@click.option("--geometry", metavar="NAME", help="angular (radians) or euclidean.")
@click.option("--center/--no-center", default=None, help="Subtract each unit's mean over stimuli.")
@click.option("--n-components", type=int, help="Reduce each network to so many components first.")
@click.option(
    *("-p", "--param", "params"),
    multiple=True,
    metavar="NAME=VALUE",
    help="Any other parameter of the metric (see `shapemetrics metrics`); may be repeated.",
)
@click.option(
    "--heldout",
    multiple=True,
    type=EXISTING,
    help="Responses of the same networks, by the same ids, to other stimuli: the alignment is "
    "fitted on FILES and the distance measured here. A folder, an archive, or repeated.",
)
@click.option(
    "--positions",
    type=click.Choice(["samples", "features", "mean"]),
    help="How stimuli x height x width x channels become matrices.",
)
@reading_options
@click.option(
    "--select",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Which representations of a store; may be repeated.",
)
@click.option(
    "-j",
    "--n-jobs",
    default=1,
    show_default=True,
    help="Threads; -1 takes all cores that the process may use.",
)
@click.option(
    "--dtype", type=click.Choice(["float64", "float32"]), default="float64", show_default=True
)
@click.option(
    "--backend", type=click.Choice(["numpy", "torch"]), default="numpy", show_default=True
)
@click.option("--device", help="Of torch, such as cuda.")
@click.option("--tolerance", type=float, help="Certified error of a distance that is allowed.")
@click.option("--block-size", type=int, help="Networks in a block.")
@click.option(
    "--scratch",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for work out of core; a run that was killed resumes there.",
)
@output_options("csv", "tsv", "json", "npz")
def distances(
    files: Sequence[Path],
    metric: str,
    alpha: float | None,
    geometry: str | None,
    center: bool | None,
    n_components: int | None,
    params: Sequence[str],
    heldout: Sequence[Path],
    positions: Any,
    select: Sequence[str],
    output: Path | None,
    form: str | None,
    force: bool,
    quiet: bool,
    **others: Any,
) -> None:
    """Distances between all pairs of networks in FILES.

    A file holds the responses of one network, stimuli x units: .npy, .csv, .tsv (or either with
    .gz), .parquet, .feather, .mat, .h5, .nc, .h5ad, .pt, .pth or .safetensors. An .npz, .mat, .h5,
    .nc or file of tensors may hold several by name. A folder is a representation store, or holds
    such files. All networks saw the same stimuli in the same order, or in one that the names of
    their rows tell; numbers of units may differ.

    \b
    Examples:
      shapemetrics distances layers/*.npy -o distances.npz
      shapemetrics distances layers/*.npy -m partial --alpha 0.3 --format json
      shapemetrics distances train/ --heldout test/ -m cca --n-components 10 -o heldout.csv
      shapemetrics distances store/ --select layer=pool -j -1 -o pool.npz
      shapemetrics distances trials/*.npy -m gaussian-stochastic -p n_starts=8 -o noise.csv
    """
    form = matrices.form_of(output, form, "csv")
    matrices.check_outputs(output, force=force)
    from shapemetrics.cli.responses import read_responses
    from shapemetrics.pairwise.engine import pairwise_distances
    from shapemetrics.pairwise.matrix import DistanceMatrix

    chosen = metric_names.build(
        metric,
        {"alpha": alpha, "geometry": geometry, "center": center, "n_components": n_components},
        params,
    )
    reading, engine = reading_of(others), others
    selected = {"positions": positions, "select": select}
    fitted = read_responses(files, **selected, **reading)
    ids = list(fitted)
    held = read_responses(heldout, **selected, **reading).matching(ids) if heldout else None
    for line in [] if quiet else dict.fromkeys([*fitted.remarks, *(held.remarks if held else ())]):
        click.echo(f"distances: {line}", err=True)
    values = pairwise_distances(
        fitted.collection() if held is None else fitted,
        chosen,
        heldout=held,
        progress=not quiet,
        **engine,
    )
    provenance = {
        "parameters": chosen.parameters(),
        "version": __version__,
        "files": fitted.sources,
        **({} if held is None else {"heldout": held.sources}),
        **{key: engine[key] for key in ("dtype", "backend", "device", "tolerance")},
        **({} if positions is None else {"positions": positions}),
        "reading": {name: value for name, value in reading.items() if value is not None},
    }
    matrices.write_matrix(DistanceMatrix(values, ids, provenance), output, form)


@main.command(short_help="Responses of a model's layers to stimuli.")
@click.argument("model", metavar="MODULE:FUNCTION")
@click.argument("stimuli", type=EXISTING)
@click.option(
    *("-l", "--layer", "layers"),
    multiple=True,
    metavar="GLOB",
    help="Layers to keep, such as 'blocks.*'; may be repeated. Without it layers are listed.",
)
@click.option(
    *("-o", "--output"), type=TARGET, help="Folder of the representation store that is written."
)
@click.option(
    "--positions",
    type=click.Choice(["keep", "sample", "mean", "first", "flatten"]),
    default="keep",
    show_default=True,
    help="What becomes of grids and tokens; first is the CLS token.",
)
@click.option("--n-positions", type=int, help="With --positions sample.")
@click.option("--seed", default=0, show_default=True, help="Draws these positions.")
@click.option(
    "--calls",
    type=click.Choice(["once", "first", "last"]),
    default="once",
    show_default=True,
    help="What of a layer that is called several times.",
)
@click.option("--name", default="", help="Put before the layers' names in ids.")
@click.option("--batch-size", default=64, show_default=True)
@click.option("--device", help="Where the model is run, such as cuda.")
@click.option("--dtype", type=click.Choice(["float16", "float32", "float64"]), help="Of the store.")
@click.option("--force", is_flag=True, help="Replace a store that exists.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def extract(
    model: str,
    stimuli: Path,
    layers: Sequence[str],
    output: Path | None,
    device: str | None,
    batch_size: int,
    force: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Responses of a PyTorch model's layers to STIMULI, as a representation store.

    MODULE:FUNCTION makes the model; modules are looked for in the working directory first. The
    function may also return a pair: the model, and what makes a tensor of an image. STIMULI is a
    folder of images, or an .npy file with stimuli on its first axis. Weights are loaded by the
    function. Without --layer, names and shapes of all layers are printed as CSV.

    \b
    Examples:
      shapemetrics extract my_models:resnet pictures/
      shapemetrics extract my_models:resnet pictures/ -l 'layer?' -l fc -o store/
      shapemetrics extract my_models:vit stimuli.npy -l 'blocks.*' --positions first -o store/
      shapemetrics distances store/
    """
    if bool(layers) != (output is not None):
        raise click.UsageError("--layer and --output go together")
    if output is not None and output.exists() and not force:
        raise ValueError(f"{output}: exists, expected another name or --force")
    from shapemetrics.extract.extraction import extract as extract_layers
    from shapemetrics.extract.extraction import list_layers
    from shapemetrics.extract.stimuli import load_model, read_stimuli

    network, prepare = load_model(model, Path.cwd())
    if device is not None:
        network.to(device)
    found = read_stimuli(stimuli, prepare)
    if output is None:
        table = list_layers(network, next(iter(found.batches(1))))
        matrices.write_table(table, None, "csv")
        return
    store = extract_layers(
        network,
        found.batches(batch_size),
        list(layers),
        store=output,
        stimuli=found.ids,
        source=model,
        batch_size=batch_size,
        **options,
    )
    if not quiet:
        click.echo(f"extract: {len(store)} layers of {len(found.ids)} stimuli", err=True)


@main.command(short_help="Layers of one model against layers of another.")
@click.argument("first", metavar="A", type=EXISTING)
@click.argument("second", metavar="[B]", required=False, type=EXISTING)
@click.option(
    *("-m", "--metric"),
    default="procrustes",
    show_default=True,
    metavar="NAME",
    help="See `shapemetrics metrics`.",
)
@click.option(
    *("-p", "--param", "params"),
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the metric; may be repeated.",
)
@click.option(
    "--positions",
    type=click.Choice(["samples", "features", "mean"]),
    help="How stimuli x height x width x channels become matrices.",
)
@click.option("--figure", type=TARGET, help="Draw a heat map: .pdf, .png or .svg.")
@click.option("-j", "--n-jobs", default=1, show_default=True, help="Threads.")
@output_options("csv", "tsv", "json")
def layers(
    first: Path,
    second: Path | None,
    metric: str,
    params: Sequence[str],
    positions: Any,
    figure: Path | None,
    n_jobs: int,
    output: Path | None,
    form: str | None,
    force: bool,
    quiet: bool,
) -> None:
    """Distances from each layer in A to each layer in B (or in A), and the best match of each.

    A and B are representation stores, such as `shapemetrics extract` writes, or folders or archives
    of responses to the same stimuli.

    \b
    Examples:
      shapemetrics layers resnet/ vit/ -m debiased-cka --positions mean --figure layers.pdf
      shapemetrics layers resnet/ -m cca -p n_components=10 -o layers.csv
    """
    form = matrices.form_of(output, form, "csv", ("csv", "tsv", "json"))
    matrices.check_outputs(output, figure, force=force)
    from shapemetrics.cli.responses import read_responses
    from shapemetrics.estimation.layers import layer_distances

    chosen = metric_names.build(metric, {}, params)
    a = read_responses([first], positions=positions)
    b = None if second is None else read_responses([second], positions=positions)
    table = layer_distances(a, b, chosen, n_jobs=n_jobs)
    if figure is not None:
        from shapemetrics.figures.layers import plot_layers
        from shapemetrics.figures.style import save_figure

        names = first.stem, (second or first).stem
        save_figure(plot_layers(table, label=f"distance ({metric})", names=names), figure)
    if form == "json":
        matrices.write_json(table.to_dict("list"), output, indent=1)
    else:
        matrices.write_table(table, output, form)


@main.command(short_help="Points from distances, and their figure.")
@click.argument("matrix", metavar="DISTANCES", type=MATRIX)
@click.option("-n", "--n-components", default=2, show_default=True, help="Dimensions.")
@click.option(
    "--method", type=click.Choice(["metric", "classical"]), default="metric", show_default=True
)
@click.option("--seed", default=0, show_default=True, help="Of the starts of metric scaling.")
@click.option("--n-init", default=1, show_default=True, help="Starts, of which the best is kept.")
@click.option("--figure", type=TARGET, help="Draw the first two axes: .pdf, .png or .svg.")
@click.option(
    "--metadata",
    type=PlainPath(exists=True, dir_okay=False, path_type=Path),
    help="Table (.csv, .tsv) with a column `id` and covariates, for --color.",
)
@click.option("--color", metavar="COLUMN", help="Covariate that colours the figure.")
@output_options("csv", "tsv", "json", "npz")
def embed(
    matrix: Path,
    n_components: int,
    method: Any,
    seed: int,
    n_init: int,
    figure: Path | None,
    metadata: Path | None,
    color: str | None,
    output: Path | None,
    form: str | None,
    force: bool,
    quiet: bool,
) -> None:
    """Points whose Euclidean distances approximate DISTANCES, on principal axes.

    DISTANCES is what `shapemetrics distances` wrote: .npz, .csv, .tsv or .json; or a square .npy;
    or - for the standard input.

    \b
    Examples:
      shapemetrics embed distances.npz -o map.csv
      shapemetrics embed distances.csv -n 3 --method classical --format json
      shapemetrics embed distances.npz --figure map.pdf --metadata nets.csv --color depth -o m.csv
      shapemetrics distances layers/ | shapemetrics embed - --figure map.png
    """
    form = matrices.form_of(output, form, "csv")
    matrices.check_outputs(output, figure, force=force)
    if (metadata is None) != (color is None):
        raise click.UsageError("--metadata and --color go together")
    if color is not None and figure is None:
        raise click.UsageError("--color: expected --figure as well")
    if figure is not None and n_components < 2:
        raise click.UsageError("--figure: expected --n-components of at least 2")
    if figure is not None:  # before anything is computed
        require("matplotlib", what="embed: --figure")
    from shapemetrics.cli.maps import draw_map, embedding_table
    from shapemetrics.geometry.embedding import embed as embed_distances

    D = matrices.read_matrix(matrix)
    found = embed_distances(D.values, n_components, method, seed=seed, n_init=n_init)
    if not quiet:
        steps = f"{found.n_iter} steps" if method == "metric" else "classical"
        click.echo(f"embed: stress {found.stress:.4g} ({steps})", err=True)
    table = embedding_table(D.ids, found)
    if figure is not None:
        draw_map(D, found, figure, metadata, color)
    facts = {
        "method": method,
        "stress": found.stress,
        "n_iter": found.n_iter,
        "converged": found.converged,
        "seed": seed,
        "distances": D.provenance,
        "version": __version__,
    }
    parts = {"ids": D.ids, "coordinates": found.coordinates, "variance": found.variance}
    if form == "npz":
        matrices.write_archive(parts, facts, output)
    elif form == "json":
        matrices.write_json({**parts, **facts}, output)
    else:
        matrices.write_table(table, output, form)


@main.command(short_help="Can distances be those of a metric?")
@click.argument("matrix", metavar="DISTANCES", type=MATRIX)
@click.option(
    "--tolerance",
    default=1e-9,
    show_default=True,
    help="Violations up to this fraction of the largest distance are rounding. Where shapes are "
    "equal, angles carry an error of 2e-8, and 1e-7 is right.",
)
@output_options("json", "csv", "tsv")
@click.pass_context
def audit(
    ctx: click.Context,
    matrix: Path,
    tolerance: float,
    output: Path | None,
    form: str | None,
    force: bool,
    quiet: bool,
) -> None:
    """Whether DISTANCES can be those of a metric: every triangle, symmetry, zero diagonal.

    DISTANCES is as for `shapemetrics embed`. The exit code is 0 if nothing contradicts a metric,
    and 1 if something does.

    \b
    Examples:
      shapemetrics audit distances.npz
      shapemetrics audit distances.npz -q --format tsv >> audits.tsv && echo a metric
      shapemetrics distances layers/ -m comparison-pwcca | shapemetrics audit -
    """
    form = matrices.form_of(output, form, "json", ("json", "csv", "tsv"))
    matrices.check_outputs(output, force=force)
    import pandas as pd

    from shapemetrics.geometry.audit import triangle_audit

    D = matrices.read_matrix(matrix)
    name = "standard input" if matrix == matrices.STREAM else str(matrix)
    found = triangle_audit(D.values, D.ids, name=name, tolerance=tolerance)
    row = {"is_metric": found.is_metric, **found.row()}
    if form == "json":
        matrices.write_json(row, output, indent=1)
    else:
        matrices.write_table(pd.DataFrame([row]), output, form)
    if not quiet:
        click.echo(
            f"audit: {'no contradiction to a metric' if found.is_metric else 'not a metric'}; "
            f"{found.n_violations} of {found.n_triples} inequalities violated, "
            f"largest asymmetry {found.max_asymmetry:.3g}",
            err=True,
        )
    ctx.exit(0 if found.is_metric else 1)


@main.command(short_help="What a file or a store holds.")
@click.argument("path", metavar="FILE", type=EXISTING)
@click.option("--verify", is_flag=True, help="Read a store's arrays and check their digests.")
@reading_options
def info(path: Path, verify: bool, **reading: Any) -> None:
    """What FILE holds, as JSON: responses, a representation store, or distances.

    \b
    Examples:
      shapemetrics info distances.npz
      shapemetrics info store/ --verify
      shapemetrics info layers/net00.npy
      shapemetrics info recording.mat --variable responses
    """
    from shapemetrics.cli.contents import describe

    matrices.write_json(describe(path, verify=verify, **reading_of(reading)), None, indent=1)


@main.command(short_help="The metrics and their parameters.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def metrics(form: str) -> None:
    """List the metrics, with the parameters that --param takes and their defaults."""
    rows = metric_names.listing()
    if form == "json":
        matrices.write_json(rows, None, indent=1)
        return
    for row in rows:
        click.echo(f"{row['name']}: {row['summary']}")
        for key, value in row["parameters"].items():
            click.echo(f"    {key}={metric_names.as_text(value)}")
