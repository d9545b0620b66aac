"""Nested, stratified cross-validation of a classifier, of one labelling at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shapemetrics.learning.classifiers import Model
from shapemetrics.learning.resampling import random_seed, split, split_stratified

__all__ = ["Design", "Run", "Scoring", "nested", "scores"]

Scoring = Literal["accuracy", "balanced_accuracy"]


def scores(
    correct: NDArray, y: NDArray, n_classes: int, scoring: Scoring, weights: NDArray | None = None
) -> NDArray[np.float64]:
    """Score columns of correctness (n, n_columns), or rows of weights (n_samples, n) on one.

    Balanced accuracy is the mean over the classes present of the share that is right.
    """
    if weights is None:
        weights = np.ones((1, len(y)))
    if scoring == "accuracy":
        return np.squeeze(weights @ correct / weights.sum(axis=1, keepdims=True))
    member = (y[:, None] == np.arange(n_classes)).astype(np.float64)
    sizes = weights @ member
    right = np.stack([weights @ (correct * member[:, [c]]) for c in range(n_classes)])
    present = sizes.T > 0
    shares = np.where(present[..., None], right / np.where(present, sizes.T, 1.0)[..., None], 0.0)
    return np.squeeze(shares.sum(axis=0) / present.sum(axis=0)[:, None])


@dataclass(frozen=True)
class Design:
    """Everything about the nested procedure but the labels."""

    model: Model
    n_classes: int
    scoring: Scoring
    groups: NDArray | None
    n_outer: int  # 0 leaves one out
    n_inner: int
    n_repeats: int
    seed: int


@dataclass(frozen=True)
class Run:
    """Predictions, folds (n_repeats, n) and choices for one labelling."""

    predicted: NDArray
    folds: NDArray
    choices: list[dict]

    def correct(self, y: NDArray) -> NDArray[np.float64]:
        """Share of the repeats in which each item was right, shape (n,)."""
        return (self.predicted == y).mean(axis=0)

    def score(self, y: NDArray, design: Design) -> float:
        """Score that the design is judged by."""
        return float(scores(self.correct(y)[:, None], y, design.n_classes, design.scoring))


def _smallest_class(y: NDArray, groups: NDArray | None) -> int:
    """Number of items, or of groups, that hold the rarest class present."""
    if groups is None:
        return int(np.unique(y, return_counts=True)[1].min())
    return min(len(np.unique(groups[y == c])) for c in np.unique(y))


def _choose(design: Design, y: NDArray, train: NDArray, seed: int) -> int:
    """Return the position in the model's grid with the best score over pooled inner folds."""
    inside = y[train]
    groups = None if design.groups is None else design.groups[train]
    n_inner = int(np.clip(_smallest_class(inside, groups), 2, design.n_inner))
    correct = np.empty((len(train), len(design.model.grid)))
    for a, b in split_stratified(inside, n_inner, seed, groups):
        predicted = design.model.predict_grid(train[a], train[b], inside[a])
        correct[b] = predicted == inside[b, None]
    found = np.atleast_1d(scores(correct, inside, design.n_classes, design.scoring))
    return int(found.argmax())


def nested(design: Design, y: NDArray) -> Run:
    """Run the whole nested procedure on one labelling."""
    predicted = np.empty((design.n_repeats, len(y)), dtype=np.int64)
    folds = np.empty_like(predicted)
    choices = []
    for repeat in range(design.n_repeats):
        seed = random_seed(design.seed, 2, repeat)
        if design.n_outer == 0:
            outer = split(len(y), 0, seed, design.groups)
        else:
            outer = split_stratified(y, design.n_outer, seed, design.groups)
        for fold, (train, test) in enumerate(outer):
            at = _choose(design, y, train, random_seed(design.seed, 3, repeat, fold))
            predicted[repeat, test] = design.model.predict(train, test, y[train], at)
            folds[repeat, test] = fold
            sizes = {"n_train": len(train), "n_test": len(test)}
            choices.append({"repeat": repeat, "fold": fold} | sizes | dict(design.model.grid[at]))
    return Run(predicted, folds, choices)
