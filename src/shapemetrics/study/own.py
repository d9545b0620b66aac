"""Datasets of a user's own in a study: what their settings, and the table of files, ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from shapemetrics.datasets.files.dataset import FilesDataset, with_layer
from shapemetrics.datasets.files.metadata import Metadata
from shapemetrics.datasets.loading import class_file, load_dataset
from shapemetrics.datasets.protocol import Dataset
from shapemetrics.study.kinds import Kind

#: Settings that say what is read; the rest says what is done with it.
READING = {
    "files": (
        *("folder", "metadata", "variable", "stimuli", "stimulus_column", "orientation", "axes"),
        *("delimiter", "decimal", "header", "index"),
        *("simulated", "source", "ignore_extra", "layer"),
    ),
    "python": ("class", "options"),
}
#: Selections that are not one layer.
ALL, COMPARED = "all", "compared"
#: Fewest known values of a number that regression is asked for.
LEAST_KNOWN = 8
#: Most classes that colours and markers of figures tell apart.
MOST_COLORS = 40


def reading(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a dataset's settings that says what is read."""
    names = ("kind", *READING[settings["kind"]])
    return {name: settings[name] for name in names}


def make_dataset(settings: Mapping[str, Any]) -> Dataset:
    """The dataset that these settings, as :func:`reading` gives them, describe."""
    options = {name: value for name, value in settings.items() if name != "kind"}
    if settings["kind"] == "files":
        return FilesDataset(**options)
    return load_dataset(options["class"], options["options"], Path.cwd())


def input_files(settings: Mapping[str, Any]) -> list[str]:
    """Files that the representations depend on, for the workflow."""
    if settings["kind"] == "files":
        return [str(path) for path in make_dataset(reading(settings)).inputs]
    code = class_file(settings["class"], Path.cwd())
    return [*([code] if code else []), *settings["inputs"]]


def own_kind(name: str, settings: Mapping[str, Any], least_members: int) -> Kind:
    """What is asked of a dataset of a user's own.

    Parameters
    ----------
    name : str
        The dataset's, for messages.
    settings : mapping
    least_members : int
        Fewest members of a class that classification can hold out.

    Raises
    ------
    ValueError
        If the settings name a covariate that is not there or does not serve.
    """
    key = f"configuration key 'datasets.{name}"
    numbers, classes = list(settings["regression"]), list(settings["classification"])
    covariates = settings["covariates"]
    layer_values = settings["layers"]
    if settings["kind"] == "files":
        try:
            dataset = make_dataset(reading(settings))
        except ValueError as error:
            # What is wrong with an option has its name in front; all else names its file.
            option, _, reason = str(error).partition(": ")
            if option not in READING["files"]:
                raise
            raise ValueError(f"{key}.{option}': {reason}") from error
        table = dataset.table
        more_numbers, more_classes = _sorted_targets(key, table, settings)
        numbers, classes = [*numbers, *more_numbers], [*classes, *more_classes]
        if covariates is None:
            covariates = _describing(table, settings)
        layer_values = _layers(key, table, settings)
        shown = [settings[name] for name in ("color", "label")]
        for wanted in [
            *numbers,
            *covariates,
            *(name for name in shown if name not in (None, "id")),
        ]:
            table.column(wanted)
        _check_color(key, table, settings["color"])
        for where, part in _parts(table.covariates, settings["layer"], layer_values):
            where = f"{table.path}{where}"
            check_covariates(part, numbers, classes, settings["group"], least_members, where)
    else:
        class_file(settings["class"], Path.cwd())  # or say that there is none
        if settings["layer"] is not None and layer_values is None:
            raise ValueError(
                f"{key}.layers': a class needs the values of {settings['layer']!r} said"
            )
    renamed = _Renamed(settings["layer"])
    selections = _selections(key, layer_values)
    duplicates = {slug(target) for target in numbers}
    if len(duplicates) < len(numbers):
        raise ValueError(
            f"{key}.targets': {', '.join(numbers)} have no distinct names of letters and digits"
        )
    label = settings["label"]
    return Kind(
        selections=selections,
        labels=tuple(map(renamed, classes)),
        classified=tuple(selections),
        group=None if settings["group"] is None else renamed(settings["group"]),
        leave_one_out=settings["leave_one_out"],
        sampled=list(selections)[-1],
        label=None if label is None else renamed(label),
        figures=(
            *("audit", "agreement", "samples"),
            *(f"regression_{slug(target)}" for target in numbers),
            *(["classification"] if classes else []),
        ),
        metric_figures=(
            *("embedding", "distortion", "dendrogram"),
            *(f"predictions_{slug(target)}" for target in numbers),
            *(["covariates"] if covariates else []),
        ),
        covariates=tuple(map(renamed, covariates or [])),
        targets=tuple(map(renamed, numbers)),
        grouped_regression=settings["group"] is not None,
        panels=(None, None if layer_values is None else "layer"),
    )


