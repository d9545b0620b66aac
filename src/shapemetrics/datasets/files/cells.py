"""Cells of a table of text: which are numbers, which are names, and which are neither.

A *number* is written with digits, at most one decimal mark and at most one exponent (``-0.5``,
``.5``, ``3``, ``1e-05``), or is ``nan``, ``inf`` or ``infinity``. A *name* holds a letter, or is a
whole number with zeros in front (``007``). All else is neither, and is taken for a name only where
an option says so: an empty cell, a word for a missing value (``NA``, ``#N/A``), a truth value
(``TRUE``), and what looks like a number in another notation (``1,000``, ``1D0``, ``1_000``, ``5%``,
``0x1F``, ``1+2i``, ``2021-01-05``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

Kind = Literal["number", "name", "empty", "missing", "truth value", "unreadable"]

_WORDS = """
    na n/a #n/a #na n.a. n.d. <na> nat null none nil missing undefined - -- --- ? .
    #num! #div/0! #value! #ref! #name? #null! 1.#qnan 1.#ind -1.#ind 1.#inf -1.#inf
"""
#: Words for a value that is not there.
MISSING = frozenset(_WORDS.split())
_TRUTH = ("true", "false")
_DIGITS = r"[+-]?(?:\d+{mark}?\d*|{mark}\d+)(?:[eE][+-]?\d+)?"
_NUMBER = {mark: re.compile(_DIGITS.format(mark=re.escape(mark))) for mark in ".,"}
_WORD = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?(?:0|[1-9]\d*)", re.ASCII)
_NOT_PLAIN = re.compile(r"[^\d +-]")
_CODE = re.compile(r"0\d+")
_PADDED = re.compile(r"[+-]?0\d+")
_CODES = re.compile(r" [+-]?0\d+ ")
# Digits and marks, perhaps with a Fortran exponent, an imaginary unit or a per cent sign.
_NUMBERISH = re.compile(r"[-+(]*[\d.,'_\s]*\d[\d.,'_\s]*(?:[eEdDqQ][+-]?\d*)?[ijIJ]?%?\)?")
_OTHER_NOTATION = re.compile(r"[+-]?0[xX][0-9a-fA-F]+|[+-]?[\d.eE]+[+-][\d.eE]+[ijIJ]")
_THOUSANDS = {
    mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}(?:{re.escape(mark)}\d{{3}})+") for mark in ".,"
}
# A zero at the end of the decimals: "1.0", "0.50", "2.500e-01".
_ZEROS = {mark: re.compile(rf"[+-]?\d*{re.escape(mark)}\d*0(?:[eE][+-]?\d+)?") for mark in ".,"}
_BEFORE = re.compile(r"[+-]?\d+")
_DECIMALS = re.compile(r"\d+(?:[eE][+-]?\d+)?")


def number(text: str, decimal: str) -> float | None:
    """The number that a cell holds, or None.

    Examples
    --------
    >>> number("-1.5", "."), number("1,5", ","), number("1,5", "."), number("007", ".")
    (-1.5, 1.5, None, None)
    """
    text = text.strip()
    if _WORD.fullmatch(text):
        return float(text)
    if not text.isascii() or not _NUMBER[decimal].fullmatch(text) or _PADDED.fullmatch(text):
        return None
    return float(text.replace(decimal, "."))


def numbers(texts: list[str], decimal: str) -> list[float] | None:
    """All numbers of a row, or None where a cell holds none."""
    joined = " ".join(texts)
    marks = joined.count(decimal)
    if decimal == ",":
        if "." in joined:
            return None
        texts = [text.replace(",", ".") for text in texts]
    try:
        found = list(map(float, texts))
    except ValueError:
        return None
    # What Python reads and no table means: underscores, digits of other scripts, codes (which have
    # no decimal mark).
    if "_" in joined or not joined.isascii():
        return None
    return None if marks < len(texts) and _CODES.search(f" {joined} ") else found


def kind(text: str, decimal: str) -> Kind:
    """What a cell holds.

    Examples
    --------
    >>> [kind(text, ".") for text in ("1e5", "u1", "", "NA", "True", "1,000", "1D0", "007")]
    ['number', 'name', 'empty', 'missing', 'truth value', 'unreadable', 'unreadable', 'name']
    """
    text = text.strip()
    low = text.casefold()
    if not text:
        return "empty"
    if number(text, decimal) is not None:
        return "number"
    if low in MISSING:
        return "missing"
    if low in _TRUTH:
        return "truth value"
    if _CODE.fullmatch(text):
        return "name"
    if _NUMBERISH.fullmatch(text) or _OTHER_NOTATION.fullmatch(text):
        return "unreadable"
    return "name" if any(character.isalpha() for character in text) else "unreadable"


def shown(texts: Sequence[str]) -> str:
    """A few of many cells, in one line.

    Examples
    --------
    >>> shown(["a", "b  c"]), shown(["0", "1", "2", "3", "4"])
    ('a, b c', '0, 1, 2, ..., 4')
    """
    few = texts if len(texts) <= 4 else [*texts[:3], "...", texts[-1]]
    return ", ".join(" ".join(text.split()) for text in few)


def is_whole(text: str) -> bool:
    """Whether a cell is a whole number without decimal mark and exponent."""
    return _WHOLE.fullmatch(text) is not None


def other_decimal(text: str) -> bool:
    """Whether a cell that is no number with a point is one with a comma."""
    return number(text, ".") is None and number(text, ",") is not None


def may_be_thousands(text: str, mark: str) -> bool:
    """Whether a mark may stand between thousands: ``1,234`` and ``12.345.678``, not ``0,123``."""
    return bool(_THOUSANDS[mark].fullmatch(text.strip()))


def is_comma_decimal(before: str, after: str) -> bool:
    """Whether two cells may be one number with a comma between them."""
    return bool(_BEFORE.fullmatch(before) and _DECIMALS.fullmatch(after))


def has_zeros(texts: list[str], decimal: str) -> bool:
    """Whether decimals end in a zero somewhere: whoever writes so never writes 1.0 as 1.

    Examples
    --------
    >>> has_zeros(["0.5", "1.0"], "."), has_zeros(["0.5", "10"], "."), has_zeros(["2.50e-01"], ".")
    (True, False, True)
    """
    joined = f"{' '.join(texts)} "
    # Most numbers end in another digit.
    if "0 " not in joined and "0e" not in joined and "0E" not in joined:
        return False
    return any(_ZEROS[decimal].fullmatch(text) for text in texts)


def all_whole(texts: list[str]) -> bool:
    """Whether cells that are all numbers are whole, without decimal mark and exponent."""
    return _NOT_PLAIN.search(" ".join(texts)) is None


def has_whole(texts: list[str], decimal: str) -> bool:
    """Whether a cell is a whole number without decimal mark and exponent."""
    return any(decimal not in text and _WHOLE.fullmatch(text) for text in texts)
