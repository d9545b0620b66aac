"""PyTorch as an array library, on the CPU or a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapemetrics.backends.base import CertifiedNorms
from shapemetrics.extras import needed_by
from shapemetrics.linalg import Array

#: Error of a distance, in radians or the data's units, that a GPU may make where none is stated,
#: by the bytes of a number.
GPU_TOLERANCE = {8: 1e-6, 4: 1e-4}
#: Steps of the polar iteration.
POLAR_STEPS = 24
#: Singular values below this fraction of the largest stay unresolved by the polar iteration, in
#: float64. Rounding must not turn the sign of the largest, hence more in float32.
POLAR_FLOOR = 1e-8


@dataclass
class TorchBackend(CertifiedNorms):
    """PyTorch, on the CPU or a GPU."""

    device: Any = None
    name: str = "torch"

    @classmethod
    def on(cls, device: str | None, tolerance: float | None) -> TorchBackend:
        """The backend on a device that is there."""
        with needed_by("backend 'torch'"):
            import torch
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            where = torch.device(device)
            if where.type == "meta":
                raise RuntimeError("it holds no numbers")
            torch.empty(1, device=where)
        except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
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

    def to_numpy(self, X: Any) -> Array:
        """A tensor as a NumPy array, in its own precision."""
        return X.detach().cpu().numpy()

    def polar_factors(self, C: Any) -> Any:
        """Rotations that maximise <C, R>, for a stack of tensors."""
        import torch

        U, _, Vt = torch.linalg.svd(C, full_matrices=False)
        return U @ Vt

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
