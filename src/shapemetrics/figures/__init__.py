"""Figures of the study: functions from tidy tables to matplotlib Figures.

They read no files and know nothing of the rest of the package. Every function checks its columns
and takes ``simulated=True``, which is then said on the figure's face.
"""

from __future__ import annotations

from shapemetrics.extras import attach_stub, require

require("matplotlib", what=__name__, extra="figures")

# Names are loaded when first used: a job that draws does not wait for what learns.
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__, "figures")
