"""Distances between signals: unbiased in noise, and silent nowhere that there is none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapemetrics.estimation import signal_distances
from shapemetrics.metrics import AngularCKA, Comparison

PLAIN = {
    "cka": AngularCKA(),
    "rsa": Comparison("rsa_correlation", rdm="squared_euclidean"),
}


def two_signals(rng, m: int, n: int, shared: float) -> list[np.ndarray]:
    """Responses of two networks with latent variables of spectrum 1/k, some of them shared."""
    d = m // 2
    Z = rng.normal(size=(3, m, d)) / np.sqrt(np.arange(1, d + 1))
    mixed = [np.sqrt(shared) * Z[0] + np.sqrt(1 - shared) * Z[k] for k in (1, 2)]
    return [L @ rng.normal(size=(d, n)) for L in mixed]


def noisy(rng, X: np.ndarray, R: int, reliability: float) -> np.ndarray:
    """R trials (m, R, n) whose mean has this share of signal in its variance."""
    scale = np.sqrt(X.var() * R * (1 - reliability) / reliability)
    return X[:, None] + scale * rng.normal(size=(len(X), R, X.shape[1]))


# Slow references ---------------------------------------------------------------------------------


def entries(measure: str, P: np.ndarray) -> np.ndarray:
    """What is compared of the Gram matrix of one product of trials, entry by entry."""
    m = len(P)
    C = np.eye(m) - 1 / m
    K = C @ ((P + P.T) / 2) @ C
    if measure != "rsa":
        return K.ravel()
    d = np.array([K[i, i] + K[j, j] - 2 * K[i, j] for i, j in itertools.combinations(range(m), 2)])
    return d - d.mean()


def slow_product(measure: str, X: np.ndarray, Y: np.ndarray, shared: bool) -> float:
    """Mean over all products of different trials of (m, r, n) responses."""
    R = X.shape[1]
    if shared:
        return float(
            np.mean(
                [
                    entries(measure, X[:, r] @ X[:, s].T) @ entries(measure, Y[:, t] @ Y[:, u].T)
                    for r, s, t, u in itertools.permutations(range(R), 4)
                ]
            )
        )
    pairs = list(itertools.permutations(range(R), 2))
    x, y = (
        np.mean([entries(measure, Z[:, r] @ Z[:, s].T) for r, s in pairs], axis=0) for Z in (X, Y)
    )
    return float(x @ y)


@pytest.mark.parametrize("measure", ["cka", "rsa"])
@pytest.mark.parametrize("together", [False, True])
def test_similarity_is_that_of_all_products_of_different_trials(rng, measure, together):
    X, Y = two_signals(rng, 6, 4, 0.5)
    X, Y = noisy(rng, X, 5, 0.9), noisy(rng, Y[:, :3], 5, 0.9)
    nets = {"x": {"one": X}, "y": {"one": Y}} if together else {"x": X, "y": Y}
    found = signal_distances(nets, measure, n_resamples=0)
    cross = slow_product(measure, X, Y, together)
    norms = [slow_product(measure, Z, Z, True) for Z in (X, Y)]
    assert found.similarity[0, 1] == pytest.approx(cross / np.sqrt(np.prod(norms)), rel=1e-9)
    assert found.plug_in[0, 1] == pytest.approx(
        PLAIN[measure].distance(X.mean(axis=1), Y.mean(axis=1)), abs=1e-9
    )


def test_unequal_repeats_multiply_every_pair_of_different_trials(rng):
    """Between networks that share no trials nothing is drawn: all pairs count, however many."""
    signals = [Z for _ in range(2) for Z in two_signals(rng, 5, 3, 0.5)]
    counts = [4, 7, 5, 4, 6]
    trials = [[x + 0.3 * rng.normal(size=(r, 3)) for x, r in zip(Z, counts)] for Z in signals]
    S = signal_distances(trials, n_resamples=0).similarity

    def gram(conditions):
        K = np.empty((5, 5))
        for i, j in itertools.product(range(5), repeat=2):
            pairs = itertools.product(range(counts[i]), range(counts[j]))
            values = [conditions[i][r] @ conditions[j][s] for r, s in pairs if i != j or r != s]
            K[i, j] = np.mean(values)
        C = np.eye(5) - 1 / 5
        return (C @ K @ C).ravel()

    products = np.stack([gram(conditions) for conditions in trials])
    P = products @ products.T
    # Norms, which are averages over random arrangements of trials, cancel.
    assert S[0, 1] * S[2, 3] / (S[0, 2] * S[1, 3]) == pytest.approx(
        P[0, 1] * P[2, 3] / (P[0, 2] * P[1, 3])
    )


def test_dissimilarities_are_those_of_rsatoolbox():
    """The crossnobis dissimilarities of rsatoolbox 0.3.2 gave this ratio, which has no norms in it.

    ``calc_rdm(method="crossnobis", cv_descriptor=trial)`` of each network; products of their
    dissimilarities less the mean.
    """
    rng = np.random.default_rng(5)
    trials = [rng.normal(size=(6, 1, n)) + rng.normal(size=(6, 4, n)) for n in (3, 4, 5, 6)]
    S = signal_distances(trials, "rsa", n_resamples=0).similarity
    ratio = S[0, 1] * S[2, 3] / (S[0, 2] * S[1, 3])
    assert ratio == pytest.approx(0.3961128371294576, rel=1e-9)


# Properties --------------------------------------------------------------------------------------


@given(
    st.integers(0, 2**32 - 1),
    st.integers(4, 9),
    st.integers(2, 6),
    st.integers(2, 6),
    st.sampled_from(["cka", "rsa"]),
)
def test_without_noise_the_distance_is_the_plain_one(seed, m, R, n, measure):
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(2, m, n))
    trials = {name: np.repeat(Z[:, None], R, axis=1) for name, Z in (("x", X), ("y", Y))}
    found = signal_distances(trials, measure, n_resamples=0)
    assert found.distances[0, 1] == pytest.approx(PLAIN[measure].distance(X, Y), abs=1e-6)
    assert found.distances[0, 0] == 0


@given(st.integers(0, 2**32 - 1), st.sampled_from(["cka", "rsa", "procrustes"]))
def test_rotation_scale_offset_and_order_of_trials_change_nothing(seed, measure):
    rng = np.random.default_rng(seed)
    X, Y = (noisy(rng, Z, 6, 0.7) for Z in two_signals(rng, 12, 5, 0.5))
    Q, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    before = signal_distances([X, Y], measure, n_resamples=0)
    changed = 1e-9 * (X @ Q + 3.0)[:, rng.permutation(6)]
    after = signal_distances([changed, Y], measure, n_resamples=0)
    np.testing.assert_allclose(after.similarity, before.similarity, atol=1e-5)


def test_networks_in_another_order_and_units_in_two_sessions(rng):
    X, Y, Z = (rng.normal(size=(10, 1, 6)) + np.zeros((10, 5, 6)) for _ in range(3))
    one = signal_distances({"x": X, "y": Y, "z": Z}, n_resamples=0)
    two = signal_distances(
        {"z": Z, "x": {"a": X[..., :2], "b": X[:, :4, 2:]}, "y": Y}, n_resamples=0
    )
    np.testing.assert_allclose(two.similarity[np.ix_([1, 2, 0], [1, 2, 0])], one.similarity)


def test_the_same_seed_gives_the_same_result_on_any_number_of_threads(rng):
    X, Y = (noisy(rng, Z, 8, 0.5) for Z in two_signals(rng, 20, 30, 0.5))
    first, second = (signal_distances([X, Y], n_resamples=6, n_jobs=jobs) for jobs in (1, 2))
    np.testing.assert_array_equal(first.low, second.low)
    np.testing.assert_array_equal(first.distances, second.distances)


# Bias, on simulations of known truth -------------------------------------------------------------


@pytest.mark.parametrize("measure", ["cka", "rsa"])
@pytest.mark.parametrize("shared", [0.0, 0.5, 0.9])
def test_similarity_is_right_on_average_where_trial_averages_are_not(measure, shared):
    truth, found, plug_in = [], [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        X, Y = two_signals(rng, 60, 120, shared)
        trials = [noisy(rng, Z, 8, 0.3) for Z in (X, Y)]
        estimate = signal_distances(trials, measure, n_resamples=0)
        truth.append(PLAIN[measure].distance(X, Y))
        found.append(estimate.similarity[0, 1])
        plug_in.append(estimate.plug_in[0, 1])
    true = np.cos(truth) if measure == "cka" else 1 - np.array(truth)
    plain = np.cos(plug_in) if measure == "cka" else 1 - np.array(plug_in)
    assert np.mean(found - true) == pytest.approx(0, abs=0.06)
    assert abs(np.mean(plain - true)) > 2 * abs(np.mean(found - true))


def test_noise_that_two_networks_share_is_told_from_signal():
    """Of networks in one session no product is taken within a trial; apart, noise looks alike."""
    together, apart, truth = [], [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        X, Y = two_signals(rng, 40, 30, 0.0)
        noise = 2.0 * X.std() * rng.normal(size=(40, 8, 30))
        trials = X[:, None] + noise, Y[:, None] + noise
        truth.append(np.cos(AngularCKA().distance(X, Y)))
        one = [{"session": Z} for Z in trials]
        together.append(signal_distances(one, n_resamples=0).similarity[0, 1])
        apart.append(signal_distances(trials, n_resamples=0).similarity[0, 1])
    assert np.mean(np.subtract(together, truth)) == pytest.approx(0, abs=0.04)
    assert np.mean(np.subtract(apart, truth)) > 3 * abs(np.mean(np.subtract(together, truth)))


@pytest.mark.parametrize("R", [2, 3])
def test_few_trials_divide_by_halves(R):
    errors, plain = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        X, Y = two_signals(rng, 60, 100, 0.5)
        found = signal_distances([noisy(rng, Z, R, 0.4) for Z in (X, Y)], n_resamples=0)
        truth = np.cos(AngularCKA().distance(X, Y))
        errors.append(found.similarity[0, 1] - truth)
        plain.append(np.cos(found.plug_in[0, 1]) - truth)
    assert np.mean(errors) == pytest.approx(0, abs=0.05)
    assert found.resampled == "nothing"
    assert found.distances[0, 1] > 0


def test_noise_alone_has_no_distance_and_says_why(rng):
    X = noisy(rng, two_signals(rng, 30, 20, 0.5)[0], 8, 0.8)
    found = signal_distances({"x": X, "noise": rng.normal(size=(30, 8, 20))}, n_resamples=20)
    assert np.isnan(found.distances[0, 1])
    assert np.isnan(found.distances[1, 1])
    assert found.distances[0, 0] == 0
    assert list(found.reasons) == ["noise"]
    assert "with a standard deviation of" in found.reasons["noise"]
    table = found.table()
    assert table["distance"].isna().all()
    assert table["reason"].str.startswith("noise: found a squared signal norm of").all()
    assert np.isfinite(table["plug_in"]).all()


# Intervals ---------------------------------------------------------------------------------------


def test_intervals_hold_the_truth_and_standard_errors_the_spread():
    """Over trials: the signal of these units, whose truth is known."""
    held, estimates, errors = [], [], []
    X, Y = two_signals(np.random.default_rng(7), 40, 60, 0.5)
    truth = AngularCKA().distance(X, Y)
    for seed in range(24):
        rng = np.random.default_rng(seed)
        trials = [noisy(rng, Z, 12, 0.4) for Z in (X, Y)]
        found = signal_distances(trials, n_resamples=20, over="trials", seed=seed)
        held.append(found.low[0, 1] <= truth <= found.high[0, 1])
        estimates.append(found.similarity[0, 1])
        errors.append(found.standard_error[0, 1])
    assert np.mean(held) >= 0.8
    assert 0.5 < np.mean(errors) / np.std(estimates) < 2.0


def test_too_few_trials_to_leave_some_out_resample_units(rng):
    X, Y = (noisy(rng, Z, 4, 0.8) for Z in two_signals(rng, 20, 30, 0.5))
    assert signal_distances([X, Y], n_resamples=3).resampled == "units"
    with pytest.raises(ValueError, match="over: found 'trials' with 4 trials of a stimulus"):
        signal_distances([X, Y], n_resamples=3, over="trials")
    more = [np.concatenate([Z, Z + 0.1], axis=1) for Z in (X, Y)]
    assert signal_distances(more, n_resamples=3).resampled == "both"


# What is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("networks", "options", "message"),
    [
        ([np.ones((5, 2, 3))], {}, "networks: found 1, expected at least two"),
        ([np.ones((5, 3))] * 2, {}, r"found shape .*, expected \(stimuli, trials, units\)"),
        ([np.ones((5, 1, 3))] * 2, {}, "found 1 trial of stimulus 0, expected at least 2"),
        ([np.ones((5, 2, 3)), np.ones((4, 2, 3))], {}, "found 4 stimuli, expected 5"),
        ([np.ones((2, 2, 3))] * 2, {}, "found 2 stimuli, expected at least 3"),
        ([np.full((5, 2, 3), np.nan)] * 2, {}, "found 30 values that are NaN or infinite"),
        (
            [{"s": np.ones((5, 2, 3))}, {"s": np.ones((5, 3, 3))}],
            {},
            "found other numbers of trials in session 's'",
        ),
        ([{}, {}], {}, "found no session, expected at least one"),
        ([[], []], {}, "found no stimuli"),
        ([np.ones((5, 2, 3))] * 2, {"measure": "cca"}, "measure: found 'cca', expected"),
        ([np.ones((5, 2, 3))] * 2, {"n_resamples": 1}, "n_resamples: found 1, expected 0 or"),
        ([np.ones((5, 2, 3))] * 2, {"over": "stimuli"}, "over: found 'stimuli'"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(networks, options, message):
    with pytest.raises(ValueError, match=message) as raised:
        signal_distances(networks, **options)
    assert "\n" not in str(raised.value)
