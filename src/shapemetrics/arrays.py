"""The one entrance for responses: any container of numbers becomes a checked array.

Whatever people hold responses in (NumPy arrays, lists, DataFrames, xarray, tensors, anything with
``__array__`` or DLPack) is converted here and nowhere else, by stated rules: numbers are taken as
they are given, whatever type stores them; labels of the stimulus axis are kept, so that networks
can be aligned by them; what is no dense array of real numbers is refused in one line.
"""

from __future__ import annotations

import hashlib
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapemetrics.stimuli import StimulusOrder, label_texts

#: Names of axes that hold stimuli, and the words by which other axes are known.
STIMULUS_AXES = ("stimulus", "stimuli", "stim", "image", "images", "presentation", "presentations")
CHANNEL_AXES = ("channel", "channels")
LAYOUTS = {
    2: "(stimuli, units)",
    3: "(stimuli, trials, units)",
    4: "(stimuli, height, width, channels)",
}
#: Relative spacing of numbers of types that NumPy does not have.
FOREIGN_PRECISION = {"bfloat16": 2.0**-7}
#: And of those that columns of a DataFrame may have beside others.
COLUMN_PRECISION = {"float16": 2.0**-10, "float32": 2.0**-23, "float64": 2.0**-52}


class RoundingWarning(UserWarning):
    """Rounding of the stored data decides part of an answer."""


@dataclass(frozen=True, eq=False)
class NumericArray:
    """Numbers as they were given, as a NumPy array, and what their container knew of them.

    Attributes
    ----------
    values : ndarray
        In native byte order, of the floating, integer or boolean type that stored them. Types
        that NumPy does not have (bfloat16 and smaller) are float32 here, which holds them exactly.
    labels : tuple or None
        Label of each stimulus, where the container has such.
    stored : str
        Name of the type that stored the numbers.
    precision : float
        Relative spacing of numbers of that type; 0 for integers, which are exact.
    """

    values: np.ndarray
    labels: tuple[Any, ...] | None
    stored: str
    precision: float

    def __len__(self) -> int:
        return len(self.values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype, copy=copy)


