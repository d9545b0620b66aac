"""Method-of-moments angles: unbiased moments, optimal weights, less bias than the plug-in."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import minimize

from shapemetrics.estimation.moments import spectral_moments, square_root_weights
from shapemetrics.geometry import moment_angle
from shapemetrics.metrics import LinearMetric


def draw(rng, n_stimuli, n_units, similarity, offset=0.0):
    """Two networks of white responses whose cross-covariance is `similarity` times a rotation."""
    X = rng.standard_normal((n_stimuli, n_units))
    Q, _ = np.linalg.qr(rng.standard_normal((n_units, n_units)))
    noise = np.sqrt(1 - similarity**2) * rng.standard_normal((n_stimuli, n_units))
    return X + offset, (similarity * X + noise) @ Q + offset


def test_moments_are_the_sums_over_increasing_tuples(rng):
    X, Y = rng.standard_normal((7, 3)), rng.standard_normal((7, 2))
    found = spectral_moments(X, Y, 3)
    for p in (1, 2, 3):
        terms = []
        for rows in itertools.combinations(range(7), 2 * p):
            value = 1.0
            for step, (i, j) in enumerate(itertools.pairwise(rows)):
                value *= X[i] @ X[j] if step % 2 == 0 else Y[i] @ Y[j]
            terms.append(value * (Y[rows[-1]] @ Y[rows[0]]))
        assert found[p - 1] == pytest.approx(np.mean(terms))


def test_moments_are_unbiased():
    rng = np.random.default_rng(2)
    S = np.diag([0.9, 0.5, 0.2])
    draws = []
    for _ in range(4000):
        X = rng.standard_normal((10, 3))
        Y = X @ S + rng.standard_normal((10, 3)) @ np.sqrt(np.eye(3) - S**2)
        draws.append(spectral_moments(X, Y, 3))
    truth = [np.sum(np.diagonal(S) ** (2 * p)) for p in (1, 2, 3)]
    error = np.std(draws, axis=0) / np.sqrt(len(draws))
    assert (np.abs(np.mean(draws, axis=0) - truth) < 4 * error).all()
    plug_in = np.mean([np.sum((X.T @ X / 10) ** 2) for X in rng.standard_normal((50, 10, 3))])
    assert plug_in > 3.3  # tr(S S') = 3 for S = I: the sample's own is far off


def test_rows_left_out_take_no_part(rng):
    X, Y = rng.standard_normal((2, 12, 3))
    keep = np.arange(12) % 4 != 0
    np.testing.assert_allclose(
        spectral_moments(X, Y, 2, keep), spectral_moments(X[keep], Y[keep], 2)
    )


@pytest.mark.parametrize(("n_moments", "noise"), [(3, 1e-2), (5, 1e-3), (5, 1.0)])
def test_weights_solve_the_quadratic_program(rng, n_moments, noise):
    draws = rng.standard_normal((30, n_moments)) * np.sqrt(noise)
    C, n_values = draws.T @ draws / 30, 20
    weights, bias = square_root_weights(C, n_values)
    u = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, 201) / 200)
    powers = u[:, None] ** np.arange(1, n_moments + 1)
    assert bias == pytest.approx(n_values * np.abs(powers @ weights - np.sqrt(u)).max())

    def objective(z):
        return z[:-1] @ C @ z[:-1] + z[-1] ** 2

    constraints = [
        {
            "type": "ineq",
            "fun": lambda z, s=sign: z[-1] / n_values - s * (powers @ z[:-1] - np.sqrt(u)),
        }
        for sign in (1, -1)
    ]
    start = np.r_[np.zeros(n_moments), n_values]
    slow = minimize(
        objective, start, constraints=constraints, method="SLSQP", options={"ftol": 1e-12}
    )
    assert objective(np.r_[weights, bias]) == pytest.approx(slow.fun, rel=1e-5)


def test_bias_can_be_capped_at_the_price_of_variance():
    C = 1e-2 * np.eye(4)
    free, bound = square_root_weights(C, 10)
    capped, less = square_root_weights(C, 10, max_bias=0.8 * bound)
    assert less == pytest.approx(0.8 * bound, rel=1e-6)
    assert capped @ C @ capped > free @ C @ free
    with pytest.raises(ValueError, match="no polynomial of 4 moments"):
        square_root_weights(C, 10, max_bias=1e-3)


@pytest.mark.parametrize("similarity", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("offset", [0.0, 5.0])
def test_less_biased_than_the_plug_in(similarity, offset):
    rng = np.random.default_rng(7)
    fits = [moment_angle(*draw(rng, 100, 40, similarity, offset), n_orders=3) for _ in range(12)]
    truth = np.arccos(similarity)
    ours = np.mean([fit.angle for fit in fits]) - truth
    plug_in = np.mean([fit.plug_in_angle for fit in fits]) - truth
    assert plug_in < -0.1
    assert abs(ours) < 0.75 * abs(plug_in)
    inside = [fit.angle_low <= truth <= fit.angle_high for fit in fits]
    assert np.mean(inside) > 0.9


def test_plug_in_is_the_linear_metric(rng):
    X, Y = draw(rng, 60, 8, 0.5, offset=2.0)
    fit = moment_angle(X, Y)
    assert fit.plug_in_angle == pytest.approx(LinearMetric(alpha=1.0).distance(X, Y), abs=1e-9)
    uncentred = moment_angle(X, Y, center=False)
    metric = LinearMetric(alpha=1.0, center=False)
    assert uncentred.plug_in_angle == pytest.approx(metric.distance(X, Y), abs=1e-9)


def test_unequal_numbers_of_units(rng):
    X, Y = draw(rng, 80, 20, 0.0)
    fit = moment_angle(X, Y[:, :12])
    assert fit.plug_in_similarity > 0.3
    assert abs(fit.similarity) < 0.2


def test_trials_remove_noise_from_the_variances():
    rng = np.random.default_rng(4)
    fits = []
    for _ in range(8):
        X, Y = draw(rng, 120, 10, 0.6)
        trials = [S[:, None, :] + 1.5 * rng.standard_normal((120, 4, 10)) for S in (X, Y)]
        fits.append((moment_angle(*trials), moment_angle(*(t.mean(axis=1) for t in trials))))
    with_trials = np.mean([a.similarity for a, _ in fits])
    averaged = np.mean([b.similarity for _, b in fits])
    # Averages of four trials carry noise of variance 1.5^2 / 4: cosine about 0.6 / 1.56.
    assert averaged == pytest.approx(0.6 / (1 + 1.5**2 / 4), abs=0.08)
    assert with_trials == pytest.approx(0.6, abs=0.1)


def test_scale_and_seed(rng):
    X, Y = draw(rng, 60, 10, 0.4)
    fit = moment_angle(X, Y, seed=1)
    again = moment_angle(X, Y, seed=1)
    other = moment_angle(1e4 * X, 1e-3 * Y, seed=1)
    assert fit.similarity == again.similarity
    assert other.similarity == pytest.approx(fit.similarity, rel=1e-6)
    assert other.angle_low == pytest.approx(fit.angle_low, rel=1e-4)
    assert fit.similarity != moment_angle(X, Y, seed=2).similarity


def test_jackknife_error_is_of_the_right_size():
    rng = np.random.default_rng(9)
    fits = [moment_angle(*draw(rng, 150, 10, 0.5), n_orders=3, n_moments=3) for _ in range(30)]
    spread = np.std([fit.similarity for fit in fits])
    assert 0.7 * spread < np.mean([fit.standard_error for fit in fits]) < 2.0 * spread


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda X, Y: (X, Y[:-1]), {}, "Y: found 49 stimuli, expected 50"),
        (lambda X, Y: (X[:20], Y[:20]), {}, "found 20 stimuli, expected at least 40"),
        (lambda X, Y: (X, Y), {"n_moments": 13}, "expected at least 56 for 13 moments"),
        (lambda X, Y: (X, Y), {"n_moments": 0}, "n_moments"),
        (lambda X, Y: (X, Y), {"max_bias": 1e-4}, "no polynomial"),
        (lambda X, Y: (X[:, 0], Y), {}, r"X: found shape \(50,\)"),
        (lambda X, Y: (X, np.full_like(Y, np.nan)), {}, "Y: .* finite"),
        (lambda X, Y: (np.ones_like(X), Y), {}, "X: found no variance"),
    ],
)
def test_bad_input_is_named(rng, change, options, message):
    X, Y = change(*draw(rng, 50, 5, 0.5))
    with pytest.raises(ValueError, match=message):
        moment_angle(X, Y, **options)
