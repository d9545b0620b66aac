"""Held-out responses that cannot be those of the fitted networks are refused, by any metric."""

from __future__ import annotations

import numpy as np
import pytest

from shapemetrics import pairwise_distances
from shapemetrics.metrics import (
    ConvolutionMetric,
    GaussianStochasticMetric,
    KernelMetric,
    LinearMetric,
    PermutationMetric,
    SoftMatchingMetric,
)

METRICS = {
    "linear": (LinearMetric(), (3,)),
    "kernel": (KernelMetric("rbf"), (3,)),
    "permutation": (PermutationMetric(), (3,)),
    "soft matching": (SoftMatchingMetric(), (3,)),
    "convolution": (ConvolutionMetric(), (2, 2, 3)),
    "channels": (ConvolutionMetric(shifts=False), (2, 2, 3)),
    "stochastic": (GaussianStochasticMetric(n_starts=1), (6, 3)),
}


@pytest.fixture(params=METRICS, ids=str)
def case(request):
    """A metric, two fitted networks, and a function that makes responses to m stimuli."""
    metric, shape = METRICS[request.param]
    rng = np.random.default_rng(0)

    def responses(m: int, units: int = 3) -> np.ndarray:
        return rng.normal(size=(m, *shape[:-1], units))

    return metric, [responses(20), responses(20)], responses


def test_other_numbers_of_units_are_named(case):
    metric, fitted, responses = case
    with pytest.raises(ValueError, match=r"'array 1': found 4 .*held-out.*expected 3"):
        pairwise_distances(fitted, metric, heldout=[responses(5), responses(5, units=4)])


def test_other_numbers_of_stimuli_are_named(case):
    metric, fitted, responses = case
    with pytest.raises(ValueError, match=r"'array 1': found 6 stimuli, expected 5"):
        pairwise_distances(fitted, metric, heldout=[responses(5), responses(6)])


@pytest.mark.parametrize("name", ["linear", "permutation", "soft matching", "convolution"])
def test_responses_at_the_fitted_mean_have_no_direction(name):
    metric, shape = METRICS[name]
    rng = np.random.default_rng(0)
    fitted = [rng.choice([-1.0, 1.0], size=(10, *shape)) for _ in range(2)]
    fitted = [np.concatenate([X, -X]) for X in fitted]  # the mean is exactly zero
    other = rng.normal(size=(5, *shape))
    with pytest.raises(ValueError, match=r"'array 1': .*all at the fitted mean"):
        pairwise_distances(fitted, metric, heldout=[other, np.zeros_like(other)])
