"""The triangle audit of one selection as a row of a table."""

from __future__ import annotations

import pandas as pd

from shapemetrics.geometry.audit import triangle_audit
from shapemetrics.study.tables import Selected


def audited(part: Selected) -> pd.DataFrame:
    """Check every triple of a selection: one row, with whether its measure is called a metric."""
    found = triangle_audit(part.distances, ids=part.ids, name=part.labels["metric"])
    return pd.DataFrame([{**found.row(), "is_metric": part.is_metric}])
