"""The study as data: its configuration, its datasets and metrics, and its jobs."""

from __future__ import annotations

from shapemetrics.extras import attach_stub, require

require("pydantic", "yaml", what=__name__, extra="study")

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__, "study")
