"""A very small study, done once unbroken, and ways to break it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from checkouts import Checkout, copied

from shapemetrics.study.provenance import result_files

HERE = Path(__file__).resolve().parent
TILED = "\ndistances:\n  block_size: 6\n"


def checkout_in(folder: Path, extra: str = "") -> Checkout:
    """A copy of the workflow that runs the small study as `make run` does."""
    made = copied(folder, "faults.yaml")
    target = folder / "config" / "faults.yaml"
    target.write_text((HERE / "faults.yaml").read_text() + extra)
    made.runner, made.extra = "shapemetrics.study.run", extra
    return made


def differing(found: Path, expected: Path) -> list[str]:
    """Names of results that are missing, too many or not byte for byte the same."""
    contents = [
        {str(file.relative_to(folder)): file.read_bytes() for file in result_files(folder)}
        for folder in (found, expected)
    ]
    names = sorted(contents[0].keys() | contents[1].keys())
    return [name for name in names if contents[0].get(name) != contents[1].get(name)]


@pytest.fixture
def differences():
    """``differences(results, other results)``: see `differing`."""
    return differing


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The small study, done without any disturbance. Tests must not edit it."""
    checkout = checkout_in(tmp_path_factory.mktemp("unbroken") / "study")
    checkout.run()
    return checkout


@pytest.fixture(scope="session")
def unbroken_in_tiles(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The same with distances in tiles."""
    checkout = checkout_in(tmp_path_factory.mktemp("tiles") / "study", TILED)
    checkout.run()
    return checkout


@pytest.fixture
def study(unbroken: Checkout, tmp_path: Path) -> Checkout:
    """A finished copy that a test may damage."""
    return unbroken.copy(tmp_path / "étude brisée")


@pytest.fixture
def broken_in(tmp_path: Path):
    """Makes copies with no results: ``broken_in(name, extra configuration)``."""
    return lambda name="study", extra="": checkout_in(tmp_path / name, extra)


@pytest.fixture
def small_disk(tmp_path: Path):
    """Mounts file systems in memory: ``small_disk(folder, options)``; needs root."""
    mounted = []

    def mount(folder: Path, options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        command = f"mount -t tmpfs -o {options} tmpfs '{folder}'"
        if (
            os.geteuid() != 0
            or shutil.which("mount") is None
            or os.system(f"{command} 2>/dev/null")
        ):
            pytest.skip("needs the right to mount a file system in memory (root)")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        os.system(f"umount -l '{folder}'")
