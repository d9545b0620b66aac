"""Analyses of hundreds of items: known values, the dense way, any number of threads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from angles import angles_and_target
from scipy.spatial.distance import cdist

from shapemetrics.learning import (
    gaussian_kernel,
    mantel,
    nested_classification,
    nested_regression,
    variance_explained,
)
from shapemetrics.learning.ridge_path import RidgePath

SIGMAS = (0.5, 1.0, 2.5, 10.0)
# Values computed by a full eigendecomposition of every kernel.
REGRESSIONS = {
    200: {
        "options": {"n_repeats": 2, "n_permutations": 20},
        "summary": {
            "r2": 0.5301182087062449,
            "r2_low": 0.4646360915180475,
            "r2_high": 0.5924253255230895,
            "spearman": 0.7668731718292957,
            "p_value": 1 / 21,
            "null_r2_mean": -0.009407479380193502,
            "null_r2_low": -0.032375255988821815,
            "null_r2_high": 0.005294339858132141,
        },
        "choices": [(0.5, 1e-5)] * 10,
        "null": [0.008949627421868112, -0.008087876245017611, -0.006132276240211398],
        "predicted": [-0.34843746854669133, -0.6497039007537398, -0.3400662110083791],
    },
    500: {
        "options": {"n_outer": 3, "n_inner": 3, "n_permutations": 10, "sigmas": SIGMAS},
        "summary": {
            "r2": 0.6228906145008757,
            "r2_low": 0.5752135792502383,
            "r2_high": 0.6649157283560612,
            "spearman": 0.7946335785343142,
            "p_value": 1 / 11,
            "null_r2_mean": -1.7307248586295732e-05,
            "null_r2_low": -0.0061783855754534486,
            "null_r2_high": 0.014038608601631045,
        },
        "choices": [(0.5, 1e-5)] * 3,
        "null": [-0.0002488687292101499, 0.01779215553151625, 0.001109724732026418],
        "predicted": [-0.445991177036558, -0.4776020608929995, -0.025988640155225187],
    },
}
# With wide, indefinite kernels only.
WIDE = {
    200: {
        "summary": {
            "r2": 0.9271040958861261,
            "spearman": 0.9898139953498837,
            "null_r2_mean": -0.012168495318188467,
        },
        "ridges": [0.1, 0.1, 0.1, 0.1, 0.01, 0.1, 0.01, 0.1, 0.1, 0.01],
    },
    500: {
        "summary": {
            "r2": 0.9702801995597021,
            "spearman": 0.9969186756747027,
            "null_r2_mean": -0.01359058112821374,
        },
        "ridges": [0.1, 0.1, 0.01],
    },
}


@pytest.mark.parametrize("n_items", REGRESSIONS)
def test_regression_has_known_values(n_items):
    D, y = angles_and_target(n_items)
    known = REGRESSIONS[n_items]
    found = nested_regression(D, y, **known["options"])
    for name, value in known["summary"].items():
        assert found.summary[name].item() == pytest.approx(value, abs=1e-9), name
    assert list(zip(found.choices["sigma"], found.choices["ridge"])) == known["choices"]
    np.testing.assert_allclose(found.null_r2[:3], known["null"], atol=1e-9)
    np.testing.assert_allclose(found.predictions["predicted"][:3], known["predicted"], atol=1e-9)


@pytest.mark.parametrize("n_items", WIDE)
def test_regression_by_indefinite_kernels_has_known_values(n_items):
    D, _ = angles_and_target(n_items)
    options = REGRESSIONS[n_items]["options"] | {"sigmas": (2.5, 10.0), "ridges": (0.01, 0.1)}
    found = nested_regression(D, D[:, 0] + D[:, 1] * D[:, 2], **options)
    for name, value in WIDE[n_items]["summary"].items():
        assert found.summary[name].item() == pytest.approx(value, abs=1e-9), name
    assert set(found.choices["sigma"]) == {2.5}
    assert found.choices["ridge"].tolist() == WIDE[n_items]["ridges"]


def dense_predictions(K, across, targets, ridge):
    """Kernel ridge by all eigenvectors, without those whose eigenvalue is not positive."""
    values, vectors = np.linalg.eigh(K)
    gains = np.where(values > 1e-12 * values[-1], 1 / (values + ridge), 0.0)
    return across @ (vectors * gains) @ (vectors.T @ targets)


@pytest.mark.parametrize("n_items", [2, 3, 60, 450])
@pytest.mark.parametrize("sigma", [0.5, 1.0, 3.0])
def test_one_reduction_gives_the_predictions_of_every_ridge(n_items, sigma, rng):
    """Narrow kernels (positive definite) and wide ones, small and large, on several targets."""
    D, _ = angles_and_target(n_items + 30)
    K = gaussian_kernel(D[:n_items, :n_items], 1.5 * sigma)
    across = gaussian_kernel(D[n_items:, :n_items], 1.5 * sigma)
    targets = rng.normal(size=(n_items, 4))
    ridges = np.array([1e-3, 0.1, 1.0])
    indefinite = np.linalg.eigvalsh(K)[0] < 0
    assert indefinite == (sigma == 3.0 and n_items > 50)
    path = RidgePath(K.copy(), across, targets)
    together = path.predict(ridges)
    assert together.shape == (30, 3, 4)
    for r, ridge in enumerate(ridges):
        expected = dense_predictions(K, across, targets, ridge)
        np.testing.assert_allclose(together[:, r], expected, atol=1e-9)
    each = path.predict_each(np.array([1.0, 1e-3, 1.0, 0.1]))
    for column, r in enumerate([2, 0, 2, 1]):
        np.testing.assert_allclose(each[:, column], together[:, r, column], atol=1e-11)


def test_directions_that_rounding_made_are_dropped(rng):
    """Points on a line: a wide kernel's eigenvalues fall below all rounding errors."""
    x = np.sort(rng.uniform(size=(480, 1)), axis=0)
    K = gaussian_kernel(cdist(x, x), 2.0)
    values = np.linalg.eigvalsh(K)
    assert np.count_nonzero(values > 1e-12 * values[-1]) < 20
    targets = np.sin(5 * x)
    found = RidgePath(K.copy(), K[:7], targets).predict(np.array([1e-6]))[:, 0]
    np.testing.assert_allclose(found, dense_predictions(K, K[:7], targets, 1e-6), atol=1e-9)


