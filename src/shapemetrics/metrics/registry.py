"""Make a metric from plain settings, as a configuration file holds them."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from shapemetrics.metrics.base import Metric

#: Family name to (module, class). Modules are imported only when used.
FAMILIES: dict[str, tuple[str, str]] = {
    "linear": ("shapemetrics.metrics.linear", "LinearMetric"),
    "convolution": ("shapemetrics.metrics.convolution", "ConvolutionMetric"),
    "permutation": ("shapemetrics.metrics.permutation", "PermutationMetric"),
    "kernel": ("shapemetrics.metrics.kernel", "KernelMetric"),
    "angular_cka": ("shapemetrics.metrics.cka", "AngularCKA"),
    "soft_matching": ("shapemetrics.metrics.soft_matching", "SoftMatchingMetric"),
    "gaussian_stochastic": ("shapemetrics.metrics.stochastic_gaussian", "GaussianStochasticMetric"),
    "energy_stochastic": ("shapemetrics.metrics.stochastic_energy", "EnergyStochasticMetric"),
    "neighborhood": ("shapemetrics.metrics.neighbors", "NeighborhoodMetric"),
    "comparison": ("shapemetrics.metrics.comparisons", "Comparison"),
}


def metric_module(family: str) -> str:
    """Dotted name of the module that holds a family.

    Raises
    ------
    ValueError
        If there is no such family; the message names the nearest.
    """
    if family not in FAMILIES:
        near = difflib.get_close_matches(str(family), FAMILIES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(FAMILIES)}"
        raise ValueError(f"metric family {family!r} is unknown; {hint}")
    return FAMILIES[family][0]


def metric_class(family: str) -> type[Metric]:
    """The class of a family.

    Raises
    ------
    ValueError
        If there is no such family; the message names the nearest.
    """
    return getattr(import_module(metric_module(family)), FAMILIES[family][1])


def build_metric(settings: Mapping[str, Any]) -> Metric:
    """Make a metric.

    Parameters
    ----------
    settings : mapping
        ``family`` and the parameters of its class.

    Returns
    -------
    Metric

    Raises
    ------
    ValueError, TypeError
        If the family or a parameter is unknown, or a value out of range.

    Examples
    --------
    >>> build_metric({"family": "linear", "alpha": 0.5}).alpha
    0.5
    """
    parameters = dict(settings)
    if "family" not in parameters:
        raise ValueError(f"metric {parameters}: key 'family' is missing")
    family = parameters.pop("family")
    kind = metric_class(family)
    known = [f.name for f in dataclasses.fields(cast(Any, kind))]
    for name in parameters:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
            raise ValueError(f"metric family {family!r} has no parameter {name!r}; {hint}")
    return kind(**parameters)
