"""All circular shifts of a grid at once, in a real Fourier basis."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import scipy.fft

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
            hat = scipy.fft.rfft2(features[some], axes=(1, 2)).reshape(-1, h * self._half, r)
            hat = hat.swapaxes(0, 1)
            out[:real, some] = hat.real[self._real] * scale
            out[real:pairs, some] = hat.real[self._paired] * (np.sqrt(2.0) * scale)
            out[pairs:, some] = hat.imag[self._paired] * (np.sqrt(2.0) * scale)
        return out

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

    def products(self, left: Sequence[Array], right: Sequence[Array]) -> Array:
        """The matrix products that hold the cross-covariances of all shifts.

        Parameters
        ----------
        left : sequence of ndarray of shape (h * w, m, p_i)
            Spectra of the networks that are shifted.
        right : sequence of ndarray of shape (h * w, m, q_j)
            Spectra of the others.

        Returns
        -------
        ndarray of shape (n_products, sum of p, sum of q)
            All networks side by side. Slice a pair, then call :meth:`shifted` or
            :meth:`at_shift`.
        """
        p, q = (sum(S.shape[-1] for S in side) for side in (left, right))
        m, dtype = left[0].shape[1], left[0].dtype
        out = np.empty((self.n_products, p, q), dtype=dtype)
        real, n = self.n_real, self.n_paired
        step = min(max(1, OPERAND_BYTES // (3 * m * (p + q) * dtype.itemsize)), max(real, n))
        # a, b and a + b of the left, c, d and d - c of the right, for some frequencies at a time.
        lefts = np.empty((3, step, m, p), dtype=dtype)
        rights = np.empty((3, step, m, q), dtype=dtype)

        def multiply(part: int, at: int, size: int) -> None:
            x, y = lefts[part, :size], rights[part, :size]
            np.matmul(x.swapaxes(1, 2), y, out=out[at : at + size])

        for start in range(0, real, step):
            size = min(step, real - start)
            _side_by_side(left, start, lefts[0, :size])
            _side_by_side(right, start, rights[0, :size])
            multiply(0, start, size)
        for start in range(0, n, step):
            size = min(step, n - start)
            for part, at in enumerate((real + start, real + n + start)):
                _side_by_side(left, at, lefts[part, :size])
                _side_by_side(right, at, rights[part, :size])
            np.add(lefts[0], lefts[1], out=lefts[2])
            np.subtract(rights[1], rights[0], out=rights[2])
            for part in range(3):
                multiply(part, real + part * n + start, size)
        return out

    def shifted(self, products: Array) -> Array:
        """Cross-covariances of one pair at every shift.

        Parameters
        ----------
        products : ndarray of shape (n_products, p, q)
            One pair's slice of :meth:`products`.

        Returns
        -------
        ndarray of shape (h, w, p, q)
            Entry [a, b] belongs to the first field rolled by (a, b).
        """
        p, q = products.shape[1:]
        out = np.empty((self.height, self.width, p, q), dtype=products.dtype)
        row_bytes = 3 * self.height * self._half * q * products.dtype.itemsize
        step = min(p, max(1, SLICE_BYTES // row_bytes))
        planes = np.zeros((3, self.height * self._half, step, q), dtype=products.dtype)
        for start in range(0, p, step):
            rows = slice(start, min(start + step, p))
            out[:, :, rows] = self._invert(products[:, rows], planes[:, :, : rows.stop - start])
        return out

    def _invert(self, products: Array, planes: Array) -> Array:
        """Inverse transform of some rows; `planes` is zero at frequencies that are not kept."""
        over_rows, over_columns = self._inverse[products.dtype]
        real, n = self.n_real, self.n_paired
        # A real frequency: P1 = P2 = half of it and P3 = 0 leave no imaginary part.
        planes[0, self._real] = planes[1, self._real] = 0.5 * products[:real]
        for part in range(3):
            at = real + part * n
            planes[part, self._paired] = products[at : at + n]
        rows_done = over_rows @ planes.reshape(3 * self.height, -1)
        both_done = over_columns @ rows_done.reshape(self.height, 2 * self._half, -1)
        return both_done.reshape(self.height, self.width, *products.shape[1:])

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


def _side_by_side(spectra: Sequence[Array], start: int, out: Array) -> None:
    """Copy some frequencies of several networks side by side into `out`."""
    np.concatenate([S[start : start + len(out)] for S in spectra], axis=-1, out=out)
