"""One order of stimuli for all files: rows that have names are put where their names say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class StimulusOrder:
    """The stimuli that the files of one dataset share, as their tables name them.

    The names of the first file that has some are those of all. A file with the same names in
    another order is put into theirs; one with other names is refused. Files without names (arrays,
    and tables that only count) are taken in the order in which they are; but where any file has to
    be put into another order than the first, that of a file without names is not known, and it is
    refused.

    Parameters
    ----------
    names : sequence of str, optional
        The stimuli, where a table of them says so: files without names are in its order.
    whose : str
        That table.

    Attributes
    ----------
    names : list of str or None
        The stimuli, once they are known.
    moved : list of str
        Files that were put into another order.

    Examples
    --------
    >>> order = StimulusOrder()
    >>> order.rows(["cat", "dog"], "a.csv"), order.rows(["dog", "cat"], "b.csv").tolist()
    (None, [1, 0])
    """

    def __init__(self, names: Sequence[str] | None = None, whose: str = "") -> None:
        self.names = None if names is None else [str(name) for name in names]
        self._whose = whose
        self._given = names is not None
        self._without: str | None = None
        self.moved: list[str] = []

    def rows(self, names: Sequence[str] | None, whose: str) -> np.ndarray | None:
        """Which row of a file to put where; None where all are in their places.

        Parameters
        ----------
        names : sequence of str or None
            The file's own names of its rows.
        whose : str
            The file, for messages.

        Raises
        ------
        ValueError
            If the file has other stimuli, or its order cannot be known.
        """
        if names is None:
            self._without = self._without or whose
            self._check_order()
            return None
        if self.names is None:
            self.names, self._whose = list(names), whose
            return None
        if list(names) == self.names:
            return None
        self._check_names(names, whose)
        self.moved.append(whose)
        self._check_order()
        places = {name: place for place, name in enumerate(names)}
        return np.array([places[name] for name in self.names])

    def remarks(self) -> list[str]:
        """Which files were put into another order, in one line."""
        if not self.moved:
            return []
        others = f" and {len(self.moved) - 1} more" if len(self.moved) > 1 else ""
        return [f"{self.moved[0]}{others}: stimuli are put into the order of {self._whose}"]

    def _check_names(self, names: Sequence[str], whose: str) -> None:
        for found, expected, word in (
            (self.names, set(names), "missing"),
            (names, set(self.names), "unknown"),
        ):
            odd = [name for name in found if name not in expected]
            if odd:
                raise ValueError(
                    f"{whose}: stimulus {odd[0]!r} is {word} ({len(odd)} such), expected the same "
                    f"{len(self.names)} stimuli as in {self._whose}"
                )
        for those, file in ((names, whose), (self.names, self._whose)):
            if len(set(those)) < len(those):
                twice = next(name for name in those if list(those).count(name) > 1)
                raise ValueError(
                    f"{file}: stimulus {twice!r} stands twice, expected different names where "
                    "rows are in different orders"
                )

    def _check_order(self) -> None:
        if not self.moved or self._without is None or self._given:
            return
        raise ValueError(
            f"{self.moved[0]}: stimuli are in another order than in {self._whose}, and "
            f"{self._without} does not name its own, expected names in every file, or one order"
        )
