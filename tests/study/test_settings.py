"""Settings as typed objects: datasets of any kind and name, lines of mistakes, all metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from shapemetrics.datasets.allen.settings import Pooling
from shapemetrics.datasets.nasbench.settings import TrainingSettings
from shapemetrics.metrics import ConvolutionMetric, LinearMetric
from shapemetrics.metrics.registry import FAMILIES
from shapemetrics.study import ConfigError, Study, default_config, read_settings, validated
from shapemetrics.study.figures import FIGURES, chapters, drawing_rules
from shapemetrics.study.layout import PATHS
from shapemetrics.study.preflight import examined
from shapemetrics.study.settings.reading import with_line

METRICS = {"procrustes": {"family": "linear"}}


def study_of(datasets: dict[str, Any], **sections: Any) -> Study:
    return Study(validated({"datasets": datasets, "metrics": METRICS, **sections}))


def test_values_are_those_of_the_library():
    settings = read_settings(
        {
            "datasets": {
                "nasbench": {"training": {"epochs": 3, "stem_channels": 8}},
                "allen": {"regions": {"structures": ["VISp", "LGd"]}},
            },
            "metrics": {"cca": {"family": "linear", "alpha": 0.0, "n_components": 4}},
        }
    )
    networks, regions = settings.datasets.values()
    assert networks.training == TrainingSettings(epochs=3, stem_channels=8)
    assert regions.regions == Pooling(structures=("VISp", "LGd"))
    assert settings.metrics["cca"].metric == LinearMetric(alpha=0.0, n_components=4)


def test_numbers_stay_as_they_were_written():
    config = validated({"datasets": {"nasbench": {"training": {"epochs": 3}}}, "metrics": METRICS})
    assert repr(config["datasets"]["nasbench"]["training"]["epochs"]) == "3"
    assert validated(config) == config


def test_there_may_be_several_datasets_of_a_kind_under_any_name():
    study = study_of(
        {
            "narrow": {"kind": "networks", "n_networks": 5, "training": {"stem_channels": 4}},
            "wide": {"kind": "networks", "n_networks": 6},
            "visual": {"kind": "recordings", "source": "download", "url": "http://127.0.0.1/"},
            "choice": {"kind": "recordings", "source": "steinmetz", "folder": "sessions"},
        }
    )
    assert list(study.of_kind("networks")) == ["narrow", "wide"]
    assert list(study.of_kind("recordings")) == ["visual", "choice"]
    assert [study.dataset(name).settings.n_networks for name in ("narrow", "wide")] == [5, 6]
    assert study.dataset("narrow").training_work < study.dataset("wide").training_work
    assert study.dataset("wide").downloads == "results/wide/downloads"
    assert len([line for line in study.announcements() if "networks on digits" in line]) == 2
    for name in ("visual", "choice"):
        assert set(study.dataset(name).selections) == {"regions"}
        assert ("halves", "procrustes") in study.matrices(name)
    # What the store keeps is what was written, not what a name implies.
    assert "kind" not in study.dataset("choice").stored_settings


def test_a_name_implies_its_kind_and_no_more():
    named = study_of({"steinmetz": {"folder": "sessions"}})
    other = study_of({"mice": {"kind": "recordings", "source": "steinmetz", "folder": "sessions"}})
    assert type(named.dataset("steinmetz")) is type(other.dataset("mice"))
    assert named.figures("steinmetz") == other.figures("mice")


def test_figures_of_single_trials_are_drawn_where_settings_ask_for_them():
    plain = study_of({"steinmetz": {"folder": "sessions"}})
    asked = {"folder": "sessions", "signal": {"enabled": True}, "windows": {"enabled": True}}
    study = study_of({"steinmetz": asked})
    assert not {"signal", "windows"} & set(plain.figures("steinmetz"))
    assert set(study.figures("steinmetz")) - set(plain.figures("steinmetz")) == {
        "signal",
        "windows",
    }
    # They change nothing about the regions that are stored.
    stored = [s.dataset("steinmetz").stored_settings for s in (plain, study)]
    assert stored[0] == stored[1]
    with pytest.raises(ConfigError, match="signal"):
        study_of({"allen": {"signal": {"enabled": True}}})


def test_a_mistake_names_the_line_of_the_file_on_top(tmp_path: Path):
    below, above = tmp_path / "config.yaml", tmp_path / "mine.yaml"
    below.write_text("seed: 1\nmetrics:\n  cca:\n    family: linear\n    alpha: 0.5\n")
    above.write_text("# Mine.\n\nmetrics:\n  cca:\n    alpha: 7\n")
    config = {"datasets": {"nasbench": {}}, "metrics": {"cca": {"family": "linear", "alpha": 7}}}
    with pytest.raises(
        ConfigError, match=r"greater than the maximum of 1 \(.*mine\.yaml, line 5\)"
    ):
        validated(config, [below, above])
    config["metrics"]["cca"] = {"famly": "linear", "alpha": 1}
    below.write_text("metrics:\n  cca:\n    famly: linear\n")
    with pytest.raises(ConfigError, match=r"key 'family' is missing; there is 'famly'.*line 2\)"):
        validated(config, [below])


def test_two_datasets_cannot_write_into_one_folder():
    simulated = {"kind": "recordings", "folder": "sessions"}
    with pytest.raises(ValueError, match=r"'datasets\.b\.folder': found 'sessions', expected an"):
        study_of({"a": simulated, "b": simulated})
    assert study_of({"a": simulated, "b": {**simulated, "source": "download"}}).datasets == [
        "a",
        "b",
    ]


def test_settings_that_clash_have_their_line_too(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text("analyses:\n  growth:\n    metric: none\n")
    with pytest.raises(ValueError, match="found 'none', expected one of the metrics") as caught:
        study_of({"nasbench": {}}, analyses={"growth": {"metric": "none"}})
    message = str(caught.value)
    assert with_line(message, [file]) == f"{message} ({file}, line 3)"
    assert with_line(with_line(message, [file]), [file]) == f"{message} ({file}, line 3)"
    assert with_line("something else", [file]) == "something else"


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        ({"nasbench": {"training": {"epohcs": 2}}}, "did you mean 'epochs'"),
        (
            {"nasbench": {"training": {"epochs": -1}}},
            "training.epochs': -1 is less than the minimum of 0",
        ),
        ({"nasbench": {"training": {"flip": 1}}}, "training.flip': 1 is not of type 'boolean'"),
        ({"nasbench": {"training": {"precision": "bfloat61"}}}, "did you mean 'bfloat16'"),
        ({"nasbench": {"probes": {"max_side": "4"}}}, "is not of type 'integer', 'null'"),
        ({"nasbench": {"layers": ["stem", "stem"]}}, "found 'stem' more than once"),
        (
            {"allen": {"regions": {"min_units": 30, "max_units": 20}}},
            "regions.max_units': found 20, expected min_units (30)",
        ),
        ({"allen": {"regions": {"levle": 3}}}, "did you mean 'level'"),
        ({"allen": {"source": "steam"}}, "did you mean 'stream'"),
        ({"steinmetz": {}}, "key 'folder' is missing"),
        ({"allen": {"sessions": {"ids": [1, "2"]}}}, "sessions.ids.1': '2' is not of type"),
    ],
)
def test_mistakes_below_a_dataset_name_the_key(datasets, message):
    with pytest.raises(ConfigError) as caught:
        validated({"datasets": datasets, "metrics": METRICS})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


REQUIRED = {"comparison": {"measure": "cka"}}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_can_be_configured(family):
    settings = {"family": family, **REQUIRED.get(family, {})}
    config = validated({"datasets": {"nasbench": {}}, "metrics": {"it": settings}})
    assert Study(config).metric_settings("it") == config["metrics"]["it"]
    with pytest.raises(ConfigError, match=r"'metrics\.it\.famliy' is unknown|'family' is missing"):
        validated({"datasets": {"nasbench": {}}, "metrics": {"it": {"famliy": family}}})


def write_files(folder: Path, *shapes: tuple[int, ...]) -> dict[str, Any]:
    folder.mkdir()
    for k in range(12):
        array = np.random.default_rng(k).normal(size=shapes[k % len(shapes)])
        np.save(folder / f"n{k}.npy", array)
    pd.DataFrame({"id": [f"n{k}" for k in range(12)]}).to_csv(folder / "t.csv", index=False)
    return {"kind": "files", "folder": str(folder), "metadata": "t.csv"}


@pytest.mark.parametrize(
    ("family", "shapes", "found"),
    [
        ("convolution", [(20, 6)], "found arrays of 2 axes (stimuli, units) in selection 'all' of"),
        ("convolution", [(20, 4, 6)], "found arrays of 3 axes (stimuli, trials, units)"),
        ("convolution", [(20, 4, 4, 3), (20, 5, 5, 3)], "null, with grids 4x4 and 5x5"),
        ("gaussian_stochastic", [(20, 6)], "expected 3 axes (stimuli, trials, units)"),
        ("energy_stochastic", [(20, 4, 4, 3)], "expected 3 axes (stimuli, trials, units)"),
    ],
)
def test_a_metric_without_its_axes_is_refused_with_the_reason(
    tmp_path, root, family, shapes, found
):
    files = write_files(tmp_path / "files", *shapes)
    default = default_config(root)
    config = {"datasets": {"mine": files}, "metrics": {"it": {"family": family}, **METRICS}}
    if len({shape[1:-1] for shape in shapes}) > 1:
        files["positions"] = "mean"
    study = Study(validated(config), default)
    with pytest.raises(ValueError, match=r"configuration key .metrics\.it") as caught:
        examined(study)
    assert found in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("family", "shape", "trials"),
    [("convolution", (20, 4, 4, 3), "mean"), ("energy_stochastic", (20, 5, 6), "keep")],
)
def test_a_metric_reads_the_axes_that_it_declares(tmp_path, family, shape, trials):
    files = write_files(tmp_path / "files", shape)
    study = study_of({"mine": files}, comparisons={"it": {"family": family}})
    found = study.knowing(examined(study))
    assert "it" in found.measures_of("mine")
    assert study.trials == trials
    whole, matrix = (study.selection("mine", "compared", name) for name in ("it", "procrustes"))
    array = np.load(tmp_path / "files" / "n0.npy")
    assert whole.compared(array, "n0").shape == shape
    assert matrix.compared(array, "n0").ndim == 2


def test_what_is_left_out_beforehand_is_not_computed(tmp_path, root):
    files = write_files(tmp_path / "files", (20, 1))
    default = default_config(root)
    study = Study(validated({**default, "datasets": {"mine": files}}), default)
    found = study.knowing(examined(study))
    assert "one_minus_rsa" not in found.measures_of("mine")
    assert ("compared", "one_minus_rsa") in study.matrices("mine")
    assert ("compared", "one_minus_rsa") not in found.matrices("mine")


def test_a_narrower_metric_of_grids_is_compared_where_all_layers_have_one():
    grids = {"family": "convolution", "resample": [4, 4]}
    study = study_of({"nasbench": {}}, comparisons={"shifts": grids})
    assert study.metric("shifts") == ConvolutionMetric(resample=(4, 4))
    assert "shifts" in study.knowing(examined(study)).measures_of("nasbench")


def test_the_table_of_figures_has_a_script_a_caption_and_tables_for_each(root):
    for figure in FIGURES:
        assert (root / "scripts" / f"{figure.script}.py").is_file()
        assert (root / "report" / f"{figure.name}.rst").is_file()
        for tables in figure.tables.values():
            assert {tables} <= set(PATHS) if isinstance(tables, str) else set(tables) <= set(PATHS)
    jobs = [figure.job for figure in FIGURES]
    assert len(set(jobs)) == len(jobs)


def test_every_figure_of_a_dataset_is_drawn_once_by_a_job_of_its_chapter(root):
    study = Study(default_config(root))
    drawn = {name: [] for name in study.datasets}
    for chapter in chapters(study):
        assert {figure.figure.category.split()[-1].lower() for figure in chapter.figures} == {
            chapter.name.removeprefix("draw_")
        }
        drawn[chapter.dataset] += [figure.stem for figure in chapter.figures]
    for name, stems in drawn.items():
        expected = [study.layout.figure(path).format(dataset=name) for path in study.figures(name)]
        assert sorted(stems) == sorted(expected)
        assert len(set(stems)) == len(stems)


def test_rules_that_draw_are_those_of_the_configuration(root):
    rules = drawing_rules(str(root), str(root / "config" / "test.yaml"))
    assert "draw_geometry_nasbench" in rules
    assert not [rule for rule in rules if rule.endswith("_allen")]


def test_files_of_configuration_hold_no_key_that_is_unknown(root):
    for file in sorted((root / "config").glob("*.yaml")):
        given = yaml.safe_load(file.read_text())
        assert set(given) <= set(type(read_settings(default_config(root))).model_fields)


def test_studies_may_share_a_folder_of_trained_networks():
    networks = {"trained_folder": "shared"}
    config = validated({"datasets": {"nasbench": networks}, "metrics": METRICS})
    assert Study(config).dataset("nasbench").trained_folder == "shared"
    own = Study(validated({"datasets": {"nasbench": {}}, "metrics": METRICS}))
    assert own.dataset("nasbench").trained_folder == "results/nasbench/networks"
