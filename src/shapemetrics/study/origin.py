"""What a result was made by, in one line that it can carry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import shapemetrics

_LINE: ContextVar[str | None] = ContextVar("made_by", default=None)


def made_by() -> str | None:
    """The program, the configuration's digest and the job at work; None outside of jobs."""
    return _LINE.get()


@contextmanager
def at_work(name: str, config: Mapping[str, Any]) -> Iterator[None]:
    """While a job of this name runs, :func:`made_by` tells of it."""
    program = f"shapemetrics {shapemetrics.__version__}"
    before = _LINE.set(f"{program}, configuration sha256 {config_digest(config)}: {name}")
    try:
        yield
    finally:
        _LINE.reset(before)


def config_digest(config: Mapping[str, Any]) -> str:
    """SHA-256 of a configuration, whatever the order of its keys."""
    return hashlib.sha256(config_text(config).encode()).hexdigest()


def config_text(config: Mapping[str, Any]) -> str:
    """A configuration as JSON with sorted keys."""
    return json.dumps(config, sort_keys=True, default=str)
