"""Write small NWB 2 files with h5py, in the ways in which laboratories write them.

Nothing of the package is used: names, types and attributes follow the NWB 2 schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

UTF8 = h5py.string_dtype()
Text = Literal["utf8", "bytes", "fixed", "enum", "elements"]


@dataclass(frozen=True)
class NwbFile:
    """What stands in a file.

    Attributes
    ----------
    trains : list of ndarray
        Spike times, one array per unit.
    units : dict
        Further columns of the units table; a list of lists is a ragged one.
    tables : dict of str to dict
        Tables of intervals by name, each of columns.
    electrodes : dict
        Columns of the electrodes table; empty for no such table.
    text : {"utf8", "bytes", "fixed", "enum", "elements"}
        How columns of text are kept.
    columns_of_one : bool
        Whether plain columns have shape (n, 1), as MATLAB leaves them.
    index_dtype : str
        Type of the columns that index others.
    version : str
        Empty for none.
    """

    trains: Sequence[Any]
    units: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    electrodes: Mapping[str, Any] = field(default_factory=dict)
    text: Text = "utf8"
    columns_of_one: bool = False
    index_dtype: str = "uint8"
    version: str = "2.7.0"


def write_nwb(path: str | Path, content: NwbFile) -> Path:
    """Write the file; the folder is made."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.attrs["neurodata_type"], file.attrs["namespace"] = "NWBFile", "core"
        if content.version:
            file.attrs["nwb_version"] = content.version
        file.create_dataset("identifier", data=path.stem, dtype=UTF8)
        if content.electrodes:
            where = "general/extracellular_ephys/electrodes"
            for group in dict.fromkeys(content.electrodes.get("group", ())):
                file.create_group(f"general/extracellular_ephys/{group}")
            _table(file, where, "DynamicTable", content.electrodes, content)
        units = {"spike_times": list(content.trains), **content.units}
        _table(file, "units", "Units", units, content)
        for name, columns in content.tables.items():
            where = name if "/" in name else f"intervals/{name}"
            _table(file, where, "TimeIntervals", columns, content)
    return path


def _table(file: h5py.File, where: str, kind: str, columns: Mapping, content: NwbFile) -> None:
    table = file.create_group(where)
    table.attrs["neurodata_type"] = kind
    table.attrs["colnames"] = np.array([c for c in columns if c != "id"], dtype=UTF8)
    if "id" not in columns:
        n = len(next(iter(columns.values())))
        table["id"] = np.arange(n)
    for name, values in columns.items():
        if len(values) and isinstance(values[0], list | tuple | np.ndarray):
            flat = [v for row in values for v in row]
            data = np.array(flat) if flat else np.empty(0)
            _column(table, name, data, content, plain=False)
            ends = np.cumsum([len(row) for row in values])
            kind_of_index = content.index_dtype
            if len(ends) and ends[-1] > np.iinfo(kind_of_index).max:
                kind_of_index = "int64"
            table.create_dataset(f"{name}_index", data=ends.astype(kind_of_index))
            table[f"{name}_index"].attrs["target"] = table[name].ref
        elif name in ("group", "electrode_group"):
            groups = [file[f"general/extracellular_ephys/{g}"].ref for g in values]
            table.create_dataset(name, data=np.array(groups, dtype=h5py.ref_dtype))
        else:
            _column(table, name, np.asarray(values), content)


def _column(table: h5py.Group, name: str, values: Any, content: NwbFile, plain: bool = True):
    if values.dtype.kind not in "UOS":
        single = content.columns_of_one and plain and name != "id" and values.ndim == 1
        table.create_dataset(name, data=values.reshape(-1, 1) if single else values)
        return
    words = values.astype(str)
    names, numbers = np.unique(words, return_inverse=True)
    if content.text == "enum" and (names != "").all():
        kind = h5py.enum_dtype({str(n): k for k, n in enumerate(names)}, basetype="i1")
        table.create_dataset(name, data=numbers.astype("i1"), dtype=kind)
    elif content.text == "elements":
        table.create_dataset(f"{name}_elements", data=names.astype(object), dtype=UTF8)
        table.create_dataset(name, data=numbers.astype("u1"))
        table[name].attrs["elements"] = table[f"{name}_elements"].ref
    elif content.text in ("fixed", "enum"):
        table.create_dataset(name, data=np.char.encode(words, "utf-8"))
    elif content.text == "bytes":
        kind = h5py.string_dtype("ascii" if all(map(str.isascii, words)) else "utf-8")
        table.create_dataset(name, data=words.astype(object), dtype=kind)
    else:
        table.create_dataset(name, data=words.astype(object), dtype=UTF8)


def simulated_session(
    seed: int = 0,
    *,
    regions: Sequence[str] = ("V1", "V2", "MT", "PFC"),
    per_region: int = 6,
    conditions: Sequence[Any] = ("bar", "disc", "face", "house"),
    repeats: int | Sequence[int] = 6,
    rate: float = 12.0,
    gap: float = 0.8,
    signal: float = 1.0,
    **written: Any,
) -> NwbFile:
    """A simulated session: Poisson units whose rates follow the condition and, later regions more
    so, a mixture of them.

    Each region has ``per_region`` units on electrodes of its own; the two first electrodes of the
    first region lie in none.
    """
    rng = np.random.default_rng(seed)
    numbers = [repeats] * len(conditions) if isinstance(repeats, int) else list(repeats)
    shown = rng.permutation(np.repeat(np.arange(len(conditions)), numbers))
    start = 1.0 + gap * np.arange(len(shown)) + 0.1 * rng.random(len(shown))
    n = per_region * len(regions)
    region = np.repeat(np.arange(len(regions)), per_region)
    tuning = np.exp(signal * rng.normal(size=(n, len(conditions), 4)))
    trains = []
    for unit in range(n):
        times = [rng.random(rng.poisson(2.0)) * (start[-1] + 2)]
        for at, kind in zip(start, shown):
            for quarter in range(4):
                k = rng.poisson(rate * 0.1 * tuning[unit, kind, quarter])
                times.append(at + 0.1 * (quarter + rng.random(k)))
        trains.append(np.sort(np.concatenate(times)))
    place = np.array(regions)[region].astype(object)
    place[:2] = "unknown"
    options: dict[str, Any] = {
        "units": {
            "id": 100 + np.arange(n),
            "quality": np.where(np.arange(n) % 7 == 5, "mua", "good"),
            "snr": rng.lognormal(size=n),
            "electrodes": [[k] for k in range(n)],
        },
        "tables": {
            "trials": {
                "start_time": start,
                "stop_time": start + 0.5,
                "stimulus": np.array(conditions)[shown],
            }
        },
        "electrodes": {"location": place, "x": np.arange(n, dtype=float)},
    }
    return NwbFile(trains, **{**options, **written})
