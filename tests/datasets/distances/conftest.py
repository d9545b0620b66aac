"""Figures of a matrix that is known."""

from __future__ import annotations

import numpy as np
import pytest
from matrix_figures import Drawn, draw
from scipy.spatial.distance import cdist

NAMES = ["VISp4", "VISp5", "VISl4", "VISl5", "VISal4", "LGd-sh", "LGd-co", "LP", "VPM", "CA1"]
NAMES += ["CA3", "DG-mo", "DG-po", "SUB", "APN", "TEa5", "AUDd4", "AUDd5", "SSp-bfd4", "VISam5"]


@pytest.fixture(scope="session")
def drawn(tmp_path_factory) -> Drawn:
    """Twenty points in five dimensions, of which two spread most, and their figures."""
    rng = np.random.default_rng(8)
    points = rng.normal(size=(len(NAMES), 5)) * [4.0, 3.0, 0.5, 0.5, 0.5]
    places = points[:, :2] * [1.0, 0.7]
    return draw(tmp_path_factory.mktemp("drawn"), cdist(points, points), sorted(NAMES), places)
