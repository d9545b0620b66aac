"""Settings of metrics: the family, and the parameters of its class as the class declares them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from pydantic_core import PydanticCustomError, core_schema

from shapemetrics.metrics.base import Metric
from shapemetrics.metrics.registry import FAMILIES, metric_class
from shapemetrics.study.section import FromLibrary, Section

#: What a study narrows of a family's parameters: Gram matrices are no representations.
NARROWED: dict[str, dict[str, Any]] = {
    "kernel": {"kernel": Literal["linear", "rbf"]},
    "angular_cka": {"kernel": Literal["linear", "rbf"]},
}
#: Defaults of a study that are not the library's.
DEFAULTS: dict[str, dict[str, Any]] = {"soft_matching": {"geometry": "euclidean"}}


@cache
def family(name: str) -> FromLibrary:
    """The parameters of a family, as settings."""
    return FromLibrary(metric_class(name), defaults=DEFAULTS.get(name), **NARROWED.get(name, {}))


@dataclasses.dataclass(frozen=True)
class MetricSettings:
    """A metric of a study.

    Attributes
    ----------
    family : str
        Name of the metric's class, as the registry has it.
    metric : Metric
    """

    family: str
    metric: Metric

    def plain(self, given: Any = None) -> dict[str, Any]:
        """As YAML holds it; see :meth:`shapemetrics.study.section.Section.plain`."""
        known = given if isinstance(given, Mapping) else {}
        parameters = family(self.family).plain(self.metric, known)
        own = {"family": self.family, **parameters}
        return {name: own[name] for name in [*known, *own] if name in own}


class AnyMetric:
    """Annotates a metric's settings: which parameters there are depends on the family."""

    def section_of(self, value: Any) -> type[Section] | None:
        """Section of the parameters of the family that a mapping names."""
        name = value.get("family") if isinstance(value, Mapping) else None
        return family(name).section if isinstance(name, str) and name in FAMILIES else None

    def read(self, value: Any) -> MetricSettings:
        """A metric from a mapping."""
        if isinstance(value, MetricSettings):
            return value
        if not isinstance(value, Mapping):
            raise PydanticCustomError("dict_type", "Input should be a mapping")
        parameters = dict(value)
        if "family" not in parameters:
            raise PydanticCustomError("no_key", "{key}", {"key": "family"})
        name = parameters.pop("family")
        if not isinstance(name, str) or name not in FAMILIES:
            raise PydanticCustomError(
                "no_choice", "family", {"key": "family", "found": name, "choices": list(FAMILIES)}
            )
        return MetricSettings(name, family(name).read(parameters))

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """As pydantic asks for it."""
        return core_schema.no_info_plain_validator_function(self.read)
