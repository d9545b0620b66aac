"""Prediction of a label from distances, judged by nested, stratified cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shapemetrics.learning.classifiers import DistanceSvm, Model, NearestNeighbours
from shapemetrics.learning.nested_labels import Design, Run, Scoring, nested, scores
from shapemetrics.learning.resampling import (
    bootstrap_weights,
    central_interval,
    check_counts,
    check_groups,
    permutation_p_value,
    permutation_scheme,
    permuted_columns,
)
from shapemetrics.pairwise.checks import check_distances, check_seed, in_item_order, item_labels
from shapemetrics.pairwise.threads import item_workers
from shapemetrics.validation import check_choice

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ClassificationResult", "nested_classification"]

DEFAULT_NEIGHBORS = (1, 3, 5, 7, 9, 15)
DEFAULT_SIGMAS = (0.5, 1.0, 2.0)
DEFAULT_COSTS = (1.0, 10.0)


@dataclass(frozen=True)
class ClassificationResult:
    """What nested classification found.

    Attributes
    ----------
    summary : pandas.DataFrame
        One row: classifier, scoring, accuracy, accuracy_low, accuracy_high, balanced_accuracy,
        balanced_accuracy_low, balanced_accuracy_high, chance_majority (share of the largest
        class: always naming it scores so), chance_uniform (1 / number of classes), null_mean,
        null_low, null_high and p_value (of the statistic named in `scoring`), n, n_classes,
        n_groups, n_outer, n_inner, n_repeats, n_permutations, permutation, n_bootstrap.
    confusion : pandas.DataFrame
        Counts over all repeats; rows are true labels, columns predicted ones.
    predictions : pandas.DataFrame
        One row per item and repeat: index, id, observed, predicted, correct, fold, repeat.
    choices : pandas.DataFrame
        Hyper-parameters by outer fold.
    null : ndarray of shape (n_permutations,)
    """

    summary: pd.DataFrame
    confusion: pd.DataFrame = field(repr=False)
    predictions: pd.DataFrame = field(repr=False)
    choices: pd.DataFrame = field(repr=False)
    null: NDArray[np.float64] = field(repr=False)


def _run_or_score(design: Design, y: NDArray, at: int) -> Run | float:
    """Return the whole run for the first labelling, which is observed, else the score only."""
    run = nested(design, y)
    return run.score(y, design) if at else run


def _check_labels(
    labels: Sequence, ids: NDArray, groups: NDArray | None, n_outer: int
) -> tuple[NDArray, NDArray[np.int64]]:
    """Return the classes and the class of each item; ValueError names a class too rare."""
    values = np.asarray(labels)
    if values.shape != ids.shape:
        raise ValueError(f"labels: found shape {values.shape}, expected one per item, {ids.shape}")
    import pandas as pd

    missing = pd.isna(values)
    if missing.any():
        raise ValueError(
            f"labels: found {values[missing][0]} at {ids[missing][0]}, expected a label per item"
        )
    classes, y = np.unique(values, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"labels: found only {classes[0]}, expected at least 2 classes")
    needed = max(n_outer, 3)  # three, so that both loops can train on the class
    for code, name in enumerate(classes):
        holders = np.flatnonzero(y == code)
        count = len(holders) if groups is None else len(np.unique(groups[holders]))
        if count < needed:
            unit = "items" if groups is None else "groups"
            raise ValueError(
                f"labels: found {count} {unit} of class {name}, expected at least {needed}; merge "
                "it, leave it out or ask for fewer outer folds"
            )
    return classes, y


def _build_model(
    classifier: str,
    D: NDArray,
    scoring: Scoring,
    neighbors: Sequence[int],
    sigmas: Sequence[float],
    costs: Sequence[float],
) -> Model:
    check_choice(scoring, "scoring", ("accuracy", "balanced_accuracy"))
    makers: dict[str, Callable[[], Model]] = {
        "knn": lambda: NearestNeighbours(D, neighbors),
        "svm": lambda: DistanceSvm(D, sigmas, costs, balanced=scoring == "balanced_accuracy"),
    }
    check_choice(classifier, "classifier", tuple(makers))
    return makers[classifier]()


def nested_classification(
    D: ArrayLike,
    labels: Sequence,
    *,
    classifier: Literal["knn", "svm"] = "knn",
    scoring: Scoring = "accuracy",
    seed: int = 0,
    n_outer: int = 5,
    n_inner: int = 5,
    n_repeats: int = 1,
    neighbors: Sequence[int] = DEFAULT_NEIGHBORS,
    sigmas: Sequence[float] = DEFAULT_SIGMAS,
    costs: Sequence[float] = DEFAULT_COSTS,
    n_permutations: int = 100,
    n_bootstrap: int = 1000,
    groups: Sequence | None = None,
    leave_one_out: bool = False,
    ids: Sequence | None = None,
    n_jobs: int | None = None,
) -> ClassificationResult:
    """Predict a label from distances, and say how well on items never seen in fitting.

    Parameters
    ----------
    D : array of shape (K, K)
        Distances.
    labels : sequence of length K
        Classes, as text or numbers.
    classifier : {"knn", "svm"}
        Majority of the nearest training items, or a support vector machine with a Gaussian kernel
        of the distance (one against one for several classes).
    scoring : {"accuracy", "balanced_accuracy"}
        What the inner loop maximises and the null distribution is of. With balanced accuracy the
        support vector machine weights classes inversely to their size.
    seed : int
        Seed of the folds, permutations and bootstrap.
    n_outer, n_inner : int
        Folds of the outer loop, which judges, and of the inner loop, which chooses. Where a
        training fold holds fewer items (groups) of a class, the inner loop has as many folds as
        there are, two at the least.
    n_repeats : int
        Times that the whole is repeated with other folds.
    neighbors : sequence of int
        Numbers of neighbours to choose from ("knn").
    sigmas, costs : sequences of float
        Kernel widths, as multiples of the median distance in the training items, and
        penalties C to choose from ("svm").
    n_permutations : int
        Permuted labellings for the null distribution; 0 for none.
    n_bootstrap : int
        Bootstrap samples for the intervals; 0 for none.
    groups : sequence of length K, optional
        Items of one group (say, layers of one network) are never on both sides of a split, in
        either loop, and are drawn together by the bootstrap.
    leave_one_out : bool
        Leave out one item (one group) at a time in the outer loop, instead of `n_outer` folds.
    ids : sequence of length K, optional
        Names of the items.
    n_jobs : int, optional
        Threads, which share the permutations; -1 takes all cores. By default as many as the
        linear algebra may use, at most eight, and one for fewer than 700 items. The result does
        not depend on their number.

    Returns
    -------
    ClassificationResult

    Raises
    ------
    ValueError
        If D does not hold distances, a class is too rare, or an option is out of range.

    Notes
    -----
    Both classifiers read distances from test to training items only. A classifier on the
    coordinates of an embedding would not: multidimensional scaling places all items at once, test
    items included, so the coordinates of a training item would depend on the test items; that is
    why the kernel is put on the distances themselves. Where the kernel is indefinite, its
    negative directions are dropped (see `DistanceKernel`).

    Accuracies pool held-out predictions over folds and repeats. The null distribution is that of
    the whole procedure (splits stratified by the permuted labels, choice of hyper-parameters and
    all); p = (1 + #{null >= found}) / (1 + n). What is permuted respects the groups: see the
    column `permutation` and `permutation_scheme`. Intervals are the central 95% over items
    (groups) drawn with replacement, the predictions held fixed. Of equal scores in the inner loop
    the first in the order of the grid is taken.

    Memory: about 32 K^2 bytes for the distances and their check; for neighbours their order (4 K^2
    bytes); for support vector machines 50 K^2 bytes per thread.

    Examples
    --------
    >>> x = np.concatenate([np.arange(10.0), np.arange(20.0, 30.0)])
    >>> labels = ["low"] * 10 + ["high"] * 10
    >>> result = nested_classification(np.abs(x[:, None] - x), labels, n_permutations=19,
    ...                                neighbors=(1, 3))
    >>> result.summary["accuracy"].item(), result.summary["p_value"].item()
    (1.0, 0.05)
    """
    import pandas as pd

    check_seed(seed)
    order = item_labels(D)
    matrix, names = check_distances(D, ids)
    check_counts(
        n_outer=n_outer,
        n_inner=n_inner,
        n_repeats=n_repeats,
        n_permutations=n_permutations,
        n_bootstrap=n_bootstrap,
    )
    codes = check_groups(in_item_order(groups, order, "groups"), len(names))
    labels = in_item_order(labels, order, "labels")
    classes, y = _check_labels(labels, names, codes, 0 if leave_one_out else n_outer)
    design = Design(
        model=_build_model(classifier, matrix, scoring, neighbors, sigmas, costs),
        n_classes=len(classes),
        scoring=scoring,
        groups=codes,
        n_outer=0 if leave_one_out else n_outer,
        n_inner=n_inner,
        n_repeats=n_repeats,
        seed=seed,
    )
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    columns = permuted_columns(y, n_permutations, rng, codes)
    with item_workers(len(names), n_jobs) as workers:
        labellings = [y, *columns.T]
        run, *nulls = workers(_run_or_score, [(design, z, at) for at, z in enumerate(labellings)])
    null = np.array(nulls)
    summary = {"classifier": classifier, "scoring": scoring}
    summary |= _accuracy_columns(design, run, y, n_bootstrap)
    null_low, null_high = central_interval(null)
    summary |= {
        "chance_majority": np.bincount(y).max() / len(y),
        "chance_uniform": 1.0 / len(classes),
        "null_mean": null.mean() if n_permutations else np.nan,
        "null_low": null_low,
        "null_high": null_high,
        "p_value": permutation_p_value(float(summary[scoring]), null),
        "n": len(names),
        "n_classes": len(classes),
        "n_groups": len(names) if codes is None else int(codes.max()) + 1,
        "n_outer": int(run.folds.max()) + 1,
        "n_inner": n_inner,
        "n_repeats": n_repeats,
        "n_permutations": n_permutations,
        "permutation": permutation_scheme(y, codes),
        "n_bootstrap": n_bootstrap,
    }
    return ClassificationResult(
        summary=pd.DataFrame([summary]),
        confusion=_confusion(run, y, classes),
        predictions=_prediction_table(run, y, classes, names),
        choices=pd.DataFrame(run.choices),
        null=null,
    )


def _accuracy_columns(design: Design, run: Run, y: NDArray, n_bootstrap: int) -> dict:
    """Return both accuracies with their bootstrap intervals."""
    rng = np.random.default_rng(np.random.SeedSequence([design.seed, 4]))
    weights = bootstrap_weights(len(y), n_bootstrap, rng, design.groups)
    correct = run.correct(y)[:, None]
    columns = {}
    for name in ("accuracy", "balanced_accuracy"):
        columns[name] = float(scores(correct, y, design.n_classes, name))
        sample = np.empty(0)
        if n_bootstrap:
            sample = np.atleast_1d(scores(correct, y, design.n_classes, name, weights))
        columns[f"{name}_low"], columns[f"{name}_high"] = central_interval(sample)
    return columns


def _confusion(run: Run, y: NDArray, classes: NDArray) -> pd.DataFrame:
    import pandas as pd

    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    for predicted in run.predicted:
        np.add.at(counts, (y, predicted), 1)
    return pd.DataFrame(
        counts,
        index=pd.Index(classes, name="observed"),
        columns=pd.Index(classes, name="predicted"),
    )


def _prediction_table(run: Run, y: NDArray, classes: NDArray, names: NDArray) -> pd.DataFrame:
    import pandas as pd

    tables = [
        pd.DataFrame(
            {
                "index": np.arange(len(y)),
                "id": names,
                "observed": classes[y],
                "predicted": classes[predicted],
                "correct": predicted == y,
                "fold": fold,
                "repeat": repeat,
            }
        )
        for repeat, (predicted, fold) in enumerate(zip(run.predicted, run.folds))
    ]
    return pd.concat(tables, ignore_index=True)