def test_classification_has_known_values():
    D, y = angles_and_target(200)
    labels = np.digitize(y, np.quantile(y, [0.25, 0.5, 0.75]))
    known = {
        "knn": (0.44, 0.375, 0.51, [0.245, 0.32, 0.225]),
        "svm": (0.42, 0.355, 0.49012499999999987, [0.23, 0.28, 0.25]),
    }
    for classifier, (accuracy, low, high, null) in known.items():
        options = {"n_permutations": 3, "n_outer": 3, "n_inner": 3, "classifier": classifier}
        found = nested_classification(D, labels, **options)
        row = found.summary.iloc[0]
        assert row[["accuracy", "accuracy_low", "accuracy_high"]].tolist() == pytest.approx(
            [accuracy, low, high], abs=1e-9
        )
        np.testing.assert_allclose(found.null, null, atol=1e-9)


def test_neighbours_are_found_where_training_items_are_rare():
    """Whole groups are left out, so that the nearest items are seldom training items."""
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(6), 30)
    X = 5.0 * rng.normal(size=(6, 2))[groups] + rng.normal(size=(180, 2))
    labels = np.tile([0, 1], 90)
    options = {"neighbors": (7,), "n_outer": 3, "n_permutations": 0, "n_bootstrap": 0}
    table = nested_classification(cdist(X, X), labels, groups=groups, **options).predictions
    for fold, part in table.groupby("fold"):
        train = np.flatnonzero(table["fold"] != fold)
        nearest = train[np.argsort(cdist(X[part.index], X[train]), axis=1)[:, :7]]
        expected = (labels[nearest].mean(axis=1) > 0.5).astype(int)
        assert part["predicted"].tolist() == expected.tolist()


def test_shares_and_their_permutations_are_those_of_one_at_a_time():
    D, y = angles_and_target(120)
    labels = np.digitize(y, np.quantile(y, [0.25, 0.5, 0.75])).astype(str)
    found = variance_explained(D, {"number": y, "class": labels}, n_permutations=199, ranks=False)
    centre = np.eye(120) - 1 / 120
    G = -0.5 * centre @ D**2 @ centre
    columns = {"number": y[:, None], "class": (labels[:, None] == np.unique(labels)).astype(float)}
    for number, (_, row) in enumerate(found.iterrows()):
        basis = np.linalg.svd(centre @ columns[row["covariate"]])[0][:, : row["df"]]
        share = np.trace(basis.T @ G @ basis) / np.trace(G)
        assert row["r2"] == pytest.approx(share, abs=1e-9)
        rng = np.random.default_rng([0, number])
        null = []
        for _ in range(199):
            shuffled = basis[rng.permutation(120)]
            null.append(np.trace(shuffled.T @ G @ shuffled) / np.trace(G))
        assert row["p_value"] == (1 + np.count_nonzero(np.array(null) >= share)) / 200


def test_mantels_null_is_that_of_permuted_matrices():
    D, _ = angles_and_target(250)
    E = 0.05 * D + angles_and_target(250, seed=1)[0]
    found = mantel(D, E, n_permutations=99, seed=4)
    upper = np.triu_indices(250, 1)
    assert found.correlation == pytest.approx(np.corrcoef(D[upper], E[upper])[0, 1], abs=1e-9)
    rng = np.random.default_rng(4)
    null = []
    for _ in range(99):
        order = rng.permutation(250)
        null.append(np.corrcoef(D[upper], E[np.ix_(order, order)][upper])[0, 1])
    assert found.p_value == (1 + np.count_nonzero(np.array(null) >= found.correlation)) / 100


def test_threads_change_nothing():
    D, y = angles_and_target(120)
    labels = np.digitize(y, np.quantile(y, [0.3, 0.6]))

    def tables(n_jobs):
        regression = nested_regression(D, y, n_permutations=5, n_repeats=2, n_jobs=n_jobs)
        yield from (regression.summary, regression.predictions, regression.choices)
        yield pd.DataFrame(regression.null_r2)
        for classifier in ("knn", "svm"):
            found = nested_classification(
                D, labels, classifier=classifier, n_permutations=4, n_outer=3, n_jobs=n_jobs
            )
            yield from (found.summary, found.predictions, found.choices, pd.DataFrame(found.null))
        yield variance_explained(D, {"y": y, "label": labels.astype(str)}, n_jobs=n_jobs)
        yield pd.DataFrame(
            [vars(mantel(D, D**2 + D[::-1, ::-1], n_permutations=50, n_jobs=n_jobs))]
        )

    for one, three in zip(tables(1), tables(3), strict=True):
        pd.testing.assert_frame_equal(one, three, check_exact=True)
