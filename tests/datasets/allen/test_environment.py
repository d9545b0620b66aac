"""AllenSDK's environment: built whole or not at all, with one clear line where it cannot be."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from shapemetrics.datasets.allen.environment import ensure_environment, find_python
from shapemetrics.datasets.allen.sdk_scripts import run_script


def test_missing_python_names_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", "/nowhere/python3.99")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match=r"needs Python 3\.11, found none .*uv python install"):
        find_python()


def test_wrong_python_is_not_taken(tmp_path):
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho 3 12\n")
    fake.chmod(0o755)
    with pytest.raises(ValueError, match=f"looked at {fake}"):
        find_python(fake)


def test_packages_that_cannot_be_installed_leave_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    requirements = tmp_path / "list.txt"
    requirements.write_text("allensdk==0.0.0\n")
    with pytest.raises(ValueError, match=r"list\.txt: cannot be installed: ERROR"):
        ensure_environment(tmp_path / "env", requirements)
    assert not (tmp_path / "env").exists()
    with pytest.raises(ValueError, match="no such list of packages"):
        ensure_environment(tmp_path / "env", tmp_path / "none.txt")


@pytest.mark.slow
def test_environment_is_kept_and_pinned(allensdk_python, root):
    before = os.stat(allensdk_python.parents[1]).st_mtime_ns
    again = ensure_environment(root / ".venv-allensdk", root / "envs" / "allensdk.txt")
    assert again == allensdk_python
    assert os.stat(again.parents[1]).st_mtime_ns == before
    done = subprocess.run(
        [again, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = (root / "envs" / "allensdk.txt").read_text().splitlines()
    pinned = {line.lower() for line in lines if line and not line.startswith("#")}
    assert all("==" in line for line in pinned)
    assert pinned <= {line.lower() for line in done.stdout.split()}


@pytest.mark.slow
def test_failing_script_shows_its_last_lines(allensdk_python, tmp_path):
    with pytest.raises(RuntimeError, match=r"write_session\.py failed with exit code 1"):
        run_script(allensdk_python, "write_session.py", tmp_path / "none", tmp_path / "x.nwb")
    assert not (tmp_path / "x.nwb").exists()
