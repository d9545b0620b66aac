"""User-provided datasets, files or a class: settings, checks, and what is asked of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field, StringConstraints

from shapemetrics.datasets.files.dataset import FilesDataset, with_layer
from shapemetrics.datasets.files.metadata import Metadata
from shapemetrics.datasets.loading import class_file
from shapemetrics.store.arrays import Positions
from shapemetrics.study.covariates import asked_by, check_covariates, remarks
from shapemetrics.study.datasets.asked import AskedDataset, slug
from shapemetrics.study.datasets.base import COMPARED
from shapemetrics.study.datasets.settings import DatasetSettings
from shapemetrics.study.requirements import LEAST_ITEMS
from shapemetrics.study.section import EachOnce, Text
from shapemetrics.study.selection import Selection
from shapemetrics.study.user_data import READING, input_files, make_dataset, reading

#: The selection of a dataset without layers.
ALL = "all"
#: Column of a store's index that every dataset has.
SHAPE = "shape"
#: Most classes that colours and markers of figures tell apart.
MOST_COLORS = 40

Columns = Annotated[list[str], EachOnce]
Axis = Literal["stimuli", "units", "trials", "height", "width", "channels"]


class UserSettings(DatasetSettings):
    """What is asked of a user-provided dataset."""

    regression: Columns = Field([], description="Covariates to predict as numbers.")
    classification: Columns = Field([], description="Covariates to predict as classes.")
    covariates: Columns | None = Field(
        None,
        description="Covariates whose share of the variance of distances is drawn; null takes "
        "those of the table that are known throughout and are no names.",
    )
    group: str | None = Field(
        None, description="Covariate whose equal values are never on both sides of a split."
    )
    layer: str | None = Field(
        None,
        description="Covariate that divides representations: each value is compared among itself; "
        "null compares all with all.",
    )
    layers: Annotated[list[str | int | float], Field(min_length=1), EachOnce] | None = Field(
        None,
        description="Values of the layer, in order; null takes all of the table. Required for "
        "`kind: python` where there is a layer.",
    )
    positions: Positions = Field(
        "samples",
        description="How a convolutional layer becomes a matrix: every position is a sample, every "
        "position is a feature, or the mean over positions is taken.",
    )
    leave_one_out: bool = Field(
        False,
        description="Whether regression leaves out one item (or group) at a time, for few items.",
    )
    color: str | None = Field(
        None,
        description="Covariate that colours embeddings and dendrograms; null takes the first "
        "target.",
    )
    label: str | None = Field(
        None, description="Covariate (or id) written beside the points; null for none."
    )
    dendrogram: str | None = Field(
        None, description="Layer whose dendrogram is drawn; null takes the last."
    )


class FilesSettings(UserSettings):
    """A folder of files, and a table about them."""

    kind: Literal["files"] = Field(description="A folder of files and a table about them.")
    folder: Text = Field(
        description="Folder of .npy, .npz, .csv, .tsv (or either with .gz), .mat or .h5 files, "
        "one per representation."
    )
    metadata: Text = Field(
        description="Table in the folder with one row per representation: column id and/or file, "
        "perhaps variable, then what is known about it."
    )
    variable: str | None = Field(
        None,
        description="Which array of files that hold several; null takes the only one of at least "
        "two axes.",
    )
    stimuli: str | None = Field(
        None,
        description="Table in the folder that names the stimuli, one per row; null takes the "
        "names in the first table of responses, or numbers them.",
    )
    stimulus_column: str | None = Field(
        None, description="Column of tables of responses that names each row's stimulus."
    )
    orientation: Literal["stimuli_first", "stimuli_last"] = Field(
        "stimuli_first",
        description="Which axis stimuli are on; stimuli_last reverses the order of all axes.",
    )
    axes: Annotated[list[Axis], Field(min_length=2), EachOnce] | None = Field(
        None,
        description="Axes of the arrays as they lie in the files, some order of stimuli and units; "
        "of stimuli, trials and units; or of stimuli, height, width and channels, such as "
        "[stimuli, channels, height, width]. Without orientation.",
    )
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = Field(
        None,
        description="Between the cells of tables of responses; null is a tab in .tsv, and in .csv "
        "a semicolon where the second line has one, else a comma.",
    )
    decimal: Literal[".", ","] | None = Field(
        None,
        description="Decimal mark in tables of responses; null is a comma where cells are numbers "
        "only so and the delimiter is another, else a point.",
    )
    header: bool | None = Field(
        None,
        description="Whether the first row of tables of responses is names; null decides by "
        "rules, and refuses what can be read two ways.",
    )
    index: bool | str | None = Field(
        None,
        description="Whether the first column of tables of responses is names, or the name of the "
        "column that is; null decides by rules, and refuses what can be read two ways.",
    )
    simulated: bool = Field(
        False, description="Whether the numbers are simulated; every figure then says so."
    )
    source: Text | None = Field(
        None,
        description="Where the data come from, human-readable; null is the folder's name.",
    )
    ignore_extra: bool = Field(
        False, description="Whether files without a row in the table may lie in the folder."
    )
    targets: Columns = Field(
        [], description="Columns to predict: numbers by regression, text by classification."
    )


class ClassSettings(UserSettings):
    """A class of the user's own."""

    kind: Literal["python"] = Field(description="A class of your own.")
    class_: Annotated[
        str, StringConstraints(pattern="^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$")
    ] = Field(
        alias="class",
        description="The class, module:Class; modules are looked for in the working directory "
        "first.",
    )
    options: dict[str, Any] = Field({}, description="Keyword arguments of the class.")
    inputs: list[str] = Field(
        [],
        description="Files that the class reads; where one changes, its results are made anew.",
    )


