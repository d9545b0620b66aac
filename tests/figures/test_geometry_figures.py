"""Figures of distortion, triangle audits, agreement and sample size."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection

from shapemetrics.figures import (
    plot_agreement,
    plot_audit,
    plot_distance_vs_samples,
    plot_distortion,
)


def test_distortion_has_a_column_a_state_and_a_line_a_layer_and_method(distortion):
    figure = plot_distortion(distortion)
    assert [ax.get_title() for ax in figure.axes[:2]] == ["Untrained", "Trained"]
    assert [figure.axes[k].get_ylabel() for k in (0, 2)] == [
        "Maximum distortion",
        "Mean distortion",
    ]
    for name, at in (("max_distortion", 1), ("mean_distortion", 3)):
        axes = figure.axes[at]
        curves = [line for line in axes.lines if len(line.get_xdata()) > 2]
        assert len(curves) == 10
        part = distortion.query("state == 'trained' and layer == 'stem' and method == 'metric'")
        np.testing.assert_array_equal(curves[0].get_xydata(), part[["n_dimensions", name]])
        assert axes.get_xscale() == axes.get_yscale() == "log"
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["Stem", "Stack 1", "Stack 2", "Stack 3", "Pool", "Metric", "Classical"]


def test_distortion_marks_the_isometric_line(distortion, texts):
    figure = plot_distortion(distortion)
    assert texts(figure).count("isometric") == 2
    for axes in figure.axes:
        assert any(np.array_equal(line.get_ydata(), [1, 1]) for line in axes.lines)
        assert axes.get_ylim()[0] < 1 < axes.get_ylim()[1]


@pytest.mark.parametrize("excess", [0.004, 0.03, 0.3, 30.0])
def test_distortion_has_readable_ticks_at_every_size(distortion, clashes, excess):
    scaled = distortion.assign(
        max_distortion=1 + (distortion["max_distortion"] - 1) * excess,
        mean_distortion=1 + (distortion["mean_distortion"] - 1) * excess,
    )
    figure = plot_distortion(scaled)
    assert clashes(figure) == []
    for axes in figure.axes:
        low, high = axes.get_ylim()
        assert sum(low <= tick <= high for tick in axes.get_yticks()) >= 3


def test_an_infinite_distortion_is_an_arrow_at_the_edge(distortion):
    endless = distortion.assign(
        max_distortion=distortion["max_distortion"].where(distortion["n_dimensions"] > 1, np.inf)
    )
    axes = plot_distortion(endless).axes[0]
    arrows = [line for line in axes.lines if line.get_marker() == "^"]
    assert len(arrows) == 10
    assert {tuple(arrow.get_xydata()[0]) for arrow in arrows} == {(1.0, 1.0)}
    assert np.isfinite(axes.get_ylim()).all()


def test_distortion_below_one_or_repeated_is_refused(distortion):
    wrong = distortion.assign(mean_distortion=distortion["mean_distortion"] - 0.9)
    with pytest.raises(ValueError, match=r"column mean_distortion is .* expected 1 or more"):
        plot_distortion(wrong)
    with pytest.raises(ValueError, match="several rows for layer=stem, state=untrained"):
        plot_distortion(pd.concat([distortion, distortion]))


def marks(axes):
    found = [c for c in axes.collections if isinstance(c, PathCollection)]
    return [np.asarray(c.get_offsets()) for c in found]


def test_metrics_without_violation_say_zero_of_how_many(audit, texts):
    figure = plot_audit(audit)
    shown = texts(figure)
    assert shown.count("0 of 136,516,800 triples") == 4
    for axes, name in zip(figure.axes, ("fraction", "max_relative_violation")):
        for points, (metric, part) in zip(marks(axes), audit.groupby("metric", sort=False)):
            assert len(points) == 10, metric
            np.testing.assert_allclose(np.sort(points[:, 0]), np.sort(part[name]))
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels[0] == "Procrustes angular"
    assert labels[-1] == "RSA correlation"


def test_zero_stands_apart_from_the_smallest_violation(audit):
    figure = plot_audit(audit)
    figure.draw_without_rendering()
    for axes, name in zip(figure.axes, ("fraction", "max_relative_violation")):
        least = audit.loc[audit[name] > 0, name].min()
        zero, first = axes.transData.transform([(0, 0), (least, 0)])[:, 0]
        assert (first - zero) / figure.dpi > 0.2
        assert axes.get_xlim()[0] < 0 < audit[name].max() < axes.get_xlim()[1]
        assert 0 in axes.get_xticks()


def test_metrics_come_before_other_measures_in_another_colour(audit):
    figure = plot_audit(audit[::-1])
    texts = figure.axes[0].get_yticklabels()
    kinds = dict(zip(audit["metric"], audit["is_metric"]))
    true = {text.get_text() for text, _ in zip(texts, range(4))}
    assert true == {"Procrustes angular", "Ridge angular", "CCA angular", "Angular CKA"}
    assert len({text.get_color() for text in texts[:4]}) == 1
    assert texts[0].get_color() != texts[-1].get_color()
    assert sum(kinds.values()) == 4


def test_an_infinite_violation_is_an_arrow_and_a_missing_one_zero(audit):
    changed = audit.copy()
    changed.loc[changed["metric"] == "rsa_correlation", "max_relative_violation"] = np.inf
    changed.loc[changed["metric"] == "cca_angular", "max_relative_violation"] = np.nan
    axes = plot_audit(changed).axes[1]
    (arrows,) = [line for line in axes.lines if line.get_marker() == ">"]
    assert len(arrows.get_xdata()) == 10
    assert (marks(axes)[2][:, 0] == 0).all()


def test_audit_needs_booleans(audit):
    with pytest.raises(ValueError, match=r"column is_metric has dtype .* expected booleans"):
        plot_audit(audit.assign(is_metric=audit["is_metric"].map({True: "yes", False: "no"})))


def test_agreement_writes_every_pair_once(agreement):
    figure = plot_agreement(agreement)
    axes = figure.axes[0]
    written = {tuple(t.get_position()): t.get_text() for t in axes.texts}
    assert len(written) == len(agreement) == 28
    rows = [t.get_text() for t in axes.get_yticklabels()]
    columns = [t.get_text() for t in axes.get_xticklabels()]
    j, i = columns.index("Procrustes angular"), rows.index("RSA correlation")
    last = agreement.query("metric_a == 'procrustes_angular' and metric_b == 'rsa_correlation'")
    assert written[j, i] == f"{last['spearman'].item():.2f}\nn.s."
    assert sum("n.s." in text for text in written.values()) == (agreement["p_value"] >= 0.05).sum()


def test_agreement_takes_pairs_in_either_order_and_ignores_the_diagonal(agreement):
    turned = agreement.rename(columns={"metric_a": "metric_b", "metric_b": "metric_a"})
    same = pd.DataFrame(
        [(m, m, 1.0, 0.001) for m in agreement["metric_a"].unique()], columns=agreement.columns
    )
    both = plot_agreement(pd.concat([agreement, turned, same]))
    assert len(both.axes[0].texts) == 28
    wrong = pd.concat([agreement, turned.assign(spearman=0.0)])
    with pytest.raises(ValueError, match=r"pair .* has values .* expected one selection"):
        plot_agreement(wrong)


def test_agreement_needs_two_measures():
    columns = ["metric_a", "metric_b", "spearman", "p_value"]
    one = pd.DataFrame([("a", "a", 1.0, 0.0)], columns=columns)
    with pytest.raises(ValueError, match=r"found one measure \(a\)"):
        plot_agreement(one)


def test_samples_have_a_panel_a_metric_with_both_estimates(samples):
    figure = plot_distance_vs_samples(samples, distance_label="Distance (rad)")
    assert [ax.get_title() for ax in figure.axes] == [
        "Procrustes angular",
        "Ridge angular",
        "CCA angular",
        "Angular CKA",
    ]
    assert figure.axes[0].get_ylabel() == "Distance (rad)"
    for axes, (_, part) in zip(figure.axes, samples.groupby("metric", sort=False)):
        plain, held_out = axes.lines
        for line, kind in ((plain, False), (held_out, True)):
            rows = part[part["held_out"] == kind]
            np.testing.assert_array_equal(line.get_xydata(), rows[["n_stimuli", "distance"]])
        bands = [c.get_paths()[0].vertices for c in axes.collections]
        assert len(bands) == 2
        assert bands[0][:, 1].min() == pytest.approx(part.loc[~part["held_out"], "low"].min())
        assert axes.get_xscale() == "log"
        assert {50, 1600} <= set(axes.get_xticks())


def test_samples_without_held_out_have_one_line(samples):
    plain = samples[~samples["held_out"]].drop(columns="held_out")
    figure = plot_distance_vs_samples(plain)
    assert [len(ax.lines) for ax in figure.axes] == [1, 1, 1, 1]
    assert len(figure.legends[0].get_texts()) == 2


def test_samples_can_share_one_range(samples):
    figure = plot_distance_vs_samples(samples, share_y=True)
    assert len({ax.get_ylim() for ax in figure.axes}) == 1


def test_samples_refuse_distances_in_held_out_and_repeated_rows(samples):
    with pytest.raises(ValueError, match="column held_out has dtype float64, expected booleans"):
        plot_distance_vs_samples(samples.assign(held_out=0.5))
    with pytest.raises(ValueError, match="several rows for metric=procrustes_angular"):
        plot_distance_vs_samples(pd.concat([samples, samples]))
