"""Annotation volumes in the format of the Common Coordinate Framework's."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np


def write_volume(
    path: Path,
    volume: np.ndarray,
    *,
    encoding: str = "gzip",
    endian: str = "little",
    kind: str = "unsigned int",
) -> Path:
    """An .nrrd of a volume whose axes are front to back, top to bottom, left to right."""
    header = "\n".join(
        [
            "NRRD0004",
            "# a comment",
            f"type: {kind}",
            "dimension: 3",
            "space: left-posterior-superior",
            f"sizes: {' '.join(map(str, volume.shape))}",
            f"endian: {endian}",
            f"encoding: {encoding}",
            "space origin: (0,0,0)",
        ]
    )
    order = "<" if endian == "little" else ">"
    data = volume.astype(f"{order}u4").tobytes(order="F")
    path.write_bytes(
        f"{header}\n\n".encode() + (gzip.compress(data) if encoding == "gzip" else data)
    )
    return path
