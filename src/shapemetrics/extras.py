"""Optional packages: which extra of `shapemetrics` brings each, and the line that says so.

A plain installation holds what distances, embeddings and learning need. Everything else is an
extra of pyproject.toml, and whoever reaches for it without having it is told in one line what to
install.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import lazy_loader

#: The smallest extra that brings each optional package, by the name it is imported under.
EXTRA_OF = {
    "crc32c": "nasbench",
    "filelock": "download",
    "google": "nasbench",
    "h5py": "hdf5",
    "matplotlib": "figures",
    "ot": "transport",
    "PIL": "allen",
    "plotly": "explorer",
    "psutil": "study",
    "pyarrow": "nasbench",
    "pydantic": "study",
    "pydantic_core": "study",
    "pygments": "report",
    "requests": "download",
    "safetensors": "files",
    "snakemake": "study",
    "tenacity": "download",
    "torch": "torch",
    "yaml": "study",
}
#: Names of packages that differ from the names they are imported under.
PACKAGE_OF = {"google": "protobuf", "ot": "POT", "PIL": "pillow", "yaml": "pyyaml"}


def missing(module: str, what: str, extra: str | None = None) -> ModuleNotFoundError:
    """The error that says which extra brings a package that is not installed.

    Parameters
    ----------
    module : str
        What was imported, for example ``"matplotlib.figure"``.
    what : str
        What needs it: the beginning of the message.
    extra : str, optional
        The extra to name; by default the smallest that brings the package.

    Returns
    -------
    ModuleNotFoundError
        To be raised.
    """
    top = module.partition(".")[0]
    extra = extra or EXTRA_OF[top]
    return ModuleNotFoundError(
        f"{what} needs the package {PACKAGE_OF.get(top, top)}, which is not installed: "
        f"pip install 'shapemetrics[{extra}]' (in a checkout: pip install '.[{extra}]')",
        name=module,
    )


def require(*modules: str, what: str, extra: str | None = None) -> None:
    """Raise :func:`missing` for the first of these packages that is not installed.

    Nothing is imported.
    """
    for module in modules:
        if not installed(module):
            raise missing(module, what, extra)


def installed(module: str) -> bool:
    """Whether a top-level package is there, without importing it."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # hidden, or half of it is left
        return False


@contextmanager
def needed_by(what: str, extra: str | None = None) -> Iterator[None]:
    """Imports inside that lack an optional package raise :func:`missing` instead."""
    try:
        yield
    except ModuleNotFoundError as error:
        if not concerns(error) or "pip install" in str(error):
            raise
        raise missing(str(error.name), what, extra) from error


def concerns(error: ModuleNotFoundError) -> bool:
    """Whether an error is about a package that an extra brings."""
    return (error.name or "").partition(".")[0] in EXTRA_OF


def attach_stub(
    package: str, file: str, extra: str | None = None
) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """`lazy_loader.attach_stub`, whose names say which extra they need where one is missing.

    Parameters
    ----------
    package, file : str
        ``__name__`` and ``__file__`` of the package.
    extra : str, optional
        The extra that brings all that the package's names need.

    Returns
    -------
    tuple
        ``__getattr__``, ``__dir__`` and ``__all__`` of the package.
    """
    load, names, listed = lazy_loader.attach_stub(package, file)

    def __getattr__(name: str) -> object:
        with needed_by(f"{package}.{name}", extra):
            return load(name)

    return __getattr__, names, listed
