"""Learning from distances in any container, any order of labels and any units."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shapemetrics.learning import (
    DistanceKernel,
    DistanceKernelRidge,
    ShapeDistances,
    accuracy_agreement,
    axis_correlations,
    cluster_agreement,
    gaussian_kernel,
    mantel,
    mean_of_directions,
    median_distance,
    metric_agreement,
    nested_classification,
    nested_regression,
    variance_explained,
)
from shapemetrics.metrics import Comparison

K = 24
NAMES = [f"net{i}" for i in range(K)]
LABELS = ["a", "b"] * (K // 2)
FEW = {"n_outer": 2, "n_inner": 2, "n_permutations": 3, "n_bootstrap": 5}
GRID = {"sigmas": (0.5, 1.0), "ridges": (0.01, 0.1)}
# Powers of two near 1e-200 and 1e200: results must be those at scale 1, bit for bit.
UNITS = [2.0**-664, 2.0**-19, 2.0**664]


@pytest.fixture
def points(rng):
    return rng.normal(size=(K, 3))


@pytest.fixture
def D(points):
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    return (distances + distances.T) / 2


@pytest.fixture
def y(points):
    return points[:, 0] + points[:, 1] ** 2


def regression(D, y, **options):
    return nested_regression(D, y, **FEW, **GRID, **options)


def classification(D, labels=LABELS, **options):
    return nested_classification(D, labels, neighbors=(1, 3), **FEW, **options)


PLAIN = 1 - np.eye(K)
DISTANCES = {
    "gaussian_kernel": lambda D: gaussian_kernel(D, 1.0),
    "median_distance": median_distance,
    "mean_of_directions": mean_of_directions,
    "DistanceKernel": lambda D: DistanceKernel().fit(D),
    "DistanceKernel's test items": lambda D: DistanceKernel().fit(PLAIN).transform(D),
    "DistanceKernelRidge": lambda D: DistanceKernelRidge().fit(D, np.arange(K)),
    "mantel": lambda D: mantel(PLAIN + np.diag([1.0], K - 1) + np.diag([1.0], 1 - K), D),
    "metric_agreement": lambda D: metric_agreement({"x": D, "y": D}),
    "variance_explained": lambda D: variance_explained(D, {"x": np.arange(K)}, n_permutations=2),
    "nested_regression": lambda D: regression(D, np.arange(K)),
    "nested_classification": classification,
    "points": lambda D: axis_correlations(D, {"x": np.arange(K)}),
}
NUMBERS = {
    "regression's targets": lambda y, D: regression(D, y),
    "ridge's targets": lambda y, D: DistanceKernelRidge().fit(D, y),
    "sigmas": lambda y, D: nested_regression(D, np.arange(K), sigmas=y, **FEW),
    "costs": lambda y, D: classification(D, classifier="svm", costs=y),
}


@pytest.mark.parametrize("door", [*DISTANCES, *NUMBERS])
def test_what_holds_no_real_numbers_is_refused(D, y, door):
    values = D if door in DISTANCES else np.abs(y)

    def call(given):
        return DISTANCES[door](given) if door in DISTANCES else NUMBERS[door](given, D)

    mask = np.zeros(values.shape, dtype=bool)
    mask.flat[1] = True
    with pytest.raises(ValueError, match=r"found 1 masked values, expected none"):
        call(np.ma.MaskedArray(values, mask))
    with pytest.raises(TypeError, match="found dtype complex128, expected real numbers"):
        call(values.astype(complex))
    with pytest.raises(TypeError, match="found text"):
        call(values.astype(str))


@pytest.mark.parametrize("door", DISTANCES)
def test_tensors_are_taken(D, door):
    torch = pytest.importorskip("torch")
    DISTANCES[door](torch.tensor(D, requires_grad=True))
    DISTANCES[door](torch.tensor(D).bfloat16())


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_a_kernel_is_of_distances(value):
    with pytest.raises(ValueError, match=r"'?D'?: found"):
        gaussian_kernel([1.0, value], 1.0)
    with pytest.raises(TypeError, match="width of a kernel: found 'wide'"):
        gaussian_kernel([1.0], "wide")


def test_distances_of_many_widths_have_a_kernel_of_zero():
    assert gaussian_kernel([0.0, 1e200], 1e-200).tolist() == [1.0, 0.0]


def test_a_kernel_needs_symmetric_distances(D, rng):
    D[0, 1] = 2 * D[1, 0]
    message = "training distances: found .* expected a symmetric matrix"
    with pytest.raises(ValueError, match=message):
        DistanceKernel().fit(D)
    with pytest.raises(ValueError, match=message):
        DistanceKernelRidge().fit(D, np.arange(K))
    arrays = [rng.normal(size=(10, 3)) for _ in range(4)]
    model = ShapeDistances(Comparison("pwcca"), output="kernel")
    for fit in (model.fit, model.fit_transform):
        with pytest.raises(ValueError, match=r"metric: found .*, expected a symmetric one"):
            fit(arrays)
    assert ShapeDistances(Comparison("pwcca")).fit_transform(arrays).shape == (4, 4)


def test_labels_put_all_into_one_order(D, y, rng):
    frame = pd.DataFrame(D, index=NAMES, columns=NAMES)
    columns, rows = rng.permutation(K), rng.permutation(K)
    shuffled = frame.iloc[:, columns]
    np.testing.assert_array_equal(gaussian_kernel(shuffled, 1.0), gaussian_kernel(D, 1.0))
    assert median_distance(shuffled) == median_distance(D)
    kernel = DistanceKernel().fit(shuffled)
    np.testing.assert_array_equal(kernel.transform(shuffled.iloc[:3]), kernel.transform(D[:3]))
    target = pd.Series(y, index=NAMES).iloc[rows]
    wanted, found = DistanceKernelRidge().fit(D, y), DistanceKernelRidge().fit(shuffled, target)
    np.testing.assert_allclose(found.predict(shuffled), wanted.predict(D), rtol=1e-9)
    pd.testing.assert_frame_equal(regression(shuffled, target).summary, regression(D, y).summary)
    labels = pd.Series(LABELS, index=NAMES).iloc[rows]
    pd.testing.assert_frame_equal(
        classification(shuffled, labels).summary, classification(D).summary
    )
    table = pd.DataFrame({"y": y, "kind": LABELS}, index=NAMES)
    pd.testing.assert_frame_equal(
        variance_explained(shuffled, table.iloc[rows], n_permutations=9),
        variance_explained(D, table, n_permutations=9),
    )


def test_items_of_two_matrices_are_matched_by_their_labels(D, rng):
    E = D**0.5 + 0.3 * rng.uniform(size=D.shape)
    E = (E + E.T) / 2
    np.fill_diagonal(E, 0)
    order = rng.permutation(K)
    first = pd.DataFrame(D, index=NAMES, columns=NAMES)
    second = pd.DataFrame(E, index=NAMES, columns=NAMES).iloc[order, order]
    wanted = mantel(D, E, n_permutations=9)
    assert mantel(first, second, n_permutations=9) == wanted
    assert mantel(D, second.to_numpy()).correlation != pytest.approx(wanted.correlation)
    pd.testing.assert_frame_equal(
        metric_agreement({"a": first, "b": second}), metric_agreement({"a": D, "b": E})
    )
    with pytest.raises(ValueError, match="c: found no labels of its items, expected some"):
        metric_agreement({"a": first, "b": second, "c": E})
    with pytest.raises(ValueError, match=r"D2: found items .* only one has 'other'"):
        mantel(first, second.rename(index={"net3": "other"}, columns={"net3": "other"}))


def test_labels_of_targets_that_differ_are_refused(D):
    frame = pd.DataFrame(D, index=NAMES, columns=NAMES)
    with pytest.raises(ValueError, match=r"y: found items .* expected the same labels"):
        regression(frame, pd.Series(np.arange(K), index=[f"other{i}" for i in range(K)]))


@pytest.mark.parametrize("unit", UNITS)
def test_nothing_depends_on_units(D, y, points, unit):
    E = D**0.5
    for method in ("pearson", "spearman"):
        wanted = mantel(D, E, method=method, n_permutations=9)
        assert mantel(unit * D, E, method=method, n_permutations=9) == wanted
        assert mantel(D, unit * E, method=method, n_permutations=9) == wanted
    frames = [metric_agreement({"a": f * D, "b": E}, method="pearson") for f in (1.0, unit)]
    pd.testing.assert_frame_equal(*frames)
    for ranks in (True, False):
        options = {"ranks": ranks, "n_permutations": 9}
        wanted = variance_explained(D, {"y": y, "kind": LABELS}, **options)
        for table in (
            variance_explained(unit * D, {"y": y, "kind": LABELS}, **options),
            variance_explained(D, {"y": unit * y, "kind": LABELS}, **options),
        ):
            pd.testing.assert_frame_equal(table, wanted)
    wanted = regression(D, y)
    pd.testing.assert_frame_equal(regression(unit * D, y).summary, wanted.summary)
    found = regression(D, unit * y)
    pd.testing.assert_frame_equal(found.summary, wanted.summary)
    for column in ("observed", "predicted", "baseline"):
        np.testing.assert_array_equal(found.predictions[column], unit * wanted.predictions[column])
    model = DistanceKernelRidge().fit(unit * D, y)
    np.testing.assert_array_equal(
        model.predict(unit * D), DistanceKernelRidge().fit(D, y).predict(D)
    )


@pytest.mark.parametrize("seed", [True, 1.5, "2", -1, [1]])
@pytest.mark.parametrize(
    "call",
    [
        lambda D, seed: mantel(D, D, seed=seed),
        lambda D, seed: metric_agreement({"a": D, "b": D}, seed=seed),
        lambda D, seed: variance_explained(D, {"x": np.arange(K)}, seed=seed),
        lambda D, seed: regression(D, np.arange(K), seed=seed),
        lambda D, seed: classification(D, seed=seed),
        lambda D, seed: cluster_agreement(LABELS, LABELS, seed=seed),
        lambda D, seed: accuracy_agreement(
            pd.DataFrame({"test_accuracy": D[0], "published_test_accuracy": D[1]}), seed=seed
        ),
    ],
)
def test_a_seed_is_an_integer(D, call, seed):
    with pytest.raises(ValueError, match=r"seed: found .*, expected an integer"):
        call(D, seed)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            np.ma.MaskedArray(np.arange(K), [True] + [False] * (K - 1)),
            "'covariate x': found 1 mask",
        ),
        (np.ma.MaskedArray(LABELS, [True] + [False] * (K - 1)), "covariate x: found None for item"),
        (np.arange(K) * 1j, "'covariate x': found dtype complex128"),
        ([1j * k for k in range(K)], "'covariate x': found .* complex128"),
        (np.ones((K, 2)), r"covariate x: found shape \(24, 2\), expected one value per item"),
    ],
)
def test_a_covariate_that_is_no_column_is_named(D, values, message):
    with pytest.raises((TypeError, ValueError), match=message):
        variance_explained(D, {"x": values})
