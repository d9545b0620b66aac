"""Metrics on representations, a family a module, and comparisons that are not metrics."""

from __future__ import annotations

from shapemetrics.metrics.base import Metric
from shapemetrics.metrics.linear import Alignment, LinearMetric

__all__ = ["Alignment", "LinearMetric", "Metric"]
