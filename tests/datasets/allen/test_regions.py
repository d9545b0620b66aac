"""Pooling units into regions, and what the store then says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shapemetrics import RepresentationStore
from shapemetrics.datasets.allen.regions import (
    Pooling,
    of_unit_norm,
    pool_regions,
    reliability,
    smoothed,
)
from shapemetrics.datasets.allen.responses import SessionResponses
from shapemetrics.metrics.linear import LinearMetric

M = 30
#: Units by session and structure.
COUNTS = {
    1: {"VISp": 5, "VISp2/3": 2, "LP": 6, "CA1": 4},
    2: {"VISp": 3, "LP": 3, "CA1": 3, "APN": 1},
}


@pytest.fixture
def files(rng, tmp_path):
    """Two sessions; the second has its stimuli in reverse order and one more."""
    paths = []
    for session, numbers in COUNTS.items():
        acronyms = [a for a, n in numbers.items() for _ in range(n)]
        n = len(acronyms)
        stimuli = [str(i) for i in range(M + session - 1)]
        counts = rng.poisson(20.0, (2, n, len(stimuli))).astype(np.uint32)
        if session == 2:
            stimuli, counts = stimuli[::-1], counts[..., ::-1]
        responses = SessionResponses(
            session,
            stimuli,
            pd.DataFrame({"unit_id": 100 * session + np.arange(n), "structure_acronym": acronyms}),
            counts,
            np.full(counts.shape, 4, dtype=np.uint16),
            {"quality": session, "no_structure": 2},
            simulated=session == 1,
        )
        paths.append(tmp_path / f"{session}.npz")
        responses.save(paths[-1])
    return paths


def pooled(files, tmp_path, **settings):
    table = pool_regions(files, tmp_path / "store", Pooling(**settings), source="test")
    return table.set_index("structure_acronym"), RepresentationStore(tmp_path / "store")


def test_units_of_all_sessions_and_layers_come_together(files, tmp_path):
    table, store = pooled(files, tmp_path, min_units=2, n_components=None, transform="none")
    assert table["n_units"].to_dict() == {"APN": 1, "CA1": 7, "LP": 9, "VISp": 10}
    assert table["n_sessions"].to_dict() == {"APN": 1, "CA1": 2, "LP": 2, "VISp": 2}
    assert table["kept"].to_dict() == {"APN": False, "CA1": True, "LP": True, "VISp": True}
    assert store.load("VISp").shape == (M, 10)
    row = store.index.loc["VISp_odd"]
    assert (row["half"], row["division"], row["ccf_color"]) == ("odd", "Isocortex", "#08858C")
    assert row["structure_name"] == "Primary visual area"
    assert np.isnan(store.index.loc["CA1", "hierarchy_score"])
    assert store.select(half="all").ids == ["CA1", "LP", "VISp"]
    assert store.metadata["dropped_units"] == {"quality": 3, "no_structure": 4}
    assert store.metadata["stimuli_not_shared"] == 1
    assert store.simulated  # one simulated session is enough


def test_halves_average_to_the_whole_and_stimuli_are_aligned(files, tmp_path):
    _, store = pooled(files, tmp_path, min_units=2, n_components=None, transform="none")
    whole, odd, even = (store.load(f"LP{part}") for part in ("", "_odd", "_even"))
    np.testing.assert_allclose(whole, (odd + even) / 2)
    with np.load(files[1]) as second:
        expected = second["LP|counts"][0, :, ::-1][:, :M] / 4
    np.testing.assert_allclose(odd[:, 6:], expected.T)


def test_components_keep_distances_between_stimuli(files, tmp_path):
    _, full = pooled(files, tmp_path, min_units=2, n_components=None)
    _, reduced = pooled(files, tmp_path / "b", min_units=2, n_components=9)
    a, b = full.load("LP"), reduced.load("LP")
    assert b.shape == (M, 9)
    a = a - a.mean(axis=0)
    np.testing.assert_allclose(a @ a.T, b @ b.T, atol=1e-10)
    assert reduced.load("CA1").shape == (M, 7)  # fewer units than components: all of them
    _, few = pooled(files, tmp_path / "c", min_units=2, n_components=3)
    assert few.load("LP").shape == (M, 3)
    assert 0 < few.index.loc["LP", "variance_kept"] < 1


@pytest.mark.parametrize("transform", ["none", "sqrt", "zscore"])
def test_transforms(files, tmp_path, transform):
    _, plain = pooled(files, tmp_path, min_units=2, n_components=None, transform="none")
    _, store = pooled(files, tmp_path / "b", min_units=2, n_components=None, transform=transform)
    raw = plain.load("LP")
    expected = {
        "none": raw,
        "sqrt": np.sqrt(raw),
        "zscore": (raw - raw.mean(0)) / raw.std(0),
    }
    np.testing.assert_allclose(store.load("LP"), expected[transform])


def test_levels_of_the_ontology(files, tmp_path):
    table, _ = pooled(files, tmp_path, min_units=2, level="annotated")
    assert table["n_units"]["VISp2/3"] == 2
    table, _ = pooled(files, tmp_path / "b", min_units=2, level="division")
    assert table["n_units"].to_dict() == {"HPF": 7, "Isocortex": 10, "MB": 1, "TH": 9}


def test_largest_number_of_units_is_a_choice_that_others_do_not_change(files, tmp_path):
    _, a = pooled(files, tmp_path, min_units=2, max_units=4, n_components=None, seed=5)
    _, b = pooled(
        files,
        tmp_path / "b",
        min_units=2,
        max_units=4,
        n_components=None,
        seed=5,
        structures=("LP", "VISp", "CA1"),
    )
    assert a.load("LP").shape == (M, 4)
    np.testing.assert_array_equal(a.load("LP"), b.load("LP"))
    _, c = pooled(files, tmp_path / "c", min_units=2, max_units=4, n_components=None, seed=6)
    assert not np.array_equal(a.load("LP"), c.load("LP"))


def test_reliability_is_one_without_noise_and_corrected_for_length(rng):
    signal = rng.standard_normal((4000, 3))
    assert reliability(signal, 2 * signal + 1) == pytest.approx(1.0)
    noise = rng.standard_normal((2, 4000, 3))
    found = reliability(signal + noise[0], signal + noise[1])
    # Halves correlate at 1/2; the average of both measures the signal with reliability 2/3.
    assert found == pytest.approx(2 / 3, abs=0.03)
    dead = np.column_stack([signal, np.zeros(4000)])
    assert reliability(dead, dead) == pytest.approx(2 * 0.75 / 1.75)


def test_mistakes_are_named(files, tmp_path):
    with pytest.raises(ValueError, match=r"too few units: 1 of 4 .* \(the largest, VISp, has 10\)"):
        pooled(files, tmp_path, min_units=10)
    with pytest.raises(ValueError, match="structure 'LGd': no unit in any of 2 sessions"):
        pooled(files, tmp_path, structures=("LGd",))
    with pytest.raises(ValueError, match="'VISq' is not in the ontology"):
        pooled(files, tmp_path, structures=("VISq",))
    with pytest.raises(ValueError, match=r"max_units: found 3, expected min_units \(20\)"):
        Pooling(max_units=3)
    (tmp_path / "bad.npz").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"bad\.npz: no file of session responses"):
        pooled([tmp_path / "bad.npz"], tmp_path)
    assert not (tmp_path / "store").exists()


def test_smoothed_and_scaled_as_the_authors_did(files, tmp_path):
    settings = {"min_units": 2, "n_components": 3, "transform": "none"}
    _, plain = pooled(files, tmp_path / "a", **settings)
    _, store = pooled(files, tmp_path / "b", **settings, smoothing=4.0, unit_norm=True)
    shapes = [store.load(id) for id in ("VISp", "LP", "CA1_odd")]
    for X in shapes:
        assert np.linalg.norm(X) == pytest.approx(1.0)
        np.testing.assert_allclose(X.mean(axis=0), 0.0, atol=1e-12)
    # Neighbouring stimuli become alike.
    rough, smooth = (
        np.mean([np.corrcoef(x[1:], x[:-1])[0, 1] for x in s.load("LP").T]) for s in (plain, store)
    )
    assert smooth > 0.8 > rough
    # Of unit norm, the Euclidean distance is the chord of the angle.
    chord = LinearMetric(alpha=1.0, geometry="euclidean").distance(shapes[0], shapes[1])
    angle = LinearMetric(alpha=1.0, geometry="angular").distance(shapes[0], shapes[1])
    assert chord == pytest.approx(2 * np.sin(angle / 2), rel=1e-9)


def test_smoothing_is_a_gaussian_along_the_stimuli():
    impulse = np.zeros((3, 81, 2))
    impulse[:, 40, 0] = 1.0
    found = smoothed(impulse, 5.0)
    expected = np.exp(-0.5 * ((np.arange(81) - 40) / 5.0) ** 2)
    np.testing.assert_allclose(found[0, :, 0], expected / expected.sum(), atol=1e-4)
    assert not found[..., 1].any()
    assert smoothed(impulse, 0.0) is impulse


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"smoothing": -1.0}, "smoothing: found -1.0, expected"),
        ({"parents": "join"}, "parents: found 'join', expected 'keep' or 'drop'"),
    ],
)
def test_settings_out_of_range_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        Pooling(**settings)


def test_regions_that_do_not_vary_have_no_unit_norm():
    with pytest.raises(ValueError, match="V1: found responses that do not vary"):
        of_unit_norm(np.ones((5, 2)), "V1")
