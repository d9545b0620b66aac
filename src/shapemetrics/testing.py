"""Checks that users run on metrics of their own, as scikit-learn's check_estimator does."""

from __future__ import annotations

import json
import numbers
import pickle
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, NoReturn

import numpy as np

from shapemetrics.arrays import as_numeric
from shapemetrics.metrics.base import INVARIANCES, Metric, Prepared
from shapemetrics.pairwise.engine import cross_distances, pairwise_distances
from shapemetrics.validation import check_integer, check_number

__all__ = ["check_metric"]

Arrays = list[np.ndarray]

#: Leading axes of random representations, by the number of axes.
LEADING_SHAPES = {2: (24,), 3: (7, 6), 4: (6, 4, 3)}
#: Array libraries that a metric can name in `backends`.
BACKENDS = ("numpy", "torch")


def check_metric(
    metric: Metric,
    arrays: Sequence[Any] | None = None,
    *,
    atol: float = 1e-7,
    seed: int = 0,
) -> None:
    """Check that a metric keeps the contract of :class:`~shapemetrics.metrics.Metric`.

    Parameters
    ----------
    metric : Metric
        An instance, with the parameters to check.
    arrays : sequence of array-like, optional
        At least four different representations of the same stimuli; by default random ones of the
        first number of axes that the metric takes, of different widths. Needed by metrics that take
        something special, such as Gram matrices; then invariances are not checked.
    atol : float, default=1e-7
        Largest difference between distances that must be equal, relative to the largest distance.
    seed : int, default=0
        Of the random representations and transformations.

    Raises
    ------
    AssertionError
        In one line: what was checked, what was found and what was expected. Whatever error the
        metric itself raises is reported so, and is the cause of this one.
    TypeError, ValueError
        If an argument is not valid.

    Notes
    -----
    Checked are: parameters that are hashable and plain, arrays that are left as they are, the
    axioms (non-negative and finite; zero to itself, symmetry and triangles where the metric
    promises them), each invariance that it promises, equal distances whatever type stores the same
    numbers, in any units, for every stack size, number of threads, door (two lists, out of core,
    held out) and backend, alignments that land in one space, pickling, and one line that names a
    network that is not valid.

    Examples
    --------
    >>> from shapemetrics.metrics import AngularCKA
    >>> check_metric(AngularCKA())
    """
    if not isinstance(metric, Metric):
        raise TypeError(f"metric: found {metric!r}, expected an instance of a Metric")
    check_number(atol, "atol", low=0.0)
    check_integer(seed, "seed", 0)
    networks = None if arrays is None else _numeric(arrays)
    check = _Check(metric, seed)
    check.declarations()
    check.networks(networks)
    check.contract()
    check.distances(atol)
    check.axioms()
    check.numbers()
    check.doors()
    check.heldout()
    check.alignment()
    check.refusals()
    if networks is None:
        check.invariances()


def _numeric(arrays: Any) -> Arrays:
    if isinstance(arrays, str | bytes | Mapping) or not hasattr(arrays, "__iter__"):
        found = type(arrays).__name__ if isinstance(arrays, Mapping) else repr(arrays)
        raise TypeError(f"arrays: found {found}, expected a sequence of at least 4 arrays")
    found = [as_numeric(X, f"array {i}").values for i, X in enumerate(arrays)]
    if len(found) < 4:
        raise ValueError(f"arrays: found {len(found)}, expected at least 4")
    for i, X in enumerate(found):
        if not np.isfinite(X).all():
            raise ValueError(f"arrays: found NaN or infinite values in array {i}, expected none")
        if not X.ndim:
            raise ValueError(f"arrays: found a number as array {i}, expected an array")
    return found


