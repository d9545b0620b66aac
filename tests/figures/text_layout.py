"""The texts of a drawn figure, and whether they overlap or leave the page."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text


def overlaps(figure: Figure) -> list[str]:
    """Texts of a figure that overlap or leave the page."""
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    texts = shown_texts(figure)
    boxes = [_rectangle(text, renderer) for text in texts]
    width, height = figure.bbox.size
    found = []
    tight = figure.get_tightbbox(renderer).extents * figure.dpi
    if min(tight[:2]) < -1.0 or tight[2] > width + 1.0 or tight[3] > height + 1.0:
        found.append(f"artists reach {tight.round()} on a page of {width} by {height}")
    for i, (text, box) in enumerate(zip(texts, boxes, strict=True)):
        if (box < -1.0).any() or (box > np.array([width, height]) + 1.0).any():
            found.append(f"{text.get_text()!r} leaves the page")
        for other, box2 in zip(texts[i + 1 :], boxes[i + 1 :], strict=True):
            if _gap(box, box2) < -1.0:
                found.append(f"{text.get_text()!r} over {other.get_text()!r}")
    return found


def _rectangle(text: Text, renderer: object) -> np.ndarray:
    """Corners of a text's own, possibly turned, box in pixels."""
    centre = np.mean(text.get_window_extent(renderer).get_points(), axis=0)
    angle = text.get_rotation()
    text.set_rotation(0)
    w, h = text.get_window_extent(renderer).bounds[2:]
    text.set_rotation(angle)
    corners = 0.5 * np.array([[-w, -h], [w, -h], [w, h], [-w, h]])
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    return centre + corners @ np.array([[c, s], [-s, c]])


def _gap(a: np.ndarray, b: np.ndarray) -> float:
    """Largest separation of two rectangles along their sides; negative where they overlap."""
    best = -np.inf
    for corners in (a, b):
        for side in (corners[1] - corners[0], corners[2] - corners[1]):
            if (length := np.hypot(*side)) == 0:
                return np.inf
            along_a, along_b = a @ side / length, b @ side / length
            apart = max(along_a.min() - along_b.max(), along_b.min() - along_a.max())
            best = max(best, apart)
    return best


def shown_texts(figure: Figure) -> list[Text]:
    """Texts that a figure shows."""
    kept = {}
    for text in figure.findobj(lambda artist: isinstance(artist, Text)):
        if text.get_visible() and text.get_text().strip():
            kept[id(text)] = text
    hidden: set[int] = set()
    for axes in figure.axes:
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            low, high = min(low, high), max(low, high)
            slack = 1e-9 * (high - low)
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                outside = not low - slack <= tick.get_loc() <= high + slack
                for label in (tick.label1, tick.label2):
                    if outside or not axes.axison or not axis.get_visible():
                        hidden.add(id(label))
    return [text for key, text in kept.items() if key not in hidden]
