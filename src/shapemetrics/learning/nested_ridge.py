"""Nested cross-validation of kernel ridge regression, of many targets at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from shapemetrics.learning.kernels import gaussian, median_of_pairs
from shapemetrics.learning.resampling import random_seed, split
from shapemetrics.learning.ridge_path import RidgePath

__all__ = ["Fold", "Grid", "Run", "cross_validate", "fold_predictions", "nested_folds"]

# Outer folds whose inner errors are held together; a few per core keep all cores busy.
_FOLDS_AT_ONCE = 32


@dataclass(frozen=True)
class Grid:
    """Hyper-parameters to choose from: widths, in median distances, and ridges."""

    sigmas: NDArray[np.float64]
    ridges: NDArray[np.float64]


@dataclass(frozen=True)
class Fold:
    """An outer fold of one repeat, and the inner folds of its training items.

    All folds are pairs of training and test items, as positions in the matrix of distances.
    """

    repeat: int
    number: int
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    inner: list[tuple[NDArray[np.int64], NDArray[np.int64]]]


@dataclass(frozen=True)
class Run:
    """One repeat of the whole.

    Attributes
    ----------
    predicted, baseline : ndarray of shape (K, n_targets)
        Prediction of every item by the fold that does not hold it, and that fold's mean.
    fold : ndarray of shape (K,)
        Outer fold that tested the item.
    choices : list of dict
        What was chosen for the first target, one per outer fold.
    """

    predicted: NDArray[np.float64]
    baseline: NDArray[np.float64]
    fold: NDArray[np.int64]
    choices: list[dict]


def nested_folds(
    n_items: int, groups: NDArray | None, n_outer: int, n_inner: int, n_repeats: int, seed: int
) -> Iterator[Fold]:
    """Yield the outer folds of all repeats; `n_outer` 0 leaves out one item (group) at a time."""
    for repeat in range(n_repeats):
        outer = split(n_items, n_outer, random_seed(seed, 2, repeat), groups)
        for number, (train, test) in enumerate(outer):
            inner = split(
                len(train),
                n_inner,
                random_seed(seed, 3, repeat, number),
                None if groups is None else groups[train],
            )
            yield Fold(repeat, number, train, test, [(train[a], train[b]) for a, b in inner])


def cross_validate(
    D: NDArray, Y: NDArray, grid: Grid, folds: Iterator[Fold], run: Callable
) -> list[Run]:
    """Predict every item of every target from the outer folds that do not hold it.

    Parameters
    ----------
    D : ndarray of shape (K, K)
        Distances.
    Y : ndarray of shape (K, n_targets)
        Targets; each chooses its own hyper-parameters.
    grid : Grid
    folds : iterator of Fold
    run : callable
        Calls a function for each of many arguments, in threads: see
        :func:`shapemetrics.pairwise.threads.item_workers`.

    Returns
    -------
    list of Run
        One per repeat.
    """
    runs: list[Run] = []
    while some := list(islice(folds, _FOLDS_AT_ONCE)):
        chosen = _choose(D, Y, grid, some, run)
        for fold, choice, predicted in zip(some, chosen, _predict(D, Y, grid, some, chosen, run)):
            if fold.number == 0:
                runs.append(
                    Run(np.empty(Y.shape), np.empty(Y.shape), np.empty(len(Y), dtype=np.int64), [])
                )
            runs[-1].predicted[fold.test] = predicted
            runs[-1].baseline[fold.test] = Y[fold.train].mean(axis=0)
            runs[-1].fold[fold.test] = fold.number
            runs[-1].choices.append(
                {
                    "fold": fold.number,
                    "n_train": len(fold.train),
                    "n_test": len(fold.test),
                    "sigma": grid.sigmas[choice[0][0]],
                    "ridge": grid.ridges[choice[1][0]],
                }
            )
    return runs


def fold_predictions(
    D: NDArray, y: NDArray, grid: Grid, fold: Fold
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Predict the items of one outer fold, for predictions that are joined with others.

    Parameters
    ----------
    D : ndarray of shape (K, K)
        Distances.
    y : ndarray of shape (K,)
        Targets.
    grid : Grid
        What is chosen from, by the least squared error over the inner folds.
    fold : Fold

    Returns
    -------
    inner : ndarray of shape (n_train,)
        Of the training items, each by the inner fold that does not hold it, with the choice that
        all inner folds led to.
    test : ndarray of shape (n_test,)
        Of the test items.
    """
    found = np.empty((len(y), len(grid.sigmas), len(grid.ridges)))
    for train, held in fold.inner:
        mean = y[train].mean()
        for s, (kernel, across) in enumerate(_kernels(D, train, held, grid.sigmas)):
            path = RidgePath(kernel, across, (y[train] - mean)[:, None])
            found[held, s] = path.predict(grid.ridges)[:, :, 0] + mean
    inner = found[fold.train]
    error = ((inner - y[fold.train, None, None]) ** 2).sum(axis=0)
    s, r = np.unravel_index(error.argmin(), error.shape)
    mean = y[fold.train].mean()
    ((kernel, across),) = _kernels(D, fold.train, fold.test, grid.sigmas[[s]])
    path = RidgePath(kernel, across, (y[fold.train] - mean)[:, None])
    return inner[:, s, r], path.predict(grid.ridges[[r]])[:, 0, 0] + mean


