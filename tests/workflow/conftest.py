"""One small study, run once for all workflow tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from checkouts import Checkout, copied


@pytest.fixture(scope="session")
def copy_workflow() -> Callable[..., Checkout]:
    """Makes copies of the workflow: ``copy_workflow(folder, config)``."""
    return copied


@pytest.fixture
def fresh(tmp_path: Path) -> Checkout:
    """A copy of the workflow with no results."""
    return copied(tmp_path / "study")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the workflow with its small study done. Tests must not edit it: `copy` it."""
    checkout = copied(tmp_path_factory.mktemp("workflow") / "a study with spaces é")
    checkout.run()
    return checkout


@pytest.fixture(scope="session")
def regions(tmp_path_factory: pytest.TempPathFactory, allensdk_python: Path) -> Checkout:
    """A copy of the workflow with its small Allen half done."""
    checkout = copied(tmp_path_factory.mktemp("allen") / "study", "test_allen.yaml")
    # AllenSDK's environment is large: the checkout's own serves.
    (checkout.folder / ".venv-allensdk").symlink_to(allensdk_python.parents[1])
    checkout.run()
    return checkout