class _Check:
    arrays: Arrays
    D: np.ndarray
    atol: float

    def __init__(self, metric: Metric, seed: int) -> None:
        self.metric, self.rng = metric, np.random.default_rng(seed)

    def equal(self, what: str, found: Any, expected: Any, atol: float | None = None) -> None:
        expected = np.asarray(expected, dtype=float)
        found = self.call(what, "numbers", lambda: np.asarray(found, dtype=float))
        if found.shape != expected.shape:
            self.fail(what, f"shape {found.shape}", f"shape {expected.shape}")
        gap = np.abs(found - expected)
        if not (gap <= (self.atol if atol is None else atol)).all():
            gap = np.where(np.isnan(gap), np.inf, gap)
            at = np.unravel_index(int(np.argmax(gap)), gap.shape)
            self.fail(what, f"{float(found[at])!r}", f"{float(expected[at])!r}")

    def fail(
        self, what: str, found: str, expected: str, cause: BaseException | None = None
    ) -> NoReturn:
        try:
            name = repr(self.metric)
        except Exception:
            name = type(self.metric).__name__
        text = f"{name}: {what}: found {found}, expected {expected}"
        raise AssertionError(" ".join(text.split())) from cause

    def holds(self, condition: Any, what: str, found: Any, expected: str) -> None:
        if not condition:
            self.fail(what, repr(found), expected)

    def call(self, what: str, expected: str, function: Callable[[], Any]) -> Any:
        """What an operation of the metric returns; any error of it is a failure of the metric."""
        try:
            return function()
        except Exception as error:
            self.fail(what, f"{type(error).__name__}: {error}", expected, error)

    def number(self, what: str, function: Callable[[], Any]) -> float:
        found = self.call(what, "a number", function)
        is_number = isinstance(found, numbers.Real) and not isinstance(found, bool | np.bool_)
        self.holds(is_number, what, found, "a number")
        return float(found)

    def distance(self, X: Any, Y: Any, what: str = "distance") -> float:
        return self.number(what, lambda: self.metric.distance(X, Y))

    def matrix(self, what: str, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        found = self.call(what, "a matrix of distances", lambda: function(*args, **options))
        self.untouched(what)
        return found

    def untouched(self, what: str) -> None:
        for X, copy in zip(self.arrays, self.copies, strict=True):
            if not np.array_equal(X, copy):
                self.fail(what, "an array that was written to", "arrays left as they are")

    # What is declared ----------------------------------------------------------------------

    def declarations(self) -> None:
        """What can be said without any data."""
        metric = self.metric
        for name in ("is_metric", "symmetric", "has_heldout", "has_alignment"):
            found = self.call(name, "True or False", lambda name=name: getattr(metric, name))
            self.holds(isinstance(found, bool), name, found, "True or False")
        listed = ", ".join(INVARIANCES)
        found = self.call("invariances", f"some of {listed}", lambda: metric.invariances)
        self.holds(isinstance(found, frozenset), "invariances", found, "a frozenset")
        unknown = found - set(INVARIANCES)
        self.holds(not unknown, "invariances", sorted(unknown, key=repr), f"some of {listed}")
        backends = metric.backends
        known = isinstance(backends, tuple) and all(name in BACKENDS for name in backends)
        self.holds(known, "backends", backends, f"a tuple of some of {', '.join(BACKENDS)}")
        axes = metric.axes
        known = isinstance(axes, tuple) and axes and all(type(n) is int and n > 0 for n in axes)
        self.holds(known, "axes", axes, "a tuple of numbers of axes")
        plain = "a frozen dataclass whose fields are hashable"
        self.call("hash", plain, lambda: hash(metric))
        plain = "fields that JSON can hold"
        text = self.call("parameters", plain, lambda: json.dumps(metric.parameters()))
        named = isinstance(json.loads(text), dict) and "metric" in json.loads(text)
        self.holds(named, "parameters", text, "the metric's name")
        importable = "an instance of a class that can be imported by its name"
        again = self.call("pickling", importable, lambda: pickle.loads(pickle.dumps(metric)))
        same = self.call("pickling", plain, lambda: again == metric and hash(again) == hash(metric))
        self.holds(same, "pickling", again, "an instance that is equal, with an equal hash")

    def networks(self, given: Arrays | None) -> None:
        """The representations to check with: those given, or random ones of widths 3 to 6."""
        metric = self.metric
        if given is None:
            known = ", ".join(map(str, LEADING_SHAPES))
            expected = f"{known} first, or arrays to check with"
            self.holds(metric.axes[0] in LEADING_SHAPES, "axes", metric.axes, expected)
            leading = LEADING_SHAPES[metric.axes[0]]
            widths = (3, 5, 4, 6, 5)
            given = [self.rng.normal(size=(*leading, n)) for n in widths]
            self._set(given)
            x, y = self.prepared(0), self.prepared(1)
            try:
                metric.check_pair(x, y)
            except ValueError:  # only networks of one width can be compared
                given = [self.rng.normal(size=(*leading, 4)) for _ in widths]
            except Exception as error:
                found = f"{type(error).__name__}: {error}"
                self.fail("check_pair", found, "nothing, or a ValueError", error)
        self._set(given)
        for i, X in enumerate(given):
            if X.ndim not in metric.axes:
                raise ValueError(
                    f"arrays: found {X.ndim} axes of array {i}, expected one of {metric.axes}"
                )

    def _set(self, arrays: Arrays) -> None:
        self.arrays, self.copies = arrays, [X.copy() for X in arrays]

    def prepared(self, i: int, name: str = "X") -> Prepared:
        """One network prepared, of the type that it must have."""
        X = self.arrays[i]
        what = f"prepare of an array of shape {X.shape}"
        item = self.call(what, "a Prepared", lambda: self.metric.prepare(X, name=name))
        self.holds(isinstance(item, Prepared), "prepare", type(item).__name__, "a Prepared")
        self.untouched("prepare")
        return item

    def contract(self) -> None:
        metric = self.metric
        item = self.prepared(0, "first")
        found = self.call("name of a prepared network", "'first'", lambda: item.name)
        self.holds(found == "first", "name of a prepared network", found, "'first'")
        m = len(self.arrays[0])
        expected = f"{m} stimuli, or a multiple of it"
        found = self.number("n_samples", lambda: item.n_samples)
        self.holds(found > 0 and found % m == 0, "n_samples", found, expected)
        found = self.number("width", lambda: item.width)
        self.holds(found >= 1, "width", found, "at least 1")
        self.call("check_prepared", "no error", lambda: metric.check_prepared(item))
        items = [self.prepared(i) for i in range(len(self.arrays))]
        self.call("check_pair", "no error", lambda: metric.check_pair(items[0], items[1]))
        self.number("compare", lambda: metric.compare(items[0], items[1]))
        stacks = self.call(
            "stack", "a stack", lambda: (metric.stack(items[:1]), metric.stack(items[1:]))
        )
        block = self.call("pairwise", "a matrix", lambda: metric.pairwise(*stacks))
        self.holds(isinstance(block, np.ndarray), "pairwise", type(block).__name__, "an ndarray")
        shape = (1, len(items) - 1)
        self.holds(block.shape == shape, "shape of pairwise", block.shape, f"{shape}")
        try:
            seconds = metric.pair_seconds(100, 10)
        except TypeError:
            return
        except Exception as error:
            found = f"{type(error).__name__}: {error}"
            self.fail("pair_seconds", found, "a positive time, or a TypeError", error)
        seconds = self.number("pair_seconds", lambda: seconds)
        self.holds(0.0 < seconds < np.inf, "pair_seconds", seconds, "a positive time")

    def distances(self, atol: float) -> None:
        """All distances, one by one, and equal ones of prepared networks and pickled copies."""
        arrays = self.arrays
        self.D = np.array([[self.distance(X, Y) for Y in arrays] for X in arrays])
        self.untouched("distance")
        self.atol = atol * max(1.0, float(np.abs(self.D).max()))
        again = pickle.loads(pickle.dumps(self.metric))
        found = self.number("a pickled copy", lambda: again.distance(*arrays[:2]))
        self.equal("a pickled copy", found, self.D[0, 1])
        x, y = self.prepared(0), self.prepared(1)
        self.equal("prepared networks", self.distance(x, y, "prepared networks"), self.D[0, 1])

    def axioms(self) -> None:
        metric, D = self.metric, self.D
        self.holds(bool(np.isfinite(D).all()), "distances", D.tolist(), "finite numbers")
        off = D[~np.eye(len(D), dtype=bool)]
        if metric.is_metric:
            self.holds(bool((off > 0.0).all()), "distances of random networks", off.min(), "> 0")
            self.equal("distances to oneself", np.diagonal(D), np.zeros(len(D)), 1e-5)
            excess = (D[:, None, :] - D[:, :, None] - D[None, :, :]).max()
            self.holds(excess <= self.atol, "triangle inequality, by", excess, "at most rounding")
        if metric.symmetric:
            self.equal("symmetry", D, D.T)
        else:
            self.holds(not metric.is_metric, "is_metric", True, "False, as it is not symmetric")

    # The same numbers ------------------------------------------------------------------------

    def numbers(self) -> None:
        metric = self.metric
        X, Y = (A.astype(np.float32) for A in self.arrays[:2])
        wide = self.distance(X.astype(np.float64), Y.astype(np.float64))
        for what, change in (
            ("the same numbers as float32", np.copy),
            ("lists", np.ndarray.tolist),
        ):
            self.equal(what, self.distance(change(X), change(Y), what), wide, 1e-12)
        single = self.matrix(
            "dtype='float32'", pairwise_distances, self.arrays[:3], metric, dtype="float32"
        )
        self.equal("dtype='float32'", single, self._matrix()[:3, :3], 1e-3 * (1 + self.D.max()))
        if "scale" in metric.invariances:
            for factor in (1e-150, 1e-30, 1e30, 1e150):
                what = f"data times {factor:g}"
                X, Y = (factor * A for A in self.arrays[:2])
                found = self.distance(X, Y, what)
                self.equal(what, found, self.D[0, 1])

    def doors(self) -> None:
        metric, arrays = self.metric, self.arrays
        expected = self._matrix()
        options: dict[str, Any]
        for options in ({}, {"block_size": 1}, {"block_size": 3}, {"n_jobs": 2}):
            what = f"pairwise_distances with {options}" if options else "pairwise_distances"
            found = self.matrix(what, pairwise_distances, arrays, metric, **options)
            self.equal(what, found, expected)
        found = self.matrix("cross_distances", cross_distances, arrays[:2], arrays[2:], metric)
        self.equal("cross_distances", found, expected[:2, 2:])
        with tempfile.TemporaryDirectory() as folder:
            options = {"scratch": folder, "block_size": 2}
            found = self.matrix("scratch", pairwise_distances, arrays, metric, **options)
            found = np.array(found)
        self.equal("scratch", found, expected)
        for backend in metric.backends:
            if backend == "numpy":
                options, what, atol = {"tolerance": 1e-3}, "tolerance=1e-3", 1.1e-3
            elif find_spec(backend) is not None:
                options, what = {"backend": backend, "device": "cpu"}, f"backend={backend!r}"
                atol = None
            else:
                continue
            found = self.matrix(what, pairwise_distances, arrays, metric, **options)
            self.equal(what, found, expected, atol)

    def heldout(self) -> None:
        metric, arrays = self.metric, self.arrays
        if not metric.has_heldout:
            self._lacks("heldout", lambda: pairwise_distances(arrays, metric, heldout=arrays))
            return
        what = "heldout of the fitted responses"
        found = self.matrix(what, pairwise_distances, arrays, metric, heldout=arrays)
        # Measured on what was fitted, the distance itself, but for the digits of small angles.
        self.equal(what, found, self._matrix(), 1e-5 * (1 + np.max(found)))
        others = [X[::-1] for X in arrays]
        found = self.matrix("heldout", pairwise_distances, arrays, metric, heldout=others)
        options: dict[str, Any]
        for options in ({"block_size": 2}, {"n_jobs": 2}):
            what, options = f"heldout with {options}", {"heldout": others, **options}
            again = self.matrix(what, pairwise_distances, arrays, metric, **options)
            self.equal(what, again, found)

    def alignment(self) -> None:
        metric, (X, Y) = self.metric, self.arrays[:2]
        if not metric.has_alignment:
            self._lacks("align", lambda: metric.align(X, Y))
            return
        expected = "an object with distance, apply_x and apply_y"
        aligned = self.call("align", expected, lambda: metric.align(X, Y))
        self.untouched("align")
        missing = [a for a in ("distance", "apply_x", "apply_y") if not hasattr(aligned, a)]
        self.holds(not missing, "align", aligned, expected)
        what = "distance of the alignment"
        self.equal(what, self.number(what, lambda: aligned.distance), self.D[0, 1])
        x = self.call("apply_x", "an array", lambda: np.asarray(aligned.apply_x(X)))
        y = self.call("apply_y", "an array", lambda: np.asarray(aligned.apply_y(Y)))
        self.untouched("apply_x and apply_y")
        self.holds(x.shape == y.shape, "aligned shapes", (x.shape, y.shape), "equal ones")

    def refusals(self) -> None:
        broken = self.arrays[0].astype(float)
        broken[(0,) * broken.ndim] = np.nan
        short = self.arrays[1][:-1]
        for what, bad in (("NaN", broken), ("fewer stimuli", short)):
            try:
                pairwise_distances({"good": self.arrays[0], "bad": bad}, self.metric)
            except ValueError as error:
                if "'bad'" not in str(error) or "\n" in str(error):
                    self.fail(what, repr(str(error)), "one line on 'bad'", error)
            except Exception as error:
                found = f"{type(error).__name__}: {error}"
                self.fail(what, found, "a ValueError that names the network", error)
            else:
                self.fail(what, "no error", "a ValueError that names the network")

    def _lacks(self, what: str, function: Callable[[], Any]) -> None:
        try:
            function()
        except ValueError as error:
            name = type(self.metric).__name__
            self.holds(name in str(error), what, str(error), f"one line that says {name} lacks it")
        except Exception as error:
            self.fail(what, f"{type(error).__name__}: {error}", "a ValueError", error)
        else:
            self.fail(what, "no error", "a ValueError")

    def _matrix(self) -> np.ndarray:
        """Distances with the diagonal that matrices of symmetric metrics have."""
        D = self.D.copy()
        if self.metric.symmetric:
            np.fill_diagonal(D, 0.0)
        return D

    # Promised invariances ----------------------------------------------------------------------

    def invariances(self) -> None:
        X, Y = self.arrays[1:3]
        for name in sorted(self.metric.invariances):
            what = f"invariance to {name}"
            found = self.distance(_changed(X, name, self.rng), Y, what)
            self.equal(what, found, self.D[1, 2], 10.0 * self.atol)


def _changed(X: np.ndarray, name: str, rng: np.random.Generator) -> np.ndarray:
    """A network changed in a way that metrics with this invariance do not see."""
    n = X.shape[-1]
    if name == "offset":
        return X + rng.normal(size=n)
    if name == "scale":
        return 3.7 * X
    if name == "rotation":
        return X @ np.linalg.qr(rng.normal(size=(n, n)))[0]
    if name == "permutation":
        return X[..., rng.permutation(n)]
    if name == "linear":
        return X @ (np.eye(n) + 0.5 * rng.normal(size=(n, n)))
    if name == "duplication":
        return np.concatenate([X, X], axis=-1)
    if name == "unit_scale":
        return X * rng.uniform(0.5, 2.0, size=n)
    return np.roll(X, (1, 2), axis=(1, 2))  # a shift