def _choose(
    D: NDArray, Y: NDArray, grid: Grid, folds: list[Fold], run: Callable
) -> list[tuple[NDArray, NDArray]]:
    """Return for each fold the positions of the sigma and ridge of each target.

    They have the least squared error over the inner folds; of equals the first in the grid.
    """
    parts = [(D, Y, grid, train, test) for fold in folds for train, test in fold.inner]
    errors = iter(run(_errors, parts))
    chosen = []
    for fold in folds:
        error = reduce(np.add, islice(errors, len(fold.inner)))
        flat = error.reshape(-1, Y.shape[1]).argmin(axis=0)
        chosen.append(np.unravel_index(flat, error.shape[:2]))
    return chosen


def _predict(
    D: NDArray,
    Y: NDArray,
    grid: Grid,
    folds: list[Fold],
    chosen: list[tuple[NDArray, NDArray]],
    run: Callable,
) -> list[NDArray[np.float64]]:
    """Return for each fold the predictions of its test items, shape (n_test, n_targets)."""
    predicted = [np.empty((len(fold.test), Y.shape[1])) for fold in folds]
    # Each sigma serves the targets that chose it.
    jobs = [(at, s) for at, (sigmas, _) in enumerate(chosen) for s in np.unique(sigmas)]

    def fill(at: int, s: int) -> None:
        sigmas, ridges = chosen[at]
        which = np.flatnonzero(sigmas == s)
        fold, wanted = folds[at], Y[:, which]
        mean = wanted[fold.train].mean(axis=0)
        ((kernel, across),) = _kernels(D, fold.train, fold.test, grid.sigmas[[s]])
        path = RidgePath(kernel, across, wanted[fold.train] - mean)
        predicted[at][:, which] = path.predict_each(grid.ridges[ridges[which]]) + mean

    run(fill, jobs)
    return predicted


def _errors(D: NDArray, Y: NDArray, grid: Grid, train: NDArray, test: NDArray) -> NDArray:
    """Return squared errors summed over the test items, by sigma, ridge and target."""
    mean = Y[train].mean(axis=0)
    centred, wanted = Y[train] - mean, Y[test] - mean
    errors = np.empty((len(grid.sigmas), len(grid.ridges), Y.shape[1]))
    for s, (kernel, across) in enumerate(_kernels(D, train, test, grid.sigmas)):
        error = RidgePath(kernel, across, centred).predict(grid.ridges)
        error -= wanted[:, None, :]
        np.square(error, out=error).sum(axis=0, out=errors[s])
    return errors


def _kernels(
    D: NDArray, train: NDArray, test: NDArray, sigmas: NDArray
) -> Iterator[tuple[NDArray, NDArray]]:
    """Yield for each sigma the kernel of training items, and of test with training items."""
    inside, across = D[np.ix_(train, train)], D[np.ix_(test, train)]
    unit = median_of_pairs(inside)
    for sigma in sigmas:
        yield gaussian(inside, sigma * unit), gaussian(across, sigma * unit)
