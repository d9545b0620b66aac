"""Dissimilarity matrices: as SciPy has them, as Gram matrices, and in rsatoolbox's form."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from shapemetrics.datasets.files import read_array
from shapemetrics.metrics import (
    AngularCKA,
    from_rsatoolbox,
    gram_of_rdm,
    rdm_of,
    to_rsatoolbox,
)


@pytest.mark.parametrize(
    ("rdm", "name"),
    [
        ("correlation", "correlation"),
        ("euclidean", "euclidean"),
        ("squared_euclidean", "sqeuclidean"),
    ],
)
def test_rdms_are_those_of_scipy(rdm, name, rng):
    X = 1e3 * rng.normal(size=(9, 5))
    np.testing.assert_allclose(rdm_of(X, rdm), squareform(pdist(X, name)), atol=1e-9)


def test_metrics_on_gram_matrices_take_rdms(rng):
    X, Y = rng.normal(size=(2, 12, 5))
    for debias in ("none", "song"):
        grams = [gram_of_rdm(rdm_of(Z, "euclidean")) for Z in (X, Y)]
        found = AngularCKA("precomputed", debias=debias).distance(*grams)
        assert found == pytest.approx(AngularCKA(debias=debias).distance(X, Y), abs=1e-10)
    squared = gram_of_rdm(pdist(X, "sqeuclidean"), squared=True)
    np.testing.assert_allclose(squared, gram_of_rdm(pdist(X)), atol=1e-10)


def test_there_and_back(rng):
    rdms = {name: rdm_of(rng.normal(size=(6, 4))) for name in ("a", "b")}
    vectors = to_rsatoolbox(rdms)
    vectors = getattr(vectors, "dissimilarities", vectors)
    given = SimpleNamespace(dissimilarities=vectors, rdm_descriptors={"name": ["a", "b"]})
    for name, matrix in from_rsatoolbox(given).items():
        np.testing.assert_allclose(matrix, rdms[name], atol=1e-12)


def test_the_package_itself_agrees(rng):
    rsatoolbox = pytest.importorskip("rsatoolbox")
    X = rng.normal(size=(7, 5))
    theirs = rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(X), method="correlation")
    np.testing.assert_allclose(from_rsatoolbox(theirs)["rdm0"], rdm_of(X), atol=1e-10)
    ours = to_rsatoolbox({"x": rdm_of(X)}, stimuli=list("abcdefg"))
    np.testing.assert_allclose(ours.dissimilarities, theirs.dissimilarities, atol=1e-10)


def test_what_is_no_rdm_is_named(rng):
    with pytest.raises(ValueError, match=r"'V1': found shape \(3, 4\)"):
        gram_of_rdm(np.ones((3, 4)), name="V1")
    with pytest.raises(ValueError, match="'V1': found a matrix that is not symmetric"):
        gram_of_rdm(rng.normal(size=(4, 4)), name="V1")
    with pytest.raises(ValueError, match="'V1': found 5 dissimilarities"):
        gram_of_rdm(np.ones(5), name="V1")
    with pytest.raises(ValueError, match="found NaN"):
        gram_of_rdm(np.full(3, np.nan))
    with pytest.raises(ValueError, match=r"rdms: found \[3, 4\] stimuli"):
        to_rsatoolbox({"a": 1 - np.eye(3), "b": 1 - np.eye(4)})
    with pytest.raises(ValueError, match="stimuli: found 2, expected 3"):
        to_rsatoolbox({"a": 1 - np.eye(3)}, stimuli=["x", "y"])
    with pytest.raises(TypeError, match="rdms: found a list"):
        from_rsatoolbox([1.0])


def test_files_that_look_like_one_are_remarked_on(tmp_path, rng):
    np.save(tmp_path / "rdm.npy", rdm_of(rng.normal(size=(6, 4))))
    with pytest.warns(UserWarning, match="looks like a matrix of dissimilarities"):
        read_array(tmp_path / "rdm.npy")
