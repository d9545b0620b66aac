"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from shapemetrics.datasets.allen.environment import ensure_environment, find_python
from shapemetrics.limits import available_cores

ROOT = Path(__file__).resolve().parents[1]

# Derandomised, so that a red run can be run again and stays red.
settings.register_profile(
    "project",
    deadline=None,
    derandomize=True,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("project")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Workers of ``--numprocesses auto``: as many as this process may use cores."""
    return None if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else available_cores()


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout's own folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of oracles and real data beside the checkout; tests that need it skip without it."""
    folder = Path(os.environ.get("SHAPEMETRICS_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("needs the oracle and data folder beside the checkout, which is absent here")
    return folder


@pytest.fixture(scope="session")
def allensdk_python(root: Path) -> Path:
    """The interpreter of AllenSDK's environment, built once in the checkout."""
    try:
        find_python()
    except ValueError as error:
        pytest.skip(str(error))
    return ensure_environment(root / ".venv-allensdk", root / "envs" / "allensdk.txt")


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(20211014)
