"""Any container of the same numbers gives the same distance, through every door, or one line."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from shapemetrics import (
    RepresentationStore,
    StoreWriter,
    cross_distances,
    pairwise_distances,
)
from shapemetrics.arrays import RoundingWarning, as_array, as_numeric
from shapemetrics.geometry import frechet_mean, kmeans_shapes, select_landmarks
from shapemetrics.learning import ShapeDistances
from shapemetrics.metrics import (
    AngularCKA,
    GaussianStochasticMetric,
    LinearMetric,
    PermutationMetric,
    SoftMatchingMetric,
)

RNG = np.random.default_rng(0)
X, Y, Z = RNG.normal(size=(3, 30, 6)).astype(np.float32).astype(float)
METRIC = LinearMetric()
EXPECTED = METRIC.distance(X, Y)


class OnlyArray:
    """Has `__array__` and nothing else."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self.values if dtype is None else self.values.astype(dtype)


class OnlyDLPack:
    """Has the DLPack protocol and nothing else."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __dlpack__(self, **options):
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


def _torch(values: np.ndarray, **options):
    torch = pytest.importorskip("torch")
    return torch.tensor(values, **options)


def _xarray(values: np.ndarray, labels=None):
    xarray = pytest.importorskip("xarray")
    coords = {} if labels is None else {"stimulus": labels}
    return xarray.DataArray(values, dims=("stimulus", "unit"), coords=coords)


CONTAINERS = {
    "list": lambda V: V.tolist(),
    "tuple of lists": lambda V: [tuple(row) for row in V.tolist()],
    "list of rows": lambda V: list(V),
    "fortran": np.asfortranarray,
    "strided": lambda V: np.repeat(V, 2, axis=1)[:, ::2],
    "reversed": lambda V: V[::-1].copy()[::-1],
    "big-endian": lambda V: V.astype(">f8"),
    "float32": lambda V: V.astype(np.float32),
    "read-only": lambda V: np.frombuffer(V.tobytes()).reshape(V.shape),
    "matrix": np.asmatrix,
    "unmasked": np.ma.masked_invalid,
    "frame": pd.DataFrame,
    "nullable frame": lambda V: pd.DataFrame(V).convert_dtypes(),
    "sparse frame": lambda V: pd.DataFrame(V).astype(pd.SparseDtype(float, 0.0)),
    "xarray": _xarray,
    "labelled xarray": lambda V: _xarray(V, list("abcdefghijklmnopqrstuvwxyzABCD")),
    "torch": _torch,
    "torch with gradients": lambda V: _torch(V, requires_grad=True),
    "torch in a list": lambda V: list(_torch(V, requires_grad=True)),
    "torch float32": lambda V: _torch(V.astype(np.float32)),
    "__array__": OnlyArray,
    "dlpack": OnlyDLPack,
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_every_container_through_every_door(kind, tmp_path):
    x, y, z = (CONTAINERS[kind](V) for V in (X, Y, Z))
    assert METRIC.distance(x, y) == pytest.approx(EXPECTED, abs=1e-13)
    assert METRIC.distance(METRIC.prepare(x), Y) == pytest.approx(EXPECTED, abs=1e-13)
    found = METRIC.align(x, y)
    assert found.distance == pytest.approx(EXPECTED, abs=1e-13)
    expected = METRIC.align(X, Y)
    np.testing.assert_allclose(found.apply_x(x), expected.apply_x(X), atol=1e-9)
    D = pairwise_distances([X, Y, Z], METRIC)
    np.testing.assert_allclose(pairwise_distances([x, y, z], METRIC), D, atol=1e-13)
    named = {"x": x, "y": y, "z": z}
    np.testing.assert_allclose(pairwise_distances(named, METRIC, scratch=tmp_path), D, atol=1e-13)
    np.testing.assert_allclose(cross_distances([x], [y, z], METRIC), D[:1, 1:], atol=1e-13)
    heldout = pairwise_distances([X, Y, Z], METRIC, heldout=[Z, X, Y])
    moved = pairwise_distances([x, y, z], METRIC, heldout=[z, x, y])
    np.testing.assert_allclose(moved, heldout, atol=1e-13)
    landmarks = select_landmarks([x, y, z], METRIC, 2)
    np.testing.assert_allclose(landmarks.values, D[:, landmarks.landmarks], atol=1e-13)
    np.testing.assert_allclose(ShapeDistances(METRIC).fit_transform([x, y, z]), D, atol=1e-13)
    assert frechet_mean([x, y]).loss == pytest.approx(frechet_mean([X, Y]).loss)
    assert kmeans_shapes([x, y, z], 2).inertia == pytest.approx(kmeans_shapes([X, Y, Z], 2).inertia)


@pytest.mark.parametrize("kind", [k for k in CONTAINERS if "labelled" not in k])
def test_a_store_keeps_what_any_container_holds(kind, tmp_path):
    with StoreWriter(tmp_path / "s", source="", simulated=True, stimuli=range(30)) as writer:
        writer.add("x", CONTAINERS[kind](X))
    np.testing.assert_array_equal(RepresentationStore(tmp_path / "s").load("x"), X)


def test_types_that_numpy_does_not_have():
    torch = pytest.importorskip("torch")
    rounded = torch.tensor(X).bfloat16()
    found = as_numeric(rounded)
    np.testing.assert_array_equal(found.values, rounded.float().numpy())
    assert (found.stored, found.precision) == ("bfloat16", 2.0**-7)
    expected = METRIC.distance(rounded.double().numpy(), Y)
    assert METRIC.distance(rounded, Y) == pytest.approx(expected, abs=1e-13)
    ml_dtypes = pytest.importorskip("ml_dtypes")
    other = X.astype(ml_dtypes.bfloat16)
    assert METRIC.distance(other, Y) == pytest.approx(expected, abs=1e-13)


def test_integers_and_booleans_are_exact_numbers():
    counts = RNG.poisson(3.0, size=(30, 6))
    fired = counts > 2
    assert METRIC.distance(counts, Y) == METRIC.distance(counts.astype(float), Y)
    assert METRIC.distance(counts.astype(np.uint8), Y) == METRIC.distance(counts.astype(float), Y)
    assert METRIC.distance(fired, Y) == METRIC.distance(fired.astype(float), Y)
    assert as_numeric(counts).precision == 0.0
    mixed = pd.DataFrame({"a": fired[:, 0], "b": X[:, 0], "c": counts[:, 0]})
    plain = np.column_stack([fired[:, 0], X[:, 0], counts[:, 0]]).astype(float)
    assert METRIC.distance(mixed, Y) == pytest.approx(METRIC.distance(plain, Y), abs=1e-13)


def test_stimuli_are_aligned_by_their_labels():
    x, y = pd.DataFrame(X), pd.DataFrame(Y)
    shuffled = y.sample(frac=1, random_state=0)
    assert METRIC.distance(x, shuffled) == pytest.approx(EXPECTED, abs=1e-13)
    assert METRIC.align(x, shuffled).distance == pytest.approx(EXPECTED, abs=1e-13)
    D = pairwise_distances([X, Y, Z], METRIC)
    frames = {"x": x, "y": shuffled, "z": pd.DataFrame(Z)[::-1]}
    np.testing.assert_allclose(pairwise_distances(frames, METRIC), D, atol=1e-13)
    rest = [frames["y"], frames["z"]]
    np.testing.assert_allclose(cross_distances([x], rest, METRIC), D[:1, 1:], atol=1e-13)
    heldout = {k: frame.sample(frac=1, random_state=1) for k, frame in frames.items()}
    expected = pairwise_distances([X, Y, Z], METRIC, heldout=[X, Y, Z])
    found = pairwise_distances(frames, METRIC, heldout=heldout)
    np.testing.assert_allclose(found, expected, atol=1e-7)
    landmarks = select_landmarks(frames, METRIC, 2)
    np.testing.assert_allclose(landmarks.values, D[:, landmarks.landmarks], atol=1e-13)
    mean = frechet_mean(frames)
    assert mean.loss == pytest.approx(frechet_mean([X, Y, Z]).loss)


def test_coordinates_of_xarray_are_labels():
    names = [f"picture {k}" for k in range(30)]
    order = np.random.default_rng(2).permutation(30)
    x, y = _xarray(X, names), _xarray(Y[order], [names[k] for k in order])
    assert METRIC.distance(x, y) == pytest.approx(EXPECTED, abs=1e-13)
    frame = pd.DataFrame(Y[order], index=[names[k] for k in order])
    assert METRIC.distance(x, frame) == pytest.approx(EXPECTED, abs=1e-13)
    turned = x.transpose("unit", "stimulus")
    with pytest.raises(ValueError, match=r"'X': found dimensions .'unit', 'stimulus'.*first"):
        METRIC.distance(turned, y)


def test_labels_that_differ_are_refused():
    x, y = pd.DataFrame(X), pd.DataFrame(Y, index=range(1, 31))
    with pytest.raises(ValueError, match=r"'Y': found stimuli without '0' \(1 such\).* 30 labels"):
        METRIC.distance(x, y)
    with pytest.raises(ValueError, match=r"'array 1': found stimuli without"):
        pairwise_distances([x, y], METRIC)
    twice = pd.DataFrame(Y, index=[0, *range(29)])
    with pytest.raises(ValueError, match="labels"):
        METRIC.distance(x, twice)
    repeated = [0] * 15 + [1] * 15
    a, b = pd.DataFrame(X, index=repeated), pd.DataFrame(Y, index=repeated)
    assert METRIC.distance(a, b) == pytest.approx(EXPECTED, abs=1e-13)
    with pytest.raises(ValueError, match="more than once, expected labels that occur once"):
        METRIC.distance(a, b[::-1])
    prepared = METRIC.prepare(x)
    with pytest.raises(ValueError, match="prepared networks cannot be aligned"):
        METRIC.distance(prepared, METRIC.prepare(x[::-1]))


def test_positions_beside_labels_in_different_orders_are_refused():
    x, y = pd.DataFrame(X), pd.DataFrame(Y)
    assert pairwise_distances([x, Y, Z], METRIC).shape == (3, 3)
    with pytest.raises(
        ValueError,
        match=r"'array 1': found .* another order than 'array 0', and none named by 'array 2'",
    ):
        pairwise_distances([x, y[::-1], Z], METRIC)
    with pytest.raises(
        ValueError,
        match=r"'array 2': found .* another order than 'array 1', and none named by 'array 0'",
    ):
        pairwise_distances([Z, x, y[::-1]], METRIC)


def test_a_store_puts_labelled_stimuli_into_its_order(tmp_path):
    names = [f"s{k}" for k in range(30)]
    with StoreWriter(tmp_path / "s", source="", simulated=True, stimuli=names) as writer:
        writer.add("x", pd.DataFrame(X, index=names)[::-1])
        writer.add("fired", X > 0)
        with pytest.raises(ValueError, match="'y': found stimuli without"):
            writer.add("y", pd.DataFrame(Y))
    store = RepresentationStore(tmp_path / "s")
    np.testing.assert_array_equal(store.load("x"), X)
    np.testing.assert_array_equal(store.load("fired"), (X > 0).astype(np.uint8))


def _sparse():
    from scipy import sparse

    return sparse.csr_matrix(X)


def _ragged_rows():
    rows = X.tolist()
    rows[3] = rows[3][:2]
    return rows


REFUSED = {
    "masked": (lambda: np.ma.masked_greater(X, 1.5), ValueError, r"found \d+ masked values"),
    "sparse": (_sparse, TypeError, "found a sparse csr_matrix, expected a dense array"),
    "sparse torch": (lambda: _torch(X).to_sparse(), TypeError, "found a sparse tensor"),
    "complex": (lambda: X + 1j, TypeError, "dtype complex128, expected real numbers"),
    "complex torch": (lambda: _torch(X + 1j), TypeError, "expected real numbers"),
    "object": (lambda: X.astype(object), TypeError, "dtype object, expected real numbers"),
    "text": (lambda: X.astype(str), TypeError, "found text"),
    "a path": (lambda: "x.npy", TypeError, "found the text 'x.npy'.*read_array"),
    "dates": (lambda: X.astype("M8[s]"), TypeError, "found dates or times"),
    "ragged": (_ragged_rows, ValueError, r"ragged list \(item 0 has shape \(6,\), item 3 has"),
    "ragged arrays": (lambda: [X[0], X[1, :3]], ValueError, "found a ragged list"),
    "empty": (lambda: np.empty((30, 0)), ValueError, "expected at least one unit"),
    "nothing": (lambda: [], ValueError, r"found shape \(0,\)"),
    "one stimulus": (lambda: X[:1], ValueError, "found 1 stimuli, expected at least 2"),
    "vector": (lambda: X[:, 0], ValueError, r"found shape \(30,\), expected .stimuli, units."),
    "scalar": (lambda: 1.0, ValueError, r"found shape \(\), expected .stimuli, units."),
    "NaN": (lambda: np.where(X > 1.5, np.nan, X), ValueError, r"found \d+ values that are NaN"),
    "infinity": (lambda: X / 0.0, ValueError, "found 180 values that are NaN or infinite"),
    "None": (lambda: None, TypeError, "found None"),
    "a mapping": (lambda: {"a": X}, TypeError, "found a dict"),
    "a generator": (lambda: (row for row in X), TypeError, "found a generator"),
    "missing in a frame": (
        lambda: pd.DataFrame(X).convert_dtypes().mask(X > 1.5),
        ValueError,
        r"found \d+ values that are NaN",
    ),
    "text in a frame": (
        lambda: pd.DataFrame(X).assign(name="a"),
        TypeError,
        "found column 'name' of dtype .*, expected real numbers; leave it out",
    ),
    "structured": (
        lambda: np.zeros(30, dtype=[("a", float), ("b", float)]),
        TypeError,
        "structured array with fields a, b",
    ),
    "a data set of xarray": (
        lambda: pytest.importorskip("xarray").Dataset({"a": ("s", X[:, 0])}),
        TypeError,
        "found an xarray Dataset|found a Dataset",
    ),
    "nested deeper": (lambda: X[None].tolist(), ValueError, r"found shape \(1, 30, 6\)"),
}


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_array_of_real_numbers_is_one_clear_line(kind):
    make, error, message = REFUSED[kind]
    bad = make()
    for function in (METRIC.distance, METRIC.align):
        with pytest.raises(error, match=message) as caught:
            function(X, bad)
        assert "'Y'" in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(error, match=message) as caught:
        pairwise_distances({"good": X, "bad": make()}, METRIC)
    assert "'bad'" in str(caught.value)
    with pytest.raises(error, match=message):
        METRIC.prepare(make())


def test_one_array_is_no_collection():
    for collection in (X, pd.DataFrame(X)):
        with pytest.raises(TypeError, match=r"arrays: found one .* of shape \(30, 6\)"):
            pairwise_distances(collection, METRIC)
    with pytest.raises(TypeError, match="arrays: found int, expected a list"):
        pairwise_distances(3, METRIC)
    stacked = np.stack([X, Y, Z])
    expected = pairwise_distances([X, Y, Z], METRIC)
    np.testing.assert_array_equal(pairwise_distances(stacked, METRIC), expected)
    found = pairwise_distances(_torch(stacked), METRIC)
    np.testing.assert_allclose(found, expected, atol=1e-13)


def test_prepared_is_told_by_type():
    prepared = METRIC.prepare(X)
    D = pairwise_distances([prepared, METRIC.prepare(Y)], METRIC)
    assert D[0, 1] == pytest.approx(EXPECTED, abs=1e-13)
    assert LinearMetric(geometry="euclidean").distance(prepared, Y) > 1.0
    for other in (LinearMetric(alpha=0.5), GaussianStochasticMetric()):
        with pytest.raises(TypeError, match="found a network prepared by LinearMetric"):
            other.distance(prepared, prepared)


def test_subnormal_and_huge_numbers():
    tiny = X * 1e-310
    assert METRIC.distance(tiny, Y) == pytest.approx(METRIC.distance(tiny * 2.0**200, Y), abs=1e-12)
    assert METRIC.distance(X * 1e307, Y) == pytest.approx(EXPECTED, abs=1e-12)
    assert as_array(np.longdouble(2.0) * X).dtype == np.longdouble
    assert METRIC.distance(X.astype(np.longdouble), Y) == pytest.approx(EXPECTED, abs=1e-13)


# What a hostile reader found


def test_labels_are_equal_where_they_mean_the_same():
    x, y = pd.DataFrame(X, index=range(30)), pd.DataFrame(Y, index=np.arange(30.0))
    assert METRIC.distance(x, y) == pytest.approx(EXPECTED, abs=1e-13)
    assert METRIC.distance(METRIC.prepare(x), METRIC.prepare(y)) == pytest.approx(EXPECTED)
    gap = [np.nan, *range(29)]
    x, y = pd.DataFrame(X, index=gap), pd.DataFrame(Y, index=gap)
    assert METRIC.distance(x, y[::-1]) == pytest.approx(EXPECTED, abs=1e-13)


def test_stores_are_compared_by_the_names_of_their_stimuli(tmp_path):
    names, order = [f"s{k}" for k in range(30)], np.random.default_rng(1).permutation(30)

    def stored(name, values, stimuli):
        with StoreWriter(tmp_path / name, source="", simulated=True, stimuli=stimuli) as writer:
            writer.add("n", values)
        return RepresentationStore(tmp_path / name)

    a = stored("a", X, names)
    shuffled = [names[k] for k in order]
    b, c = stored("b", Y[order], shuffled), stored("c", Y, [f"t{k}" for k in range(30)])
    frame = pd.DataFrame(Y[order], index=shuffled)
    for others in (b, [frame]):
        assert cross_distances(a, others, METRIC)[0, 0] == pytest.approx(EXPECTED, abs=1e-13)
    found = cross_distances(a, b, METRIC, scratch=tmp_path / "scratch")
    assert found[0, 0] == pytest.approx(EXPECTED, abs=1e-13)
    with pytest.raises(ValueError, match=r"arrays_b \(c\): found stimuli without 's0'"):
        cross_distances(a, c, METRIC)
    # Where stimuli only count, position is all that is known.
    d = stored("d", Y, range(30))
    assert cross_distances(a, d, METRIC)[0, 0] == pytest.approx(EXPECTED, abs=1e-13)


def test_dates_name_the_stimuli_of_a_store_as_text(tmp_path):
    days = pd.date_range("2020-01-01", periods=30)
    with StoreWriter(tmp_path / "s", source="", simulated=True, stimuli=days) as writer:
        writer.add("x", pd.DataFrame(X, index=days)[::-1])
    store = RepresentationStore(tmp_path / "s")
    np.testing.assert_array_equal(store.load("x"), X)
    assert store.stimuli is not None
    assert store.stimuli[0] == "2020-01-01 00:00:00"


@pytest.mark.parametrize("value", [2**60, -(2**60), 2**62 + 1])
def test_integers_that_float64_rounds_are_refused(value):
    large = np.arange(90).reshape(30, 3) + value
    with pytest.raises(ValueError, match=r"'X': found integers beyond 2\*\*53"):
        METRIC.distance(large, Y)
    exact = np.arange(90).reshape(30, 3) * 2**50
    expected = METRIC.distance(np.arange(90.0).reshape(30, 3), Y)
    assert METRIC.distance(exact, Y) == pytest.approx(expected, abs=1e-13)


def test_masks_behind_protocols_are_seen():
    from collections import deque

    masked = np.ma.masked_less(X, -1)
    for container in (OnlyArray(masked), deque(masked), list(masked)):
        with pytest.raises(ValueError, match="masked values, expected none"):
            METRIC.distance(container, Y)
    assert METRIC.distance(deque(X), Y) == pytest.approx(EXPECTED, abs=1e-13)


def test_columns_of_fewer_digits_are_known_beside_others():
    rng = np.random.default_rng(0)
    coarse = (rng.normal(size=(30, 2)) @ rng.normal(size=(2, 4))).astype(np.float32)
    frames = (
        pd.DataFrame(coarse),
        pd.DataFrame(coarse).convert_dtypes(),
        pd.DataFrame(coarse).assign(k=rng.normal(size=30)),
    )
    for frame in frames:
        assert as_numeric(frame).precision == 2.0**-23
        for function in (LinearMetric(alpha=0.0).distance, LinearMetric(alpha=0.0).align):
            with pytest.warns(RoundingWarning, match="2 of . directions"):
                function(frame, Y)


@pytest.mark.parametrize("value", ["false", np.nan, 2, [0], None])
def test_what_is_true_or_false_is_nothing_else(value):
    for make in (LinearMetric, PermutationMetric, SoftMatchingMetric, AngularCKA):
        with pytest.raises(TypeError, match=r"center: found .*, expected True or False"):
            make(center=value)


def test_equal_parameters_make_equal_metrics():
    prepared = LinearMetric(1.0).prepare(X)
    for metric in (LinearMetric(1), LinearMetric(np.float64(1.0)), LinearMetric(np.int64(1))):
        assert metric.distance(prepared, Y) == pytest.approx(EXPECTED)
    metric = LinearMetric(np.float32(0.5), n_components=np.int64(3), center=np.True_)
    assert metric == LinearMetric(0.5, n_components=3)
    assert json.loads(json.dumps(metric.parameters()))["n_components"] == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"progress": 1.5}, "progress: found 1.5"),
        ({"scratch": 1.5}, "scratch: found 1.5"),
        ({"backend": "torch", "device": 1.5}, "device: found 1.5"),
        ({"backend": "torch", "device": "meta"}, "device: found 'meta'"),
    ],
)
def test_options_of_the_engine_are_checked(options, message):
    if "device" in options:
        pytest.importorskip("torch")
    with pytest.raises((TypeError, ValueError), match=message):
        pairwise_distances([X, Y], METRIC, **options)
