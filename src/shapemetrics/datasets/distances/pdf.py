"""Read figures that Matplotlib wrote as PDF: their drawing instructions and their images.

Only what Matplotlib's PDF backend writes is read: a classic table of cross-references, one page,
streams compressed by Flate (with PNG's predictors), images of indexed or grey pixels. Anything
else is refused, never guessed.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Drawing", "Figure", "Label", "Reference", "read_figure"]

#: Bytes that a stream may become when it is unpacked.
MOST_BYTES = 1 << 26
_WHITE = b"\x00\t\n\x0c\r "
_DELIMITERS = b"()<>[]{}/%"
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)")


@dataclass(frozen=True)
class Reference:
    """A reference to another object of the file."""

    number: int


class Name(str):
    """A name, such as ``/Width``, without its slash."""


class Operator(str):
    """A word that is neither a number nor a name: an operator of a content stream."""


@dataclass(frozen=True)
class Drawing:
    """A path that was painted: its corners in points, from the lower left of the page.

    Attributes
    ----------
    points : ndarray of shape (n, 2)
    painted : str
        The operator that painted it: "S" strokes a line, "f" fills an area, "B" does both.
    """

    points: NDArray[np.float64]
    painted: str


@dataclass(frozen=True)
class Label:
    """A piece of text, and where it begins.

    Attributes
    ----------
    text : str
    x, y : float
        Points from the lower left of the page.
    size : float
        Of the font, in points.
    vertical : bool
        Whether the text is turned by a right angle.
    """

    text: str
    x: float
    y: float
    size: float
    vertical: bool


@dataclass(frozen=True)
class Figure:
    """What a page shows.

    Attributes
    ----------
    paths : list of Drawing
    labels : list of Label
    markers : ndarray of shape (n, 2)
        Where markers (reusable drawings) were placed, in points.
    images : list of ndarray of shape (height, width, 3), uint8
        Red, green and blue of each pixel.
    """

    paths: list[Drawing] = field(repr=False)
    labels: list[Label] = field(repr=False)
    markers: NDArray[np.float64] = field(repr=False)
    images: list[NDArray[np.uint8]] = field(repr=False)


def read_figure(path: str | os.PathLike) -> Figure:
    """Read the page of a PDF file that Matplotlib wrote.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If the file is damaged, or written in a way that Matplotlib does not use.
    """
    path = Path(path)
    try:
        document = _Document(path.read_bytes())
        page = document.page()
        content = document.stream(page["Contents"])
        images = [
            document.image(reference)
            for reference in document.get(document.get(page["Resources"])["XObject"]).values()
            if document.get(reference)["Subtype"] == "Image"
        ]
        return _drawn(content, images)
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, zlib.error) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{path}: no figure that can be read as Matplotlib's PDF: {reason}"
        ) from None


class _Document:
    """The objects of a file, read when they are asked for."""

    def __init__(self, content: bytes) -> None:
        if not content.startswith(b"%PDF-"):
            raise ValueError(f"found {content[:8]!r} at its beginning, expected %PDF-")
        self._bytes = content
        start = content.rfind(b"startxref")
        if start < 0:
            raise ValueError("found no startxref, expected a whole file")
        at = int(content[start + 9 : start + 40].split()[0])
        if content[at : at + 4] != b"xref":
            raise ValueError("found no table of cross-references, expected a classic one")
        self._places = self._cross_references(at)
        trailer = content.index(b"trailer", at)
        self.trailer, _ = _parse(content, trailer + 7)

    def _cross_references(self, at: int) -> dict[int, int]:
        lines = self._bytes[at + 4 : self._bytes.index(b"trailer", at)].split(b"\n")
        places: dict[int, int] = {}
        number = 0
        for line in lines:
            words = line.split()
            if len(words) == 2:
                number = int(words[0])
            elif len(words) == 3:
                if words[2] == b"n":
                    places[number] = int(words[0])
                number += 1
        return places

    def get(self, value: Any) -> Any:
        """The object that a reference stands for; anything else as it is."""
        return self._object(value.number)[0] if isinstance(value, Reference) else value

    def _object(self, number: int) -> tuple[Any, int]:
        head = re.compile(rb"\s*\d+\s+\d+\s+obj").match(self._bytes, self._places[number])
        if head is None:
            raise ValueError(f"found no object {number} where the file says that it is")
        return _parse(self._bytes, head.end())

    def page(self) -> dict[str, Any]:
        """The only page."""
        pages = self.get(self.get(self.get(self.trailer["Root"])["Pages"])["Kids"])
        if len(pages) != 1:
            raise ValueError(f"found {len(pages)} pages, expected 1")
        return self.get(pages[0])

    def stream(self, reference: Reference) -> bytes:
        """The unpacked bytes of a stream."""
        head, at = self._object(reference.number)
        opening = re.compile(rb"\s*stream\r?\n").match(self._bytes, at)
        if opening is None:
            raise ValueError(f"object {reference.number} is no stream")
        packed = self._bytes[opening.end() : opening.end() + self.get(head["Length"])]
        if head.get("Filter") != "FlateDecode":
            raise ValueError(f"found filter {head.get('Filter')}, expected FlateDecode")
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(packed, MOST_BYTES)
        if not unpacking.eof:
            raise ValueError(f"stream {reference.number} does not end within {MOST_BYTES:,} bytes")
        parameters = self.get(head.get("DecodeParms")) or {}
        if parameters.get("Predictor", 1) == 1:
            return content
        return _unpredicted(content, parameters["Columns"] * parameters.get("Colors", 1))

    def image(self, reference: Reference) -> NDArray[np.uint8]:
        """The pixels of an image, as (height, width, 3)."""
        head = self.get(reference)
        shape = (self.get(head["Height"]), self.get(head["Width"]))
        if self.get(head.get("BitsPerComponent", 8)) != 8:
            raise ValueError(f"found {head['BitsPerComponent']} bits a sample, expected 8")
        space = self.get(head["ColorSpace"])
        values = np.frombuffer(self.stream(reference), dtype=np.uint8)
        if isinstance(space, list) and space[0] == "Indexed":
            palette = np.frombuffer(self.get(space[3]), dtype=np.uint8).reshape(-1, 3)
            return palette[values.reshape(shape)]
        if space == "DeviceGray":
            return np.repeat(values.reshape(shape)[..., None], 3, axis=2)
        if space == "DeviceRGB":
            return values.reshape(*shape, 3)
        raise ValueError(f"found colours in {space}, expected an index, grey or RGB")


def _unpredicted(content: bytes, width: int) -> bytes:
    """Undo PNG's filters 0 (none) and 2 (up), row by row, of samples of one byte."""
    rows = np.frombuffer(content, dtype=np.uint8).reshape(-1, width + 1)
    out = np.empty((len(rows), width), dtype=np.uint8)
    for at, row in enumerate(rows):
        if row[0] not in (0, 2):
            raise ValueError(f"found PNG filter {row[0]}, expected 0 or 2")
        above = out[at - 1] if row[0] == 2 and at else 0
        out[at] = row[1:] + above
    return out.tobytes()


