"""What holds for every figure: its columns, its mark, its text, and its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from shapemetrics import figures


def words(text: str) -> list[str]:
    return text.split()


SCORES = words(
    "metric target r2 r2_low r2_high spearman null_r2_mean null_r2_low null_r2_high p_value n"
)
ACCURACIES = words(
    "task classifier metric accuracy accuracy_low accuracy_high chance null_mean null_high p_value "
    "n n_classes"
)
MERGES = words("step left right height size")
PLANE = words("id pc1 pc2 pc1_fraction pc2_fraction")
AUDIT = words("metric is_metric n_triples n_violations fraction max_relative_violation")

# Name: plot function, fixture of its table or tables, arguments, columns each table needs.
CASES: dict[str, tuple[Callable[..., Figure], str, dict[str, Any], list[list[str]]]] = {
    "embedding by layer": (
        figures.plot_embedding,
        "embedding",
        {"color": "test_accuracy", "unit": "rad"},
        [[*PLANE, "test_accuracy"]],
    ),
    "embedding of regions": (
        figures.plot_embedding,
        "regions",
        {"color": "atlas_color", "legend": "division", "label": "id"},
        [[*PLANE, "atlas_color", "division"]],
    ),
    "embedding of regions by score": (
        figures.plot_embedding,
        "regions",
        {"color": "hierarchy_score", "label": "id"},
        [[*PLANE, "hierarchy_score"]],
    ),
    "layers": (
        figures.plot_layers,
        "layers",
        {"names": ("first", "second")},
        [["layer_a", "layer_b", "distance", "best"]],
    ),
    "distortion": (
        figures.plot_distortion,
        "distortion",
        {},
        [["method", "n_dimensions", "max_distortion", "mean_distortion"]],
    ),
    "dendrogram of networks": (
        figures.plot_dendrogram,
        "network_tree",
        {"color": "test_accuracy"},
        [MERGES, ["leaf", "id", "test_accuracy"]],
    ),
    "dendrogram of regions": (
        figures.plot_dendrogram,
        "region_tree",
        {"color": "atlas_color", "legend": "division"},
        [MERGES, ["leaf", "id", "atlas_color", "division"]],
    ),
    "dendrogram of regions by score": (
        figures.plot_dendrogram,
        "region_tree",
        {"color": "hierarchy_score"},
        [MERGES, ["leaf", "id", "hierarchy_score"]],
    ),
    "regression by layer": (figures.plot_regression_scores, "scores", {}, [SCORES]),
    "regression by metric": (figures.plot_regression_scores, "region_scores", {}, [SCORES]),
    "predictions by layer": (
        figures.plot_predictions,
        "predictions_and_scores",
        {},
        [
            ["metric", "target", "id", "observed", "predicted"],
            ["metric", "target", "r2", "spearman"],
        ],
    ),
    "predictions of regions": (
        figures.plot_predictions,
        "region_predictions",
        {"metric": "cca_angular", "label": "id"},
        [
            ["metric", "target", "id", "observed", "predicted"],
            ["metric", "target", "r2", "spearman"],
        ],
    ),
    "classification": (
        figures.plot_classification,
        "classification",
        {},
        [ACCURACIES, ["task", "classifier", "metric", "true", "predicted", "count"]],
    ),
    "audit": (figures.plot_audit, "audit", {}, [AUDIT]),
    "agreement": (
        figures.plot_agreement,
        "agreement",
        {},
        [["metric_a", "metric_b", "spearman", "p_value"]],
    ),
    "noise floor": (
        figures.plot_noise_floor,
        "noise",
        {"distance_label": "Distance (rad)"},
        [["metric", "item", "floor", "nearest", "median", "identified"]],
    ),
    "signal": (
        figures.plot_signal,
        "signal_and_simulation",
        {},
        [
            ["measure", "estimate", "among", "item", "n", "identified"],
            ["measure", "reliability", "shared", "truth", "plug_in", "corrected"],
        ],
    ),
    "windows": (
        figures.plot_windows,
        "windows",
        {"distance_label": "Distance (rad)"},
        [["start", "stop", "own", "others"]],
    ),
    "growth": (
        figures.plot_growth,
        "growth",
        {"distance_label": "Mean distance (rad)"},
        [["median_units", "repeats", "mean_distance", "r2", "r2_low", "null_r2_high"]],
    ),
    "samples": (
        figures.plot_distance_vs_samples,
        "samples",
        {"distance_label": "Distance (rad)"},
        [["metric", "n_stimuli", "distance", "low", "high"]],
    ),
    "shift maps": (
        figures.plot_shift_maps,
        "shift_maps",
        {},
        [["pair", "shift_y", "shift_x", "distance"]],
    ),
    "shift gain": (
        figures.plot_shift_gain,
        "shift_gain",
        {"by": "layer"},
        [["pair", "layer", "distance_no_shift", "distance_shift"]],
    ),
    "accuracies": (
        figures.plot_accuracies,
        "networks",
        {"chance": 0.1},
        [["test_accuracy", "trainable_parameters", "depth"]],
    ),
    "published accuracies": (
        figures.plot_published,
        "published_networks",
        {"chance": 0.1},
        [["test_accuracy", "published_test_accuracy"]],
    ),
    "baselines": (
        figures.plot_baselines,
        "baselines",
        {"target": "published_log_error"},
        [words("description distances r2 r2_low r2_high n target")],
    ),
    "covariates": (
        figures.plot_covariates,
        "explained",
        {},
        [["covariate", "r2", "p_value"]],
    ),
    "unique covariates": (
        figures.plot_covariates,
        "explained",
        {"value": "unique_r2"},
        [["covariate", "unique_r2", "p_value"]],
    ),
}


@pytest.fixture
def case(request):
    plot, fixture, arguments, columns = CASES[request.param]
    tables = request.getfixturevalue(fixture)
    return plot, list(tables) if isinstance(tables, tuple) else [tables], arguments, columns


@pytest.fixture(scope="session")
def signal_and_simulation(signal, signal_simulation):
    return signal, signal_simulation


@pytest.fixture(scope="session")
def layers():
    """Four layers of one model against six of another."""
    rows = [
        (f"conv{i}", f"block{j}", abs(i / 4 - j / 6) + 0.1, j == i * 6 // 4)
        for i in range(4)
        for j in range(6)
    ]
    return pd.DataFrame(rows, columns=["layer_a", "layer_b", "distance", "best"])


@pytest.fixture(scope="session")
def predictions_and_scores(predictions, scores):
    return predictions, scores


@pytest.fixture(scope="session")
def published_networks():
    """Networks that reach less here than was published, one of which diverged."""
    rng = np.random.default_rng(6)
    published = 1 - 10 ** rng.normal(-1.1, 0.12, 100)
    ours = 1 - np.minimum(1.6 * (1 - published) ** 0.8 * 10 ** rng.normal(0, 0.08, 100), 0.9)
    ours[3] = 0.1
    return pd.DataFrame(
        {
            "test_accuracy": ours,
            "published_test_accuracy": published,
            "published_spread": rng.uniform(0.001, 0.008, 100),
            "diverged": np.arange(100) == 3,
        }
    )


@pytest.fixture(scope="session")
def baselines():
    """Scores of four layers in two states, of five descriptions, and of two of these with each."""
    rng = np.random.default_rng(8)
    chosen = [
        (layer, state) for state in ("untrained", "trained") for layer in words("stem stack3 pool")
    ]
    numbers = words("trainable_parameters published_training_seconds log_error")
    rows = [{"description": name, "r2": r2} for name, r2 in zip(numbers, (0.37, 0.21, 0.3))]
    rows += [{"description": name, "r2": 0.75} for name in ("cell", "cell_and_numbers")]
    rows += [
        {
            "distances": f"{layer}_{state}",
            "layer": layer,
            "state": state,
            "r2": rng.uniform(-0.1, 0.7),
        }
        for layer, state in chosen
    ]
    for name in ("cell", "cell_and_numbers"):
        for layer, state in [*chosen, (None, None)]:
            place = f"{layer}_{state}" if layer else "all"
            gain = rng.uniform(-0.02, 0.06)
            rows.append({"description": name, "distances": place, "layer": layer, "state": state})
            rows[-1] |= {"r2": 0.75 + gain, "gain": gain}
            rows[-1] |= {"gain_low": gain - 0.03, "gain_high": gain + 0.03}
    table = pd.DataFrame(rows).assign(target="published_log_error", n=300)
    table["r2_low"], table["r2_high"] = table["r2"] - 0.06, table["r2"] + 0.06
    alone = table["gain"].isna()
    return table.assign(
        null_r2_mean=np.where(alone, -0.02, np.nan),
        null_r2_low=np.where(alone, -0.06, np.nan),
        null_r2_high=np.where(alone, 0.01, np.nan),
    )


@pytest.fixture(scope="session")
def explained():
    """Shares of the variance of seven covariates, five layers, two states."""
    rng = np.random.default_rng(7)
    rows = [
        {
            "covariate": name,
            "layer": layer,
            "state": state,
            "r2": rng.uniform(-0.001, 0.3),
            "unique_r2": rng.uniform(-0.001, 0.1),
            "p_value": rng.choice([0.005, 0.3]),
        }
        for state in ("untrained", "trained")
        for layer in ("stem", "stack1", "stack2", "stack3", "pool")
        for name in words("n_conv3x3 n_conv1x1 n_maxpool depth width n_edges test_accuracy")
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def region_scores(region_predictions):
    return region_predictions[1]


def test_every_plot_function_is_tested_here():
    plots = {name for name in figures.__all__ if name.startswith("plot_")}
    assert plots == {plot.__name__ for plot, *_ in CASES.values()}


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_a_figure_for_print(case, clashes, texts):
    plot, tables, arguments, _ = case
    before = [table.copy() for table in tables]
    settings = dict(matplotlib.rcParams)
    figure = plot(*tables, **arguments, title="A title", simulated=True)

    assert isinstance(figure, Figure)
    assert dict(matplotlib.rcParams) == settings
    for table, copy in zip(tables, before, strict=True):
        pd.testing.assert_frame_equal(table, copy)
    assert 2.0 <= figure.get_size_inches()[0] <= 7.0
    assert figure.get_size_inches()[1] <= 9.0
    assert clashes(figure) == []
    shown = texts(figure)
    assert shown.count("simulated data") == 1
    assert "A title" in shown
    for axes in figure.axes:
        assert axes.has_data() or axes.images or axes.get_label() == "<colorbar>", "empty panel"
    sizes = {text.get_fontsize() for text in figure.findobj(matplotlib.text.Text)}
    assert min(sizes) >= 5
    assert max(sizes) <= 9


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_real_data_bear_no_mark(case):
    plot, tables, arguments, _ = case
    figure = plot(*tables, **arguments)
    texts = [text.get_text() for text in figure.findobj(matplotlib.text.Text)]
    assert "simulated data" not in texts


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_each_missing_column_is_named(case):
    plot, tables, arguments, columns = case
    for at, needed in enumerate(columns):
        for column in needed:
            changed = list(tables)
            changed[at] = tables[at].drop(columns=column)
            with pytest.raises(ValueError, match=rf"missing column {column}; found ") as error:
                plot(*changed, **arguments)
            assert "\n" not in str(error.value)
            assert "expected" in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, indirect=True)
def test_the_same_numbers_give_the_same_bytes(case, tmp_path):
    plot, tables, arguments, _ = case
    # Neither the order of the columns nor the index carries meaning.
    turned = [table[table.columns[::-1]].set_axis(range(100, 100 + len(table))) for table in tables]

    def saved(name: str, tables: list[pd.DataFrame]) -> list[str]:
        figure = plot(*tables, **arguments)
        paths = figures.save_figure(figure, tmp_path / name, dpi=60)
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]

    assert saved("plain", tables) == saved("turned", turned)
