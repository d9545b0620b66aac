"""Figures of regression, predictions, classification and clustering."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import Rectangle
from scipy.cluster.hierarchy import leaves_list

from shapemetrics.figures import (
    plot_classification,
    plot_dendrogram,
    plot_predictions,
    plot_regression_scores,
)
from shapemetrics.figures.style import CATEGORIES, NULL, STATE_COLORS


def points(axes):
    """Position, value, colour and filling of every single marker."""
    return [
        (*line.get_xydata()[0], line.get_markeredgecolor(), line.get_markerfacecolor() != "white")
        for line in axes.lines
        if len(line.get_xdata()) == 1
    ]


def nulls(axes):
    return [
        patch
        for patch in axes.patches
        if isinstance(patch, Rectangle) and to_hex(patch.get_facecolor()) == to_hex(NULL)
    ]


def test_scores_have_a_panel_a_metric_with_r2_above_rho(scores):
    figure = plot_regression_scores(scores)
    assert len(figure.axes) == 8
    assert [ax.get_title() for ax in figure.axes[:4]] == [
        "Procrustes angular",
        "Ridge angular",
        "CCA angular",
        "Angular CKA",
    ]
    assert figure.axes[0].get_ylabel() == "Held-out R²"
    assert figure.axes[4].get_ylabel() == "Held-out Spearman ρ"
    assert [t.get_text() for t in figure.axes[4].get_xticklabels()] == [
        "Stem",
        "Stack 1",
        "Stack 2",
        "Stack 3",
        "Pool",
    ]
    assert figure.axes[4].get_xlabel() == "Layer (n = 240)"
    for row in (figure.axes[:4], figure.axes[4:]):
        assert len({ax.get_ylim() for ax in row}) == 1


def test_scores_stand_at_their_layer_filled_where_significant(scores):
    axes = plot_regression_scores(scores).axes[0]
    rows = scores[scores["metric"] == "procrustes_angular"]
    shown = {(round(x), color, round(value, 9)): filled for x, value, color, filled in points(axes)}
    assert len(shown) == 10
    for row in rows.itertuples():
        place = ["stem", "stack1", "stack2", "stack3", "pool"].index(row.layer)
        assert shown[place, STATE_COLORS[row.state], round(row.r2, 9)] == (row.p_value < 0.05)
    assert not all(shown.values())
    assert any(shown.values())


def test_each_score_has_its_null_beside_it(scores):
    changed = scores.assign(null_r2_low=np.linspace(-0.2, -0.1, len(scores)))
    axes = plot_regression_scores(changed).axes[0]
    rows = changed[changed["metric"] == "procrustes_angular"]
    bars = nulls(axes)
    assert len(bars) == 10
    lows = sorted(bar.get_y() for bar in bars)
    np.testing.assert_allclose(lows, np.sort(rows["null_r2_low"]))
    np.testing.assert_allclose([bar.get_y() + bar.get_height() for bar in bars], 0.03)
    spots = np.array([point[0] for point in points(axes)])
    for bar in bars:
        assert np.abs(spots - bar.get_x()).min() < 0.35
        assert (np.abs(spots - bar.get_x() - 0.5 * bar.get_width()) > bar.get_width() / 2).all()


def test_chance_is_a_line_at_zero_that_says_so(scores, texts):
    figure = plot_regression_scores(scores)
    assert texts(figure).count("chance") == 2
    for axes in figure.axes:
        assert any(np.array_equal(line.get_ydata(), [0, 0]) for line in axes.lines)
        assert axes.get_ylim()[0] < 0 < axes.get_ylim()[1]


def test_a_hopeless_score_is_an_arrow_with_its_value(scores, texts):
    changed = scores.copy()
    changed.loc[0, ["r2", "r2_low", "r2_high"]] = [-3.24, -5.0, -2.0]
    figure = plot_regression_scores(changed)
    assert "−3.2" in texts(figure)
    assert figure.axes[0].get_ylim()[0] > -1.3
    assert any(line.get_marker() == "v" for line in figure.axes[0].lines)


def test_rho_is_filled_by_its_own_p_value_where_there_is_one(scores):
    figure = plot_regression_scores(scores.assign(spearman_p_value=0.5))
    assert not any(filled for *_, filled in points(figure.axes[4]))
    assert any(filled for *_, filled in points(figure.axes[0]))


def test_one_layer_lists_the_metrics(region_predictions):
    figure = plot_regression_scores(region_predictions[1])
    left, right = figure.axes
    assert [t.get_text() for t in left.get_yticklabels()] == ["Procrustes angular", "CCA angular"]
    assert left.get_xlabel() == "Held-out R² (n = 26)"
    assert right.get_xlabel() == "Held-out Spearman ρ (n = 26)"
    np.testing.assert_allclose([p[0] for p in points(left)], region_predictions[1]["r2"])
    assert len(nulls(left)) == 2
    assert len(nulls(right)) == 0


def test_many_metrics_are_wrapped(scores, clashes):
    more = pd.concat([scores, scores.assign(metric=scores["metric"] + "_2")])
    more = more[more["metric"] != "angular_cka_2"]
    figure = plot_regression_scores(more)
    assert len(figure.axes) == 14
    assert clashes(figure) == []


def test_several_targets_must_be_chosen_from(scores, texts):
    both = pd.concat([scores, scores.assign(target="depth", r2=0.0)])
    with pytest.raises(ValueError, match="holds targets test_accuracy, depth; choose one"):
        plot_regression_scores(both)
    with pytest.raises(ValueError, match="no rows for target size"):
        plot_regression_scores(both, target="size")
    figure = plot_regression_scores(both, target="depth")
    assert "Predicting depth" in texts(figure)
    assert {value for _, value, *_ in points(figure.axes[0])} == {0.0}


def test_scores_of_selections_that_cannot_be_told_apart_are_refused(scores):
    with pytest.raises(ValueError, match="several rows for layer=stem, metric="):
        plot_regression_scores(scores.drop(columns="state"))


def clouds(axes):
    return [c for c in axes.collections if isinstance(c, PathCollection)]


def test_predictions_have_a_panel_a_layer_and_state_with_its_scores(predictions, scores):
    figure = plot_predictions(predictions, scores)
    assert len(figure.axes) == 10
    part = predictions.query("state == 'trained' and layer == 'pool'")
    (cloud,) = clouds(figure.axes[9])
    np.testing.assert_array_equal(cloud.get_offsets(), part[["observed", "predicted"]])
    score = scores.query("selection == 'pool_trained' and metric == 'procrustes_angular'")
    expected = f"R² {score['r2'].item():.2f}, ρ {score['spearman'].item():.2f}"
    assert figure.axes[9].get_title() == expected
    for axes in figure.axes:
        assert axes.get_xlim() == axes.get_ylim()
        assert np.array_equal(axes.lines[0].get_xdata(), axes.lines[0].get_ydata())
    assert figure.axes[9].get_xlabel() == "Observed"
    assert figure.axes[5].get_ylabel() == "Trained\nPredicted"


def test_repeated_predictions_are_averaged(predictions, scores):
    shifted = [predictions.assign(repeat=r, predicted=predictions["predicted"] + r) for r in (0, 2)]
    figure = plot_predictions(pd.concat(shifted), scores)
    part = predictions.query("state == 'untrained' and layer == 'stack1'")
    (cloud,) = clouds(figure.axes[1])
    np.testing.assert_array_equal(cloud.get_offsets()[:, 0], part["observed"])
    np.testing.assert_allclose(cloud.get_offsets()[:, 1], part["predicted"] + 1)


def test_repeats_without_their_column_are_refused(predictions, scores):
    with pytest.raises(ValueError, match="several rows for layer="):
        plot_predictions(pd.concat([predictions, predictions]), scores)


def test_predictions_need_one_score_a_panel(predictions, scores):
    with pytest.raises(ValueError, match="0 scores for layer pool, state trained, expected 1"):
        plot_predictions(predictions, scores[scores["selection"] != "pool_trained"])


def test_metrics_of_predictions_are_panels_or_chosen(predictions, scores, region_predictions):
    by_metric = plot_predictions(*region_predictions)
    assert len(by_metric.axes) == 2
    one = plot_predictions(*region_predictions, metric="cca_angular", label="id")
    assert len(one.axes) == 1
    names = {text.get_text() for text in one.axes[0].texts}
    assert set(region_predictions[0]["id"]) <= names
    both = pd.concat([predictions, predictions.assign(metric="cca_angular")])
    with pytest.raises(ValueError, match="and 5 layers; choose one metric"):
        plot_predictions(both, scores)
    with pytest.raises(ValueError, match="no rows for metric cka, found procrustes_angular"):
        plot_predictions(predictions, scores, metric="cka")


def test_accuracies_stand_beside_chance_and_null(classification):
    scores, _ = classification
    figure = plot_classification(scores)
    assert len(figure.axes) == 3
    assert figure.axes[0].get_title() == "Layer\n(5 classes, n = 1,200)"
    assert len(figure.axes[0].get_yticklabels()) == 8
    for axes, task in zip(figure.axes, ("layer", "training_state", "division"), strict=True):
        part = scores[scores["task"] == task]
        shown = points(axes)
        np.testing.assert_allclose(np.sort([p[0] for p in shown]), np.sort(part["accuracy"]))
        assert sum(p[3] for p in shown) == (part["p_value"] < 0.05).sum()
        assert {p[2] for p in shown} == set(CATEGORIES[:2])
        chance = part["chance"].iloc[0]
        assert any(np.array_equal(line.get_xdata(), [chance] * 2) for line in axes.lines)
        assert len(nulls(axes)) == 16
        assert nulls(axes)[0].get_x() == pytest.approx(part["null_low"].iloc[0])
        assert axes.get_xlabel() == "Held-out accuracy"


def test_without_lower_end_the_null_starts_at_its_mean(classification):
    scores = classification[0].drop(columns="null_low")
    (bar, *_) = nulls(plot_classification(scores).axes[0])
    assert bar.get_x() == pytest.approx(scores["null_mean"].iloc[0])
    assert bar.get_x() + bar.get_width() == pytest.approx(scores["null_high"].iloc[0])


def test_confusions_are_those_of_the_best_pair_as_shares(classification):
    scores, confusion = classification
    figure = plot_classification(scores, confusion)
    maps = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in maps] == ["Procrustes angular, SVM"] * 3
    shares = np.asarray(maps[0].images[0].get_array())
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    part = confusion.query(
        "task == 'layer' and metric == 'procrustes_angular' and classifier == 'svm'"
    )
    counts = part.pivot(index="true", columns="predicted", values="count")
    assert maps[0].get_yticklabels()[0].get_text() == "Stem"
    assert shares[0, 0] == pytest.approx(counts.at["stem", "stem"] / counts.loc["stem"].sum())
    assert int(maps[0].texts[0].get_text()) == counts.at["stem", "stem"]


def test_a_task_without_confusion_counts_is_named(classification):
    scores, confusion = classification
    with pytest.raises(ValueError, match="no confusion counts for task division, Procrustes"):
        plot_classification(scores, confusion[confusion["task"] != "division"])


def test_many_tasks_are_wrapped(classification, clashes):
    scores, confusion = classification
    more = [
        pd.concat([t, t[t["task"] == "layer"].assign(task="another_layer")])
        for t in (scores, confusion)
    ]
    figure = plot_classification(*more)
    assert sum(bool(ax.images) for ax in figure.axes) == 4
    assert clashes(figure) == []


def brackets(axes):
    (lines,) = [c for c in axes.collections if isinstance(c, LineCollection)]
    return np.array(lines.get_segments())


def test_the_tree_is_scipys(network_tree):
    linkage, leaves = network_tree
    figure = plot_dendrogram(linkage.sample(frac=1, random_state=0), leaves[::-1], "test_accuracy")
    tree, strip = figure.axes[:2]
    found = brackets(tree)
    assert len(found) == 239
    np.testing.assert_allclose(found[:, 1, 1], np.sort(linkage["height"]))
    # Branches do not cross: the widest bracket spans the tree, and leaves stand at whole places.
    feet = np.sort(found[:, [0, 3], 0][found[:, [0, 3], 1] == 0])
    np.testing.assert_array_equal(feet, np.arange(240))
    order = leaves_list(linkage[["left", "right", "height", "size"]].to_numpy())
    ranks = leaves["test_accuracy"].to_numpy()[order]
    image = np.asarray(strip.images[0].get_array())[0]
    best, worst = image[ranks.argmax()], image[ranks.argmin()]
    np.testing.assert_allclose(best, to_rgb("#fde725"), atol=0.01)
    np.testing.assert_allclose(worst, to_rgb("#440154"), atol=0.01)
    assert strip.get_xlabel() == "240 leaves in the order of the tree"
    assert tree.get_ylabel() == "Linkage distance"


def test_few_leaves_are_named_in_the_order_of_the_tree(region_tree):
    linkage, leaves = region_tree
    strip = plot_dendrogram(linkage, leaves, "atlas_color", legend="division").axes[1]
    order = leaves_list(linkage[["left", "right", "height", "size"]].to_numpy())
    names = [text.get_text() for text in strip.get_xticklabels()]
    assert names == leaves["id"].iloc[order].to_list()
    image = np.asarray(strip.images[0].get_array())[0]
    expected = [to_rgb(color) for color in leaves["atlas_color"].iloc[order]]
    np.testing.assert_allclose(image, expected)
    unnamed = plot_dendrogram(linkage, leaves, "atlas_color", max_labels=10).axes[1]
    assert len(unnamed.get_xticklabels()) == 0


def test_a_linkage_of_other_leaves_is_refused(region_tree):
    linkage, leaves = region_tree
    with pytest.raises(ValueError, match="the linkage has 46 rows for 48 leaves, expected 47"):
        plot_dendrogram(linkage.iloc[:-1], leaves, "division")
    with pytest.raises(ValueError, match="must hold 0 to 47, each once"):
        plot_dendrogram(linkage, leaves.assign(leaf=0), "division")
    with pytest.raises(ValueError, match="must merge every leaf and earlier merge"):
        plot_dendrogram(linkage.assign(left=linkage["right"]), leaves, "division")
