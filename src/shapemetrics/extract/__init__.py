"""From models to representations: the responses of a PyTorch model's layers to stimuli.

Needs torch (``pip install shapemetrics[torch]``), and pillow where stimuli are images in a folder.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
