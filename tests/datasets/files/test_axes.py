"""Axes of arrays: put in order where they are named, and a word where they look wrong."""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from shapemetrics.datasets.files import read_array
from shapemetrics.metrics import ConvolutionMetric, LinearMetric

GRID = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
NAMES = {
    2: ("stimuli", "units"),
    3: ("stimuli", "trials", "units"),
    4: ("stimuli", "height", "width", "channels"),
}
EQUAL = "whether channels come last cannot be seen"
LOOKS = "looks like stimuli x channels x height x width"


@pytest.mark.parametrize("order", [o for n in NAMES for o in itertools.permutations(range(n))])
def test_every_order_of_axes(tmp_path: Path, order: tuple[int, ...]) -> None:
    n = len(order)
    array = np.arange(float(np.prod(range(2, 2 + n)))).reshape(range(2, 2 + n))
    np.save(tmp_path / "a.npy", array.transpose(order))
    found = read_array(tmp_path / "a.npy", axes=[NAMES[n][k] for k in order])
    np.testing.assert_array_equal(found, array)


def test_what_matlab_shows_is_what_axes_name(tmp_path: Path) -> None:
    axes = ["height", "width", "channels", "stimuli"]
    scipy.io.savemat(tmp_path / "a.mat", {"X": GRID.transpose(1, 2, 3, 0)})
    np.testing.assert_array_equal(read_array(tmp_path / "a.mat", axes=axes), GRID)


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        (["stimuli", "channels"], "axes: found stimuli, channels, expected some order of stimuli"),
        (["stimuli", "units", "units"], "axes: found stimuli, units, units"),
        (["units"], "axes: found units"),
        ("stimuli,units", "axes: found stimuli,units, expected some order"),
        (["stimuli", "trials", "units"], r"found shape \(2, 3, 4, 5\), expected 3 axes"),
    ],
)
def test_other_axes_are_refused(tmp_path: Path, axes: list[str], expected: str) -> None:
    np.save(tmp_path / "a.npy", GRID)
    with pytest.raises(ValueError, match=expected):
        read_array(tmp_path / "a.npy", axes=axes)


def test_axes_and_orientation_exclude_one_another(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", GRID)
    with pytest.raises(ValueError, match="orientation: found stimuli_last beside axes"):
        read_array(tmp_path / "a.npy", axes=NAMES[4], orientation="stimuli_last")


def test_a_matrix_beside_grids_stays_where_stimuli_come_first(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", GRID[:, 0, 0])
    first = ["stimuli", "channels", "height", "width"]
    np.testing.assert_array_equal(read_array(tmp_path / "a.npy", axes=first), GRID[:, 0, 0])
    with pytest.raises(ValueError, match="expected 4 axes: height"):
        read_array(tmp_path / "a.npy", axes=["height", "width", "channels", "stimuli"])


def test_channels_first_gives_the_distances_of_channels_last(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=(50, 8, 8, 5))
    arrays = [np.maximum(base @ rng.normal(size=(5, 8)), 0) for _ in range(2)]
    found = []
    for array in arrays:
        np.save(tmp_path / "a.npy", np.ascontiguousarray(array.transpose(0, 3, 1, 2)))
        axes = ["stimuli", "channels", "height", "width"]
        found.append(np.array(read_array(tmp_path / "a.npy", axes=axes)))
    # Every position a sample: an angle by NumPy alone.
    X, Y = (array.reshape(-1, 8) - array.reshape(-1, 8).mean(axis=0) for array in found)
    nuclear = np.linalg.svd(X.T @ Y, compute_uv=False).sum()
    expected = np.arccos(nuclear / np.linalg.norm(X) / np.linalg.norm(Y))
    assert expected == pytest.approx(0.827, abs=5e-4)
    matrices = [array.reshape(-1, 8) for array in found]
    assert LinearMetric().distance(*matrices) == pytest.approx(expected, abs=1e-9)
    assert ConvolutionMetric().distance(*found) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("shape", "options", "expected"),
    [
        ((5, 16, 8, 8), {}, LOOKS),
        ((5, 3, 7, 7), {}, LOOKS),
        ((5, 8, 8, 8), {}, EQUAL),
        ((8, 8, 3, 5), {"orientation": "stimuli_last"}, LOOKS),  # as MATLAB orders pictures
        ((16, 8, 8, 5), {"orientation": "stimuli_last"}, None),
        ((5, 8, 8, 16), {}, None),
        ((5, 6, 8, 16), {}, None),
        ((5, 1, 1, 16), {}, None),
        ((5, 16, 1, 1), {}, None),
        ((5, 8, 8), {}, None),
        ((5, 16, 8, 8), {"axes": NAMES[4]}, None),
        ((5, 16, 8, 8), {"axes": ["stimuli", "channels", "height", "width"]}, None),
    ],
)
@pytest.mark.parametrize("form", [".npy", ".npz", ".h5"])
def test_shapes_that_look_like_channels_first(tmp_path, shape, options, expected, form) -> None:
    path, array = tmp_path / f"a{form}", np.ones(shape)
    if form == ".npy":
        np.save(path, array)
    elif form == ".npz":
        np.savez(path, X=array, labels=np.arange(5))
    else:
        with h5py.File(path, "w") as file:
            file["X"] = array
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_array(path, **options)
    said = [str(warning.message) for warning in caught]
    assert len(said) == (expected is not None)
    if expected:
        assert expected in said[0]
        order = ["stimuli, channels, height, width", "height, width, channels, stimuli"]
        assert f"axes: [{order['orientation' in options]}]" in said[0]
        assert caught[0].filename == __file__
