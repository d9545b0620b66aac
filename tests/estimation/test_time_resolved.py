"""Distances in windows of time: those of the slices, and refusals in one line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapemetrics.estimation import time_resolved_distances
from shapemetrics.metrics import AngularCKA, LinearMetric


@given(
    st.integers(0, 2**32 - 1),
    st.integers(3, 6),
    st.sampled_from([1, 2, 3, 6]),
    st.sampled_from(["stimuli", "mean"]),
)
def test_each_window_has_the_distances_of_its_slice(seed, m, width, bins):
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(2, m, 6, 4))
    found = time_resolved_distances({"x": X, "y": Y}, LinearMetric(), width, bins=bins)
    assert found.windows == [(k, k + width) for k in range(0, 6, width)]
    for (start, stop), D in zip(found.windows, found.distances):
        parts = [Z[:, start:stop] for Z in (X, Y)]
        parts = [Z.mean(axis=1) if bins == "mean" else Z.reshape(-1, 4) for Z in parts]
        assert D[0, 1] == pytest.approx(LinearMetric().distance(*parts), abs=1e-9)


def test_windows_may_overlap_or_be_one(rng):
    X, Y, Z = rng.normal(size=(3, 5, 8, 3))
    found = time_resolved_distances([X, Y, Z], AngularCKA(), [(0, 4), (2, 6), (0, 8)])
    assert found.distances.shape == (3, 3, 3)
    table = found.table()
    assert len(table) == 9
    assert table[["start", "stop"]].drop_duplicates().values.tolist() == [[0, 4], [2, 6], [0, 8]]
    whole = AngularCKA().distance(*(A.reshape(-1, 3) for A in (X, Y)))
    assert table["distance"].iloc[6] == pytest.approx(whole)


def test_a_window_without_variance_has_no_distance_and_says_why(rng):
    X, Y = rng.normal(size=(2, 5, 4, 3))
    X[:, :2] = 7.0
    found = time_resolved_distances({"silent": X, "y": Y}, LinearMetric(), 2)
    assert np.isnan(found.distances[0]).all()
    assert np.isfinite(found.distances[1]).all()
    assert found.reasons == {0: "silent: found responses that do not vary"}
    assert found.table()["reason"].tolist() == ["silent: found responses that do not vary", ""]


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        (3, "windows: found 3 bins, expected a divisor of 8"),
        (9, "windows: found 9"),
        ([(4, 4)], r"windows: found \(4, 4\), expected a start before its stop"),
        ([(0, 9)], "windows: found 9"),
        ([], "windows: found none"),
    ],
)
def test_windows_outside_of_the_bins_are_refused(rng, windows, message):
    with pytest.raises(ValueError, match=message):
        time_resolved_distances(list(rng.normal(size=(2, 5, 8, 3))), LinearMetric(), windows)


def test_networks_that_do_not_fit_are_refused(rng):
    with pytest.raises(ValueError, match="expected \\(conditions, time bins, units\\)"):
        time_resolved_distances([np.ones((4, 3))] * 2, LinearMetric())
    with pytest.raises(ValueError, match="found 5 conditions and 7 time bins, expected 5 and 8"):
        time_resolved_distances(
            [rng.normal(size=(5, 8, 3)), rng.normal(size=(5, 7, 3))], LinearMetric()
        )
