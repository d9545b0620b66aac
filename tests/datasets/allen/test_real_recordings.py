"""Real recordings: many regions (Steinmetz et al. 2019) and many trials (two-photon)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from shapemetrics import RepresentationStore, cross_distances, pairwise_distances
from shapemetrics.datasets.allen.regions import Pooling, pool_regions
from shapemetrics.datasets.allen.steinmetz import read_session, session_files
from shapemetrics.metrics import LinearMetric

ANGULAR = LinearMetric(alpha=1.0, geometry="angular")


@pytest.fixture(scope="module")
def store(shared, tmp_path_factory):
    """All twelve sessions pooled."""
    folder = tmp_path_factory.mktemp("steinmetz")
    files = []
    for path in session_files(shared / "data" / "steinmetz2019"):
        responses = read_session(path)
        responses.save(folder / path.name)
        files.append(folder / path.name)
    pool_regions(
        files, folder / "store", Pooling(min_units=80, n_components=20), source="steinmetz2019"
    )
    return RepresentationStore(folder / "store")


def test_responses_are_means_over_trials(shared):
    path = session_files(shared / "data" / "steinmetz2019")[1]
    responses = read_session(path)
    with np.load(path) as file:
        counts, left, right = (file[n] for n in ("counts", "contrast_left", "contrast_right"))
        acronyms = file["structure_acronym"]
    assert len(responses.units) == (acronyms != "root").sum()
    unit = 5
    at = responses.units["unit_id"][unit]
    stimulus = responses.stimuli.index("0,1@7")
    trials = np.flatnonzero((left == 0) & (right == 1))
    for half in (0, 1):
        own = counts[trials[half::2], at, 7]
        assert responses.counts[half, unit, stimulus] == own.sum()
        assert responses.repeats[half, unit, stimulus] == len(own)


def test_real_regions_pool_and_little_stands_above_the_noise_floor(store):
    assert not store.simulated
    odd, even = store.select(half="odd"), store.select(half="even")
    n = len(odd)
    assert n >= 30
    # 15 of 16 conditions have two trials in every session.
    assert store.metadata["n_stimuli"] == 15 * 40
    assert store.metadata["stimuli_not_shared"] == 40
    distances = np.asarray(cross_distances(odd.arrays(), even.arrays(), ANGULAR))
    own = np.median(np.diag(distances))
    others = np.median(distances[~np.eye(n, dtype=bool)])
    assert 1.2 < own < others < 1.4
    nearest = (distances.argmin(axis=1) == np.arange(n)).mean()
    assert nearest > 2 / n
    # Units are noisy one by one, and that is what the table says.
    assert store.index["reliability"].between(0.0, 0.3).all()


def test_conditions_without_enough_trials_are_left_out(shared):
    path = session_files(shared / "data" / "steinmetz2019")[0]
    assert len(read_session(path).stimuli) == 15 * 40
    assert len(read_session(path, min_repeats=4).stimuli) < 15 * 40


def test_two_photon_trials_show_why_distances_are_held_out(shared, rng):
    # The file does not say which scene a trial showed, so each trial is a sample of its own, and
    # two halves of the cells are two populations that saw the same trials.
    trials = np.load(shared / "data" / "allen_2p_scenes" / "Allen_test_output_big.npy")
    assert trials.shape == (900, 212)
    ranks = rankdata(trials, axis=0) / len(trials)  # a few trials are a hundred times larger
    cells = rng.permutation(212)
    a, b = ranks[:, cells[:106]], ranks[:, cells[106:]]
    fit, rest = slice(None, 450), slice(450, None)
    order = rng.permutation(450)

    def angles(second, held):
        pair, other = [a[fit], second], [a[rest], held]
        inside = pairwise_distances(pair, ANGULAR)[0, 1]
        return inside, pairwise_distances(pair, ANGULAR, heldout=other)[0, 1]

    inside, outside = angles(b[fit], b[rest])
    shuffled_inside, shuffled_outside = angles(b[fit][order], b[rest][order])
    # Fitted and measured on the same trials, even unrelated populations seem close.
    assert shuffled_inside < 1.3
    assert inside < outside < shuffled_outside
    assert shuffled_outside == pytest.approx(np.pi / 2, abs=0.05)
    assert outside < 1.4


def test_mistakes_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"no session_\*\.npz"):
        session_files(tmp_path)
    path = tmp_path / "session_01.npz"
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"session_01\.npz: no session of the multi-region"):
        read_session(path)
    names = np.array(["VISp", "LP"])
    side = np.zeros(4)
    np.savez(
        path,
        counts=np.ones((4, 3, 2), np.uint8),
        structure_acronym=names,
        contrast_left=side,
        contrast_right=side,
    )
    with pytest.raises(ValueError, match=r"found counts of shape \(4, 3, 2\), expected \(4 trials"):
        read_session(path)
    np.savez(
        path,
        counts=np.ones((4, 2, 2), np.uint8),
        structure_acronym=["root"] * 2,
        contrast_left=side,
        contrast_right=side,
    )
    with pytest.raises(ValueError, match="no unit in a structure"):
        read_session(path)
