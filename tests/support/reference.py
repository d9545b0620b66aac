"""Slow, independent references for every metric and comparison, with every option.

``distance(metric, X, Y)`` and ``heldout(metric, X, Y, test_x, test_y)`` compute from the equations
what the package computes, in another way: in extended precision by Jacobi rotations (see
`extended`), with explicit centring matrices, feature maps in the networks' own axes, matrix square
roots, linear programs and exhaustive search. Data are taken as float64 holds them, whatever type
they are stored in, and ranks are judged by float64.

How accurate the answers are: products, sums and decompositions carry `extended.UNIT` (1e-19 on x86)
relative to the largest singular value, so a distance is right to about ``UNIT`` times the condition
of its whitening, and an angle near zero to ``sqrt(UNIT)``, 3e-10. Linear programs are solved by
HiGHS to 1e-10 of the largest cost, minima over rotations of the plane to 1e-14 of the squared
distance. :class:`answers.Answer` says how far from that sound computations in float64 or float32
may lie, and :class:`answers.Undefined` is raised where there is no answer and the package must
refuse. Both are derived from the data, not from what the package returns.

What the references share with the package are its documented draws from a seed: landmarks and
frequencies of approximate kernels, and folds of stimuli.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from answers import Answer, Undefined
from reference_kernels import cka, kernel, kernel_heldout
from reference_linear import convolution, convolution_heldout, linear, linear_heldout
from reference_similarity import comparison
from reference_stochastic import Fit, at_rotation, fit_energy, fit_gaussian, least
from reference_units import matching, matching_heldout

__all__ = ["Answer", "Undefined", "best_fit", "distance", "heldout", "loss_at"]

#: The parameters that the references have. Others are left at their defaults.
PARAMETERS = {
    *("alpha", "geometry", "center", "n_components", "preserve_variance", "scale_free"),
    *("rank_tolerance", "truncation", "shifts", "resample", "padding", "kernel", "bandwidth"),
    *("median_fraction", "approximation", "seed", "measure", "n_folds", "ridge", "rdm"),
    *("correlation", "group", "estimator"),
}
#: Parameters that say how the package searches, not what it computes.
SEARCH = {"n_starts", "max_iter", "tol"}
#: The options that each comparison has.
OPTIONS = {
    "cka": (),
    "mean_cca": ("n_components", "rank_tolerance"),
    "pwcca": ("n_components", "rank_tolerance"),
    "linear_regression": ("n_folds", "ridge", "seed", "rank_tolerance"),
    "rsa_correlation": ("rdm", "correlation"),
}


def _parameters(metric: Any) -> dict[str, Any]:
    found = {field.name: getattr(metric, field.name) for field in dataclasses.fields(metric)}
    defaults = {field.name: field.default for field in dataclasses.fields(metric)}
    for name in set(found) - PARAMETERS - SEARCH:
        if found[name] != defaults[name]:
            raise NotImplementedError(f"{name}: there is no reference for {found[name]!r}")
    return {name: value for name, value in found.items() if name in PARAMETERS}


def _cka(X: Any, Y: Any, **options: Any) -> Answer:
    if options["kernel"] != "rbf":
        del options["bandwidth"], options["median_fraction"]
    return cka(X, Y, **options)


def _comparison(X: Any, Y: Any, *, measure: str, **options: Any) -> Answer:
    return comparison(X, Y, measure=measure, **{key: options[key] for key in OPTIONS[measure]})


def _fit(fitted: Callable[..., Fit]) -> Callable[..., Fit]:
    def fit(X: Any, Y: Any, **options: Any) -> Fit:
        return fitted(X, Y, **{key: value for key, value in options.items() if key != "seed"})

    return fit


FITS = {
    "GaussianStochasticMetric": _fit(fit_gaussian),
    "EnergyStochasticMetric": _fit(fit_energy),
}
DISTANCES = {
    "LinearMetric": linear,
    "ConvolutionMetric": convolution,
    "PermutationMetric": matching,
    "SoftMatchingMetric": matching,
    "KernelMetric": kernel,
    "AngularCKA": _cka,
    "Comparison": _comparison,
}
HELDOUT = {
    "LinearMetric": linear_heldout,
    "ConvolutionMetric": convolution_heldout,
    "PermutationMetric": matching_heldout,
    "SoftMatchingMetric": matching_heldout,
    "KernelMetric": kernel_heldout,
}


def distance(metric: Any, X: Any, Y: Any) -> Answer:
    """The distance from X to Y.

    Parameters
    ----------
    metric : Metric
        One of the package's; only its name and its parameters are read.
    X, Y : array-like
        What the metric takes.

    Raises
    ------
    Undefined
        Where the package must refuse one of the networks.
    NotImplementedError
        For stochastic metrics over rotations of more than two units, which have no closed form and
        are too many to try: see :func:`loss_at`.
    """
    name, options = type(metric).__name__, _parameters(metric)
    if name in FITS:
        return least(FITS[name](X, Y, **options))
    return DISTANCES[name](X, Y, **options)


def heldout(metric: Any, X: Any, Y: Any, test_x: Any, test_y: Any) -> Answer:
    """The distance from `test_x` to `test_y` under the alignment fitted on X and Y."""
    name, options = type(metric).__name__, _parameters(metric)
    if name not in FITS:
        return HELDOUT[name](X, Y, test_x, test_y, **options)
    fitted, measured = (FITS[name](*pair, **options) for pair in ((X, Y), (test_x, test_y)))
    if fitted.Q is None:
        raise NotImplementedError("rotations of more than two units are not tried one by one")
    answer = at_rotation(measured, fitted.Q)
    return answer.doubted() if fitted.tied or fitted.searched else answer


def best_fit(metric: Any, X: Any, Y: Any) -> Fit:
    """The best element of a stochastic metric's group, from Y towards X."""
    return FITS[type(metric).__name__](X, Y, **_parameters(metric))


def loss_at(metric: Any, X: Any, Y: Any, Q: Any) -> Answer:
    """The root of a stochastic metric's loss where Y is turned by Q (n, n), that is to Y Q'."""
    return at_rotation(best_fit(metric, X, Y), Q)
