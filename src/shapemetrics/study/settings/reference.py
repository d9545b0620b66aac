"""The reference of all keys of a configuration, made from the settings themselves."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic_core import PydanticUndefined

from shapemetrics.metrics.registry import FAMILIES
from shapemetrics.study.datasets.recordings import (
    NwbSettings,
    ObservatorySettings,
    SteinmetzSettings,
)
from shapemetrics.study.datasets.registry import KINDS, dataset_class
from shapemetrics.study.section import Section, plain
from shapemetrics.study.settings.errors import annotated, choices_of, inner_section, type_names
from shapemetrics.study.settings.metrics import family
from shapemetrics.study.settings.tree import Settings

#: A role of reStructuredText, and what stands in it.
ROLE = re.compile(r":\w+:`~?(?:[\w.]+\.)?(\w+)`")
LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


@dataclass(frozen=True)
class Key:
    """One key of a section.

    Attributes
    ----------
    name : str
        With dots where sections stand in the section.
    type : str
        What it may hold.
    default : str
        As YAML has it; empty where the key is required.
    description : str
    """

    name: str
    type: str
    default: str
    description: str


def keys_of(section: type[Section], prefix: str = "") -> Iterator[Key]:
    """Keys of a section, and of the sections in it."""
    for name, field in section.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        annotation = annotated(field)
        inner = inner_section(annotation)
        if inner is not None:
            yield from keys_of(inner, f"{key}.")
            continue
        default = field.get_default()
        shown = "" if default is PydanticUndefined else json.dumps(plain(default))
        choices = ["null" if choice is None else str(choice) for choice in choices_of(annotation)]
        kind = " or ".join(dict.fromkeys([*choices, *type_names(annotation)]))
        limits = ", ".join(dict.fromkeys(_limits(annotation)))
        described = ROLE.sub(r"`\1`", field.description or "")
        yield Key(key, f"{kind}, {limits}" if limits else kind, shown, described)


def _limits(annotation: Any) -> Iterator[str]:
    """Bounds of a number, or of a list's length, in words."""
    if get_origin(annotation) is Annotated:
        annotation, *marks = get_args(annotation)
        for mark in marks:
            for part in getattr(mark, "metadata", [mark]):
                yield from (
                    f"{words} {getattr(part, name):g}"
                    for name, words in LIMITS.items()
                    if isinstance(getattr(part, name, None), int | float)
                )
    if get_origin(annotation) in (UnionType, Union):
        for part in get_args(annotation):
            yield from _limits(part)


def sections() -> Iterator[tuple[str, str, list[Key]]]:
    """Title, introduction and keys of every section, in the order of the reference.

    Yields
    ------
    title, text : str
    keys : list of Key
    """
    whole = Settings.model_fields
    yield "The whole", _text(Settings), list(_plain_keys(Settings))
    for kind in KINDS:
        for section in _sections_of(kind):
            title = f"datasets.NAME, kind: {kind}"
            source = section.model_fields.get("source")
            if kind == "recordings" and source is not None:
                title += f", source: {' or '.join(get_args(source.annotation))}"
            yield title, _text(section), list(keys_of(section))
    for name in FAMILIES:
        cls = family(name).cls
        text = (inspect.getdoc(cls) or "").split("\n\n")[0].replace("\n", " ")
        keys = list(keys_of(family(name).section))
        yield f"metrics.NAME and comparisons.NAME, family: {name}", text, keys
    for name in ("distances", "analyses"):
        section = whole[name].annotation
        assert isinstance(section, type)
        yield name, _text(section), list(keys_of(section))


def _sections_of(kind: str) -> list[type[Section]]:
    cls = dataset_class(kind)
    if kind == "recordings":
        return [ObservatorySettings, SteinmetzSettings, NwbSettings]
    return [cls.Settings]


def _plain_keys(section: type[Section]) -> Iterator[Key]:
    for key in keys_of(section):
        if key.name.split(".")[0] not in ("distances", "analyses"):
            yield key


def _text(section: type) -> str:
    return (inspect.getdoc(section) or "").replace("\n", " ")


def reference() -> str:
    """The reference as a Markdown page."""
    lines = [
        "# Configuration: all keys",
        "",
        "Every key of `config.yaml`, with its type, default and meaning. A key without a default "
        "is required. This page is made from the settings themselves "
        "(`python -m shapemetrics.study.settings.reference`).",
    ]
    for title, text, keys in sections():
        lines += ["", f"## {title}", "", text, ""]
        lines += ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
        for key in keys:
            default = f"`{key.default}`" if key.default else "required"
            meaning = " ".join(key.description.replace("|", r"\|").split())
            lines.append(f"| `{key.name}` | {key.type} | {default} | {meaning} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(reference(), end="")
