"""What is installed: the wheel and the source distribution hold the package, and nothing else."""

from __future__ import annotations

import email
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

SOURCES = ("pyproject.toml", "MANIFEST.in", "README.md", "CHANGELOG.md", "CITATION.cff", "LICENSE")
BUILD = (
    "import setuptools.build_meta as backend; "
    "print(backend.build_sdist('dist')); print(backend.build_wheel('dist'))"
)


@pytest.fixture(scope="module")
def project(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def dist(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of both, built from a copy that also has tests and results of a run."""
    pytest.importorskip("setuptools", minversion="77", reason="building needs setuptools 77")
    folder = tmp_path_factory.mktemp("build")
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(root / "src", folder / "src", ignore=ignored)
    for name in SOURCES:
        shutil.copy2(root / name, folder / name)
    for name in ("tests/test_all.py", "results/report.html", "results/store/a.npy", "docs/a.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    (folder / "dist").mkdir()
    done = subprocess.run([sys.executable, "-c", BUILD], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "dist"


@pytest.fixture(scope="module")
def wheel(dist: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(next(dist.glob("*.whl")))


def test_wheel_holds_every_file_of_the_package_and_nothing_else(root, wheel):
    source = root / "src"
    expected = {
        str(path.relative_to(source))
        for path in (source / "shapemetrics").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != "conftest.py"
    }
    found = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert found == expected
    assert not [
        name for name in found if re.search(r"(^|/)(tests?/|results/|test_|conftest)", name)
    ]


def test_source_distribution_holds_the_package_and_its_texts(dist):
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"src", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"} <= names
    folders = {name.partition("/")[0] for name in names if "/" in name}
    assert folders == {"src"}


def test_metadata_say_who_and_what(wheel, project):
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = email.message_from_bytes(wheel.read(name))
    assert metadata["Version"] == project["version"]
    assert metadata["Author"] == "The shapemetrics contributors"
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata.get_all("Project-URL")
    assert set(metadata.get_all("Provides-Extra")) == set(project["optional-dependencies"])
    for version in ("3.11", "3.12", "3.13"):
        assert f"Programming Language :: Python :: {version}" in metadata.get_all("Classifier")


def test_program_is_installed(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "shapemetrics = shapemetrics.cli:main" in wheel.read(name).decode()


# ---------------------------------------------------------------- versions


def test_changelog_tells_of_this_version(root, project):
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", text, re.MULTILINE)
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == project["version"]
    dates = [date for _, date in headings[1:]]
    assert all(dates)
    assert dates == sorted(dates, reverse=True)
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_supported_pythons_are_those_that_the_matrix_tries(root, project):
    text = (root / ".ci" / "matrix").read_text(encoding="utf-8")
    (versions,) = re.findall(r"^VERSIONS = \((.+)\)$", text, re.MULTILINE)
    classifiers = [c.rpartition(" ")[2] for c in project["classifiers"] if re.search(r"3\.\d", c)]
    assert re.findall(r'"(.+?)"', versions) == classifiers
