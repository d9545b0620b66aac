"""Checks of parameters, each with one form of message: NAME: found X, expected Y."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def check_choice(value: Any, name: str, choices: Sequence[Any]) -> None:
    """ValueError unless `value` is one of `choices`."""
    if not any(isinstance(value, type(c)) and value == c for c in choices):
        listed = ", ".join(repr(c) for c in choices)
        raise ValueError(f"{name}: found {value!r}, expected one of {listed}")


def check_boolean(value: Any, name: str) -> None:
    """TypeError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name}: found {value!r}, expected True or False")


def check_number(
    value: Any,
    name: str,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    above: float | None = None,
    below: float | None = None,
    optional: bool = False,
) -> None:
    """TypeError or ValueError unless `value` is a finite real number within bounds.

    Parameters
    ----------
    value : object
    name : str
        Parameter, for the message.
    low, high : float
        Bounds that are allowed themselves.
    above, below : float, optional
        Bounds that are not.
    optional : bool
        Whether None is allowed.
    """
    if value is None and optional:
        return
    expected = _range_text(low, high, above, below) + (" or None" if optional else "")
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{name}: found {value!r}, expected {expected}")
    inside = np.isfinite(value) and low <= value <= high
    inside = inside and (above is None or value > above) and (below is None or value < below)
    if not inside:
        raise ValueError(f"{name}: found {value!r}, expected {expected}")


def check_fraction(value: Any, name: str, low: float = 0.0, high: float = 1.0) -> None:
    """TypeError or ValueError unless `value` is a number in [low, high]."""
    check_number(value, name, low=low, high=high)


def check_integer(
    value: Any, name: str, low: int, high: float = np.inf, *, optional: bool = False
) -> None:
    """ValueError unless `value` is an integer from `low` to `high` (or None, where optional)."""
    if value is None and optional:
        return
    if (
        isinstance(value, bool)
        or not isinstance(value, int | np.integer)
        or not low <= int(value) <= high
    ):
        expected = f"an integer >= {low}" if high == np.inf else f"an integer from {low} to {high}"
        expected += " or None" if optional else ""
        raise ValueError(f"{name}: found {value!r}, expected {expected}")


def check_jobs(n_jobs: Any) -> None:
    """ValueError unless `n_jobs` is a positive integer or -1."""
    if (
        isinstance(n_jobs, bool)
        or not isinstance(n_jobs, int | np.integer)
        or (n_jobs < 1 and n_jobs != -1)
    ):
        raise ValueError(f"n_jobs: found {n_jobs!r}, expected a positive integer or -1")


def _range_text(low: float, high: float, above: float | None, below: float | None) -> str:
    lower = f"> {above:g}" if above is not None else f">= {low:g}" if np.isfinite(low) else ""
    upper = f"< {below:g}" if below is not None else f"<= {high:g}" if np.isfinite(high) else ""
    if lower.startswith(">=") and upper.startswith("<="):
        return f"a number from {low:g} to {high:g}"
    return " and ".join(["a number " + (lower or upper), *([upper] if lower and upper else [])])
