"""Datasets of a user's own in a study: what their settings, and the table of files, ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from shapemetrics.datasets.files.dataset import FilesDataset, with_layer
from shapemetrics.datasets.files.metadata import Metadata
from shapemetrics.datasets.loading import class_file, load_dataset
from shapemetrics.datasets.protocol import Dataset, Representation
from shapemetrics.store.arrays import Positions, flatten_positions
from shapemetrics.study.covariates import asked_by, check_covariates, remarks
from shapemetrics.study.kinds import Kind
from shapemetrics.study.requirements import LEAST_ITEMS

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
#: Column of a store's index that every dataset has.
SHAPE = "shape"
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


class Varying(Dataset):
    """A dataset whose representations must differ from stimulus to stimulus, as all measures need.

    Parameters
    ----------
    dataset : Dataset
        What it holds.
    positions : {"samples", "features", "mean"}
        How convolutional representations become the matrices that are compared.
    """

    def __init__(self, dataset: Dataset, positions: Positions) -> None:
        self.source, self.simulated = dataset.source, dataset.simulated
        self.stimuli, self.metadata = dataset.stimuli, dataset.metadata
        self._dataset, self._positions = dataset, positions

    def __iter__(self) -> Iterator[Representation]:
        for representation in self._dataset:
            array = representation.array
            matrix = flatten_positions(array, self._positions) if array.ndim == 4 else array
            # One at a time: most differ at the second stimulus already.
            if all(np.array_equal(row, matrix[0]) for row in matrix):
                raise ValueError(
                    f"{representation.id!r}: found the same responses to all {len(matrix)} "
                    "stimuli, expected responses that differ"
                )
            yield representation


def input_files(settings: Mapping[str, Any]) -> list[str]:
    """Files that the representations depend on, for the workflow."""
    if settings["kind"] == "files":
        return [str(path) for path in make_dataset(reading(settings)).inputs]
    code = class_file(settings["class"], Path.cwd())
    return [*([code] if code else []), *settings["inputs"]]


def asked_of_class(settings: Mapping[str, Any], kind: Kind) -> list[Any]:
    """What is asked of a class's covariates, which are known once its store is made; of files
    nothing, since their table is checked before."""
    if settings["kind"] == "files":
        return []
    return [list(kind.targets), list(kind.labels), kind.group]


def own_kind(
    name: str, settings: Mapping[str, Any], n_outer: int, *, fixed_folds: bool = False
) -> Kind:
    """What is asked of a dataset of a user's own.

    Parameters
    ----------
    name : str
        The dataset's, for messages.
    settings : mapping
    n_outer : int
        Outer folds of classification.
    fixed_folds : bool
        Whether the user chose them.

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
        layer_values = _layers(key, table, settings)
        if covariates is None:
            covariates = _describing(table, settings)
        shown = [settings[name] for name in ("color", "label")]
        for wanted in [
            *numbers,
            *covariates,
            *(name for name in shown if name not in (None, "id")),
        ]:
            table.column(wanted)
        _check_color(key, table, settings["color"])
        asked = asked_by(f"datasets.{name}", settings)
        for where, part in _parts(table.covariates, settings["layer"], layer_values):
            check_covariates(
                part,
                numbers,
                classes,
                settings["group"],
                n_outer,
                f"{table.path}{where}",
                asked=asked,
                covariates=settings["covariates"] or (),
                fixed_folds=fixed_folds,
            )
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
    return next(iter([*kind.targets, *kind.labels, *kind.covariates]), SHAPE)


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
    """Layers that are compared: those that are named, or all with enough representations."""
    if settings["layer"] is None:
        if settings["layers"] is not None:
            raise ValueError(f"{key}.layers': needs 'layer', the column that they stand in")
        return None
    members = with_layer(table, settings["layer"])["layer"].value_counts(sort=False)
    present = members.index.tolist()
    wanted = [layer for layer in present if members[layer] >= LEAST_ITEMS]
    if settings["layers"] is not None:
        wanted = settings["layers"]
    elif not wanted:
        raise ValueError(
            f"{key}.layer': found at most {members.max()} representations of one "
            f"{settings['layer']!r}, expected at least {LEAST_ITEMS} to compare"
        )
    absent = [value for value in wanted if value not in present]
    if absent:
        raise ValueError(
            f"{key}.layers': {absent[0]!r} is none of the layers of {table.path}: "
            f"{', '.join(map(str, present))}"
        )
    few = [value for value in wanted if members[value] < LEAST_ITEMS]
    if few:
        raise ValueError(
            f"{key}.layers': found {members[few[0]]} representations of {few[0]!r}, expected at "
            f"least {LEAST_ITEMS} to compare"
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


def told(dataset: Dataset) -> list[str]:
    """What in a dataset's tables of responses was taken for names, as far as they were read."""
    return dataset.told() if isinstance(dataset, FilesDataset) else []


def table_remarks(
    settings: Mapping[str, Any], kind: Kind, n_outer: int, *, fixed_folds: bool = False
) -> list[str]:
    """What of a table of files will be left out; nothing is known of a class beforehand."""
    if settings["kind"] != "files":
        return []
    dataset = make_dataset(reading(settings))
    rows = with_layer(dataset.table, settings["layer"])
    lines = []
    values = [where.get("layer") for where in kind.selections.values()]
    if settings["layer"] is not None:
        counts = rows["layer"].value_counts(sort=False)
        lines = [
            f"{settings['layer']} {layer} has {count} representations, fewer than {LEAST_ITEMS}, "
            "and is left out"
            for layer, count in counts.items()
            if settings["layers"] is None and layer not in values
        ]
    for where, part in _parts(rows, settings["layer"] and "layer", values):
        found = remarks(part, kind.targets, kind.labels, n_outer, fixed_folds=fixed_folds)
        lines += [f"{where.removeprefix(', ')}: {line}" if where else line for line in found]
    return [*dataset.remarks(), *lines]
