"""Dataset classes by name: found in a folder, and every failure told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapemetrics.datasets.loading import class_file, load_dataset

SOURCE = """
import numpy as np
from shapemetrics.datasets import Dataset, Representation


class Ones(Dataset):
    source, simulated = "ones", True

    def __init__(self, m):
        self.stimuli = list(range(m))

    def __iter__(self):
        yield Representation("one", np.ones((len(self.stimuli), 2)), {})
"""


@pytest.fixture
def module(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    # A name of its own for each test: modules are imported once.
    name = f"own_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    return name


def test_a_class_is_made_from_a_module_of_the_folder(tmp_path: Path, module: str) -> None:
    dataset = load_dataset(f"{module}:Ones", {"m": 3}, tmp_path)
    assert [id for id, _, _ in dataset] == ["one"]
    assert class_file(f"{module}:Ones", tmp_path) == f"{module}.py"


def test_the_file_is_found_without_importing(tmp_path: Path) -> None:
    (tmp_path / "own_broken.py").write_text("raise RuntimeError('imported')\n")
    assert class_file("own_broken:X", tmp_path) == "own_broken.py"


def test_failures_are_one_line(tmp_path: Path, module: str) -> None:
    for name, options, expected in (
        ("own_nowhere:X", {}, "cannot import own_nowhere"),
        (f"{module}:Twos", {"m": 3}, "has no class 'Twos', found .*Ones"),
        (f"{module}:Ones", {"n": 3}, "does not take options"),
    ):
        with pytest.raises(ValueError, match=expected) as caught:
            load_dataset(name, options, tmp_path)
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="there is no module own_nowhere"):
        class_file("own_nowhere:X", tmp_path)