class UserDataset(AskedDataset):
    """A user-provided dataset: a selection per layer, or one of everything."""

    chooses_layers = True
    figures_of_all = ("audit", "agreement", "samples")
    targets_key = "targets"

    @property
    @abstractmethod
    def _layers(self) -> list[Any] | None:
        """Values of the layer that are compared, each among itself; None compares all."""

    def _in_store(self, name: str) -> str:
        """A covariate's name in the store, which calls the layers' column ``layer``."""
        return "layer" if name == self.settings.layer else name

    @property
    def settings_key(self) -> str:
        """Beginning of messages about a setting."""
        return f"configuration key '{self.key}"

    # What is compared.

    @cached_property
    def selections(self) -> dict[str, Selection]:
        """A selection per layer, or one of all where there are no layers."""
        layers, positions = self._layers, self.settings.positions
        if layers is None:
            return {ALL: Selection({}, positions)}
        found = {slug(value): Selection({"layer": value}, positions) for value in layers}
        if len(found) < len(layers) or {ALL, COMPARED} & set(found):
            raise ValueError(
                f"{self.settings_key}.layer': layers {', '.join(map(str, layers))} have no "
                f"distinct names of letters and digits other than {ALL!r} and {COMPARED!r}"
            )
        return found

    def selection(self, name: str) -> Selection:
        """One selection; ``compared`` is the first so many of the last one."""
        if name != COMPARED:
            return self.selections[name]
        last = self.selections[self.subsampled_selection]
        n_networks = self.study.settings.analyses.compared.n_networks
        return Selection(last.where, last.positions, n_networks)

    @property
    def panels(self) -> tuple[str | None, str | None]:
        """A column per layer."""
        return None, None if self._layers is None else "layer"

    # What is drawn.

    @property
    def color(self) -> str:
        """As set, or the first covariate that there is."""
        if self.settings.color is not None:
            return self._in_store(self.settings.color)
        # Without anything known, the store's own column of shapes still tells items apart.
        return next(iter([*self.targets, *self.labels, *self.covariates]), SHAPE)

    @property
    def label(self) -> str | None:
        """As set."""
        return None if self.settings.label is None else self._in_store(self.settings.label)

    @property
    def dendrogram(self) -> dict[str, Any]:
        """As set, or of the last selection."""
        selection = self.settings.dendrogram or self.subsampled_selection
        return {"selection": selection, "color": self.color, "legend": None}

    # What is known before anything runs.

    def check_store(self, index: pd.DataFrame) -> None:
        """Covariates can be learned in every selection."""
        for name, selection in self.selections.items():
            check_covariates(
                selection.rows(index),
                self.targets,
                self.labels,
                self.group,
                where=f"{self.name}, {name}",
                asked=asked_by(self.key, self.plain),
                covariates=self.required_covariates,
                **self.study.class_folds,
            )

    # What jobs are given.

    @property
    def input_files(self) -> list[str]:
        """Files that the representations depend on."""
        return input_files(self.plain)

    @property
    def reading(self) -> dict[str, Any]:
        """Settings that say what is read."""
        return reading(self.plain)

    @property
    def asked_of_store(self) -> list[Any]:
        """What of the covariates is checked once the store is made, where it was not before."""
        return []


