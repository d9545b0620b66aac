"""What distances are organised by: the variance that covariates of the items explain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shapemetrics.arrays import as_array, scaled
from shapemetrics.learning.resampling import check_counts, permutation_p_value
from shapemetrics.pairwise.checks import (
    check_distances,
    check_seed,
    in_item_order,
    item_labels,
    real_numbers,
    scale_exponent,
)
from shapemetrics.pairwise.threads import item_workers

__all__ = ["axis_correlations", "variance_explained"]

if TYPE_CHECKING:
    import pandas as pd

Covariates: TypeAlias = "pd.DataFrame | Mapping[str, ArrayLike]"

# Columns of permuted covariates that are multiplied by the K x K matrix at a time.
_COLUMNS = 128


def variance_explained(
    D: ArrayLike,
    covariates: Covariates,
    *,
    n_permutations: int = 999,
    seed: int = 0,
    ranks: bool = True,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Find how much of the spread of items in a metric space each covariate explains.

    Parameters
    ----------
    D : array of shape (K, K)
        Distances.
    covariates : pandas.DataFrame or mapping of K rows
        Numbers, or labels (text, booleans, categories). Every covariate must vary.
    n_permutations : int
        Permutations of the items, for the p-values; 0 for none.
    seed : int
        Seed of the permutations.
    ranks : bool, default True
        Use a number's rank in place of the number.
    n_jobs : int, optional
        Threads, which share the permutations; -1 takes all cores. By default as many as the
        linear algebra may use, at most eight, and one for fewer than 700 items. The result does
        not depend on their number.

    Returns
    -------
    pandas.DataFrame
        One row per covariate, in their order: ``covariate``; ``r2``, the share of the variance that
        it explains alone; ``unique_r2``, what the share of all covariates together loses without
        it; ``total_r2`` of all together; ``p_value`` of r2, the share of permutations with at
        least as large a one; ``n``, K; ``df``, its degrees of freedom.

    Raises
    ------
    ValueError
        If D holds no distances, a covariate has another length, a missing value, or one value
        only, or there are as many degrees of freedom as items.

    Notes
    -----
    Distance-based redundancy analysis (McArdle & Anderson 2001): with
    G = -1/2 (I - 11'/K) D^2 (I - 11'/K), and H the projection on the covariate's centred columns,
    R^2 = tr(H G) / tr(G): the part of the sum of squared distances to the centroid that lies
    between the values of the covariate. Euclidean distances between points give the R^2 of the
    linear regression of the points on the covariate. Without it (a shape metric need not be
    Euclidean) G has negative eigenvalues, and an R^2 may be slightly negative or above 1. A number
    enters as its rank, with one degree of freedom, so that only a monotone trend counts; labels
    with q values enter with q - 1.

    Memory is about 32 K^2 bytes, and 2 kB per item and thread for permutations, many of which are
    multiplied by G at once.

    Examples
    --------
    >>> x = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    >>> D = np.abs(x[:, None] - x)
    >>> found = variance_explained(D, {"x": x, "odd": ["a", "b"] * 3}, n_permutations=99)
    >>> found[["covariate", "df"]].to_numpy().tolist(), found["r2"].round(3).tolist()
    ([['x', 1], ['odd', 1]], [1.0, 0.086])
    """
    import pandas as pd

    check_seed(seed)
    labels = item_labels(D)
    matrix, _ = check_distances(D, min_items=3)
    check_counts(n_permutations=n_permutations)
    ordered = {
        name: in_item_order(values, labels, f"covariate {name}")
        for name, values in dict(covariates).items()
    }
    bases = _bases(ordered, len(matrix), ranks)
    # Distances of magnitude one: their squares stay within float64, and shares have no units.
    G = _centred(scaled(matrix, -scale_exponent(matrix)))
    total = float(np.trace(G))
    if total <= 0:
        raise ValueError("D: found no variance between the items, expected distances above 0")
    full = _orthonormal(np.hstack(list(bases.values())))
    if full.shape[1] >= len(matrix) - 1:
        raise ValueError(
            f"covariates: found {full.shape[1]} degrees of freedom together, "
            f"expected fewer than {len(matrix) - 1} for {len(matrix)} items"
        )
    total_r2 = _share(full, G, total)
    null: dict[str, list[NDArray]] = {name: [np.empty(0)] for name in bases}
    with item_workers(len(matrix), n_jobs) as run:
        draws = _permutations(bases, len(matrix), n_permutations, seed)
        for name, shares in run(lambda *draw: _permuted_shares(G, total, *draw), draws):
            null[name].append(shares)
    rows = []
    for name, basis in bases.items():
        r2 = _share(basis, G, total)
        others = [other for key, other in bases.items() if key != name]
        rest = _share(_orthonormal(np.hstack(others)), G, total) if others else 0.0
        rows.append(
            {
                "covariate": name,
                "r2": r2,
                "unique_r2": total_r2 - rest,
                "total_r2": total_r2,
                "p_value": permutation_p_value(r2, np.concatenate(null[name])),
                "n": len(matrix),
                "df": basis.shape[1],
            }
        )
    return pd.DataFrame(rows)


