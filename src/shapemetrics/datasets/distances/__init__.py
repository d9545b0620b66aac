"""Matrices of distances that others computed: read from files, or from a published figure."""

from __future__ import annotations

from shapemetrics.extras import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
