"""All circular shifts of a grid at once, in a real Fourier basis."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import scipy.fft

from shapemetrics.backends.base import Backend
from shapemetrics.backends.numpy_backend import EXACT
from shapemetrics.linalg import Array

#: Operands of one batch of products: small enough to stay in a core's cache.
OPERAND_BYTES = 2**22
#: Stimuli transformed, and rows of one pair's matrices transformed back, together: likewise.
SLICE_BYTES = 2**20


class CircularGrid:
    """Cross-covariances between two fields on an h x w torus, for every shift of the first.

    Build it by :func:`circular_grid`, which keeps one of each size.

    Parameters
    ----------
    height, width : int
        Grid of positions.

    Attributes
    ----------
    n_products : int
        Real matrix products that serve all ``height * width`` shifts (about 1.5 a shift).

    Notes
    -----
    The discrete Fourier transform :math:`\\hat X_k` over positions turns shifts into phases, so

    .. math:: C_s = \\sum_p X_{p-s}^T Y_p
              = \\frac{1}{hw} \\sum_k e^{2 \\pi i k \\cdot s} \\hat X_k^* \\hat Y_k .

    Responses are real: frequencies come in conjugate pairs, of which one is kept, as a real and an
    imaginary part, beside at most four real frequencies. With the factor
    :math:`\\sqrt{2/hw}` (or :math:`\\sqrt{1/hw}`) this is an orthonormal basis, as large as the
    responses, that keeps norms and inner products. A complex product takes three real ones:
    with :math:`\\hat X = a + ib`, :math:`\\hat Y = c + id` these are :math:`a^T c`,
    :math:`b^T d` and :math:`(a + b)^T (d - c)`. Their number, 2hw minus the real frequencies and
    conjugate pairs, is the least that any bilinear algorithm for the task needs.
    """

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        half = width // 2 + 1
        rows, columns = np.meshgrid(np.arange(height), np.arange(half), indexing="ij")
        rows, columns = rows.ravel(), columns.ravel()
        real_row = (2 * rows) % height == 0
        real_column = (2 * columns) % width == 0
        real = real_row & real_column
        # In a column that is its own conjugate, the upper half of the rows repeats the lower.
        paired = ~real & (~real_column | (2 * rows < height))
        self._real = np.flatnonzero(real)
        self._paired = np.flatnonzero(paired)
        self._rows, self._columns, self._half = rows, columns, half
        self.n_real, self.n_paired = len(self._real), len(self._paired)
        self.n_products = self.n_real + 3 * self.n_paired
        self._inverse = self._inverse_matrices()

    def _inverse_matrices(self) -> dict[np.dtype, tuple[Array, Array]]:
        """Real matrices of the inverse transform: over rows, from the products; over columns."""
        turn = 2 * np.pi * np.outer(np.arange(self.height), np.arange(self.height)) / self.height
        cos, sin = np.cos(turn), np.sin(turn)
        # The real part is P1 + P2 and the imaginary one P3 + P1 - P2: folded into the matrix.
        over_rows = np.stack(
            [
                np.concatenate([cos - sin, cos + sin, -sin], axis=1),
                np.concatenate([sin + cos, sin - cos, cos], axis=1),
            ],
            axis=1,
        ).reshape(2 * self.height, 3 * self.height)
        turn = 2 * np.pi * np.outer(np.arange(self.width), np.arange(self._half)) / self.width
        over_columns = np.concatenate([np.cos(turn), -np.sin(turn)], axis=1)
        return {
            np.dtype(kind): (over_rows.astype(kind), over_columns.astype(kind))
            for kind in (np.float64, np.float32)
        }

    @cached_property
    def planes(self) -> tuple[np.ndarray, Array]:
        """How products become planes of all frequencies, three a frequency, for the inverse.

        Returns
        -------
        source : ndarray of shape (3 * h * (w // 2 + 1),)
            Which product each entry is.
        weight : ndarray of the same shape
            Its factor: zero at frequencies that are not kept. Of a real frequency P1 = P2 = half of
            the product and P3 = 0 leave no imaginary part.
        """
        source = np.zeros((3, self.height * self._half), dtype=np.int64)
        weight = np.zeros(source.shape)
        source[:2, self._real], weight[:2, self._real] = np.arange(self.n_real), 0.5
        paired = self.n_real + np.arange(3 * self.n_paired).reshape(3, -1)
        source[:, self._paired], weight[:, self._paired] = paired, 1.0
        return source.ravel(), weight.ravel()

    def inverse(self, dtype: Any) -> tuple[Array, Array]:
        """Matrices of the inverse transform, over rows (2h, 3h) and over columns."""
        return self._inverse[np.dtype(dtype)]

    def spectrum(self, features: Array) -> Array:
        """Orthonormal real Fourier transform over the grid.

        Parameters
        ----------
        features : ndarray of shape (m, h, w, r)
            Features of each stimulus and position.

        Returns
        -------
        ndarray of shape (h * w, m, r)
            Real frequencies, then real parts, then imaginary parts of the others.
        """
        m, h, w, r = features.shape
        out = np.empty((h * w, m, r), dtype=features.dtype)
        real, pairs = self.n_real, self.n_real + self.n_paired
        scale = 1.0 / np.sqrt(h * w)
        step = max(1, SLICE_BYTES // features[0].nbytes)
        for start in range(0, m, step):
            some = slice(start, min(start + step, m))
            hat: Any = scipy.fft.rfft2(features[some], axes=(1, 2))
            hat = hat.reshape(-1, h * self._half, r)
            hat = hat.swapaxes(0, 1)
            out[:real, some] = hat.real[self._real] * scale
            out[real:pairs, some] = hat.real[self._paired] * (np.sqrt(2.0) * scale)
            out[pairs:, some] = hat.imag[self._paired] * (np.sqrt(2.0) * scale)
        return out

    def field(self, spectrum: Array) -> Array:
        """The inverse of :meth:`spectrum`: (h * w, m, r) to (m, h, w, r)."""
        n, m, r = spectrum.shape
        identity = np.eye(n).reshape(n, self.height, self.width, 1)
        basis = self.spectrum(identity)[..., 0]  # (h * w frequencies, h * w positions), orthonormal
        values = np.tensordot(basis, spectrum, axes=(0, 0))
        return values.swapaxes(0, 1).reshape(m, self.height, self.width, r)

    def roll(self, spectrum: Array, shift: tuple[int, int]) -> Array:
        """Spectrum of ``np.roll(features, shift, axis=(1, 2))``."""
        cos, sin = self._phases(shift, spectrum.dtype)
        out = np.empty_like(spectrum)
        real, pairs = self.n_real, self.n_real + self.n_paired
        out[:real] = cos[:real] * spectrum[:real]
        a, b = spectrum[real:pairs], spectrum[pairs:]
        out[real:pairs] = cos[real:] * a + sin[real:] * b
        out[pairs:] = cos[real:] * b - sin[real:] * a
        return out

    def products(self, left: Any, right: Any, backend: Backend = EXACT) -> Any:
        """The matrix products that hold the cross-covariances of all shifts.

        Parameters
        ----------
        left : array of shape (h * w, m, P)
            Spectra of the networks that are shifted, side by side, of the backend's library.
        right : array of shape (h * w, m, Q)
            Spectra of the others.
        backend : Backend

        Returns
        -------
        array of shape (n_products, P, Q)
            All networks side by side. Slice pairs, then call :meth:`shifted` or :meth:`at_shift`.
        """
        real, n = self.n_real, self.n_paired
        m, p, q = left.shape[1], left.shape[-1], right.shape[-1]
        step = max(real, n, 1)
        if backend.on_cpu:  # operands stay in a core's cache
            step = min(step, max(1, OPERAND_BYTES // (24 * m * (p + q))))
        parts = [self._multiplied(left[some], right[some]) for some in _ranges(0, real, step)]
        paired: list[list[Any]] = [[], [], []]
        for some in _ranges(real, n, step):
            other = slice(some.start + n, some.stop + n)
            a, b, c, d = left[some], left[other], right[some], right[other]
            for target, x, y in zip(paired, (a, b, a + b), (c, d, d - c)):
                target.append(self._multiplied(x, y))
        return backend.concatenate([*parts, *(part for third in paired for part in third)])

    @staticmethod
    def _multiplied(x: Any, y: Any) -> Any:
        return x.swapaxes(1, 2) @ y

    def shifted(self, products: Any, backend: Backend = EXACT) -> Any:
        """Cross-covariances at every shift.

        Parameters
        ----------
        products : array of shape (n_products, P, Q)
            From :meth:`products`.
        backend : Backend

        Returns
        -------
        array of shape (h * w, P, Q)
            Entry ``a * w + b`` belongs to the first field rolled by (a, b).
        """
        p, q = products.shape[1:]
        dtype = np.float32 if "float32" in str(products.dtype) else np.float64
        source, weight = self.planes
        source, weight = backend.asarray(source), backend.asarray(weight.astype(dtype))
        over_rows, over_columns = map(backend.asarray, self.inverse(dtype))
        step = p
        if backend.on_cpu:  # as above
            row_bytes = 3 * self.height * self._half * q * np.dtype(dtype).itemsize
            step = min(p, max(1, SLICE_BYTES // row_bytes))
        parts = []
        for rows in _ranges(0, p, step):
            planes = products[:, rows][source] * weight[:, None, None]
            rows_done = over_rows @ planes.reshape(3 * self.height, -1)
            both_done = over_columns @ rows_done.reshape(self.height, 2 * self._half, -1)
            parts.append(both_done.reshape(self.height * self.width, -1, q).swapaxes(0, 1))
        whole = parts[0] if len(parts) == 1 else backend.concatenate(parts)
        return whole.swapaxes(0, 1)

    def at_shift(self, products: Array, shift: tuple[int, int]) -> Array:
        """Cross-covariance of one pair, (p, q), at one shift of the first field."""
        cos, sin = (phase.ravel() for phase in self._phases(shift, products.dtype))
        real = self.n_real
        c, s = cos[real:], sin[real:]
        return np.tensordot(np.concatenate([cos[:real], c - s, c + s, -s]), products, axes=1)

    def _phases(self, shift: tuple[int, int], dtype: np.dtype) -> tuple[Array, Array]:
        """Cosine and sine of each kept frequency's phase at a shift, as columns (n, 1, 1)."""
        kept = np.concatenate([self._real, self._paired])
        # Whole numbers of turns are taken off exactly, before the rounding.
        rows = (self._rows[kept] * shift[0]) % self.height / self.height
        columns = (self._columns[kept] * shift[1]) % self.width / self.width
        turn = 2 * np.pi * (rows + columns)[:, None, None]
        return np.cos(turn).astype(dtype), np.sin(turn).astype(dtype)


@lru_cache(maxsize=64)
def circular_grid(height: int, width: int) -> CircularGrid:
    """The grid of this size, built once."""
    return CircularGrid(height, width)


def _ranges(start: int, length: int, step: int) -> list[slice]:
    """Slices of at most `step` that cover `length` entries from `start` on."""
    stop = start + length
    return [slice(at, min(at + step, stop)) for at in range(start, stop, step)]
