"""Representations of user-provided datasets: what their settings describe, made and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from shapemetrics.datasets.files.dataset import FilesDataset
from shapemetrics.datasets.loading import class_file, load_dataset
from shapemetrics.datasets.models import ModelsDataset
from shapemetrics.datasets.protocol import Dataset, Representation
from shapemetrics.store.arrays import Positions, flatten_positions

#: Settings that say what is read; the rest says what is done with it.
READING = {
    "files": (
        *("folder", "metadata", "variable", "stimuli", "stimulus_column", "orientation", "axes"),
        *("delimiter", "decimal", "header", "index"),
        *("simulated", "source", "ignore_extra", "layer"),
    ),
    "python": ("class", "options"),
    "models": (
        *("models", "stimuli", "layers", "grid", "n_positions", "position_seed"),
        *("calls", "batch_size", "device"),
    ),
}


def reading(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a dataset's settings that says what is read."""
    names = ("kind", *READING[settings["kind"]])
    return {name: settings[name] for name in names}


def make_dataset(settings: Mapping[str, Any]) -> Dataset:
    """The dataset that these settings, as :func:`reading` gives them, describe."""
    options = {name: value for name, value in settings.items() if name != "kind"}
    if settings["kind"] == "files":
        return FilesDataset(**options)
    if settings["kind"] == "models":
        positions, seed = options.pop("grid"), options.pop("position_seed")
        return ModelsDataset(**options, positions=positions, seed=seed)
    return load_dataset(options["class"], options["options"], Path.cwd())


def input_files(settings: Mapping[str, Any]) -> list[str]:
    """Files that the representations depend on, for the workflow."""
    if settings["kind"] == "files":
        return [str(path) for path in make_dataset(reading(settings)).inputs]
    if settings["kind"] == "models":
        codes = [class_file(name, Path.cwd()) for name in settings["models"].values()]
        stimuli = Path(settings["stimuli"])
        files = [p for p in stimuli.iterdir() if p.is_file()] if stimuli.is_dir() else [stimuli]
        found = [*(code for code in codes if code), *map(str, sorted(files)), *settings["inputs"]]
        return list(dict.fromkeys(found))
    code = class_file(settings["class"], Path.cwd())
    return [*([code] if code else []), *settings["inputs"]]


def names_in_tables(dataset: Dataset) -> list[str]:
    """What in a dataset's tables of responses was taken for names, as far as they were read."""
    return dataset.told() if isinstance(dataset, FilesDataset) else []


class Varying(Dataset):
    """A dataset whose representations must differ from stimulus to stimulus, as all metrics need.

    Parameters
    ----------
    dataset : Dataset
        The dataset that is checked.
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
