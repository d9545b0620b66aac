"""What may pass for a distance matrix, and what the message says when it does not."""

from __future__ import annotations

import numpy as np
import pytest

from shapemetrics.geometry import check_distances


def changed(i, j, value, symmetric=True):
    D = np.ones((3, 3)) - np.eye(3)
    D[i, j] = value
    if symmetric:
        D[j, i] = value
    return D


@pytest.mark.parametrize(
    ("D", "message"),
    [
        (np.zeros(3), r"found shape \(3,\), expected a square matrix"),
        (np.zeros((1, 1)), "found 1 items, expected at least 2"),
        (changed(0, 2, np.inf), "inf between VISp and VISam"),
        (changed(0, 2, -0.5), "found -0.5 between VISp and VISam, expected non-negative"),
        (changed(1, 1, 0.2), "found 0.2 on the diagonal at LGd, expected 0"),
        (changed(1, 2, 0.4, symmetric=False), "0.4 from LGd to VISam and 1.0 from VISam to LGd"),
    ],
)
def test_what_is_no_distance_matrix_is_named(D, message):
    ids = ["VISp", "LGd", "VISam"][: D.shape[0]]
    with pytest.raises(ValueError, match=message):
        check_distances(D, ids)


def test_rounding_is_cleared_and_the_input_left_alone(rng):
    D = np.ones((4, 4)) - np.eye(4)
    noisy = D + 1e-9 * rng.standard_normal((4, 4))
    before = noisy.copy()
    clean, ids = check_distances(noisy)
    np.testing.assert_array_equal(noisy, before)
    np.testing.assert_array_equal(clean, clean.T)
    np.testing.assert_array_equal(np.diagonal(clean), 0)
    np.testing.assert_allclose(clean, D, atol=1e-8)
    np.testing.assert_array_equal(ids, [0, 1, 2, 3])


def test_tolerance_follows_the_scale_of_the_matrix():
    D = 1e-9 * changed(0, 1, 0.5, symmetric=False)
    with pytest.raises(ValueError, match="symmetric"):
        check_distances(D)
