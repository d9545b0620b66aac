"""Which array library computes: the one that is named, or the one that holds the arrays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shapemetrics.backends.base import Backend
from shapemetrics.backends.numpy_backend import EXACT, NumpyBackend
from shapemetrics.validation import check_number

__all__ = ["get_backend"]


def get_backend(
    name: str | None = None,
    device: str | None = None,
    tolerance: float | None = None,
    *,
    arrays: Iterable[Any] = (),
) -> Backend:
    """The backend of this name.

    Parameters
    ----------
    name : {"numpy", "torch"}, optional
        Array library. By default torch where `arrays` holds a tensor on a GPU, and NumPy otherwise.
    device : str, optional
        Of torch, for example ``"cuda"``; by default a GPU where there is one.
    tolerance : float, optional
        Largest certified error of a distance, in radians (Euclidean: in the data's units), that a
        faster route to nuclear norms may make. None is singular values only; on GPUs, where those
        are slow, it is 1e-6, and 1e-4 in float32.

    arrays : iterable of array-like, optional
        Arrays to be compared, from which the library and its device are inferred.

    Returns
    -------
    Backend

    Raises
    ------
    ValueError
        If the name is unknown, torch is not installed, the device is not there, or the tolerance
        is not positive.

    Examples
    --------
    >>> get_backend("numpy").name
    'numpy'
    """
    check_number(tolerance, "tolerance", above=0.0, optional=True)
    if name is None:
        name, device = _inferred(arrays, device)
    if name == "numpy":
        if device not in (None, "cpu"):
            raise ValueError(f"device: found {device!r}, but NumPy computes on the CPU")
        return NumpyBackend(tolerance) if tolerance is not None else EXACT
    if name == "torch":
        from shapemetrics.backends.torch_backend import TorchBackend

        return TorchBackend.on(device, tolerance)
    raise ValueError(f"backend: found {name!r}, expected 'numpy' or 'torch'")


def _inferred(arrays: Iterable[Any], device: str | None) -> tuple[str, str | None]:
    """The library that holds the arrays, and its device: torch for tensors on a GPU."""
    for X in arrays:
        of_torch = type(X).__module__.partition(".")[0] == "torch" and hasattr(X, "device")
        if of_torch and X.device.type == "cuda":
            return "torch", device or str(X.device)
    return ("torch" if device not in (None, "cpu") else "numpy"), device
