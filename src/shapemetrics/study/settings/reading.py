"""Read a study's settings from YAML: files laid over one another, mistakes named in one line."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from shapemetrics.study.datasets.registry import with_implied
from shapemetrics.study.settings.errors import ConfigError, config_error
from shapemetrics.study.settings.tree import Settings

#: Sections of names of the user's choice.
REMOVABLE = ("metrics", "comparisons")


def read_settings(config: Mapping[str, Any], files: Sequence[str | os.PathLike] = ()) -> Settings:
    """Check a configuration.

    Parameters
    ----------
    config : mapping
        As read from YAML.
    files : sequence of path-like
        Files that it was read from, each laid over those before it: a message names the line.

    Returns
    -------
    Settings

    Raises
    ------
    ConfigError
        One line that names the key, what was found and what was expected; for an unknown key,
        the nearest valid name.
    """
    try:
        return Settings.model_validate(copy.deepcopy(dict(config)))
    except ValidationError as error:
        datasets = config.get("datasets")
        read = {**config, "datasets": with_implied(datasets)} if datasets else config
        found = config_error(error, Settings, read)
        raise located(found, files) from None


def validated(config: Mapping[str, Any], files: Sequence[str | os.PathLike] = ()) -> dict[str, Any]:
    """Check a configuration and fill in the defaults.

    Parameters
    ----------
    config, files
        As for :func:`read_settings`.

    Returns
    -------
    dict
        A copy with every default in place.

    Raises
    ------
    ConfigError
        As :func:`read_settings`.
    """
    return read_settings(config, files).plain(config)


def load_config(*paths: str | os.PathLike) -> dict[str, Any]:
    """Read configuration files, each laid over those before it, and validate the whole.

    Parameters
    ----------
    *paths : path-like
        YAML files.

    Returns
    -------
    dict
        As :func:`validated` returns it.

    Raises
    ------
    ConfigError
        If the configuration is not allowed.
    """
    config: dict[str, Any] = {}
    for path in paths:
        config = _laid_over(config, _mapping_in(Path(path)))
    return validated(config, paths)


def _mapping_in(path: Path) -> dict[str, Any]:
    """What a file of YAML holds; ConfigError, in one line, where it is none or no mapping."""
    try:
        found = yaml.safe_load(path.read_bytes()) or {}
    # Dates and numbers that YAML allows to be written may be none, and nesting may be too deep.
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(f"{path}: found no YAML ({reason}), expected a configuration") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: found {type(found).__name__}, expected a mapping of keys")
    return found


def default_config(folder: str | os.PathLike) -> dict[str, Any]:
    """The configuration of a workflow that nothing is laid over, validated.

    Parameters
    ----------
    folder : path-like
        Of the Snakefile.
    """
    return load_config(Path(folder) / "config.yaml")


def over_default(config: Mapping[str, Any], folder: str | os.PathLike) -> dict[str, Any]:
    """A configuration laid over a workflow's default one, not yet validated.

    Snakemake does this for a workflow's own configuration files, but not for what another
    workflow gives to one that it uses as a module.

    Parameters
    ----------
    config : mapping
        What differs from the default.
    folder : path-like
        Of the Snakefile.

    Returns
    -------
    dict
    """
    return _laid_over(_mapping_in(Path(folder) / "config.yaml"), config)


def _laid_over(base: Any, top: Any) -> Any:
    if not (isinstance(base, Mapping) and isinstance(top, Mapping)):
        return top
    return {**base, **{key: _laid_over(base.get(key), value) for key, value in top.items()}}


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


def located(error: ConfigError, files: Sequence[str | os.PathLike]) -> ConfigError:
    """The error with the file and line that hold the key, where a file has it."""
    for file in reversed(files):
        line = line_of(error.path, file)
        if line is not None:
            return ConfigError(f"{error} ({shown(file)}, line {line})", error.path)
    return error


def with_line(message: str, files: Sequence[str | os.PathLike]) -> str:
    """A message that names a configuration key, with the file and line that hold the key.

    Parameters
    ----------
    message : str
        As ``configuration key 'datasets.mine.color': ...``; others pass as they are.
    files : sequence of path-like
        As for :func:`read_settings`.
    """
    match = re.match(r"configuration key '([\w.]+)'", message)
    if match is None or re.search(r", line \d+\)$", message):
        return message
    path = [int(step) if step.isdigit() else step for step in match[1].split(".")]
    return str(located(ConfigError(message, path), files))


def line_of(path: Sequence[str | int], file: str | os.PathLike) -> int | None:
    """Line of a YAML file in which a key stands; None where the file does not have it.

    Parameters
    ----------
    path : sequence of str or int
        Keys and positions that lead to it.
    file : path-like
    """
    try:
        node = yaml.compose(Path(file).read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, yaml.YAMLError):
        return None
    line = None
    for step in path:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(step)), None)
            if pair is None:
                return None
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            if step >= len(node.value):
                return None
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            return None
    return line


def shown(file: str | os.PathLike) -> str:
    """A file by its name, below the working directory by its relative path."""
    path = Path(file).absolute()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
