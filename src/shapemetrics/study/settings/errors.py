"""What is wrong with a configuration, in one line: the key, what was found, what was expected."""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import ValidationError

from shapemetrics.study.datasets.registry import unknown_dataset
from shapemetrics.study.section import FromLibrary, Section

#: Names of types in messages.
TYPES = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}
LIMITS = {
    "greater_than_equal": ("ge", "less than the minimum of"),
    "less_than_equal": ("le", "greater than the maximum of"),
    "greater_than": ("gt", "less than or equal to the minimum of"),
    "less_than": ("lt", "greater than or equal to the maximum of"),
}


class ConfigError(ValueError):
    """A configuration that is not allowed; the message names the key.

    Parameters
    ----------
    message : str
        One line.
    path : sequence of str or int
        Keys and positions that lead to what is wrong.
    """

    def __init__(self, message: str, path: Sequence[str | int] = ()) -> None:
        super().__init__(message)
        self.path = tuple(path)


def config_error(error: ValidationError, root: type[Section], config: Any) -> ConfigError:
    """The first thing that is wrong, as an error of one line.

    Parameters
    ----------
    error : pydantic.ValidationError
    root : type
        Section of the whole.
    config : mapping
        What was read.
    """
    found = [_Mistake(part, root, config) for part in error.errors(include_url=False)]
    # An unknown key explains the missing one beside it, so it comes first; then the deepest.
    first = min(found, key=lambda m: (not m.is_unknown, -len(m.path), m.text))
    return ConfigError(first.text, first.path)


class _Mistake:
    """One error of pydantic's, and where it is."""

    def __init__(self, error: Mapping[str, Any], root: type[Section], config: Any) -> None:
        self.kind: str = error["type"]
        self.context: Mapping[str, Any] = error.get("ctx", {})
        self.path: list[str | int] = []
        self.section: type[Section] | None = root
        self.annotation: Any = root
        self.value = config
        for step in error["loc"]:
            if not self._enter(step):
                break  # what follows tells apart the members of a union
        self.found = error["input"] if self.kind != "refused" else self.value
        self.is_unknown = self.kind == "extra_forbidden"
        self.text = self._text(str(error["msg"]))

    def _enter(self, step: str | int) -> bool:
        section = _section_of(self.annotation, self.value)
        self.section = section
        if section is not None:
            field = next(
                (f for name, f in section.model_fields.items() if step in (name, f.alias)), None
            )
            known = field is not None
            self.annotation = annotated(field) if field is not None else None
            self.section = section
            if not known and not (isinstance(self.value, Mapping) and step in self.value):
                return False
        else:
            inner = _inner(self.annotation, step)
            if inner is None:
                return False
            self.annotation = inner
        self.path.append(step)
        try:
            self.value = self.value[step]
        except (KeyError, IndexError, TypeError):
            self.value = None
        return True

    @property
    def key(self) -> str:
        return ".".join(map(str, self.path))

    def _text(self, message: str) -> str:
        key, found = self.key, self.found
        if self.kind == "extra_forbidden":
            return self._unknown()
        if self.kind in ("missing", "no_key"):
            return self._missing()
        if self.kind == "name":
            name, why = self.context["name"], self.context["why"]
            return f"configuration {key!r}: name {name!r} is not allowed: {why}"
        if self.kind == "no_choice":
            self.path.append(self.context["key"])
            return _not_among(self.key, self.context["found"], self.context["choices"])
        where = f"configuration key {key or 'file'!r}: "
        if self.kind in LIMITS:
            name, relation = LIMITS[self.kind]
            return f"{where}{found!r} is {relation} {self.context[name]:g}"
        if self.kind == "too_short":
            least = self.context["min_length"]
            return f"{where}found {found!r}, expected at least {least} entries"
        if self.kind == "string_too_short":
            return f"{where}found {found!r}, expected a text that is not empty"
        if self.kind == "string_pattern_mismatch":
            return f"{where}{found!r} does not match {self.context['pattern']!r}"
        if self.kind == "refused":
            return where + _as_limit(message)
        choices = choices_of(self.annotation)
        kinds = [name for name in type_names(self.annotation) if name != "null"]
        if choices and not kinds:
            return _not_among(key, found, choices)
        if choices:
            near = difflib.get_close_matches(str(found), map(str, choices), n=1, cutoff=0.5)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            listed = ", ".join([*map(repr, choices), *(f"a value of type {k!r}" for k in kinds)])
            return f"{where}found {found!r}, expected one of {listed}{hint}"
        if self.kind.endswith(("_type", "_parsing", "finite_number")):
            names = ", ".join(map(repr, type_names(self.annotation)))
            return f"{where}{found!r} is not of type {names or repr('object')}"
        return where + message.splitlines()[0]

    def _unknown(self) -> str:
        known = sorted(
            field.alias or name
            for name, field in (self.section.model_fields if self.section else {}).items()
        )
        *_, unknown = self.path
        near = difflib.get_close_matches(str(unknown), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(known)}"
        return f"configuration key {self.key!r} is unknown; {hint}"

    def _missing(self) -> str:
        missing = str(self.context["key"] if self.kind == "no_key" else self.path.pop())
        if missing == "kind" and self.path[:1] == ["datasets"]:
            return unknown_dataset(str(self.path[-1]))
        there = self.found if isinstance(self.found, Mapping) else {}
        near = difflib.get_close_matches(missing, map(str, there), n=1, cutoff=0.5)
        hint = f"; there is {near[0]!r}, did you mean {missing!r}?" if near else ""
        return f"configuration {self.key or 'file'!r}: key {missing!r} is missing{hint}"


