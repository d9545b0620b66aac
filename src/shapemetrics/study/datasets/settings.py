"""Settings that datasets of every kind have."""

from __future__ import annotations

from pydantic import Field

from shapemetrics.study.section import Section


class DatasetSettings(Section):
    """Where representations come from, and what is asked of them."""

    kind: str
    enabled: bool = Field(True, description="Whether the study contains this dataset.")
