"""Where results come from: configuration, code, versions, data, and a digest of every file."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

from shapemetrics.files import atomic_path, sha256_of
from shapemetrics.store.metadata import DATASET, INDEX
from shapemetrics.store.reader import RepresentationStore
from shapemetrics.study.origin import config_digest, config_text

#: Packages whose versions numbers may depend on.
PACKAGES = (
    *("shapemetrics", "numpy", "scipy", "scikit-learn", "pandas", "torch", "matplotlib"),
    *("POT", "plotly", "snakemake"),
)
#: Below the results folder, what no two runs have alike (times), or what is this table itself.
CHANGING = ("logs", "benchmarks", "costs.csv", "report.html", "provenance.json", "warnings.csv")
#: Level of a line of a log that holds a warning.
WARNING = "WARNING"


def result_files(results: str | os.PathLike) -> list[Path]:
    """Every file below a results folder but for logs, times and temporary ones, sorted."""
    results = Path(results)
    return sorted(
        file
        for file in results.rglob("*")
        if file.is_file()
        and file.relative_to(results).parts[0] not in CHANGING
        and not file.name.startswith(".")
    )


def provenance(
    config: Mapping[str, Any], results: str | os.PathLike, code: Sequence[str | os.PathLike]
) -> dict[str, Any]:
    """Facts from which a study can be made again, and distinguished from another.

    Parameters
    ----------
    config : mapping
        The whole validated configuration.
    results : path-like
        The results folder.
    code : sequence of path-like
        Files of the program: the package's modules, rules and scripts.

    Returns
    -------
    dict
        `config_sha256`, `config`, `code_sha256`, `git` (revision, and whether files differ from
        it), `versions`, `platform`, `datasets` (digest, number of representations, whether
        simulated) and `files` (sha256 of every result).
    """
    results = Path(results)
    total = hashlib.sha256()
    for file in sorted(map(str, code)):
        total.update(f"{Path(file).name} {sha256_of(file)}\n".encode())
    stores = sorted(
        folder.parent for folder in results.glob(f"*/store/{INDEX}") if folder.is_file()
    )
    return {
        "config_sha256": config_digest(config),
        "config": json.loads(config_text(config)),
        "code_sha256": total.hexdigest(),
        "git": git_revision(Path(__file__).parent),
        "versions": {name: _version(name) for name in ("python", *PACKAGES)},
        "platform": platform.platform(),
        "datasets": {store.parent.name: _dataset(store) for store in stores},
        "files": {
            str(file.relative_to(results)): sha256_of(file) for file in result_files(results)
        },
    }


def logged_warnings(results: str | os.PathLike) -> pd.DataFrame:
    """What jobs of the last run of each rule warned of.

    Parameters
    ----------
    results : path-like
        The results folder.

    Returns
    -------
    pandas.DataFrame
        One row per warning: job, warning.
    """
    rows = []
    for path in sorted((Path(results) / "logs").rglob("*.log")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            _, found, text = line.partition(f" {WARNING} ")
            if found:
                job, _, warning = text.partition(": ")
                rows.append({"job": job, "warning": warning})
    return pd.DataFrame(rows, columns=["job", "warning"]).drop_duplicates()


def git_revision(folder: str | os.PathLike) -> dict[str, Any]:
    """Revision of the checkout that a folder is in, and whether files differ from it.

    Outside of a checkout, or where the folder is not one of its own (installed packages in an
    ignored environment), the revision is "unknown".
    """
    try:
        _git(folder, "ls-files", "--error-unmatch", ".")
        revision = _git(folder, "rev-parse", "HEAD")
        return {"revision": revision, "modified": bool(_git(folder, "status", "--porcelain"))}
    except (OSError, subprocess.CalledProcessError):
        return {"revision": "unknown", "modified": None}


def write_provenance(facts: Mapping[str, Any], path: str | os.PathLike) -> None:
    """Write JSON, under a temporary name and renamed."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def damaged_files(results: str | os.PathLike) -> list[str]:
    """Results whose content is not what the provenance of the last whole run says, one line each.

    Parameters
    ----------
    results : path-like
        A folder with ``provenance.json``.

    Raises
    ------
    ValueError
        If there is none.
    """
    table = Path(results) / "provenance.json"
    if not table.is_file():
        raise ValueError(f"{table}: no such file; it is written at the end of a run")
    lines = []
    for name, expected in json.loads(table.read_text(encoding="utf-8"))["files"].items():
        file = Path(results) / name
        if not file.is_file():
            lines.append(f"{file}: missing")
        elif (found := sha256_of(file)) != expected:
            lines.append(f"{file}: found sha256 {found}, expected {expected}")
    return lines


def _dataset(store: Path) -> dict[str, Any]:
    representations = RepresentationStore(store)
    return {
        "digest": representations.digest,
        "representations": len(representations),
        "simulated": representations.simulated,
        "metadata_sha256": sha256_of(store / DATASET),
    }


def _git(folder: str | os.PathLike, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _version(name: str) -> str | None:
    if name == "python":
        return platform.python_version()
    try:
        return version(name)
    except PackageNotFoundError:
        return None
