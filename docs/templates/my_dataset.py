"""A dataset of your own in code: copy this file, replace what it does, keep its shape.

Here: forests of decision trees on scikit-learn's digits. The representation of a forest is what
each of its trees thinks of each picture: pictures x (trees * classes).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.model_selection import train_test_split

from shapemetrics.datasets import Dataset, Representation

MODELS = {"random_forest": RandomForestClassifier, "extra_trees": ExtraTreesClassifier}


class MyDataset(Dataset):
    """Forests of two kinds and of several depths.

    Parameters
    ----------
    n_stimuli : int
        Pictures shown.
    depths : list of int
        Largest depth of the trees.
    """

    source = "scikit-learn's digits, seen by forests"
    simulated = False  # True where no network or animal produced the numbers: figures say so

    def __init__(self, n_stimuli: int = 80, depths: tuple[int, ...] = (2, 3, 4, 5, 6, 8)) -> None:
        X, y = load_digits(return_X_y=True)
        self._parts = train_test_split(X, y, train_size=600, random_state=0, stratify=y)
        self._depths = depths
        self.stimuli = list(range(n_stimuli))  # one identifier a stimulus
        self.metadata = {"depths": list(depths)}  # anything worth keeping

    def __iter__(self) -> Iterator[Representation]:
        X_train, X_test, y_train, y_test = self._parts
        for kind, model in MODELS.items():
            for depth in self._depths:
                # One array at a time, from explicit seeds: a second pass gives the same.
                forest = model(n_estimators=10, max_depth=depth, random_state=0)
                forest.fit(X_train, y_train)
                shown = X_test[: len(self.stimuli)]
                array = np.hstack([tree.predict_proba(shown) for tree in forest.estimators_])
                covariates = {
                    "model": kind,
                    "depth": depth,
                    "accuracy": forest.score(X_test, y_test),
                }
                yield Representation(f"{kind}_{depth}", array, covariates)