def axis_correlations(points: ArrayLike, covariates: Covariates) -> pd.DataFrame:
    """Correlate the axes of an embedding with covariates, by ranks.

    Parameters
    ----------
    points : array of shape (K, L)
        Coordinates of the items; axes in their order.
    covariates : pandas.DataFrame or mapping of K rows
        Numbers; each must vary.

    Returns
    -------
    pandas.DataFrame
        One row per covariate and axis: ``covariate``, ``axis`` (from 1), ``spearman``. An axis on
        which all points coincide has NaN. The sign of an axis of an embedding is arbitrary.

    Raises
    ------
    ValueError
        If a covariate is no numbers, has another length, a missing value, or one value only.

    Examples
    --------
    >>> points = np.array([[0.0, 3.0], [1.0, 1.0], [2.0, 2.0]])
    >>> axis_correlations(points, {"depth": [1, 5, 6]})["spearman"].round(6).tolist()
    [1.0, -0.5]
    """
    import pandas as pd
    from scipy.stats import rankdata

    places = real_numbers(points, "points")
    if places.ndim != 2:
        raise ValueError(f"points: found shape {places.shape}, expected a finite matrix (K, L)")
    columns = _columns(covariates, len(places))
    text = [name for name, values in columns.items() if not _is_number(values)]
    if text:
        raise ValueError(f"covariate {text[0]}: found labels, expected numbers")
    x = _standardised(rankdata(places, axis=0))
    rows = []
    for name, values in columns.items():
        y = _standardised(rankdata(values.to_numpy(np.float64))[:, None])
        for axis, rho in enumerate((x.T @ y)[:, 0], start=1):
            rows.append(
                {
                    "covariate": name,
                    "axis": axis,
                    "spearman": float(np.clip(rho, -1, 1)) if x[:, axis - 1].any() else np.nan,
                }
            )
    return pd.DataFrame(rows)


def _centred(D: NDArray) -> NDArray[np.float64]:
    squares = D**2
    means = squares.mean(axis=0)
    return -0.5 * (squares - means - means[:, None] + means.mean())


def _share(basis: NDArray, G: NDArray, total: float) -> float:
    return float(np.vdot(basis, G @ basis)) / total