def _parse(content: bytes, at: int) -> tuple[Any, int]:
    """One value, and the position after it."""
    at = _skip(content, at)
    first = content[at : at + 1]
    if content.startswith(b"<<", at):
        return _dictionary(content, at + 2)
    if first == b"[":
        items, at = [], _skip(content, at + 1)
        while content[at : at + 1] != b"]":
            value, at = _parse(content, at)
            items.append(value)
            at = _skip(content, at)
        return items, at + 1
    if first == b"(":
        return _text(content, at + 1)
    if first == b"<":
        end = content.index(b">", at)
        digits = b"".join(content[at + 1 : end].split())
        return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode()), end + 1
    if first == b"/":
        end = _word_end(content, at + 1)
        return Name(content[at + 1 : end].decode("latin-1")), end
    reference = re.compile(rb"(\d+)\s+\d+\s+R\b").match(content, at)
    if reference is not None:
        return Reference(int(reference[1])), reference.end()
    end = _word_end(content, at)
    word = content[at:end]
    if not word:
        raise ValueError(f"found {content[at : at + 8]!r}, expected a value")
    if _NUMBER.fullmatch(word):
        return (float(word) if b"." in word else int(word)), end
    constants: dict[bytes, Any] = {b"true": True, b"false": False, b"null": None}
    return (constants[word] if word in constants else Operator(word.decode("latin-1"))), end


