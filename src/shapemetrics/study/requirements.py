"""What every measure and every analysis of a study needs of its data: one table.

The plan of a study asks it before anything runs, with what the configuration, a table of files and
the headers of arrays tell. Every job asks it again with what it has read.

What follows where data do not meet them is stated in :mod:`shapemetrics.study.needs`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from shapemetrics.study.needs import Bound, Check, Items, Need, Shortage, Sizes

#: Fewest representations that can be compared: two have one distance, and no triangle.
LEAST_ITEMS = 3
#: Fewest stimuli: two, once centred, are one line in every network, and all distances are zero.
LEAST_STIMULI = 3
#: Fewest members of a class: one is held out, and two are left to choose by.
LEAST_MEMBERS = 3
#: Features of an approximate kernel whose number is not given.
KERNEL_FEATURES = 512


def _stimuli(data: Sizes) -> str:
    return f"{data.n_stimuli} stimuli"


def _components(metric: Any, data: Sizes) -> int:
    """Principal components that a network of the widest kind keeps."""
    return min(metric.n_components or data.most_units, data.most_units)


def _below_all(center: Callable[[Any], bool] = lambda metric: True) -> Bound:
    """Whitened networks of so many dimensions that they span all stimuli are all at distance 0."""
    return Bound(
        "n_components",
        most=lambda metric, data: data.n_stimuli - 1 - int(center(metric)),
        because=lambda data: f"whitening spans the {_stimuli(data)} otherwise",
        taken=lambda metric, data: _components(metric, data) if _whitens(metric) else None,
    )


def _whitens(metric: Any) -> bool:
    return getattr(metric, "alpha", 0.0) == 0.0


def _features(metric: Any, data: Sizes) -> int | None:
    """Features of a kernel, or None where sizes do not bound them.

    How many of a whitened radial basis function kernel's features count depends on the data.
    """
    if metric.kernel == "linear":
        return _components(metric, data) if _whitens(metric) else None
    if metric.approximation == "nystroem":
        return metric.n_components or min(data.n_stimuli, KERNEL_FEATURES)
    return None


def _most_features(metric: Any, data: Sizes) -> int:
    """Landmarks among the stimuli; of a linear kernel what whitening allows."""
    return data.n_stimuli - 2 if metric.kernel == "linear" else data.n_stimuli


def _training_stimuli(metric: Any, data: Sizes) -> Shortage | None:
    """Every fold leaves two stimuli or more to train on."""
    if metric.n_folds is None:
        return None
    if data.n_stimuli - -(-data.n_stimuli // metric.n_folds) >= 2:
        return None
    return "n_folds", f"{metric.n_folds} folds of {_stimuli(data)}", "two stimuli to train on"


def _pattern_units(metric: Any, data: Sizes) -> Shortage | None:
    if metric.rdm != "correlation" or data.least_units >= 2:
        return None
    return "rdm", "correlation over 1 unit", "at least 2 units, or euclidean"


def _debiased(metric: Any, data: Sizes) -> Shortage | None:
    """Of three stimuli nothing is left once similarities to themselves are taken out."""
    if getattr(metric, "debias", "song") == "none" or data.n_stimuli >= 4:
        return None
    return None, _stimuli(data), "at least 4"


def _neighbors() -> Bound:
    return Bound(
        "n_neighbors",
        most=lambda metric, data: data.n_stimuli - 1,
        because=_stimuli,
        taken=lambda metric, data: metric.n_neighbors,
    )


def _triangle(m: int) -> int:
    return m * (m + 1) // 2


_WHITENED = Need(bounds=(_below_all(),))
#: What each measure needs, by family, and by measure where the family has several.
MEASURES: dict[str, Need] = {
    "linear": Need(bounds=(_below_all(lambda metric: metric.center),)),
    "convolution": Need(bounds=(_below_all(lambda metric: metric.center),)),
    "permutation": Need(),
    "soft_matching": Need(),
    "angular_cka": Need(
        checks=(_debiased,),
        kept=lambda metric, m, n: (
            m * n
            if n < m and metric.kernel == "linear" and metric.debias == "none"
            else _triangle(m)
        ),
    ),
    "neighborhood": Need(bounds=(_neighbors(),), kept=lambda metric, m, n: m * metric.n_neighbors),
    "kernel": Need(
        bounds=(
            Bound(
                "n_components",
                most=_most_features,
                because=_stimuli,
                taken=_features,
            ),
        ),
        kept=lambda metric, m, n: (
            m * n if metric.kernel == "linear" else m * min(metric.n_components or m, m)
        ),
    ),
    "gaussian_stochastic": Need(kept=lambda metric, m, n: m * n * (n + 1)),
    "energy_stochastic": Need(),
    "cka": Need(kept=lambda metric, m, n: m * n if n < m else _triangle(m)),
    "mean_cca": _WHITENED,
    "pwcca": _WHITENED,
    "linear_regression": Need(
        bounds=(
            Bound(
                "n_folds",
                most=lambda metric, data: data.n_stimuli,
                because=_stimuli,
                least=2,
                taken=lambda metric, data: metric.n_folds,
            ),
        ),
        checks=(_training_stimuli,),
        kept=lambda metric, m, n: m * n + (metric.n_folds or 1) * m * min(m, n),
    ),
    "rsa_correlation": Need(
        checks=(_pattern_units,),
        kept=lambda metric, m, n: _triangle(m),
    ),
    "debiased_cka": Need(checks=(_debiased,), kept=lambda metric, m, n: _triangle(m)),
    "normalized_bures": Need(),
    "cknna": Need(
        bounds=(_neighbors(),),
        checks=(_debiased,),
        kept=lambda metric, m, n: 2 * m * metric.n_neighbors,
    ),
    "partial_soft_matching": Need(),
}


def _training_units(settings: Any, data: Items) -> int:
    """Fewest items, or groups, that the inner folds of a regression divide."""
    n_outer = len(data.groups) if data.leave_one_out else settings.n_outer
    return len(data.groups) - -(-len(data.groups) // n_outer)


def _smallest_training(settings: Any, data: Items) -> int:
    """Fewest items that any fit of a nested cross-validation has, whatever the folds are."""
    units = len(data.groups)
    n_outer = units if data.leave_one_out else settings.n_outer
    held = -(-units // n_outer)
    held += -(-(units - held) // settings.n_inner)
    return sum(data.groups[held:])


def _regression_training(settings: Any, data: Items) -> Shortage | None:
    n = _smallest_training(settings, data)
    if n >= 2:
        return None
    return data.group_key, f"{n} {data.unit} left to train on", "at least 2 in every fold"


def _spread(n: Callable[[Any, Items], int]) -> Check:
    """The median distance of a training set, which is the unit of kernels, must not be zero."""

    def check(settings: Any, data: Items) -> Shortage | None:
        training = max(n(settings, data), 2)
        rest, equal_pairs = training, 0
        for size in sorted(data.equal, reverse=True):
            taken = min(size, rest)
            rest -= taken
            equal_pairs += math.comb(taken, 2)
        if 2 * equal_pairs <= math.comb(training, 2):
            return None
        found = f"{sum(data.equal)} of {data.n} at distance 0 from others"
        return None, found, "more that differ"

    return check


def _some_differ(settings: Any, data: Items) -> Shortage | None:
    if data.n_distinct > 1:
        return None
    return None, f"{data.n} at distance 0 from one another", "some that differ"


def _classification_training(settings: Any, data: Items) -> int:
    share = (1 - 1 / settings.n_outer) * (1 - 1 / settings.n_inner)
    return math.floor(data.n * share) - len(data.classes)


def _second_class(data: Items) -> int:
    """Members of the second largest class."""
    return data.classes[1] if len(data.classes) > 1 else 0


def _two_classes(settings: Any, data: Items) -> Shortage | None:
    if _second_class(data) >= LEAST_MEMBERS:
        return None
    return (
        data.group_key,
        f"{sum(size >= LEAST_MEMBERS for size in data.classes)} classes with {LEAST_MEMBERS} "
        f"{data.unit} or more",
        "at least 2",
    )


#: What each analysis needs, by its section of the configuration.
ANALYSES: dict[str, Need] = {
    "embedding": Need(
        bounds=(
            Bound(
                "n_components",
                most=lambda settings, data: data.n - 1,
                because=lambda data: f"{data.n} representations",
                least=2,
            ),
        )
    ),
    "distortion": Need(checks=(_some_differ,)),
    "agreement": Need(checks=(_some_differ,)),
    "samples": Need(checks=(_some_differ,)),
    "covariates": Need(checks=(_some_differ,)),
    "regression": Need(
        bounds=(
            Bound(
                "n_outer",
                most=lambda settings, data: len(data.groups),
                because=lambda data: f"{len(data.groups)} {data.unit}",
                least=3,
                # Each unit is a fold of its own where one is left out at a time: three suffice.
                taken=lambda settings, data: 3 if data.leave_one_out else settings.n_outer,
                fault=lambda data: (
                    data.group_key or "analyses.regression.n_outer",
                    f"{len(data.groups)} {data.unit}",
                    "at least 3: one is held out, and two are left to choose by",
                ),
            ),
            Bound(
                "n_inner",
                most=_training_units,
                because=lambda data: f"of {len(data.groups)} {data.unit} some are held out",
                least=2,
            ),
        ),
        checks=(_regression_training, _spread(_smallest_training)),
    ),
    "classification": Need(
        bounds=(
            Bound(
                "n_outer",
                # Of fewer members than that no number of folds makes a class that can be learned.
                most=lambda settings, data: max(_second_class(data), LEAST_MEMBERS),
                because=lambda data: f"{data.unit} of the second largest class",
                least=LEAST_MEMBERS,
            ),
        ),
        checks=(_two_classes, _spread(_classification_training)),
    ),
}
