"""Folders and classes with next to nothing in them, end to end: figures, or one line beforehand."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

pytestmark = [pytest.mark.slow, pytest.mark.workflow]

#: Fewer permutations and repeats; folds and dimensions stay those of the default configuration.
LIGHT = {
    "regression": {"n_permutations": 5, "n_bootstrap": 20, "n_repeats": 1},
    "classification": {"n_permutations": 3},
    "compared": {"n_permutations": 10},
    "samples": {"n_networks": 3, "n_repeats": 2, "n_sizes": 3},
}
MODULE = """
import numpy as np
from shapemetrics.datasets import Dataset, Representation


class Scaled(Dataset):
    source, simulated, stimuli = "one network at many scales", True, range(10)

    def __iter__(self):
        X = np.random.default_rng(0).normal(size=(10, 4))
        for k in range(9):
            yield Representation(f"scaled{k}", (k + 1.0) * X, {"k": k})
"""


def configured(
    checkout, datasets: dict[str, Any], comparisons: tuple[str, ...] = (), **changes: Any
) -> None:
    """Give a checkout a configuration with these datasets, and only some comparisons."""
    default = yaml.safe_load((checkout.folder / "config.yaml").read_text())
    off = {"nasbench": {"enabled": False}, "allen": {"enabled": False}}
    gone = set(default["comparisons"]) - set(comparisons)
    config = {
        "datasets": {**off, **datasets},
        "comparisons": dict.fromkeys(sorted(gone)),
        "analyses": {name: {**part, **changes.pop(name, {})} for name, part in LIGHT.items()},
        **changes,
    }
    (checkout.folder / "config" / "small.yaml").write_text(yaml.safe_dump(config))
    checkout.config = "small.yaml"


def write_files(
    folder: Path, array: Callable[[int], np.ndarray], n: int = 12, **columns: Callable[[int], Any]
) -> None:
    folder.mkdir()
    rows = [{"id": f"n{k}", **{name: f(k) for name, f in columns.items()}} for k in range(n)]
    for k in range(n):
        np.save(folder / f"n{k}.npy", array(k))
    pd.DataFrame(rows).to_csv(folder / "table.csv", index=False)


def files(**settings: Any) -> dict[str, Any]:
    return {"kind": "files", "folder": "files", "metadata": "table.csv", **settings}


def drawn(checkout, dataset: str) -> set[str]:
    """Figures of a dataset, each in its three forms."""
    folder = checkout.results / "figures" / dataset
    found = {
        suffix: {str(p.relative_to(folder).with_suffix("")) for p in folder.rglob(f"*.{suffix}")}
        for suffix in ("png", "pdf", "csv")
    }
    assert found["png"] == found["pdf"] == found["csv"]
    return found["png"]


def test_twelve_stimuli_two_groups_and_a_blank_stimulus_end_with_figures(fresh):
    def array(k: int) -> np.ndarray:
        # Network 1 is network 0 again, and to the first stimulus no unit responds.
        X = np.random.default_rng(max(k, 1)).normal(size=(12, 60))
        return np.concatenate([np.zeros((1, 60)), X[1:]])

    write_files(
        fresh.folder / "files",
        array,
        depth=lambda k: k,
        seed=lambda k: k % 2,
    )
    configured(
        fresh,
        {"mine": files(targets=["depth"], group="seed")},
        ("rbf_kernel", "one_minus_rsa"),
        metrics={"procrustes": None},
    )
    output = fresh.run()
    for line in (
        "mine: datasets.mine: found equal arrays of n0, n1, expected arrays that differ",
        "mine: comparisons.rbf_kernel.n_components: found 50, expected at most 12 (12 stimuli)",
        "mine: datasets.mine.group: found 2 groups of 'seed', expected at least 3",
        # CCA of 10 components takes 12 stimuli at least.
        "mine: analyses.samples: found 12 stimuli, expected more than 12 to vary their number",
    ):
        assert line in output
    figures = drawn(fresh, "mine")
    assert {"agreement", "audit", "cca/embedding", "cca/covariates"} <= figures
    assert "samples" not in figures
    assert not {name for name in figures if "regression" in name or "predictions" in name}
    # A comparison of the default that the data do not allow is in no figure, and says why.
    agreement = pd.read_csv(fresh.results / "geometry" / "mine" / "agreement.csv")
    reasons = agreement.loc[agreement["metric_a"] == "one_minus_rsa", "left_out"]
    assert reasons.str.contains("all units respond equally to stimulus 0").all()
    assert len(reasons) == 2
    assert "one_minus_rsa" not in (
        (fresh.results / "figures" / "mine" / "agreement.csv").read_text()
    )
    adjustments = pd.read_csv(fresh.results / "adjustments.csv")
    assert "comparisons.rbf_kernel.n_components" in set(adjustments["key"])
    assert "adjustments" in (fresh.results / "report.html").read_text(encoding="utf-8")


def test_a_class_of_equal_shapes_in_tiles_ends_with_figures_that_say_so(fresh):
    (fresh.folder / "scaled.py").write_text(MODULE)
    own = {"kind": "python", "class": "scaled:Scaled", "regression": ["k"]}
    configured(
        fresh,
        {"scaled": own},
        ("rbf_kernel",),
        metrics={"procrustes": None},
        distances={"block_size": 5},
    )
    output = fresh.run()
    assert "scaled: comparisons.rbf_kernel.n_components: found 50, expected at most 10" in output
    figures = drawn(fresh, "scaled")
    assert {"agreement", "regression_k", "cca/predictions_k", "cca/distortion"} <= figures
    table = pd.read_csv(fresh.results / "learning" / "scaled" / "cca" / "regression.csv")
    assert table["left_out"].str.contains("found 9 of 9 at distance 0").all()
    reasons = pd.read_csv(fresh.results / "figures" / "scaled" / "regression_k.csv")
    assert "expected more that differ" in reasons["left_out"].iloc[0]


def test_what_cannot_be_is_refused_before_anything_is_made(fresh):
    write_files(
        fresh.folder / "files",
        lambda k: np.random.default_rng(k).normal(size=(40, 8)),
        depth=lambda k: k,
        seed=lambda k: k % 3,
    )
    configured(fresh, {"mine": files(targets=["depth"], group="seed")}, regression={"n_outer": 4})
    output = fresh.run(expect=1)
    assert (
        "configuration key 'analyses.regression.n_outer': found 4, expected at most 3 (3 groups of "
        "'seed')"
    ) in output
    assert "Traceback" not in output
    assert not fresh.results.exists()


def noise(m: int, n: int) -> Callable[[int], np.ndarray]:
    return lambda k: np.random.default_rng(k).normal(size=(m, n))


FOLDERS: dict[str, dict[str, Any]] = {
    "three of three": {"array": noise(3, 1), "n": 3},
    "three of three, wide": {"array": noise(3, 100), "n": 3},
    "five of five": {"array": noise(5, 2), "n": 5},
    "grids": {"array": lambda k: np.random.default_rng(k).normal(size=(5, 4, 4, 3))},
    "unequal grids": {
        "array": lambda k: np.random.default_rng(k).normal(size=(12, 4 + k % 2, 4, 3)),
        "own": {"positions": "features"},
    },
    "unequal widths": {"array": lambda k: np.random.default_rng(k).normal(size=(20, 1 + k))},
    "many widths": {
        "array": lambda k: np.random.default_rng(k).normal(size=(12, 1 + k)),
        "n": 45,
    },
    "all equal": {"array": lambda k: np.random.default_rng(0).normal(size=(20, 4))},
    "most equal": {"array": lambda k: np.random.default_rng(max(k, 9)).normal(size=(20, 4))},
    "whole numbers": {"array": lambda k: np.random.default_rng(k).integers(0, 4, size=(20, 4))},
    "sparse": {"array": lambda k: np.maximum(noise(40, 8)(k) - 1.5, 0) + 1e-3 * np.eye(40, 8)},
    "layers": {
        "array": noise(12, 5),
        "n": 18,
        "columns": {"layer": lambda k: "c" if k > 15 else "ab"[k % 2]},
        "own": {"layer": "layer"},
    },
    "three groups": {
        "array": noise(20, 5),
        "columns": {"seed": lambda k: k % 3},
        "own": {"targets": ["depth"], "group": "seed"},
    },
    "gaps": {
        "array": noise(20, 5),
        "columns": {"score": lambda k: k if k % 4 else None},
        "own": {"regression": ["score"]},
    },
}


@pytest.mark.skipif(
    "SHAPEMETRICS_LONG" not in os.environ,
    reason="takes many minutes: set SHAPEMETRICS_LONG=1 to run it",
)
@pytest.mark.parametrize("name", FOLDERS)
def test_any_valid_folder_ends_with_figures(fresh, name):
    case = FOLDERS[name]
    columns = {"depth": lambda k: k, **case.get("columns", {})}
    write_files(fresh.folder / "files", case["array"], case.get("n", 12), **columns)
    default = yaml.safe_load((fresh.folder / "config.yaml").read_text())
    configured(fresh, {"mine": files(**case.get("own", {}))}, tuple(default["comparisons"]))
    fresh.run()
    assert {"audit", "procrustes/embedding", "procrustes/dendrogram"} <= drawn(fresh, "mine")


@pytest.mark.parametrize(
    ("family", "shape", "extra"),
    [
        ("energy_stochastic", (12, 4, 3), {}),
        ("convolution", (10, 4, 4, 3), {"distances": {"block_size": 3}}),
    ],
)
def test_metrics_of_trials_and_of_grids_read_arrays_with_all_axes(fresh, family, shape, extra):
    def array(k: int) -> np.ndarray:
        signal = np.random.default_rng(k).normal(
            size=(shape[0], *[1] * (len(shape) - 2), shape[-1])
        )
        return signal + 0.2 * np.random.default_rng(99 + k).normal(size=shape)

    write_files(fresh.folder / "files", array, n=5, depth=lambda k: k)
    metrics = {"cca": None, "it": {"family": family}}
    configured(fresh, {"mine": files()}, metrics=metrics, **extra)
    tables = [f"results/distances/mine/all/{name}/distances.csv" for name in ("it", "procrustes")]
    fresh.run("--cores", "1", *tables)
    it, matrix = (pd.read_csv(fresh.folder / table, index_col="id").to_numpy() for table in tables)
    pairs = np.triu_indices(5, 1)
    assert (it[pairs] > 0.1).all()
    assert not np.allclose(it, matrix)
    store = pd.read_csv(fresh.results / "mine" / "store" / "index.csv")
    assert set(store["shape"]) == {"x".join(map(str, shape))}
