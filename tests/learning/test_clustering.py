"""Trees, k-means on coordinates, and agreement with labels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import is_valid_linkage, leaves_list, linkage
from scipy.spatial.distance import cdist, squareform
from sklearn.metrics import adjusted_rand_score

from shapemetrics.learning import (
    cluster_agreement,
    cluster_distances,
    cluster_kmeans,
    linkage_table,
)


@pytest.fixture
def clouds(rng):
    truth = np.arange(18) % 3
    return rng.standard_normal((18, 2)) + 8 * np.eye(3)[truth][:, :2], truth


@pytest.mark.parametrize("method", ["average", "complete", "single", "weighted", "ward"])
def test_table_is_the_linkage_of_scipy(clouds, method):
    X, _ = clouds
    D = cdist(X, X)
    tree = linkage_table(D, method)
    assert is_valid_linkage(tree.linkage)
    np.testing.assert_allclose(
        tree.table["height"], linkage(squareform(D), method=method)[:, 2], atol=1e-10
    )
    assert list(tree.table.columns) == ["step", "left", "right", "height", "size"]
    assert tree.table["size"].iloc[-1] == 18
    assert sorted(tree.order) == list(range(18))


def test_leaves_are_in_an_order_as_good_as_any(clouds):
    X, _ = clouds
    D = cdist(X, X)
    tree = linkage_table(D)
    order, default = tree.order, leaves_list(linkage(squareform(D), method="average"))
    assert D[order[:-1], order[1:]].sum() < D[default[:-1], default[1:]].sum()
    assert tree.cophenetic > 0.8


def test_tree_metric_is_reproduced():
    # An ultrametric: average linkage gives it back.
    D = np.array([[0, 2, 6, 6], [2, 0, 6, 6], [6, 6, 0, 4], [6, 6, 4, 0]], dtype=float)
    tree = linkage_table(D, ids=["a", "b", "c", "d"])
    assert tree.table["height"].tolist() == [2, 4, 6]
    assert tree.cophenetic == pytest.approx(1.0)
    np.testing.assert_array_equal(tree.cut(2), [0, 0, 1, 1])
    np.testing.assert_array_equal(tree.cut(1), 0)
    assert len(set(tree.cut(4))) == 4
    assert tree.ids.tolist() == ["a", "b", "c", "d"]


def test_equal_distances_have_no_cophenetic_correlation():
    assert np.isnan(linkage_table(np.ones((3, 3)) - np.eye(3)).cophenetic)


def test_kmeans_finds_clouds(clouds):
    X, truth = clouds
    np.testing.assert_array_equal(cluster_kmeans(X, 3, seed=5), truth)
    np.testing.assert_array_equal(cluster_kmeans(X, 1), 0)


def test_agreement_with_the_truth_and_with_noise(clouds, rng):
    X, truth = clouds
    names = np.array(["x", "y", "z"])[truth]
    row = cluster_agreement(cluster_kmeans(X, 3), names, n_permutations=99).iloc[0]
    assert row["adjusted_rand"] == 1.0
    assert row["p_value"] == pytest.approx(0.01)
    assert (row["n_clusters"], row["n_classes"]) == (3, 3)
    noise = rng.integers(0, 3, 18)
    row = cluster_agreement(noise, truth, n_permutations=99).iloc[0]
    assert row["adjusted_rand"] == pytest.approx(adjusted_rand_score(truth, noise))
    assert row["p_value"] > 0.05
    assert abs(row["null_mean"]) < 0.1
    assert row["null_mean"] < row["null_high"] < 1


def test_agreement_of_groups_is_judged_by_groups():
    # Six networks of six layers, clustered by network family, as are the labels.
    groups = np.repeat(np.arange(6), 6)
    family = (np.arange(6) >= 3).astype(int)[groups]
    free = cluster_agreement(family, family, n_permutations=199).iloc[0]
    grouped = cluster_agreement(family, family, n_permutations=199, groups=groups).iloc[0]
    assert free["p_value"] == pytest.approx(1 / 200)
    # Of the 20 ways to divide six networks, two give the same partition.
    assert grouped["p_value"] == pytest.approx(0.1, abs=0.06)
    assert np.isnan(cluster_agreement(family, family, n_permutations=0)["p_value"].item())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: linkage_table(np.zeros((3, 3)), "centroid"),
            "method: found 'centroid', expected one of",
        ),
        (lambda: linkage_table(np.ones((3, 3)) - np.eye(3)).cut(4), "n_clusters"),
        (lambda: cluster_kmeans(np.zeros(3), 1), "finite matrix"),
        (
            lambda: cluster_kmeans(np.zeros((3, 2)), 4),
            "k: found 4, expected an integer from 1 to 3",
        ),
        (lambda: cluster_agreement([0, 1], [0, 1, 1]), "found 2 and 3"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_ward_clusters_the_points_of_an_embedding(clouds):
    X, _ = clouds
    D = cdist(X, X)
    tree = cluster_distances(D, "ward", n_components=2)
    # Points of the plane embed exactly in two dimensions, so only the route differs.
    np.testing.assert_allclose(tree.table["height"], linkage_table(D, "ward").table["height"])


def test_ward_clusters_distances_as_they_are_where_it_is_asked_to(rng):
    D = cdist(*[rng.normal(size=(12, 3))] * 2) ** 1.3  # not Euclidean
    found = cluster_distances(D, "ward", n_components=2, ward_on="distances")
    np.testing.assert_allclose(found.linkage, linkage_table(D, "ward").linkage)
    on_points = cluster_distances(D, "ward", n_components=2, n_init=4).table["height"]
    assert not np.allclose(found.table["height"], on_points, rtol=1e-3)
    with pytest.raises(ValueError, match="ward_on: found 'x', expected"):
        cluster_distances(D, "ward", ward_on="x")


def test_other_methods_cluster_the_distances_themselves(clouds):
    X, _ = clouds
    D = cdist(X, X)
    found = cluster_distances(D, "average").linkage
    np.testing.assert_array_equal(found, linkage_table(D, "average").linkage)
