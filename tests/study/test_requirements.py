"""The table of requirements tells the truth about what measures and analyses do with small data."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapemetrics import pairwise_distances
from shapemetrics.learning import nested_classification, nested_regression
from shapemetrics.metrics.comparisons import KINDS as COMPARISONS
from shapemetrics.metrics.kernel import APPROXIMATE_COMPONENTS
from shapemetrics.metrics.registry import FAMILIES, build_metric
from shapemetrics.study.facts import class_items, equal_ids, have_spread, regression_items, sizes_of
from shapemetrics.study.fitting import (
    fewest_stimuli,
    fitted_analysis,
    fitted_dimensions,
    fitted_measure,
)
from shapemetrics.study.needs import Items, LeftOut, Refused, Sizes
from shapemetrics.study.requirements import KERNEL_FEATURES, MEASURES
from shapemetrics.study.samples import sample_sizes

RBF = {"family": "kernel", "kernel": "rbf"}
SETTINGS: list[dict[str, Any]] = [
    *({"family": "linear", "alpha": alpha} for alpha in (0.0, 0.5, 1.0)),
    {"family": "linear", "alpha": 0.0, "n_components": 5},
    {"family": "linear", "alpha": 0.0, "n_components": 5, "center": False},
    {"family": "permutation"},
    {"family": "permutation", "padding": "free"},
    {"family": "soft_matching", "geometry": "angular"},
    {"family": "angular_cka"},
    {"family": "angular_cka", "kernel": "rbf"},
    {"family": "kernel", "alpha": 0.0},
    RBF,
    {**RBF, "approximation": "nystroem", "n_components": 7},
    {**RBF, "approximation": "nystroem"},
    {**RBF, "approximation": "random_features", "n_components": 7},
    *({"family": "comparison", "measure": name} for name in ("cka", "mean_cca", "pwcca")),
    *({"family": "comparison", "measure": m, "n_components": 6} for m in ("mean_cca", "pwcca")),
    {"family": "comparison", "measure": "linear_regression", "ridge": 0.1},
    {"family": "comparison", "measure": "linear_regression", "n_folds": 2},
    {"family": "comparison", "measure": "linear_regression", "n_folds": None},
    {"family": "comparison", "measure": "rsa_correlation"},
    {"family": "comparison", "measure": "rsa_correlation", "rdm": "euclidean"},
    {"family": "angular_cka", "debias": "song"},
    {"family": "neighborhood"},
    {"family": "neighborhood", "overlap": "jaccard", "n_neighbors": 3, "nearness": "euclidean"},
    *({"family": "comparison", "measure": name} for name in ("debiased_cka", "normalized_bures")),
]


def computed(settings: dict[str, Any], m: int, n: int) -> bool:
    """Whether three networks of this size can be compared."""
    arrays = [np.random.default_rng(k).normal(size=(m, n)) for k in range(3)]
    try:
        pairwise_distances(arrays, build_metric(settings))
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_measure_is_changed_exactly_where_it_could_not_be_computed(settings):
    for m, n in itertools.product((3, 4, 8, 12), (1, 2, 30)):
        sizes = Sizes(3, m, n, n)
        try:
            fitted, notes = fitted_measure(settings, sizes, entry="comparisons.it")
        except LeftOut:
            assert not computed(settings, m, n), (m, n)
            continue
        assert computed(fitted, m, n), (m, n, fitted)
        assert bool(notes) == (not computed(settings, m, n)), (m, n, notes)
        assert bool(notes) == (fitted != settings)


def test_every_family_and_measure_has_its_row():
    assert set(MEASURES) == (set(FAMILIES) - {"comparison"}) | set(COMPARISONS)


def test_the_number_of_kernel_features_is_the_kernels_own():
    assert KERNEL_FEATURES == APPROXIMATE_COMPONENTS


def test_what_the_user_chose_is_refused_in_one_line_and_not_changed():
    settings = {**RBF, "approximation": "nystroem", "n_components": 50}
    sizes = Sizes(12, 40, 8, 8)
    fitted, (note,) = fitted_measure(settings, sizes, entry="comparisons.rbf_kernel")
    assert fitted["n_components"] == 40
    assert str(note) == (
        "comparisons.rbf_kernel.n_components: found 50, expected at most 40 (40 stimuli); "
        "40 is used"
    )
    with pytest.raises(Refused) as caught:
        fitted_measure(settings, sizes, entry="comparisons.rbf_kernel", fixed=["n_components"])
    assert str(caught.value) == (
        "configuration key 'comparisons.rbf_kernel.n_components': found 50, "
        "expected at most 40 (40 stimuli)"
    )


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_fewest_stimuli_are_the_fewest(settings):
    n = 6
    fewest = fewest_stimuli(settings, Sizes(3, 40, n, n))
    assert computed(settings, fewest, n)
    assert fewest == 3 or not computed(settings, fewest - 1, n)


@pytest.mark.parametrize("m", [3, 5, 12, 17, 40])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_every_number_of_samples_can_be_measured(settings, m):
    sizes = Sizes(3, m, 8, 8)
    try:
        settings, _ = fitted_measure(settings, sizes, entry="metrics.it")
        chosen = sample_sizes(settings, sizes, 4)
    except LeftOut:
        return
    assert chosen[-1] == m
    assert len(chosen) > 1
    assert computed(settings, chosen[0], 8)


def test_samples_of_many_stimuli_begin_at_twice_the_components():
    sizes = Sizes(3, 100, 16, 16)
    cca = {"family": "linear", "alpha": 0.0, "n_components": 10}
    assert sample_sizes(cca, sizes, 6)[0] == 20
    assert sample_sizes({"family": "linear"}, sizes, 6)[0] == 16


# ---------------------------------------------------------------- learning


def points(n: int, equal: int = 0) -> np.ndarray:
    x = np.random.default_rng(n).normal(size=(n, 3))
    x[:equal] = x[0]
    return np.linalg.norm(x[:, None] - x, axis=-1)


@given(
    groups=st.lists(st.integers(1, 5), min_size=1, max_size=9),
    n_outer=st.integers(2, 7),
    n_inner=st.integers(2, 7),
    leave_one_out=st.booleans(),
    equal=st.integers(0, 6),
)
def test_a_regression_that_fits_runs_whatever_the_groups(
    groups, n_outer, n_inner, leave_one_out, equal
):
    labels = np.repeat(np.arange(len(groups)), groups)
    n = len(labels)
    equal = min(equal, n)
    rows = pd.DataFrame({"id": range(n), "target": np.arange(n), "group": labels})
    items = regression_items(
        rows,
        "target",
        group="group",
        group_key="datasets.mine.group",
        leave_one_out=leave_one_out,
        equal=(equal,) if equal > 1 else (),
    )
    try:
        folds, notes = fitted_analysis(
            "regression", {"n_outer": n_outer, "n_inner": n_inner}, items
        )
    except LeftOut:
        return
    for key in folds:
        assert folds[key] == {"n_outer": n_outer, "n_inner": n_inner}[key] or notes
    nested_regression(
        points(n, equal),
        np.arange(n),
        groups=labels,
        leave_one_out=leave_one_out,
        n_permutations=0,
        n_bootstrap=0,
        sigmas=[1.0],
        ridges=[0.1],
        **folds,
    )


@pytest.mark.parametrize(("n_groups", "expected"), [(3, (3, 2)), (4, (4, 3)), (5, (5, 4))])
def test_folds_of_few_groups_leave_out_one_group_at_a_time(n_groups, expected):
    items = Items(2 * n_groups, groups=(2,) * n_groups, unit="groups")
    folds, _ = fitted_analysis("regression", {"n_outer": 5, "n_inner": 5}, items)
    assert (folds["n_outer"], folds["n_inner"]) == expected


@pytest.mark.parametrize("n_groups", [1, 2])
def test_with_two_groups_regression_is_left_out_and_the_group_is_named(n_groups):
    items = Items(
        14, groups=(7,) * n_groups, unit="groups of 'seed'", group_key="datasets.mine.group"
    )
    options = {"n_outer": 5, "n_inner": 5}
    with pytest.raises(LeftOut, match=rf"datasets.mine.group: found {n_groups} groups of 'seed'"):
        fitted_analysis("regression", options, items)
    with pytest.raises(Refused, match=r"'analyses.regression.n_outer': found 5, expected at most"):
        fitted_analysis("regression", options, items, fixed=["n_outer"])


@given(
    counts=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    n_outer=st.integers(2, 6),
    n_inner=st.integers(2, 4),
)
def test_a_classification_that_fits_runs(counts, n_outer, n_inner):
    labels = np.repeat(list("abcd")[: len(counts)], counts)
    rows = pd.DataFrame({"id": range(len(labels)), "kind": labels})
    items = class_items(rows, "kind", group=None, group_key=None)
    try:
        folds, _ = fitted_analysis(
            "classification", {"n_outer": n_outer, "n_inner": n_inner}, items
        )
    except LeftOut:
        assert sorted(counts)[-2:][0] < 3 or len(counts) < 2
        return
    kept = rows["kind"].map(rows["kind"].value_counts()) >= max(3, folds["n_outer"])
    known = rows["kind"][kept]
    for classifier in ("knn", "svm"):
        nested_classification(
            points(len(known)),
            known.tolist(),
            classifier=classifier,
            n_permutations=0,
            n_bootstrap=0,
            neighbors=[1],
            sigmas=[1.0],
            costs=[1.0],
            **folds,
        )


def test_dimensions_that_are_too_many_are_dropped_or_refused():
    assert fitted_dimensions([1, 2, 3], 4) == ([1, 2, 3], [])
    kept, (note,) = fitted_dimensions([1, 2, 30], 12)
    assert kept == [1, 2]
    assert "analyses.distortion.dimensions: found 30, expected fewer than 12" in str(note)
    with pytest.raises(Refused, match="found 30, expected fewer than 12"):
        fitted_dimensions([1, 2, 30], 12, fixed=True)


# ---------------------------------------------------------------- facts


def test_grids_that_differ_cannot_be_samples():
    rows = pd.DataFrame({"id": ["a", "b"], "shape": ["12x4x4x3", "12x5x4x3"]})
    with pytest.raises(Refused, match=r"'datasets.mine.positions': found 'samples', with grids"):
        sizes_of(rows, "samples", "mine", "all")
    assert sizes_of(rows, "features", "mine", "all").most_units == 60
    assert sizes_of(rows, "mean", "mine", "all") == Sizes(2, 12, 3, 3)


def test_two_stimuli_are_too_few_for_any_distance():
    rows = pd.DataFrame({"id": ["a", "b"], "shape": ["2x4", "2x4"]})
    with pytest.raises(Refused, match=r"found 2 stimuli, expected at least 3"):
        sizes_of(rows, "samples", "mine", "all")


def test_equal_arrays_are_told_by_digest():
    rows = pd.DataFrame({"id": list("abcd"), "sha256": list("xyxz")})
    assert equal_ids(rows) == [["a", "c"]]


def test_spread_is_more_than_rounding():
    assert not have_spread(np.ones((4, 4)) - np.eye(4))
    assert not have_spread(1e-9 * points(4), floor=1e-7)
    assert have_spread(points(4), floor=1e-7)
