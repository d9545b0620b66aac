"""Files of responses, and the command line called in this process or as a program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from shapemetrics.cli import main


@pytest.fixture
def networks() -> dict[str, np.ndarray]:
    """Five networks of different numbers of units."""
    return {f"net{k}": np.random.default_rng(k).normal(size=(20, 3 + k)) for k in range(5)}


@pytest.fixture
def folder(tmp_path: Path, networks: dict[str, np.ndarray]) -> Path:
    """A folder with a file each, its name with spaces and accents."""
    target = tmp_path / "réponses du réseau ψ"
    target.mkdir()
    for name, X in networks.items():
        np.save(target / f"{name}.npy", X)
    return target


@pytest.fixture
def files(folder: Path) -> list[str]:
    """The files of the folder."""
    return [str(path) for path in sorted(folder.iterdir())]


@pytest.fixture
def run() -> Callable[..., Result]:
    """Call a command in this process, and check its exit code."""

    def call(*arguments: Any, expect: int = 0, input: bytes | str | None = None) -> Result:
        result = CliRunner().invoke(main, [str(a) for a in arguments], input=input)
        assert result.exit_code == expect, result.output
        return result

    return call


@pytest.fixture
def run_json(run: Callable[..., Result]) -> Callable[..., Any]:
    """Call a command, and read its standard output as JSON."""
    return lambda *arguments, **options: json.loads(run(*arguments, **options).stdout)


@pytest.fixture
def mistake(run: Callable[..., Result]) -> Callable[..., str]:
    """Call a command that is wrong, and give its one line."""

    def call(*arguments: Any, **options: Any) -> str:
        result = run(*arguments, expect=2, **options)
        assert result.stdout == ""
        lines = result.stderr.strip().splitlines()
        # What was computed before a mistake may have shown progress.
        assert [line for line in lines if not line.startswith("distances:")] == lines[-1:]
        assert lines[-1].startswith("shapemetrics: error: ")
        return lines[-1].removeprefix("shapemetrics: error: ")

    return call


@pytest.fixture
def program() -> Callable[..., subprocess.CompletedProcess]:
    """Run the installed program in a shell, as a user would."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def call(command: str, cwd: Path, **options: Any) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["bash", "-c", command],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            **options,
        )

    return call
