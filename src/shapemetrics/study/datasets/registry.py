"""Kinds of datasets by name, and how a study finds the class of one."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticCustomError, core_schema

from shapemetrics.study.section import Section

if TYPE_CHECKING:
    from shapemetrics.study.datasets.base import StudyDataset

#: Kind to (module, class). A kind is one class here and one file of rules.
KINDS: dict[str, tuple[str, str]] = {
    "networks": ("shapemetrics.study.datasets.networks", "Networks"),
    "recordings": ("shapemetrics.study.datasets.recordings", "Recordings"),
    "files": ("shapemetrics.study.datasets.user", "Files"),
    "distances": ("shapemetrics.study.datasets.distances", "Distances"),
    "python": ("shapemetrics.study.datasets.user", "UserClass"),
    "models": ("shapemetrics.study.datasets.models", "Models"),
}
#: Settings that a dataset's name implies, where it does not say otherwise.
IMPLIED: dict[str, dict[str, Any]] = {
    "nasbench": {"kind": "networks"},
    "allen": {"kind": "recordings"},
    "steinmetz": {"kind": "recordings", "source": "steinmetz"},
}


def dataset_class(kind: str) -> type[StudyDataset]:
    """The class of a kind of datasets."""
    module, name = KINDS[kind]
    return getattr(import_module(module), name)


class AnyDataset:
    """Annotates a dataset's settings: which keys there are depends on its kind."""

    def section_of(self, value: Any) -> type[Section] | None:
        """Section of the kind that a mapping names."""
        kind = value.get("kind") if isinstance(value, Mapping) else None
        if not isinstance(kind, str) or kind not in KINDS:
            return None
        return dataset_class(kind).section_of(value)

    def read(self, value: Any) -> Any:
        """Settings of a dataset from a mapping."""
        if isinstance(value, Section):
            return value
        if not isinstance(value, Mapping):
            raise PydanticCustomError("dict_type", "Input should be a mapping")
        if "kind" not in value:
            raise PydanticCustomError("no_key", "{key}", {"key": "kind"})
        section = self.section_of(value)
        if section is None:
            raise PydanticCustomError(
                "no_choice", "kind", {"key": "kind", "found": value["kind"], "choices": list(KINDS)}
            )
        return section.model_validate(dict(value))

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """As pydantic asks for it."""
        return core_schema.no_info_plain_validator_function(self.read)


def with_implied(datasets: Any) -> Any:
    """Settings of datasets by name, with what their names imply."""
    if not isinstance(datasets, Mapping):
        return datasets
    return {
        name: {**IMPLIED.get(name, {}), **part} if isinstance(part, Mapping) else part
        for name, part in datasets.items()
    }


def unknown_dataset(name: str) -> str:
    """One line about a dataset whose name implies no kind and that does not say its kind."""
    near = difflib.get_close_matches(name, IMPLIED, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"or is it one of {', '.join(IMPLIED)}?"
    return (
        f"configuration key 'datasets.{name}' is unknown: key 'kind' is missing (files or python, "
        f"for a dataset of your own); {hint}"
    )
