"""Names of metrics on the command line, and their parameters from text."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the help is shown without loading NumPy
    from shapemetrics.metrics.base import Metric


@dataclass(frozen=True)
class Named:
    """What a name on the command line stands for.

    Attributes
    ----------
    family : str
        Family in :data:`shapemetrics.metrics.registry.FAMILIES`.
    summary : str
        For people, in a few words.
    fixed : mapping
        Parameters that the name says.
    usual : mapping
        Parameters that hold where nothing else is asked for.
    """

    family: str
    summary: str
    fixed: Mapping[str, Any] = field(default_factory=dict)
    usual: Mapping[str, Any] = field(default_factory=dict)


def _comparison(measure: str, summary: str) -> Named:
    return Named("comparison", f"not a metric: {summary}", {"measure": measure})


METRICS: dict[str, Named] = {
    "procrustes": Named("linear", "rotations (alpha = 1)", {"alpha": 1.0}),
    "cca": Named("linear", "all invertible linear maps (alpha = 0)", {"alpha": 0.0}),
    "partial": Named(
        "linear",
        "between the two: --alpha from 0 to 1",
        usual={"alpha": 0.5, "scale_free": True},
    ),
    "convolution": Named(
        "convolution", "rotations of channels and shifts, for stimuli x height x width x channels"
    ),
    "permutation": Named("permutation", "one-to-one matching of units"),
    "soft-matching": Named("soft_matching", "optimal transport between units"),
    "kernel": Named("kernel", "the linear family in a kernel's feature space"),
    "angular-cka": Named("angular_cka", "angle between Gram matrices (CKA as a metric)"),
    "debiased-cka": Named(
        "angular_cka",
        "angle between Gram matrices without similarities of stimuli to themselves",
        usual={"debias": "song"},
    ),
    "mutual-neighbors": Named(
        "neighborhood", "1 - shared nearest neighbours of each stimulus", {"overlap": "mutual"}
    ),
    "jaccard": Named(
        "neighborhood", "Jaccard distance of nearest neighbours", {"overlap": "jaccard"}
    ),
    "gaussian-stochastic": Named(
        "gaussian_stochastic", "mean and noise, for stimuli x trials x units"
    ),
    "energy-stochastic": Named(
        "energy_stochastic", "clouds of trials, for stimuli x trials x units"
    ),
    "comparison-cka": _comparison("cka", "1 - CKA"),
    "comparison-mean-cca": _comparison("mean_cca", "1 - mean canonical correlation"),
    "comparison-pwcca": _comparison("pwcca", "1 - projection-weighted CCA"),
    "comparison-linear-regression": _comparison("linear_regression", "1 - cross-validated R^2"),
    "comparison-rsa-correlation": _comparison(
        "rsa_correlation", "1 - correlation of dissimilarities of stimuli"
    ),
    "comparison-debiased-cka": _comparison("debiased_cka", "1 - debiased CKA"),
    "comparison-normalized-bures": _comparison(
        "normalized_bures", "1 - normalised Bures similarity"
    ),
    "comparison-cknna": _comparison("cknna", "1 - CKA of shared nearest neighbours"),
    "comparison-partial-soft-matching": _comparison(
        "partial_soft_matching", "1 - mean correlation of the best matched share of units"
    ),
}


def find(name: str) -> Named:
    """What a name stands for: one of :data:`METRICS`, or a family as the study's settings have it.

    Raises
    ------
    ValueError
        If there is no such name; the message has the nearest.
    """
    from shapemetrics.metrics.registry import FAMILIES

    dashed = name.strip().lower().replace("_", "-")
    if dashed in METRICS:
        return METRICS[dashed]
    family = dashed.replace("-", "_")
    if family in FAMILIES:
        return Named(family, "")
    near = difflib.get_close_matches(dashed, METRICS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "`shapemetrics metrics` lists them"
    raise ValueError(f"--metric: found {name!r}; {hint}")


def build(name: str, options: Mapping[str, Any], parameters: Iterable[str]) -> Metric:
    """A metric from its name, options of their own, and ``NAME=VALUE`` texts.

    Parameters
    ----------
    name : str
        See :func:`find`.
    options : mapping
        Parameters that the command line has options for; None where not given.
    parameters : iterable of str
        Others. Values are JSON, or text where they are not.

    Returns
    -------
    Metric

    Raises
    ------
    ValueError, TypeError
        If a parameter is unknown, given twice, contradicts the name, or is out of range.
    """
    from shapemetrics.metrics.registry import build_metric

    named = find(name)
    asked = {key: value for key, value in options.items() if value is not None}
    for text in parameters:
        key, value = assignment(text, "--param")
        key = key.replace("-", "_")
        if key in asked:
            raise ValueError(f"--param: {key!r} is given twice")
        asked[key] = value
    for key, value in named.fixed.items():
        if key in asked and asked[key] != value:
            other = "; `--metric partial` takes other values" if named.family == "linear" else ""
            raise ValueError(f"--metric {name} means {key}={value}, found {asked[key]!r}{other}")
    return build_metric({"family": named.family, **named.usual, **asked, **named.fixed})


def assignment(text: str, option: str) -> tuple[str, Any]:
    """Name and value of a ``NAME=VALUE`` text.

    Examples
    --------
    >>> assignment("rank_tolerance=1e-6", "--param"), assignment("resample=[4, 4]", "--param")
    (('rank_tolerance', 1e-06), ('resample', [4, 4]))
    >>> assignment("group=perm", "--param"), assignment("seed=None", "--param")
    (('group', 'perm'), ('seed', None))
    """
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise ValueError(f"{option}: found {text!r}, expected NAME=VALUE")
    word = value.strip()
    constants = {"true": True, "false": False, "none": None, "null": None}
    if word.lower() in constants:
        return name.strip(), constants[word.lower()]
    try:
        return name.strip(), json.loads(word)
    except ValueError:
        return name.strip(), word


def listing() -> list[dict[str, Any]]:
    """Every name with its summary, its kind, the axes of its arrays, and its free parameters."""
    import dataclasses

    from shapemetrics.metrics.registry import build_metric, metric_class

    rows = []
    for name, named in METRICS.items():
        metric = build_metric({"family": named.family, **named.usual, **named.fixed})
        free = {
            f.name: getattr(metric, f.name)
            for f in dataclasses.fields(metric_class(named.family))
            if f.name not in named.fixed
        }
        rows.append(
            {
                "name": name,
                "summary": named.summary,
                "is_metric": metric.is_metric,
                "symmetric": metric.symmetric,
                "axes": list(metric.axes),
                "parameters": free,
            }
        )
    return rows


def as_text(value: Any) -> str:
    """A parameter as :func:`assignment` reads it.

    Examples
    --------
    >>> as_text(None), as_text(True), as_text("rbf")
    ('null', 'true', 'rbf')
    """
    return value if isinstance(value, str) else json.dumps(value)
