"""Which files hold responses, told by their suffix in capitals or not, and what they are called."""

from __future__ import annotations

from pathlib import Path

#: Suffixes of files of arrays.
ARRAYS = (
    *(".npy", ".npz", ".mat", ".h5", ".hdf5", ".h5ad", ".nc"),
    *(".pt", ".pth", ".safetensors"),
)
#: Those that mostly hold weights: in a folder beside other files of responses they are left out.
WEIGHTS = (".pt", ".pth", ".safetensors")
#: Suffixes of tables whose columns have types.
COLUMNS = (".parquet", ".feather")
#: Suffixes of tables, and the delimiter of each.
TABLES = {".csv": ",", ".tsv": "\t", ".csv.gz": ",", ".tsv.gz": "\t"}
#: Suffixes of files that hold responses.
FORMATS = (*ARRAYS, *COLUMNS, *TABLES)


def suffix_of(path: Path) -> str:
    """The suffix of a file in small letters, with the one before ``.gz``.

    Examples
    --------
    >>> suffix_of(Path("a.NPY")), suffix_of(Path("v1.2.CSV.gz")), suffix_of(Path("README"))
    ('.npy', '.csv.gz', '')
    """
    suffix = path.suffix.lower()
    if suffix == ".gz":
        return Path(path.stem).suffix.lower() + suffix
    return suffix


def stem_of(path: Path) -> str:
    """The name of a file without the suffix of a format; the whole name where it has none.

    Examples
    --------
    >>> stem_of(Path("x/A.NPY")), stem_of(Path("v1.2.csv.gz")), stem_of(Path("v1.2"))
    ('A', 'v1.2', 'v1.2')
    """
    suffix = suffix_of(path)
    return path.name[: -len(suffix)] if suffix in FORMATS else path.name


def check_suffix(path: Path) -> str:
    """The suffix; ValueError where it is none of a format's."""
    suffix = suffix_of(path)
    if suffix not in FORMATS:
        raise ValueError(
            f"{path}: found suffix {suffix or 'none'!r}, expected one of {', '.join(FORMATS)}"
        )
    return suffix
