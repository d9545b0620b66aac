"""The study as data: its configuration, its plan of datasets and metrics, and its jobs."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "config": ["ConfigError", "default_config", "load_schema", "validated"],
        "plan": ["Study"],
    },
)
