"""The conformance test of datasets: a sound class passes, every breach is told in one line."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shapemetrics.datasets import Dataset, Representation, check_dataset, write_store


class Sound(Dataset):
    """Three representations; parts of it are replaced by the tests."""

    source = "noise"
    simulated = True
    stimuli = ("p", "q", "r", "s")

    def __iter__(self):
        for seed in range(3):
            array = np.random.default_rng(seed).normal(size=(4, 5))
            yield Representation(f"net {seed}", array, {"seed": seed, "kind": "noise"})


def with_items(*items: Any) -> Dataset:
    class Given(Sound):
        def __iter__(self):
            yield from (item() if callable(item) else item for item in items)

    return Given()


def with_fact(name: str, value: Any) -> Dataset:
    return type("Given", (Sound,), {name: value})()


def item(id: Any = "a", array: Any = None, **covariates: Any) -> tuple:
    return (id, np.ones((4, 2)) if array is None else array, covariates)


class Random(Sound):
    def __iter__(self):
        yield Representation("a", np.random.default_rng().normal(size=(4, 2)), {})


class Hoarding(Sound):
    def __iter__(self):
        arrays = [np.full((4, 50), k, dtype=float) for k in range(5)]
        for k, array in enumerate(arrays):
            yield Representation(f"a{k}", array, {})


class Once(Sound):
    def __init__(self):
        self._items = iter([item("a"), item("b")])

    def __iter__(self):
        return self._items


counter = itertools.count()

BREACHES = {
    "source is ''": with_fact("source", ""),
    "simulated is 1, expected True or False": with_fact("simulated", 1),
    "stimuli is empty": with_fact("stimuli", []),
    "stimuli repeat": with_fact("stimuli", ["a", "a", "b", "c"]),
    "found no representation": with_items(),
    r"expected \(id, array, covariates\)": with_items(("a", np.ones((4, 2)))),
    "id 3 is a int": with_items(item(3)),
    "cannot be a file name": with_items(item("a/b")),
    "no dot in front": with_items(item("..")),
    r"given twice \(capitals": with_items(item("a"), item("A")),
    "found a list, expected a NumPy array": with_items(item(array=[[1.0]])),
    "found 3 stimuli, expected 4": with_items(item(array=np.ones((3, 2)))),
    "expected real numbers": with_items(item(array=np.full((4, 2), "x"))),
    "NaN or infinite": with_items(item(array=np.full((4, 2), np.nan))),
    "expected those of the first": with_items(item("a", x=1), item("b", y=1)),
    "is a list, expected a number": with_items(item(x=[1])),
    "is infinite": with_items(item(x=float("inf"))),
    "has the name of a column": with_items(item(selection="x")),
    "is str, for others float": with_items(item("a", x=1), item("b", x="one")),
    "a second pass gave other numbers": Random(),
    "a second pass gave 0 other ids": Once(),
    "are alive after": Hoarding(),
    "gave other numbers or covariates": with_items(lambda: item(x=next(counter))),
}


def test_a_sound_dataset_passes_and_becomes_a_store(tmp_path: Path) -> None:
    assert check_dataset(Sound()) == 3
    store = write_store(Sound(), tmp_path / "store")
    assert store.simulated
    assert store.index["seed"].tolist() == [0, 1, 2]
    assert store.metadata["stimuli"] == ["p", "q", "r", "s"]


@pytest.mark.parametrize("expected", BREACHES)
def test_every_breach_is_told_in_one_line(expected: str) -> None:
    with pytest.raises(AssertionError, match=expected) as caught:
        check_dataset(BREACHES[expected], lazy_limit=5000)
    assert "\n" not in str(caught.value)


def test_a_failing_dataset_leaves_no_store(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="NaN"):
        write_store(with_items(item("a"), item("b", np.full((4, 2), np.nan))), tmp_path / "store")
    assert list(tmp_path.iterdir()) == []


def test_a_fact_that_is_left_out_is_named(tmp_path: Path) -> None:
    class Half(Dataset):
        source, stimuli = "half", range(4)

        def __iter__(self):
            yield item()

    with pytest.raises(AssertionError, match="Half has no simulated"):
        check_dataset(Half())
    with pytest.raises(TypeError, match="Half has no 'simulated'"):
        write_store(Half(), tmp_path / "store")


def test_facts_may_be_attributes_of_the_instance_or_properties() -> None:
    class Late(Sound):
        def __init__(self):
            self.source = "late"

        @property
        def stimuli(self):
            return list("abcd")

    assert check_dataset(Late()) == 3
