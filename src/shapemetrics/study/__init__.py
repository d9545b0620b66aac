"""The study as data: its configuration, its plan of datasets and metrics, and its jobs."""

from __future__ import annotations

from shapemetrics.study.config import ConfigError, load_schema, validated
from shapemetrics.study.plan import Study

__all__ = ["ConfigError", "Study", "load_schema", "validated"]
