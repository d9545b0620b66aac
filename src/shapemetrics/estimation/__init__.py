"""How far to trust distances: numbers of stimuli, noise, resampling, and estimates that correct."""

from __future__ import annotations

from shapemetrics.extras import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
