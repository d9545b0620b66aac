"""A seeded battery of cases: metric x data x type x scale x container x door.

Each case is a short script that fetches some distances through one public door, and is executed as
it stands, so that what the battery prints of a disagreement is what it ran. The distances are
compared with the references. By hand, for as long as wanted::

    python tests/support/battery.py --seconds 600 --seed 12
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import reference
from recipes import KINDS, RANGES, RECIPES, form, values

from shapemetrics import metrics

#: Values that each parameter is drawn from, beside its default.
PARAMETERS: dict[str, dict[str, tuple[Any, ...]]] = {
    "LinearMetric": {
        "alpha": (0.0, 0.1, 0.3, 0.5, 0.9, 0.999),
        "geometry": ("euclidean",),
        "center": (False,),
        "n_components": (1, 2, 3),
        "preserve_variance": (False,),
        "scale_free": (True,),
        "rank_tolerance": (1e-10, 1e-6, 1e-2),
        "truncation": (0.01, 0.1),
    },
    "ConvolutionMetric": {
        "alpha": (0.0, 0.3, 0.5),
        "geometry": ("euclidean",),
        "center": (False,),
        "n_components": (1, 2),
        "preserve_variance": (False,),
        "scale_free": (True,),
        "rank_tolerance": (1e-8,),
        "shifts": (False,),
        "resample": ((2, 2), (3, 4), (4, 3)),
    },
    "PermutationMetric": {
        "geometry": ("euclidean",),
        "center": (False,),
        "padding": ("free",),
    },
    "SoftMatchingMetric": {"geometry": ("euclidean", "correlation"), "center": (False,)},
    "KernelMetric": {
        "kernel": ("rbf", "rbf", "precomputed"),
        "alpha": (0.0, 0.3, 0.9),
        "bandwidth": (0.5, 3.0),
        "geometry": ("euclidean",),
        "approximation": ("nystroem", "random_features"),
        "n_components": (3, 5),
        "seed": (1,),
        "median_fraction": (0.3, 2.0),
        "preserve_variance": (False,),
        "scale_free": (True,),
        "rank_tolerance": (1e-9, 1e-3),
    },
    "AngularCKA": {
        "kernel": ("rbf", "precomputed"),
        "bandwidth": (0.5, 3.0),
        "center": (False,),
        "median_fraction": (0.3, 2.0),
    },
    "Comparison": {
        "n_components": (1, 2),
        "n_folds": (None, 3),
        "ridge": (1e-3, 10.0),
        "seed": (1,),
        "rdm": ("euclidean", "squared_euclidean"),
        "correlation": ("spearman",),
        "rank_tolerance": (1e-8,),
    },
    "GaussianStochasticMetric": {
        "alpha": (0.0, 0.5, 2.0),
        "group": ("identity", "perm"),
        "center": (True,),
    },
    "EnergyStochasticMetric": {"group": ("identity", "perm"), "estimator": ("empirical",)},
}
#: How often each family is drawn: references of stochastic metrics are slow.
WEIGHTS = {
    "LinearMetric": 6,
    "ConvolutionMetric": 3,
    "PermutationMetric": 3,
    "SoftMatchingMetric": 3,
    "KernelMetric": 5,
    "AngularCKA": 3,
    "Comparison": 4,
    "GaussianStochasticMetric": 1,
    "EnergyStochasticMetric": 1,
}
MEASURES = ("cka", "mean_cca", "pwcca", "linear_regression", "rsa_correlation")
#: Containers of an array A of NumPy's own types, as expressions.
CONTAINERS = {
    "array": "A",
    "Fortran order": "np.asfortranarray(A)",
    "reversed strides": "A[::-1].copy()[::-1]",
    "every other": "np.repeat(A, 2, axis=-1)[..., ::2]",
    "other byte order": "A.astype(A.dtype.newbyteorder())",
    "read-only": "np.frombuffer(A.tobytes(), A.dtype).reshape(A.shape)",
    "nested lists": "A.tolist()",
    "list of rows": "list(A)",
    "masked without masks": "np.ma.masked_array(A)",
    "tensor": "torch.tensor(A)",
    "tensor with gradients": "torch.tensor(A, requires_grad=True)",
    "xarray": "xr.DataArray(A)",
}
#: Containers of matrices only.
FRAMES = {
    "DataFrame": "pd.DataFrame(A)",
    "shuffled DataFrame": "pd.DataFrame(A, index=[f's{i}' for i in range(len(A))])"
    ".sample(frac=1, random_state=k)",
    "labelled xarray": "xr.DataArray(A, dims=('stimulus', 'unit'), "
    "coords={'stimulus': [f's{i}' for i in range(len(A))]})",
}
#: Those of them that name the stimuli.
LABELLED = ("shuffled DataFrame", "labelled xarray")
#: Containers of arrays of a type that NumPy has only by `ml_dtypes`.
OF_BFLOAT16 = {
    "array": "A",
    "tensor": "torch.tensor(A.astype('float32')).to(torch.bfloat16)",
    "tensor with gradients": "torch.tensor(A.astype('float32')).bfloat16().requires_grad_()",
}
#: Doors, as expressions that give the distances of the pairs (i, j) in `WHICH`.
MATRIX = "[D[i, j] for i, j in ((0, 1), (0, 2), (1, 2))]"
DOORS = {
    "distance": "[metric.distance(X, Y), metric.distance(X, Z), metric.distance(Y, Z)]",
    "prepared": "[metric.distance(metric.prepare(X), Y), metric.distance(X, metric.prepare(Z)), "
    "metric.distance(metric.prepare(Y), metric.prepare(Z))]",
    "pairwise": "D = pairwise_distances([X, Y, Z], metric)",
    "float32": "D = pairwise_distances([X, Y, Z], metric, dtype='float32')",
    "threads": "D = pairwise_distances([X, Y, Z], metric, n_jobs=2, block_size=1)",
    "mapping": "D = pairwise_distances({'x': X, 'y': Y, 'z': Z}, metric, block_size=2)",
    "cross": "D = cross_distances([X, Y], [X, Y, Z], metric)",
    "scratch": "D = pairwise_distances({'x': X, 'y': Y, 'z': Z}, metric, scratch=folder)",
    "landmarks": "L = select_landmarks([X, Y, Z], metric, 3)\n"
    "D = L.values[:, np.argsort(L.landmarks)]",
    "transformer": "D = ShapeDistances(metric).fit_transform([X, Y, Z])",
    "store": "kept = {'source': '', 'simulated': True, 'stimuli': range(len(X))}\n"
    "with StoreWriter(folder / 's', **kept) as writer:\n"
    "    [writer.add(name, A) for name, A in zip('xyz', (X, Y, Z))]\n"
    "store = RepresentationStore(folder / 's')\n"
    "D = pairwise_distances({name: store.load(name) for name in 'xyz'}, metric)",
    "tolerance": "D = pairwise_distances([X, Y, Z], metric, tolerance=1e-9)",
    "torch": "D = pairwise_distances([X, Y, Z], metric, backend='torch')",
    "heldout": "D = pairwise_distances([X, Y, Z], metric, heldout=[U, V, W])",
    "heldout crossed": "D = cross_distances([X, Y], [X, Y, Z], metric, "
    "heldout=([U, V], [U, V, W]))",
    "align": "[metric.align(X, Y).distance, metric.align(X, Z).distance, "
    "metric.align(Y, Z).distance]",
}
#: Doors that take stimuli in their own order only: prepared networks cannot be put into another.
WITHOUT_LABELS = ("store", "prepared")
#: What spoils network Y in a few cases, and must be refused through every door.
SPOILT = {
    "a missing value": "Y = np.array(Y, float); Y.flat[-1] = np.nan",
    "an infinite value": "Y = np.array(Y, float); Y.flat[0] = -np.inf",
    "a masked value": "Y = np.ma.masked_array(Y, mask=False); Y[0, 0] = np.ma.masked",
    "complex": "Y = np.asarray(Y) + 1j",
    "text": "Y = np.asarray(Y).astype(str)",
    "objects": "Y = np.full(np.shape(Y), None)",
    "a stimulus less": "Y = Y[:-1]",
    "constant": "Y = np.ones(np.shape(Y))",
    "zeros": "Y = 0 * np.asarray(Y, float)",
    "dates": "Y = np.zeros(np.shape(Y), 'datetime64[s]')",
}
PAIRS = ((0, 1), (0, 2), (1, 2))
#: Numbers of stimuli of what metrics take.
STIMULI = {"matrix": (6, 20), "gram": (6, 12), "layer": (3, 6), "trials": (3, 6)}
HEADER = """\
import pathlib, tempfile
import numpy as np
import pandas as pd
import torch
import xarray as xr
import ml_dtypes
from shapemetrics import RepresentationStore, StoreWriter, cross_distances, pairwise_distances
from shapemetrics.geometry import select_landmarks
from shapemetrics.learning import ShapeDistances
from shapemetrics.metrics import *
"""


@dataclass(frozen=True)
class Case:
    """One script of the battery.

    Attributes
    ----------
    metric : str
        An expression.
    arrays : str
        Lines that make X, Y, Z, and U, V, W for held-out doors, as NumPy arrays.
    containers : str
        Lines that put them into containers.
    door : str
        A name in `DOORS`.
    spoilt : str or None
        A name in `SPOILT`.
    """

    metric: str
    arrays: str
    containers: str
    door: str
    spoilt: str | None = None
    labels: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def code(self) -> str:
        """The script that gives `found`, without its imports."""
        door = DOORS[self.door]
        lines = [f"metric = {self.metric}", self.arrays, self.containers]
        if self.spoilt:
            lines.append(SPOILT[self.spoilt])
        lines.append("folder = pathlib.Path(tempfile.mkdtemp())")
        lines += [door, f"found = {MATRIX}"] if "D = " in door else [f"found = {door}"]
        return "\n".join(line for line in lines if line)


def draw_metric(rng: np.random.Generator) -> str:
    """An expression of a metric with some of its parameters at other values than their defaults."""
    while True:
        names = list(WEIGHTS)
        weights = np.array([WEIGHTS[name] for name in names], float)
        name = str(rng.choice(names, p=weights / weights.sum()))
        options = {} if name != "Comparison" else {"measure": str(rng.choice(MEASURES))}
        for parameter, others in PARAMETERS[name].items():
            if rng.random() < 0.3:
                options[parameter] = others[rng.integers(len(others))]
        expression = f"{name}({', '.join(f'{key}={value!r}' for key, value in options.items())})"
        with contextlib.suppress(ValueError, TypeError):
            metric = getattr(metrics, name)(**options)
            if not (name.endswith("StochasticMetric") and metric.group == "orth"):
                return expression


def _array(name: str, recipe: str, seed: int, shape: tuple[int, int], what: str) -> list[str]:
    """Lines that make one network in float64."""
    m, n = shape
    rows = f"{m} * 2 * 3" if what == "layer" else f"{m}"
    lines = [f"rng = np.random.default_rng({seed}); m, n = {rows}, {n}", f"{name} = {recipe}"]
    if what == "layer":
        lines.append(f"{name} = {name}.reshape({m}, 2, 3, n)")
    elif what == "trials":
        lines.append(
            f"{name} = {name}[:, None] + 0.3 * np.std({name}) * rng.normal(size=(m, 4, n))"
        )
    return lines


def draw_case(seed: int) -> Case:
    """The case of a seed."""
    rng = np.random.default_rng(seed)
    expression = draw_metric(rng)
    metric = eval(expression, vars(metrics))
    what = form(metric)
    m = int(
        rng.integers(*{"matrix": (6, 20), "gram": (6, 12), "layer": (3, 6), "trials": (3, 6)}[what])
    )
    wide = rng.random() < 0.2 and what == "matrix"
    widths = [int(n) for n in rng.integers(1, 4 if what in ("layer", "trials") else 7, size=3)]
    widths = [n + m if wide else n for n in widths]
    names = [name for name in RECIPES if name != "wide"]
    recipe = [str(name) for name in rng.choice(names, size=3)]
    if rng.random() < 0.5:
        recipe = recipe[:1] * 3
    kind = str(rng.choice(KINDS))
    exponents = [int(rng.integers(-RANGES[kind], RANGES[kind] + 1))] * 3
    if rng.random() < 0.5 or "bandwidth=" in expression:  # which is in the data's units
        exponents = [0] * 3
    doors = [name for name in DOORS if _opens(metric, name)]
    door = str(rng.choice(doors))
    heldout = door.startswith("heldout")
    lines = []
    for k, name in enumerate("XYZ"):
        size = (2 * m if heldout else m, widths[k])
        lines += _array(name, RECIPES[recipe[k]], int(rng.integers(10**6)), size, what)
    # Copies and near copies, whose distances are zero and small.
    if rng.random() < 0.25 and what != "gram":
        noise = rng.choice(("0", "1e-12", "1e-6", "1e-3"))
        lines.append(f"Y = X[..., ::-1] + {noise} * np.std(X) * rng.normal(size=X.shape)")
    for name, exponent in zip("XYZ", exponents):
        if what == "gram":
            lines.append(f"{name} = {name} @ {name}.T; {name} /= np.abs({name}).max()")
        if exponent:
            lines.append(f"{name} = {name} * 1e{exponent}")
    dtype = "ml_dtypes.bfloat16" if kind == "bfloat16" else repr(kind)
    lines.append(f"X, Y, Z = (A.astype({dtype}) for A in (X, Y, Z))")
    if heldout:
        lines.append(f"(X, U), (Y, V), (Z, W) = ((A[:{m}], A[{m}:]) for A in (X, Y, Z))")
    choices = OF_BFLOAT16 if kind == "bfloat16" else CONTAINERS
    if what == "matrix" and kind != "bfloat16":
        choices = {**choices, **FRAMES}
    if door in WITHOUT_LABELS or _knows_order(metric):
        choices = {key: made for key, made in choices.items() if key not in LABELLED}
    container = str(rng.choice(list(choices)))
    arrays = "XYZUVW" if heldout else "XYZ"
    containers = (
        ""
        if container == "array"
        else f"{', '.join(arrays)} = (({choices[container]}) for k, A in "
        f"enumerate(({', '.join(arrays)})))"
    )
    spoilt = None
    if rng.random() < 0.08 and what == "matrix" and container == "array" and kind != "bfloat16":
        spoilt = str(rng.choice(list(SPOILT)))
        if heldout and spoilt == "constant":
            spoilt = None
    about = {"door": door, "container": container, "kind": kind, "recipe": recipe[0]}
    about["metric"] = type(metric).__name__
    return Case(expression, "\n".join(lines), containers, door, spoilt, about)


def _knows_order(metric: Any) -> bool:
    """Whether which stimulus comes first matters: folds and landmarks are drawn by position."""
    by_folds = getattr(metric, "measure", "") == "linear_regression" and metric.n_folds
    return bool(by_folds) or getattr(metric, "approximation", "exact") == "nystroem"


def _opens(metric: Any, door: str) -> bool:
    """Whether a metric has a door: what it lacks is refused, which other tests look at."""
    if door.startswith("heldout"):
        return type(metric).__name__ in reference.HELDOUT and form(metric) != "gram"
    if door == "align":
        return type(metric).__name__ in ("LinearMetric", "PermutationMetric", "SoftMatchingMetric")
    if door == "landmarks":
        return metric.symmetric
    if door in ("tolerance", "torch"):
        return type(metric).__name__ in ("LinearMetric", "ConvolutionMetric", "KernelMetric")
    return True


@contextlib.contextmanager
def _standard_error() -> Iterator[Any]:
    """What is written to standard error beneath Python: LAPACK complains there."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield lambda: (file.seek(0), file.read())[1]
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def disagreement(case: Case) -> str | None:
    """What is wrong with what a case gives, or None."""
    space: dict[str, Any] = {}
    exec(HEADER, space)
    exec(f"metric = {case.metric}\n{case.arrays}", space)
    plain = [values(space[name]) for name in "XYZ"]
    tests = [values(space[name]) for name in "UVW"] if "heldout" in case.door else None
    expected: list[Any] = []
    for i, j in PAIRS:
        try:
            if tests is None:
                answer = reference.distance(space["metric"], plain[i], plain[j])
            else:
                answer = reference.heldout(space["metric"], plain[i], plain[j], tests[i], tests[j])
        except reference.Undefined as reason:
            answer = reason
        expected.append(answer)
    undefined = [answer for answer in expected if isinstance(answer, Exception)]
    refusable = any(getattr(answer, "may_be_refused", True) for answer in expected)
    with warnings.catch_warnings(record=True) as caught, _standard_error() as complaints:
        warnings.simplefilter("always")
        try:
            exec(case.code, space)
        except (TypeError, ValueError) as error:
            if case.door == "landmarks" and "no candidate differs" in str(error):
                refusable = min(a.value - a.allowed() for a in expected) < 1e-6 * expected[0].size
            if case.spoilt or undefined or refusable:
                return None if "\n" not in str(error) else f"refused in several lines: {error}"
            return f"refused: {error}"
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        text = complaints()
    if case.spoilt and not (case.spoilt in ("constant", "zeros") and not undefined):
        return f"found {space['found']}, expected a refusal of {case.spoilt}"
    if case.spoilt:
        return None if np.isfinite(space["found"]).all() else f"found {space['found']}"
    if undefined:
        return f"found {space['found']}, expected a refusal: {undefined[0]}"
    if text:
        return f"standard error: {text.decode(errors='replace')[:200]}"
    for warning in caught:
        if warning.category.__name__ != "RoundingWarning":
            return f"warned: {warning.category.__name__}: {warning.message}"
    dtype = "float32" if case.door == "float32" else "float64"
    certified = 1e-9 if case.door == "tolerance" else 0.0
    for (i, j), value, answer in zip(PAIRS, space["found"], expected):
        if not np.isfinite(value):
            return f"found {value} for pair {(i, j)}"
        allowed = 2.0 * answer.allowed(dtype, certified * answer.size)
        if not abs(value - answer.value) <= allowed:
            return (
                f"found {value!r} for pair {(i, j)}, expected {answer.value!r} within {allowed:.1e}"
            )
    return None


def script(seed: int, case: Case, wrong: str) -> str:
    """A disagreement as a script that can be run by itself."""
    return f"# case {seed}: {wrong}\n{HEADER}{case.code}\nprint(found)\n"


def run(first: int, seconds: float = np.inf, cases: int | None = None) -> tuple[int, list[str]]:
    """Run cases from a seed on, until the time or their number is up.

    Returns
    -------
    tuple
        How many ran, and a script for each that disagrees.
    """
    end, scripts, done = time.monotonic() + seconds, [], 0
    while time.monotonic() < end and (cases is None or done < cases):
        case = draw_case(first + done)
        wrong = disagreement(case)
        if wrong is not None:
            scripts.append(script(first + done, case, wrong))
        done += 1
    return done, scripts


def main() -> int:
    """Run from the shell; the exit code is 1 where something disagrees."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="seed of the first case")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to go on")
    parser.add_argument("--cases", type=int, help="how many cases at most")
    options = parser.parse_args()
    done, scripts = run(options.seed, options.seconds, options.cases)
    print("\n".join(scripts))
    print(f"# {done} cases from seed {options.seed}: {len(scripts)} disagree")
    return int(bool(scripts))


if __name__ == "__main__":
    raise SystemExit(main())
