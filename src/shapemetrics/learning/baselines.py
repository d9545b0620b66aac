"""What else predicts a number: single properties, a description, and these with distances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shapemetrics.learning.nested_ridge import (
    Fold,
    Grid,
    cross_validate,
    fold_predictions,
    nested_folds,
)
from shapemetrics.learning.resampling import (
    bootstrap_weights,
    central_interval,
    check_counts,
    permutation_p_value,
    permuted_columns,
    random_seed,
)
from shapemetrics.pairwise.checks import check_distances, check_seed, real_numbers
from shapemetrics.pairwise.threads import item_workers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BaselineResult", "nested_baselines"]

#: Grid of the kernel ridge regressions on distances that are joined to a forest: coarser than
#: that of `nested_regression`, since they are fitted in every inner fold too.
SIGMAS = (0.5, 1.0, 2.5)
RIDGES = (1e-4, 1e-3, 1e-2, 0.1, 1.0)
#: Share of equal pairs above which differences of a column have no useful median.
MOST_EQUAL = 0.25
#: Name of all distances together.
ALL = "all"


@dataclass(frozen=True)
class BaselineResult:
    """What baselines reach, and what distances add to them.

    Attributes
    ----------
    summary : pandas.DataFrame
        One row per description, and per description with distances: ``description``,
        ``distances`` (empty, the name of one matrix, or "all"); ``r2``, ``r2_low``, ``r2_high``,
        ``spearman``; ``null_r2_mean``, ``null_r2_low``, ``null_r2_high``, ``p_value`` (nan with
        distances); ``gain``, ``gain_low``, ``gain_high``, the R^2 that the distances add, with
        the interval of the paired difference (nan without); ``n``, ``n_outer``, ``n_inner``,
        ``n_repeats``, ``n_permutations``, ``n_bootstrap``.
    predictions : pandas.DataFrame
        One row per item, repeat, description and distances: ``index``, ``observed``,
        ``predicted``, ``baseline`` (mean of the training fold), ``fold``, ``repeat``.
    """

    summary: pd.DataFrame
    predictions: pd.DataFrame = field(repr=False)


def nested_baselines(
    y: ArrayLike,
    descriptions: Mapping[str, ArrayLike],
    distances: Mapping[str, ArrayLike] | None = None,
    *,
    seed: int = 0,
    n_outer: int = 5,
    n_inner: int = 5,
    n_repeats: int = 1,
    n_trees: int = 50,
    n_permutations: int = 20,
    n_bootstrap: int = 1000,
    n_jobs: int | None = None,
) -> BaselineResult:
    """Predict a number from descriptions of the items, alone and together with distances.

    Parameters
    ----------
    y : array of shape (K,)
        Targets.
    descriptions : mapping of str to array of shape (K, p) or (K,)
        What is known about each item besides distances, by a name of the description.
    distances : mapping of str to array of shape (K, K), optional
        Distances, by a name. Each is joined to each description of several columns, and so are
        all together.
    seed : int
        Seed of folds, forests, permutations and bootstrap. Folds are those of
        `nested_regression` with the same seed and numbers of folds.
    n_outer, n_inner, n_repeats : int
        Folds that score, folds inside each of those, and repeats with other folds.
    n_trees : int
        Trees of a forest.
    n_permutations : int
        Permuted targets for the null distribution of a description alone, from the folds of the
        first repeat; 0 for none.
    n_bootstrap : int
        Bootstrap samples of the items for the intervals; 0 for none.
    n_jobs : int, optional
        Threads, as for `nested_regression`. The result does not depend on their number.

    Returns
    -------
    BaselineResult

    Raises
    ------
    ValueError
        If there is no description, shapes disagree, a number is not finite, or an option is out
        of range.

    Notes
    -----
    A description of several columns is learned by a random forest (Breiman 2001; scikit-learn's,
    a third of the columns at each split, leaves of at least two items). Distances are learned by
    kernel ridge regression, as in `nested_regression` but with fewer widths and ridges to choose
    from, and so is a single column, by the differences of its values (by a forest with leaves of
    a twentieth of the items, where more than a quarter of the pairs are equal). Forest and
    distances are joined by stacking (Wolpert 1992) with non-negative weights
    (Breiman 1996): in each outer fold, predictions of the training items by inner folds that do
    not hold them are regressed on the target, and the weights found are applied to predictions
    of the test items. Test items have no part in any choice. R^2, Spearman's rho and the
    intervals are those of `nested_regression`; the interval of a gain draws the same items for
    both predictions.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> seen, unseen = rng.uniform(size=(2, 60))
    >>> D = np.abs(unseen[:, None] - unseen)
    >>> y = seen + unseen
    >>> columns = np.column_stack([seen, rng.uniform(size=60)])
    >>> found = nested_baselines(y, {"seen": columns}, {"unseen": D}, n_permutations=0)
    >>> found.summary[["description", "distances"]].values.tolist()
    [['seen', ''], ['seen', 'unseen']]
    >>> bool(found.summary["gain_low"].iloc[1] > 0.2)
    True
    """
    import pandas as pd

    check_seed(seed)
    target = real_numbers(y, "y")
    if target.ndim != 1:
        raise ValueError(f"y: found shape {target.shape}, expected one number per item")
    tables = {
        name: _table(X, f"descriptions[{name!r}]", target) for name, X in descriptions.items()
    }
    if not tables:
        raise ValueError("descriptions: found none, expected at least one")
    matrices = {name: _matrix(D, name, target) for name, D in (distances or {}).items()}
    check_counts(
        n_outer=n_outer,
        n_inner=n_inner,
        n_repeats=n_repeats,
        n_permutations=n_permutations,
        n_bootstrap=n_bootstrap,
    )
    if n_trees < 1:
        raise ValueError(f"n_trees: found {n_trees}, expected at least 1")
    folds = list(nested_folds(len(target), None, n_outer, n_inner, n_repeats, seed))
    joined = [name for name, X in tables.items() if X.shape[1] > 1 and matrices]
    grid = Grid(np.array(SIGMAS), np.array(RIDGES))
    permuted = permuted_columns(
        target, n_permutations, np.random.default_rng(np.random.SeedSequence([seed, 1])), None
    )
    with item_workers(len(target), n_jobs) as run:
        differences = {name: _differences(X) for name, X in tables.items()}
        forests = {
            name: run(
                _forest_predictions,
                [(X, target, fold, n_trees, seed, name in joined) for fold in folds],
            )
            if differences[name] is None
            else run(fold_predictions, [(differences[name], target, grid, fold) for fold in folds])
            for name, X in tables.items()
        }
        kernels = {
            name: run(fold_predictions, [(D, target, grid, fold) for fold in folds])
            for name, D in (matrices.items() if joined else ())
        }
        nulls = {
            name: _null(X, differences[name], permuted, grid, folds, n_trees, seed, run)
            for name, X in tables.items()
        }

    rng = np.random.default_rng(np.random.SeedSequence([seed, 4]))
    weights = bootstrap_weights(len(target), n_bootstrap, rng, None)
    rows: list[dict[str, Any]] = []
    predictions: list[pd.DataFrame] = []
    for name in tables:
        parts = [("", [test for _, test in forests[name]])]
        if name in joined:
            sets = {d: [d] for d in matrices} | ({ALL: list(matrices)} if len(matrices) > 1 else {})
            for d, members in sets.items():
                pairs = [
                    [forests[name][at], *(kernels[member][at] for member in members)]
                    for at in range(len(folds))
                ]
                parts.append(
                    (d, [_stacked(pair, target, fold) for pair, fold in zip(pairs, folds)])
                )
        alone: _Scores | None = None
        for d, tests in parts:
            scores = _Scores.of(target, folds, tests)
            resampled = scores.r2(weights)
            low, high = central_interval(resampled)
            row = {"description": name, "distances": d, "r2": float(scores.r2()), "r2_low": low}
            row |= {"r2_high": high, "spearman": scores.spearman}
            if alone is None:
                alone = scores
                row |= _null_columns(row["r2"], nulls[name])
            else:
                row["gain"] = float(scores.r2() - alone.r2())
                gains = central_interval(resampled - alone.r2(weights))
                row["gain_low"], row["gain_high"] = gains
            rows.append(row)
            predictions.append(scores.table.assign(description=name, distances=d))
    columns = ["description", "distances", "r2", "r2_low", "r2_high", "spearman"]
    columns += ["null_r2_mean", "null_r2_low", "null_r2_high", "p_value"]
    columns += ["gain", "gain_low", "gain_high"]
    summary = pd.DataFrame(rows).reindex(columns=columns)
    counts = {"n": len(target), "n_outer": n_outer, "n_inner": n_inner, "n_repeats": n_repeats}
    counts |= {"n_permutations": n_permutations, "n_bootstrap": n_bootstrap}
    return BaselineResult(summary.assign(**counts), pd.concat(predictions, ignore_index=True))


@dataclass(frozen=True)
class _Scores:
    """Squared errors of predictions and of training means, summed over repeats, per item."""

    error: NDArray[np.float64]
    chance: NDArray[np.float64]
    spearman: float
    table: pd.DataFrame

    @classmethod
    def of(cls, target: NDArray, folds: Sequence[Fold], tests: Sequence[NDArray]) -> _Scores:
        import pandas as pd
        from scipy.stats import rankdata

        error, chance = np.zeros(len(target)), np.zeros(len(target))
        tables, rhos = [], []
        n_repeats = folds[-1].repeat + 1
        for repeat in range(n_repeats):
            table = pd.DataFrame({"index": np.arange(len(target)), "observed": target})
            predicted, baseline = np.empty(len(target)), np.empty(len(target))
            number = np.empty(len(target), dtype=np.int64)
            for fold, test in zip(folds, tests):
                if fold.repeat == repeat:
                    predicted[fold.test], number[fold.test] = test, fold.number
                    baseline[fold.test] = target[fold.train].mean()
            error += (target - predicted) ** 2
            chance += (target - baseline) ** 2
            varies = np.ptp(predicted) > 0
            ranks = rankdata(target), rankdata(predicted)
            rhos.append(float(np.corrcoef(*ranks)[0, 1]) if varies else 0.0)
            tables.append(
                table.assign(predicted=predicted, baseline=baseline, fold=number, repeat=repeat)
            )
        return cls(error, chance, float(np.mean(rhos)), pd.concat(tables, ignore_index=True))

    def r2(self, weights: NDArray | None = None) -> NDArray[np.float64]:
        """R^2 of all items, or of each bootstrap sample of them."""
        if weights is None:
            return np.asarray(1.0 - self.error.sum() / self.chance.sum())
        return 1.0 - (weights @ self.error) / (weights @ self.chance)


def _table(X: ArrayLike, name: str, target: NDArray) -> NDArray[np.float64]:
    values = real_numbers(X, name)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or len(values) != len(target) or not values.shape[1]:
        raise ValueError(
            f"{name}: found shape {values.shape}, expected ({len(target)}, columns), one row per "
            "item"
        )
    return values


def _matrix(D: ArrayLike, name: str, target: NDArray) -> NDArray[np.float64]:
    matrix, _ = check_distances(D, None)
    if len(matrix) != len(target):
        raise ValueError(
            f"distances[{name!r}]: found {len(matrix)} items, expected {len(target)}, one per "
            "target"
        )
    return matrix


def _forest(X: NDArray, y: NDArray, n_trees: int, seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    # A tree of one column would join any two points: wide leaves make it a curve.
    leaf = 2 if X.shape[1] > 1 else max(2, len(X) // 20)
    forest = RandomForestRegressor(
        n_trees,
        max_features=1 / 3 if X.shape[1] > 2 else 1.0,
        min_samples_leaf=leaf,
        random_state=seed,
        n_jobs=1,
    )
    return forest.fit(X, y)


def _forest_predictions(
    X: NDArray, y: NDArray, fold: Fold, n_trees: int, seed: int, inner: bool
) -> tuple[NDArray, NDArray]:
    """Predictions of the training items by inner folds (if asked for), and of the test items."""
    draws = random_seed(seed, 5, fold.repeat, fold.number)
    test = _forest(X[fold.train], y[fold.train], n_trees, draws).predict(X[fold.test])
    found = np.empty(len(y))
    for train, held in fold.inner if inner else ():
        found[held] = _forest(X[train], y[train], n_trees, draws).predict(X[held])
    return found[fold.train], test


def _stacked(parts: Sequence[tuple[NDArray, NDArray]], y: NDArray, fold: Fold) -> NDArray:
    """Test predictions joined by the non-negative weights that fit the training items best."""
    from scipy.optimize import nnls

    mean = y[fold.train].mean()
    inner = np.column_stack([part for part, _ in parts]) - mean
    weights, _ = nnls(inner, y[fold.train] - mean)
    return mean + (np.column_stack([test for _, test in parts]) - mean) @ weights


def _differences(X: NDArray) -> NDArray[np.float64] | None:
    """Distances between the values of a single column; None where a forest learns them."""
    if X.shape[1] > 1:
        return None
    D = np.abs(X - X.T)
    equal = np.mean(D[np.triu_indices(len(D), 1)] == 0)
    return D if equal <= MOST_EQUAL else None


def _null(
    X: NDArray,
    D: NDArray | None,
    permuted: NDArray,
    grid: Grid,
    folds: Sequence[Fold],
    n_trees: int,
    seed: int,
    run: Any,
) -> NDArray[np.float64]:
    """R^2 of permuted targets, the columns of `permuted`, in the folds of the first repeat."""
    first = [fold for fold in folds if fold.repeat == 0]
    predicted, baseline = np.empty(permuted.shape), np.empty(permuted.shape)
    for fold in first:
        baseline[fold.test] = permuted[fold.train].mean(axis=0)
    if D is not None and permuted.size:
        predicted = cross_validate(D, permuted, grid, iter(first), run)[0].predicted
    else:
        jobs = [(X, y, fold, n_trees, seed, False) for y in permuted.T for fold in first]
        tests = iter(run(_forest_predictions, jobs))
        for column in range(permuted.shape[1]):
            for fold in first:
                predicted[fold.test, column] = next(tests)[1]
    error = ((permuted - predicted) ** 2).sum(axis=0)
    return 1.0 - error / ((permuted - baseline) ** 2).sum(axis=0)


def _null_columns(r2: float, null: NDArray) -> dict[str, float]:
    low, high = central_interval(null)
    return {
        "null_r2_mean": float(null.mean()) if len(null) else float("nan"),
        "null_r2_low": low,
        "null_r2_high": high,
        "p_value": permutation_p_value(r2, null),
    }
