"""Distances and shapes in any container, any order of labels and any units."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from shapemetrics.arrays import RoundingWarning
from shapemetrics.geometry import (
    LandmarkDistances,
    LandmarkEmbedding,
    check_distances,
    cluster_distances,
    cluster_kmeans,
    distortion,
    distortion_curve,
    embed,
    frechet_mean,
    kmeans_shapes,
    kmedoids,
    landmark_distortion,
    linkage_table,
    triangle_audit,
    triangle_bounds,
)
from shapemetrics.metrics import LinearMetric, PermutationMetric, SoftMatchingMetric

NAMES = [f"net{i}" for i in range(12)]
# Powers of two near 1e-200 and 1e200: results must be those at scale 1, bit for bit.
UNITS = [2.0**-664, 2.0**-20, 2.0**664]


@pytest.fixture
def D(rng):
    points = rng.normal(size=(12, 4))
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    return (distances + distances.T) / 2


@pytest.fixture
def shapes(rng):
    return [rng.normal(size=(15, 4)) for _ in range(5)]


def masked(D):
    mask = np.zeros(D.shape, dtype=bool)
    mask[0, 1] = mask[1, 0] = True
    return np.ma.MaskedArray(D, mask)


DOORS = {
    "check_distances": check_distances,
    "triangle_audit": triangle_audit,
    "embed": embed,
    "kmedoids": lambda D: kmedoids(D, 2),
    "linkage_table": linkage_table,
    "cluster_distances": lambda D: cluster_distances(D, "ward"),
    "cluster_kmeans": lambda D: cluster_kmeans(D, 2),
    "distortion": lambda D: distortion(D, np.ones((12, 2))),
    "distortion's points": lambda D: distortion(1 - np.eye(12), D),
    "distortion_curve": lambda D: distortion_curve(D, [1]),
    "LandmarkEmbedding": lambda D: LandmarkEmbedding().fit(D),
    "transform": lambda D: LandmarkEmbedding().fit(1 - np.eye(12)).transform(D),
    "triangle_bounds": lambda D: triangle_bounds(D, D),
    "weights": lambda D: frechet_mean([np.eye(3)] * 12, weights=D[0]),
}


@pytest.mark.parametrize("door", DOORS)
def test_what_holds_no_real_numbers_is_refused(D, door):
    call = DOORS[door]
    with pytest.raises(ValueError, match=r"found [12] masked values, expected none"):
        call(masked(D))
    with pytest.raises(TypeError, match="found dtype complex128, expected real numbers"):
        call(D.astype(complex))
    with pytest.raises(TypeError, match="found text"):
        call(D.astype(str))


@pytest.mark.parametrize("door", [door for door in DOORS if door != "weights"])
def test_tensors_are_taken(D, door):
    torch = pytest.importorskip("torch")
    call = DOORS[door]
    call(torch.tensor(D, requires_grad=True))
    call(torch.tensor(D).bfloat16())


def test_columns_are_put_into_the_order_of_the_rows(D, rng):
    frame = pd.DataFrame(D, index=NAMES, columns=NAMES)
    shuffled = frame.iloc[:, rng.permutation(12)]
    assert not np.array_equal(shuffled, D)
    np.testing.assert_array_equal(check_distances(shuffled)[0], D)
    np.testing.assert_array_equal(embed(shuffled).coordinates, embed(D).coordinates)
    assert triangle_audit(shuffled) == triangle_audit(D)
    # Names of columns are text in files, whatever those of the rows are.
    numbers = pd.DataFrame(D, index=pd.Index(range(12, 24)), columns=list(map(str, range(12, 24))))
    np.testing.assert_array_equal(check_distances(numbers.iloc[:, ::-1])[0], D)
    # A plain count of rows names nothing.
    np.testing.assert_array_equal(check_distances(pd.DataFrame(D, columns=NAMES))[0], D)


def test_labels_of_an_xarray_count_too(D):
    xarray = pytest.importorskip("xarray")
    array = xarray.DataArray(D, coords=[("from", NAMES), ("to", NAMES)])
    np.testing.assert_array_equal(check_distances(array.isel(to=slice(None, None, -1)))[0], D)


def test_labels_that_differ_are_refused(D):
    frame = pd.DataFrame(D, index=NAMES, columns=[*NAMES[:-1], "other"])
    with pytest.raises(ValueError, match=r"D: found columns .* only one has 'other'"):
        check_distances(frame)
    twice = pd.DataFrame(D, index=["a", "a", *NAMES[2:]], columns=[*NAMES[2:], "a", "a"])
    with pytest.raises(ValueError, match="D: found columns with labels that occur more than once"):
        check_distances(twice)


@pytest.mark.filterwarnings("ignore:eigenvalues:UserWarning")
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("method", ["metric", "classical"])
def test_embeddings_do_not_depend_on_units(D, unit, method):
    wanted, found = embed(D, 2, method), embed(unit * D, 2, method)
    np.testing.assert_array_equal(found.coordinates, unit * wanted.coordinates)
    np.testing.assert_array_equal(found.distances, unit * wanted.distances)
    assert (found.stress, found.n_iter) == (wanted.stress, wanted.n_iter)
    curve = distortion_curve(D, [1, 2], methods=[method])
    pd.testing.assert_frame_equal(distortion_curve(unit * D, [1, 2], methods=[method]), curve)


def test_eigenvalues_beyond_float64_are_no_number(D):
    small = embed(2.0**-20 * D, 2)
    np.testing.assert_array_equal(small.eigenvalues, 2.0**-40 * embed(D, 2).eigenvalues)
    for unit, word in ((1e-200, "below"), (1e200, "above")):
        with pytest.warns(UserWarning, match=f"eigenvalues: found squares {word} the range"):
            assert np.isnan(embed(unit * D, 2).eigenvalues).all()


@pytest.mark.parametrize("unit", UNITS)
def test_distortion_scales_with_units(D, rng, unit):
    points = rng.normal(size=(12, 2))
    wanted = distortion(D, points)
    for found, factor in (
        (distortion(unit * D, points), unit),
        (distortion(D, unit * points), 1 / unit),
    ):
        assert (found.max, found.mean) == (wanted.max, wanted.mean)
        assert found.scale_max == factor * wanted.scale_max
        assert found.scale_mean == factor * wanted.scale_mean


@pytest.mark.parametrize("unit", UNITS)
def test_clusters_do_not_depend_on_units(D, rng, unit):
    for method in ("average", "ward"):
        for cluster in (linkage_table, cluster_distances):
            wanted, found = cluster(D, method), cluster(unit * D, method)
            np.testing.assert_array_equal(found.linkage[:, :2], wanted.linkage[:, :2])
            np.testing.assert_array_equal(found.linkage[:, 2], unit * wanted.linkage[:, 2])
            assert found.cophenetic == wanted.cophenetic
    wanted, found = kmedoids(D, 3), kmedoids(unit * D, 3)
    np.testing.assert_array_equal(found.labels, wanted.labels)
    assert found.inertia == unit * wanted.inertia
    points = rng.normal(size=(20, 2))
    np.testing.assert_array_equal(cluster_kmeans(unit * points, 3), cluster_kmeans(points, 3))


@pytest.mark.filterwarnings("ignore:eigenvalues_, own_:UserWarning")
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("method", ["metric", "classical"])
def test_landmarks_do_not_depend_on_units(D, unit, method):
    wanted = LandmarkEmbedding(2, method=method).fit(D[:6, :6])
    found = LandmarkEmbedding(2, method=method).fit(unit * D[:6, :6])
    np.testing.assert_array_equal(found.coordinates_, unit * wanted.coordinates_)
    for name in ("transform", "estimate"):
        of_units, of_one = getattr(found, name), getattr(wanted, name)
        np.testing.assert_array_equal(of_units(unit * D[:, :6]), unit * of_one(D[:, :6]))
    tables = [
        landmark_distortion(
            factor * D, LandmarkDistances(factor * D[:, :6], NAMES, np.arange(6), {}), [2]
        )
        for factor in (1.0, unit)
    ]
    pd.testing.assert_frame_equal(*tables)


def test_landmarks_that_are_equal_are_refused():
    with pytest.raises(ValueError, match="X: found no distance above 0, expected landmarks that"):
        LandmarkEmbedding().fit(np.zeros((4, 4)))


def test_distances_of_other_magnitude_than_the_landmarks_are_refused(D):
    model = LandmarkEmbedding(2).fit(D)
    with pytest.raises(ValueError, match=r"X: found distances of magnitude 2\*\*"):
        model.transform(1e200 * D)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_bounds_are_of_distances(value):
    with pytest.raises(ValueError, match=r"'?B'?: found"):
        triangle_bounds([[1.0, 2.0]], [[value, 1.0]])


METRICS = [
    LinearMetric(geometry="euclidean"),
    LinearMetric(),
    PermutationMetric(geometry="euclidean"),
    SoftMatchingMetric(geometry="euclidean"),
]


@pytest.mark.filterwarnings("ignore:(loss|inertia).*:UserWarning")
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("metric", METRICS, ids=lambda m: f"{type(m).__name__}-{m.geometry}")
def test_means_do_not_depend_on_units(shapes, metric, unit):
    scaled = [unit * X for X in shapes]
    factor = 1.0 if metric.geometry == "angular" else unit
    wanted, found = frechet_mean(shapes, metric), frechet_mean(scaled, metric)
    np.testing.assert_array_equal(found.mean, factor * wanted.mean)
    np.testing.assert_array_equal(found.aligned, factor * wanted.aligned)
    np.testing.assert_array_equal(found.distances, factor * wanted.distances)
    assert (found.n_iter, found.converged) == (wanted.n_iter, wanted.converged)
    clusters, others = (kmeans_shapes(X, 2, metric, n_init=2) for X in (shapes, scaled))
    np.testing.assert_array_equal(others.labels, clusters.labels)
    np.testing.assert_array_equal(others.barycentres, factor * clusters.barycentres)
    np.testing.assert_array_equal(others.distances, factor * clusters.distances)


def test_a_loss_beyond_float64_is_no_number(shapes):
    small = frechet_mean([2.0**-20 * X for X in shapes])
    assert small.loss == 2.0**-40 * frechet_mean(shapes).loss
    for unit, word in ((1e-200, "below"), (1e155, "above")):
        scaled = [unit * X for X in shapes]
        with pytest.warns(UserWarning, match=f"loss: found squares {word} the range of float64"):
            fit = frechet_mean(scaled)
        assert np.isnan(fit.loss)
        assert np.isnan(fit.history).all()
        assert fit.converged
        with pytest.warns(UserWarning, match=f"inertia: found squares {word} the range"):
            assert np.isnan(kmeans_shapes(scaled, 2).inertia)


def test_a_start_is_put_into_the_order_of_the_shapes(shapes, rng):
    stimuli = [f"image {i}" for i in range(15)]
    frames = [pd.DataFrame(X, index=stimuli) for X in shapes]
    start = rng.normal(size=(15, 4))
    shuffled = pd.DataFrame(start, index=stimuli).iloc[rng.permutation(15)]
    wanted, found = frechet_mean(shapes, start=start), frechet_mean(frames, start=shuffled)
    np.testing.assert_allclose(found.mean, wanted.mean, atol=1e-12)
    np.testing.assert_allclose(found.history, wanted.history, rtol=1e-12)
    by_position = frechet_mean(shapes, start=shuffled.to_numpy())
    assert by_position.history[0] != pytest.approx(wanted.history[0])
    with pytest.raises(ValueError, match="'start': found stimuli with"):
        frechet_mean(frames, start=pd.DataFrame(start, index=range(15)))


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (True, "start: found True, expected the position of a shape, or a network"),
        (0.5, "start: found 0.5"),
        ("first", "start: found 'first'"),
        (np.ones(15), r"'start': found shape \(15,\)"),
        (np.eye(14), "'start': found 14 stimuli, expected 15"),
        (np.eye(15), r"start: found shape \(15, 15\), expected \(15, 4\)"),
        (1e200 * np.eye(15, 4), r"start: found numbers of magnitude 2\*\*665"),
    ],
)
def test_a_start_that_is_none_is_named(shapes, start, message):
    with pytest.raises((TypeError, ValueError), match=message):
        frechet_mean(shapes, start=start)


@pytest.mark.parametrize("metric", [PermutationMetric(), SoftMatchingMetric()])
def test_networks_that_cancel_have_no_mean_direction(metric):
    v = np.array([[1.0], [2.0], [-3.0]])
    message = "shapes: found networks that cancel one another"
    with pytest.raises(ValueError, match=message):
        frechet_mean([v, -v], metric)
    with pytest.raises(ValueError, match=message):
        kmeans_shapes([v, -v], 1, metric)


def test_rounding_that_decides_is_told_once(rng):
    # Whitening of float32 data with a direction below their rounding.
    low = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 4))
    shapes = [(low + 1e-9 * rng.normal(size=(40, 4))).astype(np.float32) for _ in range(3)]
    whitening = LinearMetric(alpha=0.0)
    with pytest.warns(RoundingWarning):
        whitening.distance(shapes[0], shapes[1])
    for call in (
        lambda: frechet_mean(shapes, whitening),
        lambda: kmeans_shapes(shapes, 2, whitening, n_init=1),
        lambda: frechet_mean([whitening.prepare(X) for X in shapes], whitening),
    ):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            call()
        assert [w.category for w in told] == [RoundingWarning]
        assert told[0].filename == __file__


@pytest.mark.parametrize("seed", [True, 1.5, "2", -1, [1]])
@pytest.mark.parametrize(
    "call",
    [
        lambda D, seed: embed(D, seed=seed),
        lambda D, seed: distortion_curve(D, [1], seed=seed),
        lambda D, seed: kmedoids(D, 2, seed=seed),
        lambda D, seed: cluster_distances(D, seed=seed),
        lambda D, seed: cluster_kmeans(D, 2, seed=seed),
        lambda D, seed: LandmarkEmbedding(seed=seed).fit(D),
        lambda D, seed: kmeans_shapes([D, D], 1, seed=seed),
        lambda D, seed: landmark_distortion(
            D, LandmarkDistances(D[:, :4], NAMES, np.arange(4), {}), [2], seed=seed
        ),
    ],
)
def test_a_seed_is_an_integer(D, call, seed):
    with pytest.raises(ValueError, match=r"seed: found .*, expected an integer"):
        call(D, seed)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda D: kmeans_shapes([D, D], 1, tol=-1.0), "tol: found -1.0"),
        (lambda D: kmeans_shapes([D, D], 1, tol="a"), "tol: found 'a'"),
        (lambda D: cluster_kmeans(D, 2, n_init="auto"), "n_init: found 'auto'"),
        (lambda D: cluster_kmeans(D, 2, seed=2**32), "seed: found 4294967296"),
        (lambda D: cluster_kmeans(D[:0], 1), r"coordinates: found shape \(0, 12\)"),
        (lambda D: distortion_curve(D, 3), "dimensions: found 3, expected a list of integers"),
        (lambda D: distortion_curve(D, [1.5]), "dimensions: found 1.5"),
        (lambda D: frechet_mean([D, D], weights=["a", "b"]), "'weights': found text"),
        (lambda D: LandmarkEmbedding(1.5).fit(D), "n_components: found 1.5"),
        (lambda D: LandmarkEmbedding(0).fit(D), "n_components: found 0"),
    ],
)
def test_options_are_named_in_one_line(D, call, message):
    with pytest.raises((TypeError, ValueError), match=message) as told:
        call(D)
    assert "\n" not in str(told.value)
