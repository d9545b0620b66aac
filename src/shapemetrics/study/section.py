"""What every section of a study's settings is: typed fields that refuse unknown keys.

A section is a class of fields, each with its type, default and description. Dataclasses of the
library are field types as they are (:class:`FromLibrary`): their own fields, defaults and
documentation are read, so that nothing about them is said twice.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    create_model,
)
from pydantic_core import PydanticCustomError, core_schema


class Section(BaseModel):
    """A section of the configuration. Types are strict, keys are known, values do not change."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        arbitrary_types_allowed=True,
        allow_inf_nan=False,
    )

    def plain(self, given: Any = None) -> dict[str, Any]:
        """The section as YAML holds it, with every default filled in.

        Parameters
        ----------
        given : mapping, optional
            What the section was read from. Its keys come first, and its numbers stay as they were
            written (5 is not made 5.0).
        """
        given = given if isinstance(given, Mapping) else {}
        own = {
            field.alias or name: plain(getattr(self, name), given.get(field.alias or name))
            for name, field in type(self).model_fields.items()
        }
        return {name: own[name] for name in [*given, *own] if name in own}


def plain(value: Any, given: Any = None) -> Any:
    """A value of the settings as YAML holds it; `given` as for :meth:`Section.plain`."""
    if hasattr(value, "plain"):
        return value.plain(given)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return FromLibrary.of(type(value)).plain(value, given)
    if isinstance(value, Mapping):
        known = given if isinstance(given, Mapping) else {}
        return {name: plain(value[name], known.get(name)) for name in value}
    if isinstance(value, list | tuple):
        return list(value)
    return given if given is not None and given == value else value


def _each_once(values: list[Any]) -> list[Any]:
    repeated = [value for k, value in enumerate(values) if value in values[:k]]
    if repeated:
        raise PydanticCustomError(
            "repeated",
            "found {value} more than once, expected it once",
            {"value": repr(repeated[0])},
        )
    return values


#: Lists whose entries differ.
EachOnce = AfterValidator(_each_once)
#: A text that is not empty.
Text = Annotated[str, StringConstraints(min_length=1)]


class FromLibrary:
    """Settings that are a dataclass of the library.

    In a section it annotates the dataclass, ``Annotated[TrainingSettings, FromLibrary(...)]``. The
    value is an instance; what the dataclass itself refuses is an error of the settings.

    Parameters
    ----------
    cls : type
        The dataclass.
    hidden : iterable of str
        Fields that are no settings, since the study decides them.
    defaults : mapping, optional
        Defaults of a study that are not the dataclass's.
    **narrowed
        Types of fields that a configuration must keep to, where the library accepts more.
    """

    _known: ClassVar[dict[type, FromLibrary]] = {}

    def __init__(
        self,
        cls: type,
        *,
        hidden: Iterable[str] = (),
        defaults: Mapping[str, Any] | None = None,
        **narrowed: Any,
    ) -> None:
        self.cls, self.hidden, self._narrowed = cls, frozenset(hidden), narrowed
        self._defaults = dict(defaults or {})
        self._section: type[Section] | None = None
        self._known[cls] = self

    @classmethod
    def of(cls, kind: type) -> FromLibrary:
        """How settings hold instances of a dataclass."""
        return cls._known.get(kind) or cls(kind)

    @property
    def section(self) -> type[Section]:
        """The dataclass's fields as a section."""
        if self._section is None:
            self._section = self._made()
        return self._section

    def _made(self) -> type[Section]:
        hints = typing.get_type_hints(self.cls, include_extras=True)
        described = documented_fields(self.cls.__doc__ or "")
        members: dict[str, Any] = {}
        for field in dataclasses.fields(self.cls):
            if field.name in self.hidden:
                continue
            kind = self._narrowed.get(field.name, _as_written(hints[field.name]))
            default: Any = field.default
            if default is dataclasses.MISSING:
                default = ...
                if field.default_factory is not dataclasses.MISSING:
                    default = field.default_factory()
            default = self._defaults.get(field.name, default)
            default = list(default) if isinstance(default, tuple) else default
            members[field.name] = (kind, Field(default, description=described.get(field.name)))
        return create_model(
            self.cls.__name__, __base__=Section, __doc__=self.cls.__doc__, **members
        )

    def read(self, value: Any) -> Any:
        """An instance from a mapping."""
        if isinstance(value, self.cls):
            return value
        fields = self.section.model_validate(value)
        tuples = {
            field.name for field in dataclasses.fields(self.cls) if "tuple" in str(field.type)
        }
        options = {
            name: tuple(part) if isinstance(part, list) and name in tuples else part
            for name, part in ((name, getattr(fields, name)) for name in type(fields).model_fields)
        }
        try:
            return self.cls(**options)
        except (TypeError, ValueError) as error:
            raise refused(error, options) from error

    def plain(self, value: Any, given: Any = None) -> dict[str, Any]:
        """An instance as YAML holds it."""
        given = given if isinstance(given, Mapping) else {}
        names = [f.name for f in dataclasses.fields(value) if f.name not in self.hidden]
        own = {name: plain(getattr(value, name), given.get(name)) for name in names}
        return {name: own[name] for name in [*given, *own] if name in own}

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """As pydantic asks for it."""
        return core_schema.no_info_plain_validator_function(self.read)


def refused(error: Exception, options: Iterable[str]) -> Exception:
    """What a class says against its options, as an error of the option that it names."""
    name, found, reason = str(error).partition(": ")
    if not found or name not in set(options):
        return PydanticCustomError("refused", "{reason}", {"reason": str(error)})
    return ValidationError.from_exception_data(
        "refused",
        [
            {
                "type": PydanticCustomError("refused", "{reason}", {"reason": reason}),
                "loc": (name,),
                "input": None,
            }
        ],
    )


def _as_written(hint: Any) -> Any:
    """A type as YAML can hold it: tuples are lists there."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return list[parts[0]]
    if origin in (types.UnionType, typing.Union):
        return typing.Union[tuple(map(_as_written, parts))]  # noqa: UP007
    return hint


def documented_fields(text: str) -> dict[str, str]:
    """Descriptions of parameters or attributes in a numpydoc docstring, by name.

    Examples
    --------
    >>> documented_fields('''Size.
    ...
    ...     Parameters
    ...     ----------
    ...     height, width : int
    ...         In pixels.
    ...     ''')
    {'height': 'In pixels.', 'width': 'In pixels.'}
    """
    found: dict[str, str] = {}
    lines = text.splitlines()
    indents = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    margin = min(indents, default=0)
    names: list[str] = []
    inside = False
    for k, line in enumerate(lines):
        body = line[margin:] if k else line
        following = lines[k + 1].strip() if k + 1 < len(lines) else ""
        if following and set(following) == {"-"}:
            inside = body.strip() in ("Parameters", "Attributes")
            names = []
        elif inside and (match := re.match(r"([a-z_]\w*(?:, [a-z_]\w*)*)\b(?: :.*)?$", body)):
            names = match[1].split(", ")
        elif inside and body.startswith("    ") and names:
            for name in names:
                found[name] = f"{found.get(name, '')} {body.strip()}".strip()
    return found