@dataclass(frozen=True, eq=False)
class Responses:
    """Responses of one network in float64, brought to magnitude one by a power of two.

    Attributes
    ----------
    values : ndarray of shape (m, ...)
        ``data * 2**-exponent``, a rescaling that rounds nothing; the largest magnitude lies in
        [0.5, 1), unless all are zero or another exponent was asked for.
    exponent : int
    peak : float
        Largest magnitude of `values`.
    name : str
        Network's name, for messages.
    stimuli : str or None
        Digest of the stimuli's labels.
    stored : str
        Name of the type that stored the data.
    precision : float
        Relative spacing of numbers of that type.
    """

    values: np.ndarray
    exponent: int
    peak: float
    name: str
    stimuli: str | None
    stored: str
    precision: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the values."""
        return self.values.shape


def as_array(X: Any, name: str = "X") -> np.ndarray:
    """Numbers of any container as a NumPy array, in the type that stored them.

    Parameters
    ----------
    X : array-like
        See :func:`as_numeric`.
    name : str
        What messages call it.

    Returns
    -------
    ndarray
    """
    return as_numeric(X, name).values


def as_numeric(X: Any, name: str = "X") -> NumericArray:
    """Convert any container of real numbers.

    Parameters
    ----------
    X : array-like
        NumPy arrays of any order, strides and byte order, nested lists, DataFrames, xarray
        DataArrays, tensors of PyTorch, JAX, TensorFlow or CuPy on any device, and whatever has
        ``__array__`` or DLPack. Booleans count as 0 and 1.
    name : str
        What messages call it.

    Returns
    -------
    NumericArray

    Raises
    ------
    TypeError
        For what is no dense array of real numbers: sparse, complex, text, objects, dates.
    ValueError
        For masked values and ragged lists.
    """
    if isinstance(X, NumericArray):
        return X
    labels: tuple[Any, ...] | None = None
    foreign: str | None = None
    if type(X) is not np.ndarray:
        X, labels, foreign = _unwrapped(X, name)
    dtype = X.dtype
    if foreign is None and (dtype.kind == "V" or dtype.name in FOREIGN_PRECISION):
        X, foreign = _from_foreign(X, name)
        dtype = X.dtype
    if dtype.kind not in "fiub":
        raise TypeError(f"{name!r}: {_refused(X)}")
    if not dtype.isnative:
        X = X.astype(dtype.newbyteorder("="))
    if dtype.kind in "iub":
        _check_integers(X, name)
        return NumericArray(X, labels, foreign or dtype.name, 0.0)
    if foreign is not None:
        precision = (FOREIGN_PRECISION | COLUMN_PRECISION).get(foreign, 2.0**-2)
        return NumericArray(X, labels, foreign, precision)
    return NumericArray(X, labels, dtype.name, float(np.finfo(dtype).eps))


def _check_integers(values: np.ndarray, name: str) -> None:
    """ValueError where float64 does not hold an integer exactly."""
    if values.dtype.itemsize < 8 or not values.size:
        return
    if max(int(values.max()), -int(values.min())) <= 2**53:
        return
    digits = np.frexp(values.astype(np.float64))[1] - 53  # bits that do not fit
    sizes = np.abs(values).astype(np.uint64)
    lost = sizes & ((np.uint64(1) << np.maximum(digits, 0).astype(np.uint64)) - np.uint64(1))
    if lost.any():
        raise ValueError(
            f"{name!r}: found integers beyond 2**53 that float64 rounds, expected smaller ones; "
            "subtract what they have in common"
        )


def as_responses(
    X: Any,
    name: str = "X",
    *,
    axes: Sequence[int] = (2,),
    min_stimuli: int = 2,
    exponent: int | None = None,
) -> Responses:
    """Responses in float64 and of magnitude one, checked.

    Parameters
    ----------
    X : array-like
        Responses, stimuli on the first axis.
    name : str
        Network's name, for messages.
    axes : sequence of int
        Allowed numbers of axes.
    min_stimuli : int
        Fewest stimuli.
    exponent : int, optional
        Power of two to divide by; by default the one that brings the largest magnitude to [0.5, 1).

    Returns
    -------
    Responses

    Raises
    ------
    TypeError
        For complex, object, text and other numbers that are not real.
    ValueError
        For a wrong number of axes, an empty array, too few stimuli, masked values, NaN or infinity.
    """
    found = as_numeric(X, name)
    values = found.values
    check_shape(values.shape, name, axes=axes, min_stimuli=min_stimuli)
    peak = _peak(values, name)
    if exponent is None:
        exponent = int(np.frexp(peak)[1])
    return Responses(
        scaled(values, -exponent),
        exponent,
        float(np.ldexp(peak, -exponent)),
        name,
        digest_of(found.labels),
        found.stored,
        found.precision,
    )


def scaled(values: np.ndarray, exponent: int) -> np.ndarray:
    """``values * 2**exponent`` as a new float64 array, exact but for what leaves its range."""
    if -1000 <= exponent <= 1000:
        return np.multiply(values, 2.0**exponent, dtype=np.float64)
    return np.ldexp(values.astype(np.float64), exponent)


def check_shape(
    shape: Sequence[int], name: str, *, axes: Sequence[int], min_stimuli: int = 1
) -> None:
    """ValueError unless a shape has an allowed number of axes, units, and enough stimuli."""
    if len(shape) not in axes:
        wanted = " or ".join(LAYOUTS[a] for a in axes)
        hint = ""
        if len(shape) == 4:
            hint = "; flatten positions first (shapemetrics.store.flatten_positions)"
        raise ValueError(f"{name!r}: found shape {tuple(shape)}, expected {wanted}{hint}")
    if 0 in shape:
        raise ValueError(f"{name!r}: found shape {tuple(shape)}, expected at least one unit")
    if shape[0] < min_stimuli:
        raise ValueError(f"{name!r}: found {shape[0]} stimuli, expected at least {min_stimuli}")


def check_finite(values: np.ndarray, name: str) -> None:
    """ValueError where an array holds NaN or infinity; the message counts them."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = values.size - int(np.count_nonzero(np.isfinite(values)))
        raise ValueError(f"{name!r}: found {bad} values that are NaN or infinite, expected none")


