"""Make the picture of tutorial.md by running the page.

python docs/gallery_tutorial.py
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).resolve().parent
PICTURE = DOCS / "images" / "tutorial.png"
COLORS = 128


def main() -> None:
    """Run the blocks of the page in an empty folder and keep the figure that they save."""
    text = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    names: dict = {}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            exec(block, names)
        with Image.open("map.png") as drawn:
            drawn.convert("RGB").quantize(COLORS).save(PICTURE, optimize=True)
        os.chdir(DOCS)


if __name__ == "__main__":
    main()
