"""Files of one's own as a dataset: read one at a time, checked, their digests kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from shapemetrics.datasets.files.contents import content_keys
from shapemetrics.datasets.files.readers import TABLES, Orientation, read_array
from shapemetrics.datasets.files.table import Metadata, read_metadata
from shapemetrics.datasets.protocol import Dataset, Representation
from shapemetrics.files import sha256_of
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
        relative to `folder`. Without it stimuli are numbered.
    stimulus_column : str, optional
        Column of ``.csv`` and ``.tsv`` files that names each row's stimulus; rows are put into
        the order of `stimuli`, or of the first file.
    orientation : {"stimuli_first", "stimuli_last"}
        Which axis of the arrays stimuli are on.
    delimiter : str, optional
        Of ``.csv`` and ``.tsv`` files of arrays.
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
        delimiter: str | None = None,
        simulated: bool = False,
        source: str | None = None,
        ignore_extra: bool = False,
        layer: str | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.table: Metadata = read_metadata(
            folder,
            metadata,
            other_files=[] if stimuli is None else [stimuli],
            ignore_extra=ignore_extra,
        )
        self.simulated = simulated
        self.source = source or f"files/{self.folder.resolve().name}"
        self._variable = variable
        self._reading = {
            "orientation": orientation,
            "delimiter": delimiter,
            "stimulus_column": stimulus_column,
        }
        self._stimuli_file = None if stimuli is None else self.folder / stimuli
        self._covariates = with_layer(self.table, layer)
        self._stimuli: list[Any] | None = None

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
            elif self._reading["stimulus_column"] is not None:
                self._stimuli = self._named_in_first_file()
            else:
                self._stimuli = list(range(len(self._read(0))))
        return self._stimuli

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Digests of all inputs."""
        return {"inputs": {self._shown(path): sha256_of(path) for path in self.inputs}}

    def __len__(self) -> int:
        return len(self.table.ids)

    def __iter__(self) -> Iterator[Representation]:
        stimuli = self.stimuli
        for at, (id, file) in enumerate(zip(self.table.ids, self.table.files, strict=True)):
            array = self._read(at, stimuli)
            self._check_stimuli(file, array, stimuli)
            check_representation(array, str(file))
            # Column by column: a row as a whole would turn integers into floats.
            facts = {name: _plain(self._covariates[name].iloc[at]) for name in self._covariates}
            yield Representation(id, array, facts)
            del array

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
            array = self._read(at, stimuli)
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

    def _read(self, at: int, stimuli: Sequence[Any] | None = None) -> np.ndarray:
        array = read_array(
            self.table.files[at],
            variable=self.table.variables[at] or self._variable,
            stimuli=stimuli if self._reading["stimulus_column"] is not None else None,
            **self._reading,
        )
        if array.ndim == 0:
            raise ValueError(f"{self.table.files[at]}: found one number, expected an array")
        return array

    def _named_in_first_file(self) -> list[str]:
        file, column = self.table.files[0], self._reading["stimulus_column"]
        if file.suffix.lower() not in TABLES:
            raise ValueError(f"{file}: stimulus_column {column!r} needs tables (.csv, .tsv)")
        self._read(0)  # with all checks
        delimiter = self._reading["delimiter"] or TABLES[file.suffix.lower()]
        names = pd.read_csv(
            file,
            sep=delimiter,
            usecols=[column],
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
        )
        return names[column].tolist()

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
        line = int(np.flatnonzero(missing)[0]) + 2
        raise ValueError(
            f"{table.path}: line {line}, column {layer!r} is empty, expected the layer of every "
            "representation"
        )


def _stimuli_of(path: Path) -> list[str]:
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file, expected a table of stimuli")
    table = pd.read_csv(
        path,
        sep=TABLES.get(path.suffix.lower(), ","),
        dtype=str,
        keep_default_na=False,
        encoding="utf-8-sig",
    )
    names = table["id"] if "id" in table else table.iloc[:, 0]
    if names.duplicated().any():
        raise ValueError(f"{path}: stimulus {names[names.duplicated()].iloc[0]!r} stands twice")
    return names.tolist()


def _plain(value: Any) -> Any:
    """A Python value; None where unknown."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value
