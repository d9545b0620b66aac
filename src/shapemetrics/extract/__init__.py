"""From models to representations: the responses of a PyTorch model's layers to stimuli.

Needs torch, and pillow where stimuli are images in a folder: ``pip install 'shapemetrics[torch]'``.
"""

from __future__ import annotations

from shapemetrics.extras import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__, "torch")
