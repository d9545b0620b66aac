"""One order of stimuli for all networks: rows that have labels are put where their labels say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

__all__ = ["StimulusOrder", "label_texts"]


def label_texts(labels: Iterable[Any]) -> tuple[str, ...]:
    """Labels of stimuli as texts, equal where they mean the same: 3, 3.0 and "3" do.

    Examples
    --------
    >>> label_texts([3, 3.0, "3", 0.5])
    ('3', '3', '3', '0.5')
    """
    return tuple(_text(label) for label in labels)


def _text(label: Any) -> str:
    if type(label) is str:
        return label
    if isinstance(label, int | np.integer) and not isinstance(label, bool):
        return str(int(label))
    if isinstance(label, float | np.floating):
        number = float(label)
        return str(int(number)) if number.is_integer() else repr(number)
    if isinstance(label, tuple):
        return f"({', '.join(label_texts(label))})"
    return str(label)


class StimulusOrder:
    """The order of stimuli that networks share: that of the first one whose stimuli are labelled.

    A network with the same labels in another order is put into this one; one with other labels is
    refused. Networks without labels (arrays, tables that only count) are taken by position; but
    where any network has to be put into another order, that of a network without labels is not
    known, and it is refused.

    Parameters
    ----------
    labels : sequence, optional
        The stimuli, where something says so for all: networks without labels are in its order.
    whose : str
        Where they stand, for messages.
    remedy : str
        What else a user may do whose networks have other stimuli, for messages.

    Attributes
    ----------
    labels : tuple of str or None
        The stimuli, once they are known, as :func:`label_texts` has them.

    Examples
    --------
    >>> order = StimulusOrder()
    >>> order.rows(["cat", "dog"], "a.csv"), order.rows(["dog", "cat"], "b.csv").tolist()
    (None, [1, 0])
    """

    def __init__(
        self,
        labels: Sequence[Any] | None = None,
        whose: str = "",
        *,
        remedy: str = "give plain arrays to compare by position",
    ) -> None:
        self.labels = None if labels is None else label_texts(labels)
        self._moved: dict[str, None] = {}  # a network may be read again and again
        self._whose = whose
        self._given = labels is not None
        self._without: str | None = None
        self._remedy = f"; {remedy}" if remedy else ""

    @property
    def moved(self) -> list[str]:
        """Networks that were put into another order, in theirs."""
        return list(self._moved)

    def rows(self, labels: Sequence[Any] | None, whose: str) -> np.ndarray | None:
        """Which row of a network to put where; None where all are in their places.

        Parameters
        ----------
        labels : sequence or None
            The network's own labels of its rows.
        whose : str
            The network or its file, for messages.

        Raises
        ------
        ValueError
            If the network has other stimuli, or its order cannot be known.
        """
        if labels is None:
            self._without = self._without or whose
            self._check_order()
            return None
        texts = label_texts(labels)
        if self.labels is None:
            self.labels, self._whose = texts, whose
            return None
        if texts == self.labels:
            return None
        self._check_labels(texts, whose)
        self._moved[whose] = None
        self._check_order()
        places = {label: place for place, label in enumerate(texts)}
        return np.array([places[label] for label in self.labels], dtype=np.intp)

    def remarks(self) -> list[str]:
        """Which networks were put into another order, in one line."""
        if not self._moved:
            return []
        others = f" and {len(self._moved) - 1} more" if len(self._moved) > 1 else ""
        return [f"{self.moved[0]}{others}: stimuli are put into the order of {self._whose}"]

    def _check_labels(self, labels: Sequence[str], whose: str) -> None:
        assert self.labels is not None
        for those, others, word in (
            (self.labels, set(labels), "without"),
            (labels, set(self.labels), "with"),
        ):
            odd = [label for label in those if label not in others]
            if odd:
                raise ValueError(
                    f"{whose}: found stimuli {word} {odd[0]!r} ({len(odd)} such), expected the "
                    f"same {len(self.labels)} labels of stimuli as {self._whose}{self._remedy}"
                )
        for those, name in ((labels, whose), (self.labels, self._whose)):
            if len(set(those)) < len(those):
                twice = next(label for label in those if list(those).count(label) > 1)
                raise ValueError(
                    f"{name}: found stimulus {twice!r} more than once, expected labels that occur "
                    f"once where rows are in different orders{self._remedy}"
                )

    def _check_order(self) -> None:
        if not self._moved or self._without is None or self._given:
            return
        raise ValueError(
            f"{self.moved[0]}: found stimuli in another order than {self._whose}, and none named "
            f"by {self._without}; expected names in all of them, or one order"
        )
