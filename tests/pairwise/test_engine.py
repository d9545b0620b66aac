"""All pairs: the same numbers whatever the blocks, threads, order and container."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapemetrics import RepresentationStore, StoreWriter, cross_distances, pairwise_distances
from shapemetrics.metrics import KernelMetric, LinearMetric
from shapemetrics.pairwise import DistanceMatrix
from shapemetrics.progress import ProgressLine

WIDTHS = (3, 5, 5, 2, 7, 3, 5)


@pytest.fixture
def arrays(rng: np.random.Generator) -> list[np.ndarray]:
    return [rng.normal(size=(40, n)) for n in WIDTHS]


@given(
    block_size=st.one_of(st.none(), st.integers(1, 9)),
    n_jobs=st.integers(1, 3),
    alpha=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_blocks_and_threads_change_nothing(block_size, n_jobs, alpha):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(40, n)) for n in WIDTHS]
    metric = LinearMetric(alpha=alpha)
    found = pairwise_distances(arrays, metric, block_size=block_size, n_jobs=n_jobs)
    expected = [[metric.distance(x, y) if x is not y else 0.0 for y in arrays] for x in arrays]
    np.testing.assert_allclose(found, expected, atol=1e-13)
    assert np.array_equal(found, found.T)


def test_cross_distances_are_the_corner_of_all_distances(arrays):
    metric = LinearMetric(alpha=0.5)
    whole = pairwise_distances(arrays, metric)
    for block_size in (None, 1, 2):
        corner = cross_distances(arrays[:3], arrays[3:], metric, block_size=block_size, n_jobs=2)
        np.testing.assert_allclose(corner, whole[:3, 3:], atol=1e-13)


def test_heldout_blocks_change_nothing(arrays, rng):
    heldout = [rng.normal(size=(25, n)) for n in WIDTHS]
    metric = LinearMetric(alpha=0.5)
    whole = pairwise_distances(arrays, metric, heldout=heldout)
    tiled = pairwise_distances(arrays, metric, heldout=heldout, block_size=2, n_jobs=2)
    np.testing.assert_allclose(tiled, whole, atol=1e-13)
    assert np.all(np.diag(whole) == 0)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_float32_is_within_its_bound(arrays, alpha):
    metric = LinearMetric(alpha=alpha)
    exact = pairwise_distances(arrays, metric)
    single = pairwise_distances(arrays, metric, dtype="float32")
    # The cosine errs by some units of 6e-8; an angle of 0.5 rad and more by twice that.
    np.testing.assert_allclose(single, exact, atol=2e-6)
    assert single.dtype == np.float64


def test_float32_close_pairs_are_measured_by_their_residual(rng):
    X = rng.normal(size=(40, 4))
    Y = X + 1e-4 * rng.normal(size=X.shape)
    exact = pairwise_distances([X, Y], LinearMetric())[0, 1]
    single = pairwise_distances([X, Y], LinearMetric(), dtype="float32")[0, 1]
    assert single == pytest.approx(exact, rel=1e-2)


def test_mappings_and_stores_give_the_same_as_lists(tmp_path, arrays):
    expected = pairwise_distances(arrays, LinearMetric())
    named = {f"n{i}": x for i, x in enumerate(arrays)}
    np.testing.assert_array_equal(pairwise_distances(named, LinearMetric()), expected)
    with StoreWriter(tmp_path / "s", source="", simulated=True, stimuli=range(40)) as writer:
        for name, x in named.items():
            writer.add(name, x)
    store = RepresentationStore(tmp_path / "s")
    np.testing.assert_array_equal(pairwise_distances(store, LinearMetric()), expected)


def test_one_representation_has_a_matrix_of_one_zero(arrays):
    np.testing.assert_array_equal(pairwise_distances(arrays[:1], LinearMetric()), [[0.0]])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"backend": "jax"}, ValueError, "backend: found 'jax', expected"),
        ({"dtype": "float16"}, ValueError, "dtype: found float16"),
        ({"n_jobs": 0}, ValueError, "n_jobs: found 0"),
        ({"block_size": 0}, ValueError, "block_size: found 0"),
        ({"heldout": [np.eye(4)]}, ValueError, "heldout: found 1 networks, expected 7"),
        ({"metric": "procrustes"}, TypeError, "metric: found 'procrustes'"),
        ({"arrays": []}, ValueError, "found no representations"),
    ],
)
def test_bad_options(arrays, change, error, message):
    options = {"arrays": arrays, "metric": LinearMetric(), **change}
    with pytest.raises(error, match=message):
        pairwise_distances(**options)


def test_bad_networks_are_named(arrays):
    named = {f"n{i}": x for i, x in enumerate(arrays)}
    named["n3"] = np.full((40, 2), np.nan)
    with pytest.raises(ValueError, match="'n3': found 80 values that are NaN"):
        pairwise_distances(named, LinearMetric(), n_jobs=2)
    named["n3"] = np.ones((39, 2)) * np.arange(39)[:, None]
    with pytest.raises(ValueError, match="'n3': found 39 stimuli, expected 40"):
        pairwise_distances(named, LinearMetric())


def test_heldout_responses_with_other_units(arrays, rng):
    heldout = [rng.normal(size=(25, n)) for n in WIDTHS]
    heldout[2] = rng.normal(size=(25, 9))
    with pytest.raises(ValueError, match="'array 2': found 9 units in the held-out responses"):
        pairwise_distances(arrays, LinearMetric(), heldout=heldout)


def test_progress_names_pairs_and_time_left_line_by_line(arrays, capsys):
    pairwise_distances(arrays, LinearMetric(), progress=True, block_size=2)
    shown = capsys.readouterr().err
    assert "distances:" in shown
    assert "pairs" in shown
    assert "left" in shown


def test_progress_line_without_a_terminal_has_no_carriage_returns():
    stream = io.StringIO()
    line = ProgressLine(total=3, desc="train", unit="networks", file=stream)
    line(3, 3)
    line.close()
    assert "\r" not in stream.getvalue()
    assert stream.getvalue().count("3/3 networks") >= 1


def test_matrix_round_trip_and_damage(tmp_path, arrays):
    D = pairwise_distances(arrays, LinearMetric())
    matrix = DistanceMatrix(D, [f"n{i}" for i in range(7)], {"metric": "procrustes"})
    path = tmp_path / "d.npz"
    matrix.save(path)
    again = DistanceMatrix.load(path)
    np.testing.assert_array_equal(again.values, D)
    assert again.ids == matrix.ids
    assert again.provenance == {"metric": "procrustes"}
    matrix.save_table(tmp_path / "d.csv")
    assert (tmp_path / "d.csv").read_text().splitlines()[0] == "id,n0,n1,n2,n3,n4,n5,n6"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"d\.npz: not a readable matrix"):
        DistanceMatrix.load(path)
    with pytest.raises(ValueError, match="no such file"):
        DistanceMatrix.load(tmp_path / "none.npz")
    with pytest.raises(ValueError, match=r"shape \(7, 7\) for 2 ids"):
        DistanceMatrix(D, ["a", "b"], {})
    D[1, 2] = np.nan
    with pytest.raises(ValueError, match="distance from 'n1' to 'n2' is not finite"):
        DistanceMatrix(D, matrix.ids, {})


def test_too_large_a_request_is_refused_before_anything_is_computed():
    # A view of one number: a request of petabytes that takes no memory to make.
    huge = np.broadcast_to(np.float64(1.0), (10**8, 10**6))
    with pytest.raises(MemoryError, match=r"2 representations and 4 distances need \d+\.\d GB"):
        pairwise_distances([huge, huge], LinearMetric())
    with pytest.raises(MemoryError, match=r"2 representations and 1 distances need"):
        cross_distances([huge], [huge], LinearMetric())


def test_networks_that_grow_when_prepared_are_refused_too(monkeypatch):
    arrays = [np.random.default_rng(k).normal(size=(200, 2)) for k in range(9)]
    monkeypatch.setattr("shapemetrics.pairwise.memory._free_memory", lambda: 10**6)
    assert pairwise_distances(arrays, LinearMetric()).shape == (9, 9)
    with pytest.raises(MemoryError, match=r"9 prepared representations need \d+\.\d GB"):
        pairwise_distances(arrays, KernelMetric("rbf"))
