"""Dissimilarity matrices of stimuli (RDMs): made of responses, compared by metrics, exchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.spatial.distance import squareform

from shapemetrics.arrays import as_array, as_responses
from shapemetrics.linalg import Array
from shapemetrics.metrics.gram import squared_distances
from shapemetrics.metrics.similarity_rsa import RDM, RDMS, correlation_distances
from shapemetrics.validation import check_choice

__all__ = ["from_rsatoolbox", "gram_of_rdm", "rdm_of", "to_rsatoolbox"]

#: Asymmetry, relative to the largest entry, and diagonal that count as rounding.
ROUNDING = 1e-6


def rdm_of(X: Any, rdm: RDM = "correlation", *, name: str = "X") -> Array:
    """Dissimilarities between the responses to all pairs of stimuli.

    Parameters
    ----------
    X : array-like of shape (m, n)
        Responses of n units to m stimuli.
    rdm : {"correlation", "euclidean", "squared_euclidean"}
        One minus Pearson's correlation over units, or a distance in the data's units.
    name : str
        What messages call it.

    Returns
    -------
    ndarray of shape (m, m)
        ``scipy.spatial.distance.squareform`` makes the vector of it that other packages keep.

    Raises
    ------
    TypeError, ValueError
        If X is not a finite real matrix, or a correlation over units is undefined.

    Notes
    -----
    Kriegeskorte, Mur, Bandettini (2008).

    Examples
    --------
    >>> rdm_of([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]], "euclidean").round(3).tolist()[0]
    [0.0, 5.0, 1.0]
    """
    check_choice(rdm, "rdm", RDMS)
    responses = as_responses(X, name)
    if rdm == "correlation":
        return correlation_distances(responses.values, name)
    squared = squared_distances(responses.values, responses.values)
    if rdm == "euclidean":
        return np.ldexp(np.sqrt(squared), responses.exponent)
    return np.ldexp(squared, 2 * responses.exponent)


def gram_of_rdm(rdm: Any, *, squared: bool = False, name: str = "rdm") -> Array:
    r"""The centred Gram matrix whose squared distances an RDM holds, for metrics on Gram matrices.

    Parameters
    ----------
    rdm : array-like of shape (m, m), or vector of length m (m - 1) / 2
        Dissimilarities; a vector holds what lies above the diagonal, row by row.
    squared : bool, default=False
        Whether they are squared distances already.
    name : str
        What messages call it.

    Returns
    -------
    ndarray of shape (m, m)
        For ``AngularCKA("precomputed")``, its debiased variant or ``KernelMetric("precomputed")``.

    Raises
    ------
    ValueError
        If it is no matrix of dissimilarities.

    Notes
    -----
    :math:`K = -\frac{1}{2} C D^{(2)} C` with squared entries (Torgerson 1952). Of Euclidean
    distances between responses it is their centred linear kernel. Of other dissimilarities it may
    have negative eigenvalues, and means nothing exact.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(9, 4))
    >>> K = gram_of_rdm(rdm_of(X, "euclidean"))
    >>> X = X - X.mean(axis=0)
    >>> bool(np.allclose(K, X @ X.T))
    True
    """
    values = _matrix(rdm, name)
    D = values if squared else values**2
    centred = D - D.mean(axis=0)
    centred = centred - centred.mean(axis=1, keepdims=True)
    return -0.25 * (centred + centred.T)


def from_rsatoolbox(rdms: Any) -> dict[str, Array]:
    """Matrices of an ``rsatoolbox.rdm.RDMs`` object, by name.

    Parameters
    ----------
    rdms : rsatoolbox.rdm.RDMs

    Returns
    -------
    dict of str to ndarray of shape (m, m)
        By the descriptor ``name`` where there is one whose values differ, else ``rdm0``, ...

    Raises
    ------
    TypeError
        If it is no such object.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> rdms = SimpleNamespace(dissimilarities=np.array([[1.0, 2.0, 3.0]]), rdm_descriptors={})
    >>> from_rsatoolbox(rdms)["rdm0"].tolist()
    [[0.0, 1.0, 2.0], [1.0, 0.0, 3.0], [2.0, 3.0, 0.0]]
    """
    vectors = getattr(rdms, "dissimilarities", None)
    if vectors is None:
        raise TypeError(f"rdms: found a {type(rdms).__name__}, expected rsatoolbox.rdm.RDMs")
    vectors = np.atleast_2d(np.asarray(vectors, dtype=float))
    given = [str(name) for name in (rdms.rdm_descriptors or {}).get("name", ())]
    unique = len(given) == len(vectors) and len(set(given)) == len(given)
    names = given if unique else [f"rdm{i}" for i in range(len(vectors))]
    return {name: squareform(vector) for name, vector in zip(names, vectors)}


def to_rsatoolbox(
    rdms: Mapping[str, Any], *, stimuli: Sequence[Any] | None = None, measure: str | None = None
) -> Any:
    """An ``rsatoolbox.rdm.RDMs`` object of matrices; plain vectors where it is not installed.

    Parameters
    ----------
    rdms : mapping of str to array-like of shape (m, m)
        As :func:`rdm_of` makes them.
    stimuli : sequence, optional
        Identifier of each stimulus.
    measure : str, optional
        What the dissimilarities are.

    Returns
    -------
    rsatoolbox.rdm.RDMs or ndarray of shape (K, m (m - 1) / 2)

    Raises
    ------
    ValueError
        If one is no matrix of dissimilarities, or their stimuli differ in number.

    Examples
    --------
    >>> vectors = to_rsatoolbox({"x": rdm_of(np.eye(4), "euclidean")})
    >>> getattr(vectors, "dissimilarities", vectors).shape
    (1, 6)
    """
    matrices = {name: _matrix(rdm, name) for name, rdm in rdms.items()}
    sizes = {len(matrix) for matrix in matrices.values()}
    if len(sizes) != 1:
        raise ValueError(f"rdms: found {sorted(sizes)} stimuli, expected one number, of at least 1")
    if stimuli is not None and len(stimuli) not in sizes:
        raise ValueError(f"stimuli: found {len(stimuli)}, expected {sizes.pop()}")
    vectors = np.stack([squareform(matrix, checks=False) for matrix in matrices.values()])
    try:
        from rsatoolbox.rdm import RDMs  # type: ignore[import-not-found]
    except ImportError:
        return vectors
    patterns = {} if stimuli is None else {"stimulus": list(stimuli)}
    return RDMs(
        vectors,
        dissimilarity_measure=measure,
        rdm_descriptors={"name": list(matrices)},
        pattern_descriptors=patterns,
    )


def _matrix(rdm: Any, name: str) -> Array:
    """A symmetric matrix with a zero diagonal, of a matrix or of its upper part."""
    values = np.asarray(as_array(rdm, name), dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"{name!r}: found NaN or infinity, expected dissimilarities")
    if values.ndim == 1:
        try:
            return squareform(values)
        except ValueError:
            raise ValueError(
                f"{name!r}: found {len(values)} dissimilarities, expected m (m - 1) / 2 of them"
            ) from None
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise ValueError(f"{name!r}: found shape {values.shape}, expected a square RDM or a vector")
    rounding = ROUNDING * float(np.abs(values).max())
    if np.abs(values - values.T).max() > rounding or np.abs(np.diagonal(values)).max() > rounding:
        raise ValueError(
            f"{name!r}: found a matrix that is not symmetric with a zero diagonal, expected an RDM"
        )
    return 0.5 * (values + values.T)
