"""The commands that docs/library.md shows, run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np


def test_commands_of_the_guide_run(root: Path, tmp_path: Path):
    text = (root / "docs" / "library.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\$ (.+)$", text, re.MULTILINE)
    assert len(commands) == 6
    (tmp_path / "layers").mkdir()
    for k in range(4):
        X = np.random.default_rng(k).normal(size=(40, 12 + k))
        np.save(tmp_path / "layers" / f"net{k}.npy", X)
    # The program of this environment, whatever the caller's path is.
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for command in commands:
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
    for name in ("distances.npz", "cca.csv", "map.csv", "map.pdf"):
        assert (tmp_path / name).stat().st_size > 0