def digest_of(labels: Iterable[Any] | None) -> str | None:
    """Digest of stimulus labels and their order; None where there are none."""
    if labels is None:
        return None
    total = hashlib.sha256()
    for text in label_texts(labels):
        total.update(f"{text!r}\n".encode())
    return total.hexdigest()[:16]


# Labels of stimuli ------------------------------------------------------------------------------


def in_order(array: NumericArray, order: StimulusOrder, name: str) -> NumericArray:
    """The array with its stimuli in the order that networks share.

    Raises
    ------
    ValueError
        If its labels are others, or repeat in another order.
    """
    rows = order.rows(array.labels, repr(name))
    if rows is None:
        return array
    return NumericArray(array.values[rows], order.labels, array.stored, array.precision)


def aligned(arrays: Sequence[Any], names: Sequence[str]) -> list[NumericArray]:
    """Several networks' numbers, their stimuli in one order.

    Parameters
    ----------
    arrays : sequence of array-like
    names : sequence of str
        For messages.

    Returns
    -------
    list of NumericArray
    """
    order = StimulusOrder()
    named = zip(arrays, names, strict=True)
    return [in_order(as_numeric(X, name), order, name) for X, name in named]


# Containers -------------------------------------------------------------------------------------


def _unwrapped(X: Any, name: str) -> tuple[np.ndarray, tuple[Any, ...] | None, str | None]:
    """The array in a container, its stimulus labels, and the name of a type NumPy lacks."""
    package = type(X).__module__.partition(".")[0]
    if isinstance(X, np.ma.MaskedArray):
        n_masked = int(np.ma.count_masked(X))
        if n_masked:
            raise ValueError(
                f"{name!r}: found {n_masked} masked values, expected none; leave those stimuli or "
                "units out, or fill them"
            )
        return np.asarray(X.data), None, None
    if isinstance(X, np.ndarray):
        return np.asarray(X), None, None
    if package == "pandas":
        return _from_pandas(X, name)
    if package == "xarray":
        return _from_xarray(X, name)
    if package == "torch" and hasattr(X, "detach"):
        array, foreign = _from_torch(X, name)
        return array, None, foreign
    if hasattr(X, "tocsr") or (hasattr(X, "todense") and not hasattr(X, "__array_interface__")):
        raise TypeError(
            f"{name!r}: found a sparse {type(X).__name__}, expected a dense array; X.toarray() or "
            "X.todense() makes one"
        )
    if isinstance(X, list | tuple):
        return _from_list(X, name), None, None
    if isinstance(X, str | bytes):
        raise TypeError(
            f"{name!r}: found the text {X[:40]!r}, expected an array of numbers; "
            "shapemetrics.datasets.files.read_array reads files"
        )
    if isinstance(X, Mapping | set | frozenset) or X is None:
        found = "None" if X is None else f"a {type(X).__name__}"
        raise TypeError(f"{name!r}: found {found}, expected an array of numbers")
    return _from_protocols(X, name), None, None