def _selections(key: str, layers: Sequence[Any] | None) -> dict[str, dict[str, Any]]:
    """A selection a layer, or one of all where there are no layers."""
    if layers is None:
        return {ALL: {}}
    selections = {slug(value): {"layer": value} for value in layers}
    if len(selections) < len(layers) or {ALL, COMPARED} & set(selections):
        raise ValueError(
            f"{key}.layer': layers {', '.join(map(str, layers))} have no distinct names of letters "
            f"and digits other than {ALL!r} and {COMPARED!r}"
        )
    return selections


def _parts(
    covariates: pd.DataFrame, layer: str | None, values: Sequence[Any] | None
) -> list[tuple[str, pd.DataFrame]]:
    """Rows of each selection, and its name for messages."""
    if layer is None or values is None:
        return [("", covariates)]
    return [(f", {layer} {value}", covariates[covariates[layer] == value]) for value in values]


class _Renamed:
    """Names of covariates as the store has them: the layers' column is called ``layer`` there."""

    def __init__(self, layer: str | None) -> None:
        self.layer = layer

    def __call__(self, name: str) -> str:
        return "layer" if name == self.layer else name


def slug(name: Any) -> str:
    """A name as file names and wildcards can have it."""
    return re.sub(r"[^A-Za-z0-9]+", "_", str(name)).strip("_")


def color(settings: Mapping[str, Any], kind: Kind) -> str:
    """Covariate that colours a dataset's figures: as set, or the first that there is."""
    if settings["color"] is not None:
        return _Renamed(settings["layer"])(settings["color"])
    # Without anything known, the store's own column of shapes still tells items apart.
    return next(iter([*kind.targets, *kind.labels, *kind.covariates]), "shape")


def _sorted_targets(
    key: str, table: Metadata, settings: Mapping[str, Any]
) -> tuple[list[str], list[str]]:
    """Targets that are numbers, and those that are classes."""
    named = [*settings["regression"], *settings["classification"]]
    targets = [target for target in settings["targets"] if target not in named]
    for target in [*targets, *settings["regression"]]:
        table.check_number(target)
    for target in settings["regression"]:
        if not table.numeric(target):
            raise ValueError(
                f"{key}.regression': column {target!r} of {table.path} holds text, expected numbers"
            )
    numbers = [target for target in targets if table.numeric(target)]
    return numbers, [target for target in targets if target not in numbers]


def _check_color(key: str, table: Metadata, name: str | None) -> None:
    values = pd.Series(table.ids) if name == "id" else None if name is None else table.column(name)
    if values is None or pd.api.types.is_numeric_dtype(values):
        return
    colors = values.dropna().str.fullmatch(r"#?[0-9a-fA-F]{6}").all()
    if values.nunique() > MOST_COLORS and not colors:
        raise ValueError(
            f"{key}.color': {name!r} has {values.nunique()} values that are no numbers, expected "
            f"at most {MOST_COLORS} to be told apart by colour"
        )


