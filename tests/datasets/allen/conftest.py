"""A small cache of simulated sessions, shared by all tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from shapemetrics.datasets.allen.simulate import Simulation, write_sessions

#: Small, and still with everything in it: invalid times, units to drop, several probes.
SMALL = Simulation(n_sessions=2, n_probes=3, n_frames=60, n_repeats=6, unit_scale=0.5, seed=3)


@pytest.fixture(scope="session")
def cache(allensdk_python: Path, tmp_path_factory) -> Path:
    """Two simulated sessions on disk; tests must not change it."""
    folder = tmp_path_factory.mktemp("allen") / "cache"
    write_sessions(folder, SMALL, allensdk_python, n_jobs=2)
    return folder


@pytest.fixture
def cache_copy(cache: Path, tmp_path: Path) -> Path:
    """A cache to break."""
    return Path(shutil.copytree(cache, tmp_path / "cache"))


@pytest.fixture(scope="session")
def session_ids() -> list[int]:
    """Ids of the simulated sessions."""
    return [999_000_001, 999_000_002]