def _from_pandas(X: Any, name: str) -> tuple[np.ndarray, tuple[Any, ...] | None, str | None]:
    kind = type(X).__name__
    if kind not in ("DataFrame", "Series", "Index"):
        raise TypeError(f"{name!r}: found a pandas {kind}, expected a DataFrame")
    if kind == "DataFrame":
        for column, dtype in zip(X.columns, X.dtypes):
            if not _is_real(dtype):
                raise TypeError(
                    f"{name!r}: found column {column!r} of dtype {dtype}, expected real numbers; "
                    "leave it out, or make it the index where it names stimuli"
                )
    elif not _is_real(X.dtype):
        raise TypeError(f"{name!r}: found a {kind} of dtype {X.dtype}, expected real numbers")
    labels = tuple(X.index) if kind != "Index" else None
    if kind == "DataFrame" and any(not isinstance(t, np.dtype) for t in X.dtypes):
        # Nullable and sparse columns; what is missing becomes NaN, and is refused as such later.
        array = X.to_numpy(dtype=np.float64, na_value=np.nan)
    elif kind == "DataFrame" and len(set(X.dtypes)) > 1:
        array = X.to_numpy(dtype=np.float64)
    else:
        array = X.to_numpy()
        if array.dtype == object:  # booleans beside numbers
            array = X.to_numpy(dtype=np.float64)
    return np.asarray(array), labels, _coarsest(X, array) if kind == "DataFrame" else None


def _coarsest(X: Any, array: np.ndarray) -> str | None:
    """The type of the columns with fewest digits, where another one holds all of them."""
    kinds = [getattr(t, "numpy_dtype", getattr(t, "subtype", t)) for t in X.dtypes]
    found = [str(kind) for kind in kinds if str(kind) in COLUMN_PRECISION]
    coarsest = max(found, key=COLUMN_PRECISION.__getitem__, default=None)
    return None if coarsest in (None, str(array.dtype)) else coarsest


def _is_real(dtype: Any) -> bool:
    """Whether a pandas dtype holds real numbers."""
    kind = getattr(dtype, "kind", "O")
    if type(dtype).__name__ == "SparseDtype":
        kind = getattr(dtype.subtype, "kind", "O")
    return kind in "fiub"


def _from_xarray(X: Any, name: str) -> tuple[np.ndarray, tuple[Any, ...] | None, str | None]:
    if not hasattr(X, "dims") or not hasattr(X, "values") or callable(X.values):
        raise TypeError(
            f"{name!r}: found an xarray {type(X).__name__}, expected one of its DataArrays"
        )
    dims = [str(d) for d in X.dims]
    words = [d.lower() for d in dims]
    late = [d for d, word in zip(dims[1:], words[1:]) if word in STIMULUS_AXES]
    if late and words[0] not in STIMULUS_AXES:
        raise ValueError(
            f"{name!r}: found dimensions {tuple(dims)}, expected {late[0]!r} first; "
            f"X.transpose({late[0]!r}, ...) puts it there"
        )
    if len(dims) == 4 and any(word in CHANNEL_AXES for word in words[1:3]):
        raise ValueError(
            f"{name!r}: found dimensions {tuple(dims)}, expected channels last; "
            "X.transpose puts them there"
        )
    labels = None
    if dims and X.dims[0] in X.coords:
        labels = tuple(np.asarray(X.coords[X.dims[0]].to_index(), dtype=object).tolist())
    values = X.values
    inner = as_numeric(values, name) if not isinstance(values, np.ndarray) else None
    return (np.asarray(values) if inner is None else inner.values), labels, None


def _from_torch(X: Any, name: str) -> tuple[np.ndarray, str | None]:
    torch = sys.modules["torch"]
    if X.layout is not torch.strided:
        raise TypeError(
            f"{name!r}: found a sparse tensor ({X.layout}), expected a dense one; X.to_dense() "
            "makes one"
        )
    if X.is_quantized:
        raise TypeError(f"{name!r}: found a quantized tensor, expected X.dequantize()")
    if X.device.type == "meta":
        raise TypeError(f"{name!r}: found a meta tensor, which holds no numbers")
    if X.is_complex():
        raise TypeError(
            f"{name!r}: found dtype {X.dtype}, expected real numbers; take real and imaginary "
            "parts apart"
        )
    kind = str(X.dtype).removeprefix("torch.")
    X = X.detach().resolve_neg().cpu()
    if kind in FOREIGN_PRECISION or kind.startswith("float8") or kind.startswith("float4"):
        return X.float().numpy(), kind
    return X.numpy(), None


