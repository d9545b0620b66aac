"""Configuration: defaults filled, every mistake named in one line with the nearest valid name."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from shapemetrics.metrics.registry import FAMILIES
from shapemetrics.study import ConfigError, Study, validated
from shapemetrics.study.settings.reference import reference, sections


@pytest.fixture
def config(root: Path) -> dict:
    return yaml.safe_load((root / "config.yaml").read_text())


def keys(node: dict, path: tuple = ()) -> list[tuple]:
    found = []
    for key, value in node.items():
        found.append((*path, key))
        if isinstance(value, dict):
            found += keys(value, (*path, key))
    return found


def all_keys() -> list[tuple]:
    root = Path(__file__).resolve().parents[2]
    return keys(yaml.safe_load((root / "config.yaml").read_text()))


def test_the_default_configuration_says_every_default_as_the_settings_do(config):
    filled = validated(config)
    bare = validated(
        {
            "datasets": {"nasbench": {}, "allen": {}},
            "metrics": {"procrustes": {"family": "linear"}},
        },
    )
    assert filled["analyses"] == bare["analyses"]
    assert filled["datasets"] == bare["datasets"]
    assert bare["seed"] == config["seed"]
    assert filled["metrics"]["cca"]["preserve_variance"] is True


def test_validation_does_not_change_its_input(config):
    before = copy.deepcopy(config)
    validated(config)
    assert config == before


# Metrics and comparisons have names of the user's choice, which cannot be misspelt.
OWN_NAMES = ("metrics", "comparisons")


@pytest.mark.parametrize(
    "path", [p for p in all_keys() if len(p) != 2 or p[0] not in OWN_NAMES], ids=".".join
)
def test_every_misspelt_key_is_refused_and_the_right_one_suggested(config, path):
    node = config
    for key in path[:-1]:
        node = node[key]
    misspelt = path[-1][:-1] + "x" + path[-1][-1]
    node[misspelt] = node.pop(path[-1])
    with pytest.raises(ConfigError) as caught:
        validated(config)
    message = str(caught.value)
    assert "\n" not in message
    assert f"{misspelt!r}" in message or f".{misspelt}'" in message
    assert f"did you mean {path[-1]!r}?" in message


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("metrics", "cca", "alpha"), 1.5, "'metrics.cca.alpha': 1.5 is greater than the maximum"),
        (("metrics", "cca", "alpha"), "0.5", "'metrics.cca.alpha': '0.5' is not of type 'number'"),
        (("metrics", "cca", "family"), "linaer", "did you mean 'linear'"),
        (("metrics", "cca", "geometry"), "angluar", "did you mean 'angular'"),
        (("seed",), -1, "'seed': -1 is less than the minimum of 0"),
        (("datasets", "nasbench", "images"), "mnist", "'mnist'"),
        (("analyses", "distortion", "dimensions"), [], "'analyses.distortion.dimensions'"),
        (("metrics",), {}, "'metrics'"),
    ],
)
def test_wrong_values_are_named(config, path, value, message):
    node = config
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    with pytest.raises(ConfigError) as caught:
        validated(config)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_metric_without_family(config):
    del config["metrics"]["cca"]["family"]
    with pytest.raises(ConfigError, match=r"'metrics\.cca': key 'family' is missing"):
        validated(config)


def test_missing_sections():
    with pytest.raises(ConfigError, match="key 'datasets' is missing"):
        validated({"metrics": {"a": {"family": "linear"}}})


def test_every_key_is_described():
    found = list(sections())
    assert [
        (title, key.name) for title, _, keys in found for key in keys if not key.description
    ] == []
    names = " ".join(title for title, _, _ in found)
    assert all(f"family: {family}" in names for family in FAMILIES)


def test_the_reference_of_all_keys_is_that_of_the_settings(root):
    page = (root / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == reference(), "run python -m shapemetrics.study.settings.reference"


def test_seeds_differ_by_rule_and_wildcards_and_follow_the_one_seed(config):
    study = Study(validated(config))
    seeds = {
        study.seed("a"),
        study.seed("b"),
        study.seed("a", "x"),
        study.seed("a", "x", "y"),
        study.seed("a", "xy"),
    }
    assert len(seeds) == 5
    assert study.seed("a", "x") == Study(validated(config)).seed("a", "x")
    config["seed"] += 1
    assert study.seed("a", "x") != Study(validated(config)).seed("a", "x")


def test_code_of_a_rule_is_what_it_imports_and_nothing_else(config):
    study = Study(validated(config))
    names = {Path(file).name for file in study.code("pairwise.engine")}
    assert {"engine.py", "base.py", "linalg.py", "reader.py", "progress.py"} <= names
    assert "linear.py" not in names
    assert {Path(f).name for f in study.metric_code("cca")} >= {"linear.py", "base.py"}
    with pytest.raises(ValueError, match="is no module"):
        study.code("pairwise.enginee")


def test_null_takes_a_metric_of_the_file_beneath_away(config):
    config["comparisons"]["soft_matching"] = None
    config["metrics"]["cca"] = None
    study = Study(validated(config))
    assert study.metrics == ["procrustes"]
    assert "soft_matching" not in study.measures
    assert "permutation" in study.measures


def test_layers_limit_what_is_analysed_and_must_hold_the_dendrogram(config):
    config["datasets"]["nasbench"]["layers"] = ["stem", "pool"]
    study = Study(validated(config))
    assert sorted(study.dataset("nasbench").selections) == [
        *("pool_trained", "pool_untrained", "stem_trained", "stem_untrained")
    ]
    # What is sampled or drawn is found whatever the layers.
    config["datasets"]["nasbench"] |= {"layers": ["stem"], "dendrogram": "stem_trained"}
    assert Study(validated(config)).selection("nasbench", "pool_trained").where == {
        "layer": "pool",
        "state": "trained",
    }
    config["datasets"]["nasbench"] |= {"layers": ["stem", "stack1"], "dendrogram": "pool_trained"}
    with pytest.raises(ValueError, match=r"nasbench\.dendrogram': found 'pool_trained', expected"):
        Study(validated(config))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"choice": {"how": "stratified"}}, "'stratified' needs published results, found none"),
        ({"choice": {"how": "explicit", "networks": ["0" * 32]}}, "240, but 1 networks are named"),
        ({"choice": {"how": "random"}}, "'datasets.nasbench.choice.how'"),
        ({"published": "only36"}, "'datasets.nasbench.published'"),
    ],
)
def test_choices_that_cannot_be_made(config, change, message):
    config["datasets"]["nasbench"].update(change)
    with pytest.raises(ValueError, match="configuration") as caught:
        _ = Study(validated(config)).dataset("nasbench").choice
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "name", ["test", "test_allen", "smoke", "pilot", "paper", "authors_allen_recordings"]
)
def test_every_configuration_that_is_shipped_is_valid(config, root, name):
    def laid_over(base: dict, change: dict) -> dict:
        merged = dict(base)
        for key, value in change.items():
            old = merged.get(key)
            both = isinstance(value, dict) and isinstance(old, dict)
            merged[key] = laid_over(old, value) if both else value
        return merged

    over = yaml.safe_load((root / "config" / f"{name}.yaml").read_text())
    study = Study(validated(laid_over(config, over)))
    assert study.datasets


def test_a_dataset_that_is_left_out_is_not_part_of_the_study(config):
    del config["datasets"]["nasbench"]
    study = Study(validated(config))
    assert study.datasets == ["allen"]
    config["datasets"]["allen"]["enabled"] = False
    with pytest.raises(ValueError, match="none is enabled, expected at least one"):
        Study(validated(config))


def test_the_size_of_what_is_kept_is_known_before_anything_runs(config):
    study = Study(validated(config))
    # 240 networks, two states, 100 pictures, float32: 8x8x16 twice, 4x4x32, 2x2x64, 64.
    size = 240 * 2 * 100 * (2 * 1024 + 512 + 256 + 64) * 4 / 1e9
    (announced,) = study.announcements()
    assert f"responses of {size:.2f} GB" in announced