def _layers(key: str, table: Metadata, settings: Mapping[str, Any]) -> list[Any] | None:
    if settings["layer"] is None:
        if settings["layers"] is not None:
            raise ValueError(f"{key}.layers': needs 'layer', the column that they stand in")
        return None
    present = with_layer(table, settings["layer"])["layer"].drop_duplicates().tolist()
    wanted = present if settings["layers"] is None else settings["layers"]
    absent = [value for value in wanted if value not in present]
    if absent:
        raise ValueError(
            f"{key}.layers': {absent[0]!r} is none of the layers of {table.path}: "
            f"{', '.join(map(str, present))}"
        )
    return list(wanted)


def _describing(table: Metadata, settings: Mapping[str, Any]) -> list[str]:
    """Columns that may organise distances: known throughout, varying, and no names or colours."""
    found = []
    for name, values in table.covariates.items():
        varies = values.nunique() > 1
        text = not pd.api.types.is_numeric_dtype(values)
        # As many different texts as that are names, and leave nothing to explain.
        names = text and values.nunique() > len(values) // 3
        if name != settings["layer"] and varies and values.notna().all() and not names:
            found.append(str(name))
    return found


def check_covariates(
    covariates: pd.DataFrame,
    numbers: Sequence[str],
    classes: Sequence[str],
    group: str | None,
    least_members: int,
    where: str,
) -> None:
    """Raise one clear ValueError where targets cannot be learned.

    Parameters
    ----------
    covariates : pandas.DataFrame
        One row a representation.
    numbers, classes : sequence of str
        What regression predicts and classification tells apart.
    group : str or None
        Column that is never split.
    least_members : int
        Fewest members of a class, or of its groups.
    where : str
        File, for messages.
    """
    for name in [*numbers, *classes, *([group] if group else [])]:
        if name not in covariates:
            raise ValueError(
                f"{where}: there is no column {name!r}; found {', '.join(map(str, covariates))}"
            )
    if group and covariates[group].isna().any():
        raise ValueError(f"{where}: group {group!r} is empty in some rows, expected it everywhere")
    for name in numbers:
        known = covariates[name].dropna()
        if not pd.api.types.is_numeric_dtype(known):
            raise ValueError(f"{where}: target {name!r} holds text, expected numbers")
        if known.nunique() < 2 or len(known) < LEAST_KNOWN:
            raise ValueError(
                f"{where}: target {name!r} has {len(known)} known values, {known.nunique()} of "
                f"them different, expected at least {LEAST_KNOWN} that vary"
            )
    for name in classes:
        holders = covariates.dropna(subset=[name])
        per_class = (
            holders.groupby(name)[group].nunique() if group else holders[name].value_counts()
        )
        large = int((per_class >= least_members).sum())
        if large < 2:
            unit = f"different {group}" if group else "members"
            sizes = ", ".join(f"{label} {count}" for label, count in per_class.head(6).items())
            raise ValueError(
                f"{where}: {large} classes of target {name!r} have {least_members} {unit} or more "
                f"({sizes}), expected at least 2 such classes"
            )


def table_remarks(settings: Mapping[str, Any], kind: Kind, least_members: int) -> list[str]:
    """What of files and their table will be left out, and what of them is in doubt.

    Nothing is known of a class beforehand.
    """
    if settings["kind"] != "files":
        return []
    dataset = make_dataset(reading(settings))
    covariates = with_layer(dataset.table, settings["layer"])
    said = remarks(covariates, kind.targets, kind.labels, least_members)
    return [*dataset.remarks(), *said]


def told(dataset: Dataset) -> list[str]:
    """What in a dataset's tables of responses was taken for names, as far as they were read."""
    return dataset.told() if isinstance(dataset, FilesDataset) else []


def remarks(
    covariates: pd.DataFrame, numbers: Sequence[str], classes: Sequence[str], least_members: int
) -> list[str]:
    """What will be left out, one line each."""
    lines = []
    for name in [*numbers, *classes]:
        missing = int(covariates[name].isna().sum())
        if missing:
            lines.append(
                f"{name}: unknown for {missing} of {len(covariates)} representations, which are "
                "left out where it is predicted"
            )
    for name in classes:
        counts = covariates[name].value_counts()
        for label, count in counts[counts < least_members].items():
            lines.append(
                f"{name}: class {label} has {count} members, fewer than {least_members}, and is "
                "left out"
            )
    return lines
