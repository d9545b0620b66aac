"""Metrics on representations, one family per module, and comparisons that are not metrics.

Names are loaded when first used, so that a linear distance does not wait for optimal transport.
"""

from __future__ import annotations

from shapemetrics.extras import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