def _not_among(key: str, found: Any, choices: Iterable[Any]) -> str:
    choices = list(choices)
    near = difflib.get_close_matches(str(found), map(str, choices), n=1, cutoff=0.5)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    listed = ", ".join(map(repr, choices))
    return f"configuration key {key!r}: found {found!r}, expected one of {listed}{hint}"


def _as_limit(reason: str) -> str:
    """What the library says of a number out of its range, as it is said of other numbers."""
    match = re.fullmatch(r"found (\S+), expected a number from (\S+) to (\S+)(?: or None)?", reason)
    try:
        value, low, high = map(float, match.groups()) if match else (0.0, 0.0, 0.0)
    except ValueError:
        return reason
    if match and value > high:
        return f"{match[1]} is greater than the maximum of {match[3]}"
    if match and value < low:
        return f"{match[1]} is less than the minimum of {match[2]}"
    listed = re.fullmatch(r"found '([^']*)', expected one of ((?:'[^']*'(?:, )?)+)", reason)
    if listed:
        near = difflib.get_close_matches(
            listed[1], re.findall(r"'([^']*)'", listed[2]), n=1, cutoff=0.5
        )
        return reason + (f" (did you mean {near[0]!r}?)" if near else "")
    return reason


def annotated(field: Any) -> Any:
    """A field's type with all that annotates it."""
    if not field.metadata:
        return field.annotation
    return typing.Annotated[(field.annotation, *field.metadata)]


def _section_of(annotation: Any, value: Any) -> type[Section] | None:
    """The section that a value is read by."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    if typing.get_origin(annotation) is typing.Annotated:
        kind, *marks = typing.get_args(annotation)
        for mark in marks:
            if isinstance(mark, FromLibrary):
                return mark.section
            if hasattr(mark, "section_of"):
                return mark.section_of(value)
        return _section_of(kind, value)
    return None


def inner_section(annotation: Any) -> type[Section] | None:
    """The section that any value is read by; None where there is none, or several."""
    return _section_of(annotation, None)


def _inner(annotation: Any, step: str | int) -> Any:
    """Type of what stands in a mapping or list."""
    for part in _members(annotation):
        origin, arguments = typing.get_origin(part), typing.get_args(part)
        if origin is dict and isinstance(step, str):
            return arguments[1]
        if origin is list and isinstance(step, int):
            return arguments[0]
    return None


def _members(annotation: Any) -> list[Any]:
    """Types that a union joins, without annotations."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _members(typing.get_args(annotation)[0])
    if origin in (types.UnionType, typing.Union):
        return [part for member in typing.get_args(annotation) for part in _members(member)]
    return [annotation]


def choices_of(annotation: Any) -> list[Any]:
    """Values that an annotation lists."""
    found = []
    for part in _members(annotation):
        if typing.get_origin(part) is Literal:
            found += typing.get_args(part)
    if found and type(None) in _members(annotation):
        found.append(None)
    return found


def type_names(annotation: Any) -> list[str]:
    """Names of the types that an annotation joins."""
    names = []
    for part in _members(annotation):
        origin = typing.get_origin(part) or part
        if origin is not Literal:
            names.append(TYPES.get(origin, "object"))
    return names
