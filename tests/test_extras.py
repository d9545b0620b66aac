"""What a plain installation lacks is said in one line: every import and command that needs more.

Packages of the extras are hidden from child processes by an import hook, as if `pip install .`
had been all.
"""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from shapemetrics.extras import EXTRA_OF, PACKAGE_OF, missing, needed_by, require

#: Lines that hide the packages of all extras; `find_spec` does not find them either.
HIDE = f"""
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {set(EXTRA_OF)!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
"""
ONE_LINE = re.compile(
    r"\S.* needs the package \S+, which is not installed: pip install 'shapemetrics\[(\w+)\]'"
)
PACKAGES = (
    *("shapemetrics", "shapemetrics.metrics", "shapemetrics.geometry", "shapemetrics.learning"),
    *("shapemetrics.pairwise", "shapemetrics.backends", "shapemetrics.estimation"),
    *("shapemetrics.store", "shapemetrics.datasets", "shapemetrics.datasets.distances"),
    *("shapemetrics.datasets.files", "shapemetrics.datasets.nasbench", "shapemetrics.explorer"),
    *("shapemetrics.figures", "shapemetrics.study"),
)


def plain(code: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
    """Run code in a process without the packages of any extra."""
    return subprocess.run(
        [sys.executable, "-c", HIDE + code, *arguments], cwd=cwd, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def declared(root: Path) -> dict[str, list[str]]:
    """Names of the packages that each extra of pyproject.toml brings."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    return {
        extra: [re.split(r"[<>=\[ ]", line)[0].lower() for line in lines]
        for extra, lines in extras.items()
    }


def test_every_extra_that_is_named_brings_the_package(declared):
    for module, extra in EXTRA_OF.items():
        package = PACKAGE_OF.get(module, module).split("_")[0].lower()
        assert package in declared[extra], f"{extra} does not bring {package}"


def test_the_study_has_what_every_extra_of_its_steps_brings(declared):
    for extra in ("allen", "download", "explorer", "figures", "hdf5", "nasbench", "transport"):
        assert set(declared[extra]) <= set(declared["study"]), extra


def test_every_public_name_comes_or_says_which_extra_it_needs():
    code = f"""
import importlib, json
found = {{}}
for package in {PACKAGES!r}:
    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError as error:
        found[package] = str(error)
        continue
    for name in module.__all__:
        try:
            getattr(module, name)
        except ModuleNotFoundError as error:
            found[f"{{package}}.{{name}}"] = str(error)
print(json.dumps(found))
"""
    done = plain(code)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for name, message in found.items():
        assert ONE_LINE.match(message), f"{name}: {message}"
        assert "\n" not in message
    extras = {name: ONE_LINE.match(message)[1] for name, message in found.items()}
    assert extras["shapemetrics.figures"] == "figures"
    assert extras["shapemetrics.study"] == "study"
    assert extras["shapemetrics.datasets.nasbench.train_network"] == "nasbench"
    # What a plain installation promises.
    wanting = ("shapemetrics.figures", "shapemetrics.study", "shapemetrics.datasets.")
    assert all(name.startswith(wanting) for name in extras), sorted(extras)


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("shapemetrics.figures.embedding", "figures"),
        ("shapemetrics.study.run", "study"),
        ("shapemetrics.study.settings.reference", "study"),
        ("shapemetrics.datasets.download", "download"),
        ("shapemetrics.datasets.http", "download"),
        ("shapemetrics.datasets.check_sources", "study"),
    ],
)
def test_modules_and_programs_name_their_extra(module, extra):
    done = plain(f"import {module}")
    last = done.stderr.strip().splitlines()[-1]
    assert f"pip install 'shapemetrics[{extra}]'" in last


# ---------------------------------------------------------------- commands


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Networks of two widths, distances between them, and an HDF5 file."""
    h5py = importlib.import_module("h5py")
    for k in range(4):
        X = np.random.default_rng(k).normal(size=(12, 3 + k % 2))
        np.save(tmp_path / f"net{k}.npy", X)
    np.save(tmp_path / "D.npy", np.ones((4, 4)) - np.eye(4))
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file["responses"] = np.ones((12, 3))
    return tmp_path


COMMAND = "from shapemetrics.cli import main; main(sys.argv[1:])"
NETWORKS = [f"net{k}.npy" for k in range(4)]


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["embed", "D.npy", "--figure", "map.pdf", "-o", "map.csv"], "figures"),
        (["distances", *NETWORKS, "--backend", "torch"], "torch"),
        (["distances", *NETWORKS, "-m", "soft-matching"], "transport"),
        (["distances", "net.h5", "net0.npy"], "hdf5"),
        (["info", "net.h5"], "hdf5"),
    ],
    ids=lambda x: " ".join(x[:1]) if isinstance(x, list) else x,
)
def test_commands_say_in_one_line_which_extra_they_need(folder, arguments, extra):
    done = plain(COMMAND, *arguments, cwd=folder)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("distances:")]
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1
    assert lines[0].startswith("shapemetrics: error: ")
    assert f"pip install 'shapemetrics[{extra}]'" in lines[0]
    assert done.stdout == ""
    assert not (folder / "map.csv").exists()  # found out before anything was computed


@pytest.mark.parametrize(
    "arguments",
    [
        ["distances", *NETWORKS, "-q"],
        ["distances", *NETWORKS, "-q", "-m", "cca", "-o", "out.npz"],
        ["embed", "D.npy"],
        ["audit", "D.npy"],
        ["info", "D.npy"],
        ["metrics"],
    ],
    ids=lambda x: " ".join(x[:1]),
)
def test_all_other_commands_run_in_a_plain_installation(folder, arguments):
    done = plain(COMMAND, *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr


# ---------------------------------------------------------------- the functions


def test_an_error_about_no_extra_is_left_as_it_is():
    expected = pytest.raises(ModuleNotFoundError, match="No module named 'no_such_package'")
    with expected, needed_by("this"):
        importlib.import_module("no_such_package")


def test_an_error_that_says_it_already_is_left_as_it_is():
    inner = missing("matplotlib", "that")
    with pytest.raises(ModuleNotFoundError) as caught, needed_by("this", "study"):
        raise inner
    assert caught.value is inner


def test_require_asks_for_the_first_that_is_missing(monkeypatch):
    require("json", what="this")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match=r"^this needs the package torch, .*\[torch\]"):
        require("json", "torch", what="this")
