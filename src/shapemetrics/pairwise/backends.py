"""Array libraries that the linear family computes with, and how each finds nuclear norms."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from shapemetrics import linalg
from shapemetrics.linalg import Array
from shapemetrics.metrics.shift_search import largest_nuclear_norm

#: Error of a distance, in radians or the data's units, that a GPU may make where none is stated,
#: by the bytes of a number.
GPU_TOLERANCE = {8: 1e-6, 4: 1e-4}
#: Steps of the polar iteration.
POLAR_STEPS = 24
#: Singular values below this fraction of the largest stay unresolved by the polar iteration, in
#: float64. Rounding must not turn the sign of the largest, hence more in float32.
POLAR_FLOOR = 1e-8

#: From nuclear norms and bounds on their errors to bounds on the errors of distances.
ErrorOf = Callable[[Array, Array], Array]


class Backend(Protocol):
    """What a metric asks of an array library."""

    name: str

    @property
    def on_cpu(self) -> bool:
        """Whether it computes on the CPU, where several workers share the cores."""

    def asarray(self, X: Array) -> Any:
        """A NumPy array as an array of the library, on its device."""

    def concatenate(self, parts: Sequence[Any]) -> Any:
        """Arrays of the library one after another along their first axis."""

    def solver(self, C: Any, error_of: ErrorOf) -> Array:
        """Nuclear norms of a stack of the library's matrices, as a NumPy array in float64."""

    def largest(self, C: Any, error_of: ErrorOf) -> Array:
        """Of each stack (..., s, p, q) the largest nuclear norm, as a NumPy array in float64."""