class Files(UserDataset):
    """A folder of files and a table about them, which is checked before anything runs."""

    kind = "files"
    Settings = FilesSettings
    settings: FilesSettings

    @cached_property
    def _dataset(self) -> FilesDataset:
        try:
            return make_dataset(self.reading)
        except ValueError as error:
            # What is wrong with an option has its name in front; all else names its file.
            option, _, reason = str(error).partition(": ")
            if option not in READING["files"]:
                raise
            raise ValueError(f"{self.settings_key}.{option}': {reason}") from error

    @property
    def _table(self) -> Metadata:
        return self._dataset.table

    @cached_property
    def _sorted_targets(self) -> tuple[list[str], list[str]]:
        """Targets that are numbers, and those that are classes."""
        settings, table = self.settings, self._table
        named = [*settings.regression, *settings.classification]
        targets = [target for target in settings.targets if target not in named]
        for target in [*targets, *settings.regression]:
            table.check_number(target)
        for target in settings.regression:
            if not table.numeric(target):
                raise ValueError(
                    f"{self.settings_key}.regression': column {target!r} of {table.path} holds "
                    "text, expected numbers"
                )
        numbers = [target for target in targets if table.numeric(target)]
        classes = [target for target in targets if target not in numbers]
        return [*settings.regression, *numbers], [*settings.classification, *classes]

    @property
    def _numbers(self) -> list[str]:
        return self._sorted_targets[0]

    @property
    def _classes(self) -> list[str]:
        return self._sorted_targets[1]

    @cached_property
    def _covariates(self) -> list[str]:
        if self.settings.covariates is not None:
            return list(self.settings.covariates)
        return _describing(self._table, self.settings.layer)

    @cached_property
    def _layers(self) -> list[Any] | None:
        """Layers that are named, or all with enough representations."""
        key, table, settings = self.settings_key, self._table, self.settings
        if settings.layer is None:
            if settings.layers is not None:
                raise ValueError(f"{key}.layers': needs 'layer', the column that they stand in")
            return None
        members = with_layer(table, settings.layer)["layer"].value_counts(sort=False)
        present = members.index.tolist()
        wanted = [layer for layer in present if members[layer] >= LEAST_ITEMS]
        if settings.layers is not None:
            wanted = settings.layers
        elif not wanted:
            raise ValueError(
                f"{key}.layer': found at most {members.max()} representations of one "
                f"{settings.layer!r}, expected at least {LEAST_ITEMS} to compare"
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
                f"{key}.layers': found {members[few[0]]} representations of {few[0]!r}, expected "
                f"at least {LEAST_ITEMS} to compare"
            )
        return list(wanted)

    def check_settings(self) -> None:
        """Every name must be a column of the table, and what is predicted can be learned."""
        settings, table = self.settings, self._table
        numbers, classes, layers = self._numbers, self._classes, self._layers
        shown = [name for name in (settings.color, settings.label) if name not in (None, "id")]
        for wanted in [*numbers, *self._covariates, *shown]:
            table.column(wanted)
        _check_color(self.settings_key, table, settings.color)
        for where, part in _parts(table.covariates, settings.layer, layers):
            check_covariates(
                part,
                numbers,
                classes,
                settings.group,
                where=f"{table.path}{where}",
                asked=asked_by(self.key, self.plain),
                covariates=self.required_covariates,
                **self.study.class_folds,
            )
        super().check_settings()

    def outline(self) -> pd.DataFrame:
        """From the table and the headers of the files."""
        return self._dataset.outline()

    def announcements(self) -> list[str]:
        """What of the table will be left out."""
        settings = self.settings
        dataset = make_dataset(self.reading)
        rows = with_layer(dataset.table, settings.layer)
        lines = []
        values = [selection.where.get("layer") for selection in self.selections.values()]
        if settings.layer is not None:
            counts = rows["layer"].value_counts(sort=False)
            lines = [
                f"{settings.layer} {layer} has {count} representations, fewer than {LEAST_ITEMS}, "
                "and is left out"
                for layer, count in counts.items()
                if settings.layers is None and layer not in values
            ]
        for where, part in _parts(rows, settings.layer and "layer", values):
            found = remarks(part, self.targets, self.labels, **self.study.class_folds)
            lines += [f"{where.removeprefix(', ')}: {line}" if where else line for line in found]
        return [f"{self.name}: {line}" for line in [*dataset.remarks(), *lines]]


class UserClass(UserDataset):
    """A class of the user's own, whose covariates are known once its store is made."""

    kind = "python"
    Settings = ClassSettings
    settings: ClassSettings

    @property
    def _numbers(self) -> list[str]:
        return list(self.settings.regression)

    @property
    def _classes(self) -> list[str]:
        return list(self.settings.classification)

    @property
    def _covariates(self) -> list[str]:
        return list(self.settings.covariates or ())

    @property
    def _layers(self) -> list[Any] | None:
        return None if self.settings.layers is None else list(self.settings.layers)

    def check_settings(self) -> None:
        """There must be such a class, and its layers must be given."""
        class_file(self.settings.class_, Path.cwd())  # or say that there is none
        if self.settings.layer is not None and self.settings.layers is None:
            raise ValueError(
                f"{self.settings_key}.layers': a class needs the values of "
                f"{self.settings.layer!r} given"
            )
        super().check_settings()

    @property
    def asked_of_store(self) -> list[Any]:
        """Targets and group: where they change, the class is read and checked again."""
        return [list(self.targets), list(self.labels), self.group]


def _parts(
    covariates: pd.DataFrame, layer: str | None, values: Sequence[Any] | None
) -> list[tuple[str, pd.DataFrame]]:
    """Rows of each selection, and its name for messages."""
    if layer is None or values is None:
        return [("", covariates)]
    return [(f", {layer} {value}", covariates[covariates[layer] == value]) for value in values]


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


def _describing(table: Metadata, layer: str | None) -> list[str]:
    """Columns that may organise distances: known throughout, varying, and no names or colours."""
    found = []
    for name, values in table.covariates.items():
        varies = values.nunique() > 1
        text = not pd.api.types.is_numeric_dtype(values)
        # As many different texts as that are names, and leave nothing to explain.
        names = text and values.nunique() > len(values) // 3
        if name != layer and varies and values.notna().all() and not names:
            found.append(str(name))
    return found