def _permutations(
    bases: Mapping[str, NDArray], n_items: int, n_permutations: int, seed: int
) -> Iterator[tuple[str, NDArray, NDArray]]:
    """Yield each covariate's name and basis with some permutations of the items, one a row."""
    for number, (name, basis) in enumerate(bases.items()):
        # Each covariate's permutations are its own: they do not depend on which others there are.
        rng = np.random.default_rng([seed, number])
        at_once = max(1, _COLUMNS // basis.shape[1])
        for begin in range(0, n_permutations, at_once):
            count = min(at_once, n_permutations - begin)
            yield name, basis, np.stack([rng.permutation(n_items) for _ in range(count)])


def _permuted_shares(
    G: NDArray, total: float, name: str, basis: NDArray, orders: NDArray
) -> tuple[str, NDArray[np.float64]]:
    """Return a covariate's name and its shares under each permutation."""
    stacked = basis[orders].transpose(1, 0, 2).reshape(len(G), -1)
    powers = np.einsum("ij,ij->j", stacked, G @ stacked)
    return name, powers.reshape(len(orders), -1).sum(axis=1) / total


def _columns(covariates: Covariates, n_items: int) -> dict[str, pd.Series]:
    """Covariates as columns that are complete and vary."""

    columns = {str(name): _column(values, name) for name, values in dict(covariates).items()}
    if not columns:
        raise ValueError("covariates: found none, expected at least one")
    for name, values in columns.items():
        if len(values) != n_items:
            raise ValueError(
                f"covariate {name}: found {len(values)} values, expected {n_items}, one per item"
            )
        missing = values.isna()
        if _is_number(values):
            missing |= ~np.isfinite(values.to_numpy(np.float64))
        if missing.any():
            at = int(np.argmax(missing.to_numpy()))
            raise ValueError(
                f"covariate {name}: found {values.iloc[at]} for item {at}, expected a value"
            )
        if values.nunique() < 2:
            raise ValueError(
                f"covariate {name}: found {values.iloc[0]} for all items, expected values that vary"
            )
    return columns


def _column(values: ArrayLike, name: object) -> pd.Series:
    """One covariate: text and categories as they are, numbers by the entrance of all numbers."""
    import pandas as pd

    if isinstance(values, pd.Series | pd.Index | pd.Categorical | list | tuple):
        column = pd.Series(values)
        return _checked_numbers(column, name)
    if isinstance(values, np.ndarray) and not isinstance(values, np.ma.MaskedArray):
        if values.dtype.kind in "OUSM" and values.ndim == 1:
            return pd.Series(values)
    elif isinstance(values, np.ma.MaskedArray) and values.dtype.kind in "OUS":
        missing = np.ma.getmaskarray(values)
        return pd.Series([None if gone else v for v, gone in zip(values.data, missing)])
    elif not hasattr(values, "__array__") and not hasattr(values, "__dlpack__"):
        return pd.Series(list(values))  # type: ignore[arg-type]
    numbers = as_array(values, f"covariate {name}")
    if numbers.ndim != 1:
        raise ValueError(
            f"covariate {name}: found shape {numbers.shape}, expected one value per item"
        )
    return pd.Series(numbers)


def _checked_numbers(column: pd.Series, name: object) -> pd.Series:
    """TypeError where a column's numbers are complex."""
    if getattr(column.dtype, "kind", "O") == "c":
        as_array(column, f"covariate {name}")
    return column


def _bases(covariates: Covariates, n_items: int, ranks: bool) -> dict[str, NDArray[np.float64]]:
    """An orthonormal basis of each covariate's centred columns."""
    import pandas as pd
    from scipy.stats import rankdata

    bases = {}
    for name, values in _columns(covariates, n_items).items():
        if _is_number(values):
            numbers = values.to_numpy(np.float64)
            # Numbers of magnitude one: neither their sum nor their squares leave float64.
            numbers = scaled(numbers, -scale_exponent(numbers))
            columns = (rankdata(numbers) if ranks else numbers)[:, None]
        else:
            columns = pd.get_dummies(values.astype(str)).to_numpy(np.float64)
        bases[name] = _orthonormal(columns - columns.mean(axis=0))
    return bases


def _orthonormal(columns: NDArray) -> NDArray[np.float64]:
    """Basis of the span of columns, those of no weight left out."""
    vectors, values, _ = np.linalg.svd(columns, full_matrices=False)
    return vectors[:, values > 1e-10 * values[0]]


def _standardised(columns: NDArray) -> NDArray[np.float64]:
    """Columns of mean 0 and sum of squares 1; a constant one becomes 0."""
    centred = columns - columns.mean(axis=0)
    norms = np.linalg.norm(centred, axis=0)
    return centred / np.where(norms > 0, norms, 1.0)


def _is_number(values: Sequence | pd.Series) -> bool:
    import pandas as pd

    kind = pd.Series(values).dtype
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)
