"""What a row or column of numbers looks like beside the others: names, or numbers like them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from shapemetrics.datasets.files import cells

Look = Literal["names", "unclear", "numbers"]
#: So many rows and columns are no coincidence.
LARGE = 5


def look_of(
    line: np.ndarray, others: np.ndarray, *, plain: bool, marked: bool, zeros: bool
) -> Look:
    """What a row or column of numbers looks like beside the others.

    Parameters
    ----------
    line : ndarray of shape (n,)
    others : ndarray of shape (k, n)
        The rows, or columns, beside it.
    plain : bool
        Whether it is whole numbers without decimal mark.
    marked, zeros : bool
        Whether all others have decimal marks, and whether some of their decimals end in zeros.

    Returns
    -------
    {"names", "unclear", "numbers"}

    Examples
    --------
    >>> counting, others = np.arange(3.0), np.array([[0.5, 0.25, 1.0]])
    >>> look_of(counting, others, plain=True, marked=True, zeros=True)
    'names'
    >>> look_of(counting, others, plain=True, marked=True, zeros=False)
    'unclear'
    """
    n = len(line)
    if not np.isfinite(line).all():
        return "numbers"
    if not plain:
        return (
            "unclear" if n >= LARGE and _even(line) and not any(map(_even, others)) else "numbers"
        )
    if len(np.unique(line)) < n:
        return "numbers"
    # A table of five by five has no response that counts and is the only one to be whole.
    large = min(n, len(others)) >= LARGE
    if len(others) and marked and (zeros or (large and counts(line))):
        return "names"
    # One number tells nothing; and numbers that follow one another number something.
    if n == 1 or counts(line) or np.all(np.diff(line) == 1):
        return "unclear"
    if n >= 4 and _even(line) and not any(map(_even, others)):
        return "unclear"
    if not len(others):
        return "numbers"
    if line.min() > others.max() or line.max() < others.min():
        return "unclear"
    if n >= LARGE and _rises(line) and not any(map(_rises, others)):
        return "unclear"
    alike = sum(map(_whole_and_different, others))
    return "unclear" if alike < len(others) / 2 else "numbers"


def counts(values: np.ndarray) -> bool:
    """Whether numbers count 0, 1, 2, ... or 1, 2, 3, ...

    Examples
    --------
    >>> counts(np.array([1.0, 2.0])), counts(np.array([0.0])), counts(np.array([2.0, 3.0]))
    (True, True, False)
    """
    start = values[0] if len(values) else -1
    return start in (0, 1) and np.array_equal(values, start + np.arange(len(values)))


def are(kinds: Sequence[cells.Kind], kind: cells.Kind) -> bool:
    """Whether all cells, one at least, are of one kind."""
    return bool(kinds) and all(each == kind for each in kinds)


def are_plain(texts: Sequence[str]) -> bool:
    """Whether all cells are whole numbers without decimal mark."""
    return all(map(cells.is_whole, texts))


def count_plainly(texts: Sequence[str]) -> bool:
    """Whether cells are 0, 1, 2, ... or 1, 2, 3, ... without decimal mark."""
    return are_plain(texts) and counts(np.array([float(text) for text in texts]))


def differ(texts: Sequence[str]) -> bool:
    """Whether no two cells are the same."""
    return len(set(texts)) == len(texts)


def _even(line: np.ndarray) -> bool:
    """Whether numbers have equal steps, none of them zero."""
    steps = np.diff(line)
    return (
        bool(len(steps)) and steps[0] != 0 and bool(np.allclose(steps, steps[0], rtol=1e-6, atol=0))
    )


def _rises(line: np.ndarray) -> bool:
    return bool(np.all(np.diff(line) > 0))


def _whole_and_different(line: np.ndarray) -> bool:
    return np.array_equal(line, np.round(line)) and len(np.unique(line)) == len(line)


def looks_like_rdm(array: np.ndarray) -> bool:
    """Whether an array looks like a matrix of dissimilarities (RDM), not like responses.

    Examples
    --------
    >>> looks_like_rdm(np.array([[0, 1, 2], [1, 0, 1], [2, 1, 0]])), looks_like_rdm(np.eye(3))
    (True, False)
    """
    if array.ndim != 2 or array.shape[0] != array.shape[1] or len(array) < 3:
        return False
    peak = float(np.abs(array).max())
    return bool(
        peak > 0.0
        and np.abs(np.diagonal(array)).max() <= 1e-6 * peak
        and np.abs(array - array.T).max() <= 1e-6 * peak
    )
