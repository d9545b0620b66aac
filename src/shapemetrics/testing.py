"""Checks that users run on metrics of their own, as scikit-learn's check_estimator does."""

from __future__ import annotations

import json
import pickle
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from shapemetrics.arrays import as_numeric
from shapemetrics.metrics.base import INVARIANCES, Metric, Prepared
from shapemetrics.pairwise.engine import cross_distances, pairwise_distances

__all__ = ["check_metric"]

Arrays = list[np.ndarray]


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
        In one line: what was checked, what was found and what was expected.

    Notes
    -----
    Checked are: the axioms (non-negative and finite; zero to itself, symmetry and triangles where
    the metric promises them), each invariance that it promises, equal distances whatever type
    stores the same numbers, in any units, for every stack size, number of threads, door (two lists,
    out of core, held out) and backend, alignments that land in one space, pickling, and one line
    that names a network that is not valid.

    Examples
    --------
    >>> from shapemetrics.metrics import AngularCKA
    >>> check_metric(AngularCKA())
    """
    if not isinstance(metric, Metric):
        raise TypeError(f"metric: found {metric!r}, expected an instance of a Metric")
    given = arrays is not None
    networks = [as_numeric(X, f"array {i}").values for i, X in enumerate(arrays or ())]
    if not given:
        networks = example_arrays(metric, seed)
    if len(networks) < 4:
        raise ValueError(f"arrays: found {len(networks)}, expected at least 4")
    check = _Check(metric, networks, atol, np.random.default_rng(seed))
    check.contract()
    check.axioms()
    check.numbers()
    check.doors()
    check.heldout()
    check.alignment()
    check.refusals()
    if not given:
        check.invariances()


def example_arrays(metric: Metric, seed: int = 0) -> Arrays:
    """Random representations that a metric takes, of widths 3 to 6, as far as it allows.

    Parameters
    ----------
    metric : Metric
    seed : int

    Returns
    -------
    list of ndarray
    """
    rng = np.random.default_rng(seed)
    shapes = {2: (24,), 3: (7, 6), 4: (6, 4, 3)}
    leading = shapes[metric.axes[0]]
    widths = (3, 5, 4, 6, 5)
    networks = [rng.normal(size=(*leading, n)) for n in widths]
    try:
        metric.check_pair(metric.prepare(networks[0]), metric.prepare(networks[1]))
    except ValueError:  # only networks of one width can be compared
        networks = [rng.normal(size=(*leading, 4)) for _ in widths]
    return networks


class _Check:
    def __init__(
        self, metric: Metric, arrays: Arrays, atol: float, rng: np.random.Generator
    ) -> None:
        self.metric, self.arrays, self.rng = metric, arrays, rng
        self.D = np.array([[metric.distance(X, Y) for Y in arrays] for X in arrays])
        self.atol = atol * max(1.0, float(np.abs(self.D).max()))

    def equal(self, what: str, found: Any, expected: Any, atol: float | None = None) -> None:
        found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
        gap = np.abs(found - expected)
        if found.shape != expected.shape or not (gap <= (atol or self.atol)).all():
            at = np.unravel_index(int(np.nanargmax(gap)), gap.shape) if gap.size else ()
            self.fail(what, f"{float(found[at])!r}", f"{float(expected[at])!r}")

    def fail(self, what: str, found: str, expected: str) -> None:
        raise AssertionError(f"{self.metric!r}: {what}: found {found}, expected {expected}")

    def holds(self, condition: bool, what: str, found: Any, expected: str) -> None:
        if not condition:
            self.fail(what, repr(found), expected)

    # What is declared ----------------------------------------------------------------------

    def contract(self) -> None:
        metric = self.metric
        item = metric.prepare(self.arrays[0], name="first")
        self.holds(isinstance(item, Prepared), "prepare", type(item).__name__, "a Prepared")
        self.holds(item.name == "first", "name of a prepared network", item.name, "'first'")
        m = len(self.arrays[0])
        multiple = item.n_samples % m == 0
        self.holds(multiple, "n_samples", item.n_samples, f"{m} stimuli, or a multiple of it")
        self.holds(item.width >= 1, "width", item.width, "at least 1")
        metric.check_prepared(item)
        unknown = metric.invariances - set(INVARIANCES)
        self.holds(not unknown, "invariances", unknown, f"some of {', '.join(INVARIANCES)}")
        text = json.dumps(metric.parameters())
        self.holds("metric" in json.loads(text), "parameters", text, "the metric's name")
        again = pickle.loads(pickle.dumps(metric))
        self.holds(again == metric and hash(again) == hash(metric), "pickling", again, repr(metric))
        self.equal("a pickled copy", again.distance(*self.arrays[:2]), self.D[0, 1])
        x, y = (metric.prepare(X) for X in self.arrays[:2])
        self.equal("prepared networks", metric.distance(x, y), self.D[0, 1])
        try:
            seconds = metric.pair_seconds(100, 10)
        except TypeError:
            return
        self.holds(seconds > 0.0, "pair_seconds", seconds, "a positive time")

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
        wide = metric.distance(X.astype(np.float64), Y.astype(np.float64))
        self.equal("the same numbers as float32", metric.distance(X, Y), wide, 1e-12)
        self.equal("lists", metric.distance(X.tolist(), Y.tolist()), wide, 1e-12)
        single = pairwise_distances(self.arrays[:3], metric, dtype="float32")
        self.equal("dtype='float32'", single, self._matrix()[:3, :3], 1e-3 * (1 + self.D.max()))
        if "scale" in metric.invariances:
            for factor in (1e-150, 1e-30, 1e30, 1e150):
                found = metric.distance(*(factor * A for A in self.arrays[:2]))
                self.equal(f"data times {factor:g}", found, self.D[0, 1])

    def doors(self) -> None:
        metric, arrays = self.metric, self.arrays
        expected = self._matrix()
        self.equal("pairwise_distances", pairwise_distances(arrays, metric), expected)
        options: dict[str, Any]
        for options in ({"block_size": 1}, {"block_size": 3}, {"n_jobs": 2}):
            found = pairwise_distances(arrays, metric, **options)
            self.equal(f"pairwise_distances with {options}", found, expected)
        found = cross_distances(arrays[:2], arrays[2:], metric)
        self.equal("cross_distances", found, expected[:2, 2:])
        with tempfile.TemporaryDirectory() as folder:
            found = pairwise_distances(arrays, metric, scratch=folder, block_size=2)
        self.equal("scratch", found, expected)
        for backend in metric.backends:
            if backend == "numpy":
                found = pairwise_distances(arrays, metric, tolerance=1e-3)
                self.equal("tolerance=1e-3", found, expected, 1.1e-3)
            elif find_spec(backend) is not None:
                found = pairwise_distances(arrays, metric, backend=backend, device="cpu")
                self.equal(f"backend={backend!r}", found, expected)

    def heldout(self) -> None:
        metric, arrays = self.metric, self.arrays
        if not metric.has_heldout:
            self._lacks("heldout", lambda: pairwise_distances(arrays, metric, heldout=arrays))
            return
        found = pairwise_distances(arrays, metric, heldout=arrays)
        # Measured on what was fitted, the distance itself, but for the digits of small angles.
        self.equal(
            "heldout of the fitted responses", found, self._matrix(), 1e-5 * (1 + found.max())
        )
        others = [X[::-1] for X in arrays]
        found = pairwise_distances(arrays, metric, heldout=others)
        options: dict[str, Any]
        for options in ({"block_size": 2}, {"n_jobs": 2}):
            again = pairwise_distances(arrays, metric, heldout=others, **options)
            self.equal(f"heldout with {options}", again, found)

    def alignment(self) -> None:
        metric, (X, Y) = self.metric, self.arrays[:2]
        if not metric.has_alignment:
            self._lacks("align", lambda: metric.align(X, Y))
            return
        aligned = metric.align(X, Y)
        self.equal("distance of the alignment", aligned.distance, self.D[0, 1])
        x, y = aligned.apply_x(X), aligned.apply_y(Y)
        self.holds(x.shape == y.shape, "aligned shapes", (x.shape, y.shape), "equal ones")

    def refusals(self) -> None:
        broken = self.arrays[0].astype(float)
        broken[(0,) * broken.ndim] = np.nan
        short = self.arrays[1][:-1]
        for what, bad in (("NaN", broken), ("fewer stimuli", short)):
            try:
                pairwise_distances({"good": self.arrays[0], "bad": bad}, self.metric)
            except ValueError as error:
                one_line = "\n" not in str(error)
                self.holds(
                    "'bad'" in str(error) and one_line, what, str(error), "one line on 'bad'"
                )
            else:
                self.fail(what, "no error", "a ValueError that names the network")

    def _lacks(self, what: str, function: Callable[[], Any]) -> None:
        try:
            function()
        except ValueError as error:
            name = type(self.metric).__name__
            self.holds(name in str(error), what, str(error), f"one line that says {name} lacks it")
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
            found = self.metric.distance(_changed(X, name, self.rng), Y)
            self.equal(f"invariance to {name}", found, self.D[1, 2], 10.0 * self.atol)


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
    return np.roll(X, (1, 2), axis=(1, 2))
