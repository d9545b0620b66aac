"""Files of one's own as a dataset: read one at a time, checked, their digests kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from shapemetrics.datasets.files.contents import content_keys
from shapemetrics.datasets.files.metadata import Metadata, read_metadata
from shapemetrics.datasets.files.readers import FileContent, Orientation, Reading, read_file
from shapemetrics.datasets.files.remarks import remarks_on_axes, remarks_on_containers, told_of
from shapemetrics.datasets.files.text import read_text_table
from shapemetrics.datasets.protocol import Dataset, Representation
from shapemetrics.files import sha256_of
from shapemetrics.stimuli import StimulusOrder
from shapemetrics.store.arrays import check_representation

#: Most that is read before a study begins, to know shapes that no header tells.
OUTLINE_BYTES = 32_000_000


class FilesDataset(Dataset):
    """A folder of arrays, one a network, layer or region, and a table about them.

    Parameters
    ----------
    folder : path-like
        With the files; see :func:`~shapemetrics.datasets.files.read_array`.
    metadata : str
        Table with a line for each representation, relative to `folder`: ``id`` and/or ``file``,
        perhaps ``variable``, then covariates of your own choice.
    variable : str, optional
        Which array, where files hold several and the table has no column ``variable``.
    stimuli : str, optional
        Table with a line for each stimulus, whose column ``id`` (or first column) names it;
        relative to `folder`. Rows of tables that have names are put into its order, all others
        are in it. Without it the names are those of the first table, or numbers.
    stimulus_column : str, optional
        Column of tables that names each row's stimulus.
    orientation : {"stimuli_first", "stimuli_last"}
        Which axis of the arrays stimuli are on.
    axes : sequence of str, optional
        The axes of the arrays, as they lie in the files.
    delimiter, decimal, header, index : optional
        Of tables of responses.
    simulated : bool
        Whether the numbers are simulated; figures say so.
    source : str, optional
        Where the data come from, for people; the folder's name when not given.
    ignore_extra : bool
        Whether files that the table does not name may lie in the folder.
    layer : str, optional
        Column that divides the representations into layers; the store has it under ``layer``.

    Raises
    ------
    ValueError
        In one line: which file or line, what was found, what was expected.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in "abc":
    ...     np.save(folder / f"{name}.npy", np.eye(4) * ord(name))
    >>> _ = (folder / "table.csv").write_text("id,depth\\na,1\\nb,2\\nc,3\\n")
    >>> dataset = FilesDataset(folder, "table.csv")
    >>> [(id, array.shape, covariates) for id, array, covariates in dataset][0]
    ('a', (4, 4), {'depth': 1})
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        metadata: str,
        *,
        variable: str | None = None,
        stimuli: str | None = None,
        stimulus_column: str | None = None,
        orientation: Orientation = "stimuli_first",
        axes: Sequence[str] | None = None,
        delimiter: str | None = None,
        decimal: str | None = None,
        header: bool | None = None,
        index: bool | str | None = None,
        simulated: bool = False,
        source: str | None = None,
        ignore_extra: bool = False,
        layer: str | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.reading = Reading(
            variable=variable,
            orientation=orientation,
            axes=axes,
            delimiter=delimiter,
            decimal=decimal,
            header=header,
            index=index,
            stimulus_column=stimulus_column,
        )
        self.table: Metadata = read_metadata(
            folder,
            metadata,
            other_files=[] if stimuli is None else [stimuli],
            ignore_extra=ignore_extra,
        )
        self.simulated = simulated
        self.source = source or f"files/{self.folder.resolve().name}"
        self._stimuli_file = None if stimuli is None else self.folder / stimuli
        self._covariates = with_layer(self.table, layer)
        self._stimuli: list[Any] | None = None
        self._told: dict[str, str] = {}
        self._moved: list[str] = []

    @property
    def inputs(self) -> list[Path]:
        """Every file that the result depends on."""
        known = dict.fromkeys([self.table.path, *self.table.files])
        return [*known, *([] if self._stimuli_file is None else [self._stimuli_file])]

    @property
    def stimuli(self) -> Sequence[Any]:
        """Identifiers of the stimuli: from their table, from the first file, or numbers."""
        if self._stimuli is None:
            if self._stimuli_file is not None:
                self._stimuli = _stimuli_of(self._stimuli_file)
            else:
                first = self._read(0)
                self._stimuli = first.stimuli or list(range(len(first.array)))
        return self._stimuli

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Digests of all inputs."""
        return {"inputs": {self._shown(path): sha256_of(path) for path in self.inputs}}

    def __len__(self) -> int:
        return len(self.table.ids)

    def __iter__(self) -> Iterator[Representation]:
        stimuli = self.stimuli
        table = self._stimuli_file
        order = (
            StimulusOrder(remedy="")
            if table is None
            else StimulusOrder(stimuli, table.name, remedy="")
        )
        for at, (id, file) in enumerate(zip(self.table.ids, self.table.files, strict=True)):
            found = self._read(at)
            array = found.array
            self._check_stimuli(file, array, stimuli)
            rows = order.rows(found.stimuli, str(file))
            self._moved = order.remarks()
            array = array if rows is None else array[rows]
            check_representation(array, str(file))
            # Column by column: a row as a whole would turn integers into floats.
            facts = {name: _plain(self._covariates[name].iloc[at]) for name in self._covariates}
            yield Representation(id, array, facts)
            del array, found

    def remarks(self) -> list[str]:
        """What is said before the files are read: axes in doubt, arrays passed over."""
        arrays = list(zip(self.table.files, self.table.variables, strict=True))
        unnamed = [file for file, name in arrays if name is None and self.reading.variable is None]
        return [*remarks_on_axes(arrays, self.reading), *remarks_on_containers(unnamed)]

    def outline(self, most_bytes: int = OUTLINE_BYTES) -> pd.DataFrame | None:
        """What the index of the representations will hold, as far as headers of files tell.

        Parameters
        ----------
        most_bytes : int
            An ``.npy`` tells its shape without being read. Other files are read where together
            they are no larger than this; so are files that begin alike.

        Returns
        -------
        pandas.DataFrame or None
            One row per representation: ``id``, ``shape`` (as ``40x8``), ``sha256`` (a key of the
            content, equal for equal files), and the covariates. None where files are too large to
            be read beforehand.

        Raises
        ------
        ValueError
            In one line: which file, what was found, what was expected.
        """
        files = self.table.files
        others = {file for file in files if file.suffix.lower() != ".npy"}
        if sum(file.stat().st_size for file in others) > most_bytes:
            return None
        stimuli = self.stimuli
        shapes, keys = [], content_keys(files, most_bytes)
        for at, file in enumerate(files):
            array = self._read(at).array
            self._check_stimuli(file, array, stimuli)
            if array.ndim not in (2, 3, 4) or array.size == 0:
                check_representation(array, str(file))  # says what is wrong
            shapes.append("x".join(map(str, array.shape)))
            if file in others:  # several arrays may be in one file
                keys[at] = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        facts = {"id": self.table.ids, "shape": shapes, "sha256": keys}
        return pd.concat([pd.DataFrame(facts), self._covariates.reset_index(drop=True)], axis=1)

    def _check_stimuli(self, file: Path, array: np.ndarray, stimuli: Sequence[Any]) -> None:
        if len(array) != len(stimuli):
            whose = self._stimuli_file or self.table.files[0]
            raise ValueError(
                f"{file}: found {len(array)} stimuli (shape {array.shape}), expected "
                f"{len(stimuli)} as in {whose.name}"
            )

    def told(self) -> list[str]:
        """Of the tables read so far: what was taken for names, and which rows were moved."""
        return [*told_of(list(self._told.items())), *self._moved]

    def _read(self, at: int) -> FileContent:
        file = self.table.files[at]
        variable = self.table.variables[at] or self.reading.variable
        found = read_file(file, replace(self.reading, variable=variable))
        if found.told is not None:
            self._told[self._shown(file)] = found.told
        return found

    def _shown(self, path: Path) -> str:
        inside = path.is_relative_to(self.folder)
        return str(path.relative_to(self.folder) if inside else path)


def with_layer(table: Metadata, layer: str | None) -> pd.DataFrame:
    """Covariates with the column of layers under the name ``layer``, which figures know."""
    covariates = table.covariates
    if layer is None:
        return covariates
    _check_layers(table, layer)
    if layer == "layer":
        return covariates
    if "layer" in covariates:
        raise ValueError(
            f"{table.path}: column {layer!r} was chosen to divide layers, but there is a column "
            "'layer' too; expected one of them"
        )
    return covariates.rename(columns={layer: "layer"})


def _check_layers(table: Metadata, layer: str) -> None:
    missing = table.column(layer).isna()
    if missing.any():
        line = table.lines[int(np.flatnonzero(missing)[0])]
        raise ValueError(
            f"{table.path}: line {line}, column {layer!r} is empty, expected the layer of every "
            "representation"
        )


def _stimuli_of(path: Path) -> list[str]:
    table = read_text_table(path, "a table of stimuli")
    column = "id" if "id" in table.header else table.header[0]
    names = table.column(column)
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{path}: stimulus {name!r} stands twice")
        seen.add(name)
    return names


def _plain(value: Any) -> Any:
    """A Python value; None where unknown."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value