def _from_list(X: Sequence[Any], name: str) -> np.ndarray:
    if any(
        not isinstance(item, list | tuple | int | float | complex | str | np.generic)
        and item is not None
        for item in X
    ):
        # Arrays and tensors in a list, each by the rules of its own kind.
        parts = [as_numeric(item, f"{name}[{i}]").values for i, item in enumerate(X)]
        if len({part.shape for part in parts}) > 1:
            raise ValueError(f"{name!r}: {_ragged([part.shape for part in parts])}")
        return np.stack(parts) if parts else np.zeros((0,))
    try:
        return np.array(X)
    except (ValueError, TypeError):
        shapes = [np.shape(item) if not isinstance(item, list) else (len(item),) for item in X]
        raise ValueError(f"{name!r}: {_ragged(shapes)}") from None


def _ragged(shapes: Sequence[tuple[int, ...]]) -> str:
    odd = next((i for i, shape in enumerate(shapes) if shape != shapes[0]), 0)
    return (
        f"found a ragged list (item 0 has shape {shapes[0]}, item {odd} has {shapes[odd]}), "
        "expected items of one shape"
    )


def _from_protocols(X: Any, name: str) -> np.ndarray:
    """Whatever says itself how it becomes an array."""
    if hasattr(X, "__cuda_array_interface__") and hasattr(X, "get"):
        return np.asarray(X.get())
    if hasattr(X, "__array__") or hasattr(X, "__array_interface__") or hasattr(X, "__buffer__"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # __array__ without `copy`
                array = np.asanyarray(X)
        except Exception as error:
            if not hasattr(X, "__dlpack__"):
                raise TypeError(f"{name!r}: {_unconvertible(X, error)}") from None
        else:
            return as_numeric(array, name).values if np.ma.isMaskedArray(array) else array
    if hasattr(X, "__dlpack__"):
        try:
            return np.from_dlpack(X)
        except Exception as error:
            raise TypeError(f"{name!r}: {_unconvertible(X, error)}") from None
    if isinstance(X, Sequence) and not _is_buffer(X):
        return _from_list(list(X), name)
    array = np.asarray(X)
    if array.dtype == object:
        raise TypeError(f"{name!r}: found a {type(X).__name__}, expected an array of numbers")
    return array


def _is_buffer(X: Any) -> bool:
    try:
        memoryview(X)
    except TypeError:
        return False
    return True


def _unconvertible(X: Any, error: Exception) -> str:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return f"found a {type(X).__name__} that cannot be made a NumPy array ({reason})"


def _from_foreign(X: np.ndarray, name: str) -> tuple[np.ndarray, str]:
    """Arrays of floating types that extend NumPy, as those of ml_dtypes."""
    kind = X.dtype.name
    if X.dtype.names is not None:
        raise TypeError(
            f"{name!r}: found a structured array with fields {', '.join(X.dtype.names[:5])}, "
            "expected numbers of one kind"
        )
    if not (kind in FOREIGN_PRECISION or kind.startswith(("float8", "float6", "float4"))):
        raise TypeError(f"{name!r}: {_refused(X)}")
    return X.astype(np.float32), kind


def _refused(X: np.ndarray) -> str:
    kind = X.dtype.kind
    if kind == "c":
        return f"found dtype {X.dtype}, expected real numbers; take real and imaginary parts apart"
    if kind in "US":
        return f"found text (dtype {X.dtype}), expected real numbers; X.astype(float) reads them"
    if kind in "mM":
        return f"found dates or times (dtype {X.dtype}), expected real numbers"
    return f"found dtype {X.dtype}, expected real numbers; X.astype(float) makes them if all are"


def _peak(values: np.ndarray, name: str) -> float:
    """Largest magnitude; ValueError where there are NaN or infinities."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NaN is counted and refused below
        peak = max(float(values.max()), -float(values.min()))
    if not np.isfinite(peak):
        check_finite(values, name)
        raise ValueError(f"{name!r}: found values beyond the range of float64")  # longdouble
    return peak
