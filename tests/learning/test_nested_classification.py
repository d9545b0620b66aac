"""Classification on distances and its nested cross-validation, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from shapemetrics.learning import DistanceKernel, nested_classification
from shapemetrics.learning.classifiers import NearestNeighbours
from shapemetrics.learning.resampling import random_seed, split_stratified

FAST = {"n_permutations": 0, "n_bootstrap": 0}
SMALL = {"n_outer": 3, "n_inner": 3, "sigmas": (1.0,), "costs": (1.0, 10.0)}


@pytest.fixture
def clouds(rng):
    """Sixty points in three overlapping clouds of unequal size, shuffled."""
    y = rng.permutation(np.repeat([0, 1, 2], [30, 20, 10]))
    X = rng.standard_normal((60, 3)) + 1.5 * np.eye(3)[y]
    return cdist(X, X), np.array(["stem", "stack", "pool"])[y]


def folds_of(result):
    fold = result.predictions["fold"].to_numpy()
    for f, choice in result.choices.set_index("fold").iterrows():
        yield f, np.flatnonzero(fold != f), np.flatnonzero(fold == f), choice


def test_neighbours_vote_as_in_scikit_learn(clouds):
    D, labels = clouds
    y = np.unique(labels, return_inverse=True)[1]
    train, test = np.arange(45), np.arange(45, 60)
    neighbors = (1, 2, 3, 4, 8, 45)
    found = NearestNeighbours(D, neighbors).predict_grid(train, test, y[train])
    for column, k in zip(found.T, neighbors):
        model = KNeighborsClassifier(k, metric="precomputed").fit(D[:45, :45], y[train])
        np.testing.assert_array_equal(column, model.predict(D[45:, :45]))


def test_more_neighbours_than_items_means_all(clouds):
    D, labels = clouds
    y = np.unique(labels, return_inverse=True)[1]
    found = NearestNeighbours(D, [10, 99]).predict_grid(np.arange(10), np.arange(10, 60), y[:10])
    np.testing.assert_array_equal(found[:, 0], found[:, 1])


@pytest.mark.parametrize("groups", [None, np.arange(60) // 2])
def test_knn_equals_the_slow_way(clouds, groups):
    D, labels = clouds
    result = nested_classification(
        D, labels, seed=2, n_outer=3, n_inner=4, neighbors=(1, 3, 7), groups=groups, **FAST
    )
    predicted = result.predictions["predicted"].to_numpy()
    for fold, train, test, choice in folds_of(result):
        inner = split_stratified(
            np.unique(labels, return_inverse=True)[1][train],
            4,
            random_seed(2, 3, 0, fold),
            None if groups is None else groups[train],
        )
        inside = D[np.ix_(train, train)]
        scores = []
        for k in (1, 3, 7):
            right = 0
            for a, b in inner:
                model = KNeighborsClassifier(k, metric="precomputed")
                model.fit(inside[np.ix_(a, a)], labels[train][a])
                right += np.sum(model.predict(inside[np.ix_(b, a)]) == labels[train][b])
            scores.append(right)
        assert choice["n_neighbors"] == (1, 3, 7)[int(np.argmax(scores))]
        model = KNeighborsClassifier(int(choice["n_neighbors"]), metric="precomputed")
        model.fit(inside, labels[train])
        np.testing.assert_array_equal(predicted[test], model.predict(D[np.ix_(test, train)]))


def test_svm_equals_the_slow_way(clouds):
    D, labels = clouds
    sigmas, costs = (0.3, 1.0), (0.1, 10.0)
    result = nested_classification(
        D,
        labels,
        classifier="svm",
        seed=4,
        n_outer=3,
        n_inner=4,
        sigmas=sigmas,
        costs=costs,
        **FAST,
    )
    predicted = result.predictions["predicted"].to_numpy()
    for fold, train, test, choice in folds_of(result):
        model = make_pipeline(DistanceKernel(), SVC(kernel="precomputed"))
        inner = split_stratified(
            np.unique(labels, return_inverse=True)[1][train], 4, random_seed(4, 3, 0, fold)
        )
        assert len({len(b) for _, b in inner}) == 1
        search = GridSearchCV(model, {"distancekernel__sigma": sigmas, "svc__C": costs}, cv=inner)
        search.fit(D[np.ix_(train, train)], labels[train])
        mean = dict(
            zip(
                ((p["distancekernel__sigma"], p["svc__C"]) for p in search.cv_results_["params"]),
                search.cv_results_["mean_test_score"],
            )
        )
        chosen = (choice["sigma"], choice["cost"])
        assert mean[chosen] == pytest.approx(max(mean.values()))
        model.set_params(distancekernel__sigma=chosen[0], svc__C=chosen[1])
        model.fit(D[np.ix_(train, train)], labels[train])
        np.testing.assert_array_equal(predicted[test], model.predict(D[np.ix_(test, train)]))


@pytest.mark.parametrize("classifier", ["knn", "svm"])
def test_summary_is_that_of_the_predictions(clouds, classifier):
    D, labels = clouds
    result = nested_classification(
        D, labels, classifier=classifier, n_permutations=9, n_bootstrap=200, **SMALL
    )
    table, row = result.predictions, result.summary.iloc[0]
    assert row["accuracy"] == pytest.approx(accuracy_score(table["observed"], table["predicted"]))
    assert row["balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(table["observed"], table["predicted"])
    )
    assert row["accuracy_low"] < row["accuracy"] < row["accuracy_high"]
    low, high = row["balanced_accuracy_low"], row["balanced_accuracy_high"]
    assert low < row["balanced_accuracy"] < high
    assert row["chance_majority"] == pytest.approx(0.5)
    assert row["chance_uniform"] == pytest.approx(1 / 3)
    assert row["p_value"] == pytest.approx(0.1)
    assert row["accuracy"] > row["null_high"]
    expected = confusion_matrix(table["observed"], table["predicted"])
    np.testing.assert_array_equal(result.confusion.to_numpy(), expected)
    assert list(result.confusion.index) == ["pool", "stack", "stem"]
    assert (table["correct"] == (table["observed"] == table["predicted"])).all()


@pytest.mark.parametrize("classifier", ["knn", "svm"])
def test_noise_is_at_chance(clouds, rng, classifier):
    D, labels = clouds
    row = nested_classification(
        D, rng.permutation(labels), classifier=classifier, n_permutations=19, seed=1, **SMALL
    ).summary.iloc[0]
    assert row["p_value"] > 0.05
    assert row["null_low"] <= row["null_mean"] <= row["null_high"]


def test_balanced_scoring_gives_rare_classes_their_due(rng):
    y = np.repeat([0, 1], [80, 16])
    X = rng.standard_normal((96, 2)) + 1.2 * y[:, None]
    D = cdist(X, X)
    plain = nested_classification(D, y, classifier="svm", seed=0, **FAST).summary.iloc[0]
    balanced = nested_classification(
        D, y, classifier="svm", scoring="balanced_accuracy", seed=0, **FAST
    ).summary.iloc[0]
    assert balanced["balanced_accuracy"] > plain["balanced_accuracy"]
    assert plain["accuracy"] > balanced["accuracy"]


@pytest.mark.parametrize("classifier", ["knn", "svm"])
def test_groups_close_the_leak(rng, classifier):
    """Copies of a network share label and position: only whole groups left out are honest."""
    groups = np.repeat(np.arange(24), 3)
    X = rng.standard_normal((24, 4))[groups] + 0.01 * rng.standard_normal((72, 4))
    D, y = cdist(X, X), (np.arange(24) % 2)[groups]
    leaky = nested_classification(D, y, classifier=classifier, **FAST).summary.iloc[0]
    honest = nested_classification(
        D, y, classifier=classifier, groups=groups, n_permutations=9, **SMALL
    ).summary.iloc[0]
    assert leaky["accuracy"] > 0.9
    assert honest["accuracy"] < 0.7
    assert honest["p_value"] > 0.1
    assert honest["permutation"] == "groups"


def test_labels_inside_groups_are_exchanged_inside(rng):
    """Layers of networks: each network has every layer, and its own offset."""
    groups, layer = np.repeat(np.arange(20), 3), np.tile([0, 1, 2], 20)
    X = np.repeat(rng.standard_normal((20, 2)), 3, axis=0) + 3 * np.eye(3)[layer][:, :2]
    row = nested_classification(cdist(X, X), layer, groups=groups, n_permutations=19).summary.iloc[
        0
    ]
    assert row["permutation"] == "within groups"
    assert row["accuracy"] > 0.8
    assert row["p_value"] == pytest.approx(0.05)


def test_leave_one_out_and_repeats(clouds):
    D, labels = clouds
    one = nested_classification(D, labels, leave_one_out=True, neighbors=(3,), **FAST)
    assert one.summary["n_outer"].item() == 60
    twice = nested_classification(D, labels, n_repeats=2, **FAST)
    assert len(twice.predictions) == 120
    assert twice.confusion.to_numpy().sum() == 120
    assert twice.summary["accuracy"].item() == pytest.approx(twice.predictions["correct"].mean())


def test_runs_are_seeded(clouds):
    D, labels = clouds
    first, second = (
        nested_classification(D, labels, seed=7, n_permutations=3, n_bootstrap=50).summary
        for _ in range(2)
    )
    assert first.equals(second)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.zeros(60)}, "at least 2 classes"),
        ({"labels": np.zeros(59)}, r"labels: found shape \(59,\), expected one per item, \(60,\)"),
        ({"labels": np.r_[np.nan, np.arange(59) % 2]}, "found nan at 0"),
        ({"labels": np.r_[["rare"] * 4, ["common"] * 56]}, "found 4 items of class rare, expected"),
        (
            {"labels": np.arange(60) % 2, "groups": np.arange(60) % 4},
            "labels: found 2 groups of class 0, expected at least 5",
        ),
        ({"classifier": "forest"}, "classifier: found 'forest', expected one of 'knn', 'svm'"),
        ({"scoring": "f1"}, "scoring: found 'f1'"),
        ({"neighbors": (0,)}, r"neighbors: found \(.*\), expected integers >= 1"),
        ({"neighbors": (1.5,)}, r"neighbors: found \(.*\), expected integers >= 1"),
        ({"classifier": "svm", "costs": ()}, "costs: found .* expected a list of numbers > 0"),
        ({"n_inner": 1}, "n_inner: found 1, expected an integer >= 2"),
    ],
)
def test_bad_input_is_named(clouds, change, message):
    D, labels = clouds
    with pytest.raises(ValueError, match=message):
        nested_classification(D, **({"labels": labels} | change))
