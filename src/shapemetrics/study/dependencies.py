"""Which source files a module's behaviour rests on, read from its imports.

Snakemake does not see that an edited package changes a result. Every rule therefore names the
files that it depends on as inputs, and this module finds them, so that no list goes stale.
"""

from __future__ import annotations

import ast
import os
from functools import cache
from pathlib import Path

import shapemetrics

PACKAGE = "shapemetrics"
SOURCE = Path(shapemetrics.__file__).resolve().parent


def module_files(*modules: str) -> list[str]:
    """Files of these modules and of all package modules that they import, sorted.

    Parameters
    ----------
    *modules : str
        Dotted names, for example ``"shapemetrics.learning.regression"``.

    Returns
    -------
    list of str
        Paths, relative to the working directory where they lie below it.

    Raises
    ------
    ValueError
        If a module does not exist.

    Notes
    -----
    The ``__init__`` of a folder counts only where something imports the folder itself: it gathers
    public names and would tie every result to every module.
    """
    found: set[Path] = set()
    waiting = [_file_of(name) for name in modules]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting.extend(_imports(file))
    return sorted(map(_shown, found))


def asset_files(room: str) -> list[str]:
    """Files in a room's folder ``assets``, as :func:`module_files` names them."""
    return sorted(_shown(file) for file in (SOURCE / room / "assets").iterdir())


def program_files(workflow: str | os.PathLike) -> list[str]:
    """Files of a workflow's folder that make results: Snakefile, rules, scripts; and the package's.

    Parameters
    ----------
    workflow : path-like
        Folder of the Snakefile.
    """
    folder = Path(workflow)
    files = [folder / "Snakefile", *folder.glob("rules/*.smk"), *folder.glob("scripts/*.py")]
    return sorted(_shown(file.resolve()) for file in (*files, *SOURCE.rglob("*.py")))


def script_files(workflow: str | os.PathLike, *names: str) -> list[str]:
    """Scripts of a workflow's folder by name, as :func:`module_files` names files."""
    return [_shown((Path(workflow) / "scripts" / f"{name}.py").resolve()) for name in names]


def _shown(file: Path) -> str:
    """A file below the working directory by its relative path, so that a checkout can be moved
    without its results counting as made by other files."""
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)


@cache
def _imports(file: Path) -> tuple[Path, ...]:
    names = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, file)
            # `from a.b import c`: c may be a module of its own, or a name in a.b.
            parts = [f"{origin}.{alias.name}" for alias in node.names]
            names += [part if _exists(part) else origin for part in parts]
    return tuple(_file_of(name) for name in set(names) if name.split(".")[0] == PACKAGE)


def _origin(node: ast.ImportFrom, file: Path) -> str:
    """Absolute name of what an import takes from, relative ones resolved against `file`."""
    if node.level == 0:
        return node.module or ""
    folder = file.relative_to(SOURCE).parts[: -node.level]
    return ".".join([PACKAGE, *folder, *([node.module] if node.module else [])])


def _exists(name: str) -> bool:
    try:
        _file_of(name)
    except ValueError:
        return False
    return True


def _file_of(name: str) -> Path:
    first, *rest = name.split(".")
    base = SOURCE.joinpath(*rest)
    for file in (base.with_suffix(".py"), base / "__init__.py"):
        if first == PACKAGE and file.is_file():
            return file
    raise ValueError(f"{name} is no module of this package")
