"""Small and odd folders: refused, shrunk or left out with a line, before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from shapemetrics import RepresentationStore
from shapemetrics.datasets import FilesDataset, write_store
from shapemetrics.study import Study, default_config, validated
from shapemetrics.study.needs import Refused
from shapemetrics.study.preflight import examine_store, examined
from shapemetrics.study.settings.reading import chosen_keys

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = default_config(ROOT)


def laid_over(base: Any, top: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(top, dict)):
        return top
    return {**base, **{key: laid_over(base.get(key), value) for key, value in top.items()}}


def study_of(changes: dict[str, Any]) -> Study:
    """The default study with changes, held against its data as the workflow does."""
    off = {"nasbench": {"enabled": False}, "allen": {"enabled": False}}
    config = validated(laid_over(laid_over(DEFAULT, {"datasets": off}), changes))
    study = Study(config, DEFAULT)
    return study.knowing(examined(study))


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Study]:
    def made(
        m: int = 40,
        K: int = 12,
        n: int = 8,
        *,
        columns: dict[str, Callable[[int], Any]] | None = None,
        array: Callable[[int], np.ndarray] | None = None,
        changes: dict[str, Any] | None = None,
        **own: Any,
    ) -> Study:
        columns = {"depth": lambda k: k} if columns is None else columns
        for k in range(K):
            X = np.random.default_rng(k).normal(size=(m, n)) if array is None else array(k)
            np.save(tmp_path / f"n{k}.npy", X)
        rows = [{"id": f"n{k}", **{c: f(k) for c, f in columns.items()}} for k in range(K)]
        pd.DataFrame(rows).to_csv(tmp_path / "table.csv", index=False)
        own = {"kind": "files", "folder": str(tmp_path), "metadata": "table.csv", **own}
        return study_of(laid_over({"datasets": {"mine": own}}, changes or {}))

    return made


def lines(study: Study) -> list[str]:
    return [line for line in study.announcements() if line.startswith("mine: ")]


@pytest.mark.parametrize("n", [1, 8, 100])
@pytest.mark.parametrize("K", [3, 5, 12])
@pytest.mark.parametrize("m", [3, 5, 12, 40, 60])
def test_any_folder_of_three_representations_and_stimuli_has_a_plan(make, m, K, n):
    study = make(m, K, n)
    figures = set(study.figures("mine"))
    assert {"audit", "agreement", "cca/embedding", "procrustes/dendrogram"} <= figures
    assert ("samples" in figures) == (m > 3)
    assert set(study.measures) - set(study.measures_of("mine")) == (
        {"one_minus_rsa"} if n == 1 else set()
    )
    notes = {note.key for _, note in study.notes}
    assert ("comparisons.rbf_kernel.n_components" in notes) == (m < 50)
    assert ("metrics.cca.n_components" in notes) == (min(n, 10) > m - 2)
    assert ("analyses.distortion.dimensions" in notes) == (K <= 30)
    assert ("analyses.embedding.n_components" in notes) == (K - 1 < 10)
    assert all("\n" not in line for line in lines(study))


@pytest.mark.parametrize("K", [1, 2])
def test_one_or_two_networks_are_refused(make, K):
    with pytest.raises(ValueError, match=f"found {K} rows, expected at least 3 representations"):
        make(K=K)


def test_the_shipped_configurations_need_no_adjustment():
    for name in (None, "test.yaml", "test_allen.yaml", "smoke.yaml", "pilot.yaml"):
        overlay = {} if name is None else yaml.safe_load((ROOT / "config" / name).read_text())
        study = Study(validated(laid_over(DEFAULT, overlay)), DEFAULT)
        study = study.knowing(examined(study, local=False))
        assert study.notes == []
        for dataset in study.datasets:
            assert study.measures_of(dataset) == study.measures


SEED = {"depth": lambda k: k, "seed": lambda k: k % 3}


def test_few_groups_shrink_the_folds(make):
    study = make(columns=SEED, targets=["depth"], group="seed")
    assert "regression_depth" in study.figures("mine")
    assert (
        "mine: analyses.regression.n_outer: found 5, expected at most 3 (3 groups of 'seed'); "
        "3 is used"
    ) in lines(study)


@pytest.mark.parametrize("n_groups", [1, 2])
def test_with_one_or_two_groups_regression_is_left_out_with_a_line(make, n_groups):
    columns = {"depth": lambda k: k, "seed": lambda k: k % n_groups}
    study = make(columns=columns, targets=["depth"], group="seed")
    assert not {"regression_depth", "cca/predictions_depth"} & set(study.figures("mine"))
    (line,) = [line for line in lines(study) if "datasets.mine.group" in line]
    assert f"found {n_groups} groups of 'seed', expected at least 3" in line
    assert line.endswith("regression of 'depth' is left out")


def test_equal_arrays_are_named_and_what_needs_spread_is_left_out(make):
    study = make(array=lambda k: np.random.default_rng(0).normal(size=(40, 8)), targets=["depth"])
    figures = set(study.figures("mine"))
    assert {"audit", "cca/embedding", "cca/dendrogram"} <= figures
    assert not {"agreement", "samples", "cca/distortion", "cca/covariates"} & figures
    assert not {"regression_depth", "cca/predictions_depth"} & figures
    assert any("found equal arrays of n0, n1, n2" in line for line in lines(study))


def test_two_equal_arrays_of_many_are_named_and_harm_nothing(make):
    study = make(
        array=lambda k: np.random.default_rng(max(k, 1)).normal(size=(40, 8)), targets=["depth"]
    )
    assert "regression_depth" in study.figures("mine")
    assert any("found equal arrays of n0, n1, expected" in line for line in lines(study))


def test_most_arrays_equal_leave_no_unit_for_the_kernels_of_regression(make):
    study = make(
        array=lambda k: np.random.default_rng(max(k, 9)).normal(size=(40, 8)), targets=["depth"]
    )
    assert "regression_depth" not in study.figures("mine")
    assert {"agreement", "cca/distortion"} <= set(study.figures("mine"))


def test_layers_with_too_few_representations_are_left_out_with_a_line(make):
    columns = {"layer": lambda k: "late" if k > 9 else "early"}
    study = make(columns=columns, layer="layer")
    assert list(study.dataset("mine").selections) == ["early"]
    assert "mine: layer late has 2 representations, fewer than 3, and is left out" in lines(study)


def test_where_no_covariate_varies_within_a_layer_there_is_no_figure_of_them(make):
    columns = {"layer": lambda k: "ab"[k % 2], "width": lambda k: k % 2}
    assert "cca/covariates" in make(columns=columns).figures("mine")
    study = make(columns=columns, layer="layer")
    assert "cca/covariates" not in study.figures("mine")
    assert any("datasets.mine.covariates: found none that can" in line for line in lines(study))


def one(name: str, **settings: Any) -> dict[str, Any]:
    return {"analyses": {name: settings}}


REFUSED = {
    "landmarks": (
        {"changes": {"comparisons": {"rbf_kernel": {"n_components": 45}}}},
        r"'comparisons.rbf_kernel.n_components': found 45, expected at most 40 \(40 stimuli\)",
    ),
    "components": (
        {"n": 60, "changes": {"metrics": {"all": {"family": "linear", "alpha": 0.0}}}},
        r"'metrics.all.n_components': found null, expected at most 38",
    ),
    "folds of stimuli": (
        {
            "m": 5,
            "changes": {"comparisons": {"one_minus_regression_r2": {"n_folds": 6}}},
        },
        r"'comparisons.one_minus_regression_r2.n_folds': found 6, expected at most 5 \(5 stimuli\)",
    ),
    "a comparison that cannot be": (
        {
            "n": 1,
            "changes": {
                "comparisons": {"r": {"family": "comparison", "measure": "rsa_correlation"}}
            },
        },
        r"'comparisons.r.rdm': found correlation over 1 unit, expected at least 2 units",
    ),
    "dimensions of the embedding": (
        {"changes": one("embedding", n_components=12)},
        r"'analyses.embedding.n_components': found 12, expected at most 11",
    ),
    "dimensions of the curve": (
        {"changes": one("distortion", dimensions=[1, 12])},
        r"'analyses.distortion.dimensions': found 12, expected fewer than 12",
    ),
    "folds of groups": (
        {
            "columns": SEED,
            "targets": ["depth"],
            "group": "seed",
            "changes": one("regression", n_outer=4),
        },
        r"'analyses.regression.n_outer': found 4, expected at most 3 \(3 groups of 'seed'\)",
    ),
    "folds of items": (
        {"targets": ["depth"], "changes": one("regression", n_outer=13)},
        r"'analyses.regression.n_outer': found 13, expected at most 12",
    ),
    "inner folds": (
        {"targets": ["depth"], "changes": one("regression", n_inner=10)},
        r"'analyses.regression.n_inner': found 10, expected at most 9",
    ),
    "folds of classes": (
        {
            "columns": {"kind": lambda k: "a" if k < 8 else "b"},
            "targets": ["kind"],
            "changes": one("classification", n_outer=5),
        },
        r"'datasets.mine.targets': found 1 classes of 'kind' with 5 members or more \(a 8, b 4\)",
    ),
    "one class": (
        {"columns": {"kind": lambda k: "a"}, "targets": ["kind"]},
        r"'datasets.mine.targets': found 1 classes of 'kind'",
    ),
    "a constant": (
        {"columns": {"depth": lambda k: 2}, "targets": ["depth"]},
        r"'datasets.mine.targets': found 12 known values of 'depth', 1 of them different",
    ),
    "mostly missing": (
        {"columns": {"depth": lambda k: k if k < 3 else None}, "regression": ["depth"]},
        r"'datasets.mine.regression': found 3 known values of 'depth'",
    ),
    "grids": (
        {"array": lambda k: np.random.default_rng(k).normal(size=(12, 4 + k % 2, 4, 3))},
        r"'datasets.mine.positions': found 'samples', with grids 12x4x4x3 of 'n0' and 12x5x4x3",
    ),
    "stimuli": (
        {"array": lambda k: np.ones((30 + (k == 3), 5))},
        r"n3.npy: found 31 stimuli \(shape \(31, 5\)\), expected 30 as in n0.npy",
    ),
    "two stimuli": ({"m": 2}, r"'datasets.mine': found 2 stimuli, expected at least 3"),
    "a layer by name": (
        {
            "columns": {"layer": lambda k: "late" if k > 9 else "early"},
            "layer": "layer",
            "layers": ["late"],
        },
        r"'datasets.mine.layers': found 2 representations of 'late', expected at least 3",
    ),
    "one network per layer": (
        {"columns": {"layer": lambda k: f"l{k}"}, "layer": "layer"},
        r"'datasets.mine.layer': found at most 1 representations of one 'layer'",
    ),
    "covariate with gaps": (
        {"columns": {"w": lambda k: k or None}, "covariates": ["w"]},
        r"covariate 'w' is unknown for 1 of 12 representations",
    ),
    "constant covariate": (
        {"columns": {"w": lambda k: 1}, "covariates": ["w"]},
        r"'datasets.mine.covariates': found none that can explain",
    ),
    "asymmetric metric": (
        {"changes": {"metrics": {"p": {"family": "comparison", "measure": "pwcca"}}}},
        r"'metrics.p.measure': found 'pwcca', expected a symmetric measure",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_user_chose_and_the_data_forbid_is_one_line_with_its_key(make, name):
    settings, expected = REFUSED[name]
    with pytest.raises(ValueError, match=expected) as caught:
        make(**settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"datasets": {"nasbench": {"target": "acuracy"}}}, r"nasbench.target': found 'acuracy'"),
        ({"datasets": {"nasbench": {"color": "acuracy"}}}, r"nasbench.color': found 'acuracy'"),
        (one("shifts", layers=["pool", "stack1"]), r"shifts.layers': found 'pool', expected one"),
        (one("compared", layers=["stack9"]), r"compared.layers': found 'stack9', expected one of"),
        (
            one("compared", positions="samples"),
            r"nasbench.positions': found 'samples', with grids",
        ),
        (
            {
                "datasets": {"nasbench": {"n_networks": 8}},
                **one("classification", n_outer=9),
            },
            r"analyses.classification.n_outer': found 9, expected at most 8",
        ),
    ],
)
def test_settings_of_networks_are_held_against_what_they_will_be(changes, expected):
    networks = {"datasets": {"nasbench": {"enabled": True}}}
    with pytest.raises(ValueError, match=expected):
        study_of(laid_over(networks, changes))


def test_few_networks_shrink_the_default_folds():
    study = study_of({"datasets": {"nasbench": {"enabled": True, "n_networks": 4}}})
    notes = {note.key: note.done for _, note in study.notes}
    assert notes["analyses.regression.n_outer"] == "4 is used"
    assert notes["analyses.regression.n_inner"] == "3 is used"
    assert notes["analyses.embedding.n_components"] == "3 is used"


def test_memory_is_checked_beforehand_and_tiles_are_named(make, monkeypatch):
    make()
    monkeypatch.setattr("shapemetrics.pairwise.memory._free_memory", lambda: 1000)
    with pytest.raises(Refused, match=r"'distances.block_size': found null, and for mine.*need"):
        make()
    make(changes={"distances": {"block_size": "auto"}})


def test_backends_that_a_measure_lacks_are_said_and_numpy_computes_it(make):
    study = make(changes={"distances": {"backend": "torch", "device": "cpu"}})
    assert study.engine_options("procrustes")["backend"] == "torch"
    assert study.engine_options("permutation")["backend"] == "numpy"
    assert any("found torch for comparisons.permutation" in line for line in lines(study))


def test_the_users_keys_are_those_that_differ():
    config = laid_over(DEFAULT, {"analyses": {"regression": {"n_outer": 5, "n_inner": 4}}})
    assert chosen_keys(validated(config), DEFAULT) == {"analyses.regression.n_inner"}


def test_an_outline_is_what_the_store_will_be(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "a.npy", rng.normal(size=(6, 4)))
    np.savez(tmp_path / "b.npz", x=rng.normal(size=(6, 2)))
    np.savetxt(tmp_path / "c.csv", rng.normal(size=(6, 3)), delimiter=",")
    np.save(tmp_path / "d.npy", np.load(tmp_path / "a.npy"))
    (tmp_path / "table.csv").write_text("id,depth\na,1\nb,2\nc,\nd,4\n")
    dataset = FilesDataset(tmp_path, "table.csv")
    outline = dataset.outline()
    index = write_store(dataset, tmp_path / "store").index
    for column in ("id", "shape", "depth"):
        pd.testing.assert_series_equal(
            outline[column], index[column].reset_index(drop=True), check_dtype=False
        )
    for known in (outline, index):
        digests = known["sha256"].tolist()
        assert digests[0] == digests[3]
        assert len(set(digests)) == 3
    assert dataset.outline(most_bytes=10) is None


def test_a_store_of_a_class_is_held_against_the_study_too(tmp_path):
    class Few:
        source, simulated, stimuli, metadata = "few", True, range(12), {}

        def __iter__(self):
            for k in range(9):
                X = np.random.default_rng(k).normal(size=(12, 30))
                yield f"n{k}", X, {"depth": k, "seed": k % 2}

    store = write_store(Few(), tmp_path / "store")
    assert isinstance(store, RepresentationStore)
    module = tmp_path / "few.py"
    module.write_text("class Few: ...\n")
    own = {"kind": "python", "class": "json:JSONDecoder", "regression": ["depth"], "group": "seed"}
    study = study_of({"datasets": {"few": own}})
    assert study.notes == []  # nothing is known of it yet
    said = examine_store(study, "few", store.index)
    assert any(line.startswith("few: comparisons.rbf_kernel.n_components") for line in said)
    assert any("datasets.few.group: found 2 groups of 'seed'" in line for line in said)
    study = study_of({"datasets": {"few": {**own, "regression": ["width"]}}})
    with pytest.raises(ValueError, match="there is no column 'width'"):
        examine_store(study, "few", store.index)