def get_backend(
    name: str = "numpy", device: str | None = None, tolerance: float | None = None
) -> Backend:
    """The backend of this name.

    Parameters
    ----------
    name : {"numpy", "torch"}
        Array library.
    device : str, optional
        Of torch, for example ``"cuda"``; by default a GPU where there is one.
    tolerance : float, optional
        Largest certified error of a distance, in radians (Euclidean: in the data's units), that a
        faster route to nuclear norms may make. None is singular values only; on GPUs, where those
        are slow, it is 1e-6, and 1e-4 in float32.

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
    if tolerance is not None and not tolerance > 0:
        raise ValueError(f"tolerance: found {tolerance!r}, expected a positive number or None")
    if name == "numpy":
        if device not in (None, "cpu"):
            raise ValueError(f"device: found {device!r}, but NumPy computes on the CPU")
        return NumpyBackend(tolerance)
    if name == "torch":
        return TorchBackend.on(device, tolerance)
    raise ValueError(f"backend: found {name!r}, expected 'numpy' or 'torch'")


@dataclass
class _Certified:
    """The fast route to nuclear norms where its certificate holds, and the exact one elsewhere.

    For each shape of matrices the first batch says whether the fast route is worth trying: on
    trained networks cross-covariances are so ill-conditioned that certificates hardly ever hold,
    and then trying costs more than it saves.
    """

    tolerance: float | None = None
    _worth: dict[tuple[int, ...], bool] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def solver(self, C: Any, error_of: ErrorOf) -> Array:
        """Nuclear norms of a stack of matrices (..., p, q)."""
        return self._settled(C, tuple(C.shape[-2:]), self._fast, self._exact, error_of)

    def largest(self, C: Any, error_of: ErrorOf) -> Array:
        """Of each stack of matrices (..., s, p, q) the largest nuclear norm.

        Bounds on all norms of a stack bound its largest, so no singular values are needed to
        tell which one that is; where the bounds are too wide, exact ones prune the stack first.
        """
        shape = tuple(C.shape[-3:])
        return self._settled(C, shape, self._fast_largest, self._largest_exactly, error_of)

    def _settled(
        self,
        C: Any,
        shape: tuple[int, ...],
        fast: Callable[[Any], tuple[Array, Array]],
        exact: Callable[[Any], Array],
        error_of: ErrorOf,
    ) -> Array:
        """Values by the fast route where their certificate holds, exact ones elsewhere."""
        tolerance = self._allowed(C)
        if tolerance is None or not self._worth.get(shape, True):
            return exact(C)
        values, bounds = fast(C)
        held = error_of(values, bounds) <= tolerance  # what is not a number fails
        with self._lock:
            self._worth.setdefault(shape, bool(held.mean() >= 0.5))
        if not held.all():
            values[~held] = exact(self._some(C, ~held))
        return values

    def _fast_largest(self, C: Any) -> tuple[Array, Array]:
        norms, bounds = self._fast(C)
        with np.errstate(invalid="ignore"):  # bounds may be infinite
            low, high = (norms - bounds).max(axis=-1), (norms + bounds).max(axis=-1)
            return 0.5 * (low + high), 0.5 * (high - low)

    def _largest_exactly(self, C: Any) -> Array:
        stacks = self._on_host(C).reshape(-1, *C.shape[-3:])
        found = np.array([largest_nuclear_norm(stack)[1] for stack in stacks])
        return found.reshape(tuple(C.shape[:-3]))

    def _on_host(self, C: Any) -> Array:
        """The library's array as one of NumPy's, in its own precision."""
        return C

    def _allowed(self, C: Any) -> float | None:
        return self.tolerance

    def _exact(self, C: Any) -> Array:
        raise NotImplementedError

    def _fast(self, C: Any) -> tuple[Array, Array]:
        """Nuclear norms and bounds on their errors."""
        raise NotImplementedError

    def _some(self, C: Any, chosen: np.ndarray) -> Any:
        """The matrices of a stack that are chosen."""
        return C[chosen]


@dataclass
class NumpyBackend(_Certified):
    """NumPy: singular values, or eigenvalues of Gram matrices where a certificate allows."""

    name: str = "numpy"

    @property
    def on_cpu(self) -> bool:
        """Always."""
        return True

    def asarray(self, X: Array) -> Array:
        """The array itself."""
        return X

    def concatenate(self, parts: Sequence[Array]) -> Array:
        """Arrays one after another along their first axis."""
        return np.concatenate(parts)

    def _exact(self, C: Array) -> Array:
        return linalg.nuclear_norms(C)

    def _fast(self, C: Array) -> tuple[Array, Array]:
        return linalg.gram_nuclear_norms(C)


@dataclass
class TorchBackend(_Certified):
    """PyTorch, on the CPU or a GPU."""

    device: Any = None
    name: str = "torch"

    @classmethod
    def on(cls, device: str | None, tolerance: float | None) -> TorchBackend:
        """The backend on a device that is there."""
        try:
            import torch
        except ImportError:
            raise ValueError("backend: 'torch' is not installed; pip install torch") from None
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            where = torch.device(device)
            torch.empty(1, device=where)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"device: found {device!r}, not available ({reason})") from None
        return cls(tolerance, device=where)

    @property
    def on_cpu(self) -> bool:
        """Whether the device is the CPU."""
        return self.device.type == "cpu"

    def asarray(self, X: Array) -> Any:
        """A NumPy array on the device."""
        import torch

        if X.dtype == np.float32 and torch.get_float32_matmul_precision() != "highest":
            raise ValueError(
                f"torch: float32 products are set to {torch.get_float32_matmul_precision()!r}, "
                "which rounds to fewer bits than any certificate allows for; expected "
                "torch.set_float32_matmul_precision('highest')"
            )
        return torch.as_tensor(np.ascontiguousarray(X)).to(self.device)

    def concatenate(self, parts: Sequence[Any]) -> Any:
        """Arrays one after another along their first axis."""
        import torch

        return torch.cat(list(parts))

    def _allowed(self, C: Any) -> float | None:
        if self.tolerance is None and not self.on_cpu:
            return GPU_TOLERANCE[C.element_size()]
        return self.tolerance

    def _exact(self, C: Any) -> Array:
        import torch

        return _numpy(torch.linalg.svdvals(C)).sum(-1)

    def _fast(self, C: Any) -> tuple[Array, Array]:
        norms, bounds = polar_norms(C.reshape(-1, *C.shape[-2:]))
        return _numpy(norms).reshape(C.shape[:-2]), _numpy(bounds).reshape(C.shape[:-2])

    def _on_host(self, C: Any) -> Array:
        return C.detach().cpu().numpy()

    def _some(self, C: Any, chosen: np.ndarray) -> Any:
        import torch

        return C[torch.as_tensor(chosen, device=self.device)]


def _numpy(X: Any) -> Array:
    return X.detach().cpu().numpy().astype(np.float64)


def polar_norms(C: Any) -> tuple[Any, Any]:
    r"""Nuclear norms by matrix products only, with bounds on their errors.

    Parameters
    ----------
    C : torch.Tensor of shape (s, p, q)
        Matrices.

    Returns
    -------
    norms, bounds : torch.Tensor of shape (s,)
        The true nuclear norm lies within `bounds` of `norms`.

    Notes
    -----
    The polar factor :math:`Q = U V^T` of :math:`C = U \Sigma V^T` maximises
    :math:`\langle Q, C \rangle`, and the maximum is the nuclear norm (Fan & Hoffman 1955). The
    scaled Newton-Schulz iteration (Chen & Chow 2014)

    .. math:: X \leftarrow \tfrac{a}{2} X (3 I - a^2 X^T X), \quad a^2 = \frac{3}{1 + l + l^2},

    keeps singular values in (0, 1] and lifts the smallest, l, fastest; from X = C / ||C||_F it
    converges to Q but for what is smaller than `POLAR_FLOOR`. For any X of norm at most one

    .. math:: \langle X, C \rangle \le \|C\|_* \le \langle X, C \rangle
              + \sqrt{k} \, \|C - X X^T C\|_F, \quad k = \min(p, q),

    since :math:`\|X^T C\|_* = \langle X, C \rangle` for X with the singular vectors of C. The
    bound adds what rounding may change. The iteration corrects itself, so rounding does not add up
    over its steps.
    """
    import torch

    if C.shape[1] < C.shape[2]:
        C = C.transpose(1, 2)
    k, eps = C.shape[2], torch.finfo(C.dtype).eps
    # Norms of unit size from here on: squares of what is measured in teslas would be zero.
    tiny = torch.finfo(C.dtype).tiny
    peak = C.abs().amax(dim=(1, 2), keepdim=True).clamp_min(tiny)
    C = C / peak
    length = torch.linalg.matrix_norm(C, keepdim=True).clamp_min(1.0)
    X = C = C / length
    size = (peak * length)[:, 0, 0]
    low = max(POLAR_FLOOR, 100.0 * k * eps)
    for _ in range(POLAR_STEPS):
        scale = (3.0 / (1.0 + low + low**2)) ** 0.5
        G = X.transpose(1, 2) @ X
        X = (1.5 * scale) * X - (0.5 * scale**3) * (X @ G)
        low = 0.5 * scale * low * (3.0 - scale**2 * low**2)
    inner = (X * C).sum(dim=(1, 2))
    residual = C - X @ (X.transpose(1, 2) @ C)
    rounding = 10.0 * k**0.5 * eps * inner
    bound = 0.5 * k**0.5 * torch.linalg.matrix_norm(residual)
    # A nuclear norm is never below the Frobenius norm; what is has not converged.
    converged = inner >= 1.0 - 10.0 * k**0.5 * eps
    bounds = torch.where(converged, bound + rounding, torch.inf)
    return size * (inner + bound), size * bounds
