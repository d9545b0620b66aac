"""Validate a study's configuration: defaults filled in, mistakes named in one line."""

from __future__ import annotations

import copy
import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

#: Sections of names of the user's choice.
REMOVABLE = ("metrics", "comparisons")


class ConfigError(ValueError):
    """A configuration that the schema does not allow; the message names the key."""


def load_schema(path: str | os.PathLike) -> dict[str, Any]:
    """Read a JSON schema written in YAML."""
    with open(Path(path), encoding="utf-8") as stream:
        return yaml.safe_load(stream)


def load_config(*paths: str | os.PathLike, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Read configuration files, each laid over those before it, and validate the whole.

    Parameters
    ----------
    *paths : path-like
        YAML files.
    schema : mapping
        From :func:`load_schema`.

    Returns
    -------
    dict
        As :func:`validated` returns it.

    Raises
    ------
    ConfigError
        If the schema does not allow the configuration.
    """
    config: dict[str, Any] = {}
    for path in paths:
        with open(Path(path), encoding="utf-8") as stream:
            config = _laid_over(config, yaml.safe_load(stream) or {})
    return validated(config, schema)


def _laid_over(base: Any, top: Any) -> Any:
    if not (isinstance(base, Mapping) and isinstance(top, Mapping)):
        return top
    return {**base, **{key: _laid_over(base.get(key), value) for key, value in top.items()}}


def validated(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Check a configuration against a schema and fill in the defaults.

    Parameters
    ----------
    config : mapping
        As read from YAML.
    schema : mapping
        JSON schema (draft 2020-12), as :func:`load_schema` reads it.

    Returns
    -------
    dict
        A copy with every default in place.

    Raises
    ------
    ConfigError
        One line that names the key, what was found and what was expected; for an unknown key,
        the nearest valid name.
    """
    given = copy.deepcopy(dict(config))
    for section in REMOVABLE:
        # A file laid over another cannot leave out what that one has; null takes it away.
        if isinstance(given.get(section), dict):
            given[section] = {k: v for k, v in given[section].items() if v is not None}
    filled = _with_defaults(given, schema, schema)
    validator = jsonschema.Draft202012Validator(schema)
    # An unknown key explains the missing one beside it, so it comes first; then the deepest.
    errors = sorted(
        validator.iter_errors(filled),
        key=lambda e: (e.validator not in UNKNOWN_KEY, -len(e.absolute_path), str(e.message)),
    )
    if errors:
        raise ConfigError(_one_line(errors[0]))
    return filled


def default_config(folder: str | os.PathLike) -> dict[str, Any]:
    """The configuration of a workflow that nothing is laid over, validated.

    Parameters
    ----------
    folder : path-like
        Of the Snakefile.
    """
    folder = Path(folder)
    return load_config(
        folder / "config.yaml", schema=load_schema(folder / "config" / "schema.yaml")
    )


def chosen_keys(config: Mapping[str, Any], default: Mapping[str, Any]) -> frozenset[str]:
    """Keys whose values are not those of the default configuration: what the user chose.

    Parameters
    ----------
    config, default : mapping
        Validated, so that no key is missing.

    Returns
    -------
    frozenset of str
        With dots, as ``analyses.regression.n_outer``.

    Examples
    --------
    >>> default = {"seed": 1, "metrics": {"cca": {"alpha": 0.0, "n_components": 10}}}
    >>> chosen_keys({"seed": 1, "metrics": {"cca": {"alpha": 0.0, "n_components": 4}}}, default)
    frozenset({'metrics.cca.n_components'})
    """
    return frozenset(_differing(config, default, ""))


def _differing(value: Mapping[str, Any], default: Any, prefix: str) -> Iterator[str]:
    for name, part in value.items():
        there = default.get(name, _ABSENT) if isinstance(default, Mapping) else _ABSENT
        if isinstance(part, Mapping):
            yield from _differing(part, there, f"{prefix}{name}.")
        elif part != there:
            yield f"{prefix}{name}"


_ABSENT = object()
UNKNOWN_KEY = ("additionalProperties", "unevaluatedProperties")


def _one_line(error: jsonschema.ValidationError) -> str:
    where = ".".join(str(part) for part in error.absolute_path)
    if error.validator in UNKNOWN_KEY:
        known = sorted(error.schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(known))[0]
        key = f"{where}.{unknown}" if where else unknown
        near = difflib.get_close_matches(unknown, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(known)}"
        return f"configuration key {key!r} is unknown; {hint}"
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        if missing == "kind" and list(error.absolute_path)[:1] == ["datasets"]:
            return _unknown_dataset(str(error.absolute_path[-1]))
        near = difflib.get_close_matches(missing, map(str, error.instance), n=1, cutoff=0.5)
        hint = f"; there is {near[0]!r}, did you mean {missing!r}?" if near else ""
        return f"configuration {where or 'file'!r}: key {missing!r} is missing{hint}"
    if error.validator == "enum":
        found = str(error.instance)
        near = difflib.get_close_matches(found, map(str, error.validator_value), n=1, cutoff=0.5)
        listed = ", ".join(map(repr, error.validator_value))
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        return (
            f"configuration key {where!r}: found {error.instance!r}, expected one of {listed}{hint}"
        )
    if "propertyNames" in error.absolute_schema_path:
        reserved = error.validator == "not"
        why = "a folder of the results has it" if reserved else error.message
        return f"configuration {where!r}: name {error.instance!r} is not allowed: {why}"
    message = error.message.splitlines()[0]
    return f"configuration key {where or 'file'!r}: {message}"


#: Datasets that need no `kind`.
BUILT_IN = ("nasbench", "allen", "steinmetz")


def _unknown_dataset(name: str) -> str:
    """One line about a dataset that is none of the package's and does not say what it is."""
    near = difflib.get_close_matches(name, BUILT_IN, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"or is it one of {', '.join(BUILT_IN)}?"
    return (
        f"configuration key 'datasets.{name}' is unknown: key 'kind' is missing (files or python, "
        f"for a dataset of your own); {hint}"
    )


def _with_defaults(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """Fill defaults by `properties`, `additionalProperties` and the `if`/`then` that fit."""
    schema = _resolved(schema, root)
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        return [_with_defaults(item, schema["items"], root) for item in value]
    if not isinstance(value, dict):
        return value
    for branch in schema.get("allOf", []):
        condition = branch.get("if", {}).get("properties", {})
        if condition and all(value.get(k) == part.get("const") for k, part in condition.items()):
            value = _with_defaults(value, branch["then"], root)
    for name, part in schema.get("properties", {}).items():
        part = _resolved(part, root)
        if name not in value and "default" in part:
            value[name] = copy.deepcopy(part["default"])
        if name in value:
            value[name] = _with_defaults(value[name], part, root)
    extra = schema.get("additionalProperties")
    if isinstance(extra, Mapping):
        for name in value.keys() - schema.get("properties", {}).keys():
            value[name] = _with_defaults(value[name], extra, root)
    return value


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a local reference such as ``#/$defs/linear``, keeping keys beside it."""
    if "$ref" not in schema:
        return schema
    target: Any = root
    for part in schema["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**_resolved(target, root), **{k: v for k, v in schema.items() if k != "$ref"}}