def _dictionary(content: bytes, at: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    at = _skip(content, at)
    while not content.startswith(b">>", at):
        key, at = _parse(content, at)
        if not isinstance(key, Name):
            raise ValueError(f"found key {key!r} in a dictionary, expected a name")
        found[str(key)], at = _parse(content, at)
        at = _skip(content, at)
    return found, at + 2


def _text(content: bytes, at: int) -> tuple[bytes, int]:
    """A string in parentheses, which may be nested, and the position after it."""
    out, depth = bytearray(), 1
    while True:
        byte = content[at : at + 1]
        if not byte:
            raise ValueError("found no end of a string")
        if byte == b"\\":
            octal = re.compile(rb"[0-7]{1,3}").match(content, at + 1)
            if octal is not None:
                out.append(int(octal[0], 8) & 255)
                at = octal.end()
                continue
            next_byte = content[at + 1 : at + 2]
            if next_byte != b"\n":  # a backslash at the end of a line continues it
                out += _ESCAPES.get(next_byte, next_byte)
            at += 2
            continue
        depth += (byte == b"(") - (byte == b")")
        if not depth:
            return bytes(out), at + 1
        out += byte
        at += 1


def _skip(content: bytes, at: int) -> int:
    """The position of the next byte that is neither white space nor part of a comment."""
    while at < len(content):
        if content[at] in _WHITE:
            at += 1
        elif content[at : at + 1] == b"%":
            end = content.find(b"\n", at)
            at = len(content) if end < 0 else end
        else:
            break
    return at


def _word_end(content: bytes, at: int) -> int:
    while at < len(content) and content[at] not in _WHITE and content[at] not in _DELIMITERS:
        at += 1
    return at


def _operations(content: bytes) -> Iterator[tuple[str, list[Any]]]:
    """Operators of a content stream, each with what stands in front of it."""
    operands: list[Any] = []
    at = _skip(content, 0)
    while at < len(content):
        value, at = _parse(content, at)
        if isinstance(value, Operator):
            yield str(value), operands
            operands = []
        else:
            operands.append(value)
        at = _skip(content, at)


def _drawn(content: bytes, images: list[NDArray[np.uint8]]) -> Figure:
    """Follow the instructions of a page."""
    paths: list[Drawing] = []
    labels: list[Label] = []
    markers: list[tuple[float, float]] = []
    matrix, saved = np.eye(3), []
    points: list[tuple[float, float]] = []
    size = 0.0
    for operator, operands in _operations(content):
        if operator == "q":
            saved.append(matrix)
        elif operator == "Q":
            matrix = saved.pop()
        elif operator == "cm":
            a, b, c, d, e, f = operands
            matrix = np.array([[a, b, 0], [c, d, 0], [e, f, 1]]) @ matrix
        elif operator in ("m", "l"):
            points.append(operands)
        elif operator in ("S", "s", "f", "F", "B", "b", "n", "f*", "B*", "b*"):
            if points and operator != "n":
                placed = np.column_stack([points, np.ones(len(points))]) @ matrix
                paths.append(Drawing(placed[:, :2], operator))
            points = []
        elif operator == "Tf":
            size = float(operands[1])
        elif operator in ("Tj", "TJ"):
            pieces = operands[0] if operator == "TJ" else operands
            text = b"".join(piece for piece in pieces if isinstance(piece, bytes))
            vertical = bool(abs(matrix[0, 1]) > abs(matrix[0, 0]))
            where = (float(matrix[2, 0]), float(matrix[2, 1]))
            labels.append(Label(text.decode("latin-1"), *where, size, vertical))
        elif operator == "Do" and not operands[0].startswith("I"):
            markers.append((matrix[2, 0], matrix[2, 1]))
    return Figure(paths, labels, np.array(markers, dtype=float).reshape(-1, 2), images)
