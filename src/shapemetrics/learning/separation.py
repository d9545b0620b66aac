"""Whether a measure tells apart what differs by construction: groups of networks, and layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shapemetrics.learning.resampling import (
    central_interval,
    check_counts,
    permutation_p_value,
)
from shapemetrics.pairwise.checks import (
    check_dissimilarities,
    check_seed,
    in_item_order,
    item_labels,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["group_separation", "layer_monotonicity"]

# Entries (permutations times pairs) that are scored at a time: 8 MB for each temporary array.
_BLOCK = 1_000_000


def group_separation(
    D: ArrayLike, labels: ArrayLike, *, n_permutations: int = 1000, seed: int = 0
) -> pd.DataFrame:
    r"""Score how well distances tell pairs within a group from pairs across groups.

    Parameters
    ----------
    D : array of shape (K, K)
        Dissimilarities; of asymmetric ones the mean of both directions is taken.
    labels : sequence of length K
        The group of each item. Every group has at least two items.
    n_permutations : int, default=1000
        Permuted labels for the null distribution; 0 for none.
    seed : int
        Seed of the permutations.

    Returns
    -------
    pandas.DataFrame
        One row: ``auprc`` (1 where all pairs within a group are nearer than all pairs that leave
        it), ``chance`` (share of the pairs that are within the group), ``null_mean`` and
        ``null_high`` (mean and upper end of the central 95% of the AUPRC of permuted labels),
        ``p_value`` (share of permutations with at least this AUPRC), ``violations`` (rate, 0 for
        a perfect separation, 0.5 by chance), ``n``, ``n_groups``, ``n_permutations``.

    Raises
    ------
    ValueError
        If D is not a square matrix of finite numbers, there is not one label per item, there are
        fewer than two groups, or a group has one item only.

    Notes
    -----
    As in the ReSi benchmark (Klabunde et al. 2024, arXiv:2408.00531), every group g in turn asks
    which pairs lie within it, :math:`W_g`, among these and the pairs of a member with an item
    outside, :math:`A_g`; scores are means over groups. The area under the precision-recall curve
    is the average precision, with the nearest pairs retrieved first,

    .. math:: \text{AUPRC}_g = \frac{1}{|W_g|} \sum_{w \in W_g}
              \frac{\#\{w' \in W_g : d_{w'} \le d_w\}}
                   {\#\{p \in W_g \cup A_g : d_p \le d_w\}} ,

    and the rate of violations is the share of :math:`(w, a) \in W_g \times A_g` with
    :math:`d_w > d_a`, where ties count one half (in ReSi's code they count in full). Both depend
    on the order of the distances alone, so that increasing functions of a measure score alike.
    The average precision of a random order lies somewhat above the share of positive pairs where
    these are few, which the mean of permuted labels shows.

    Examples
    --------
    >>> x = np.array([0.0, 1.0, 10.0, 11.0, 20.0, 21.0])
    >>> D = np.abs(x[:, None] - x)
    >>> table = group_separation(D, ["a", "a", "b", "b", "c", "c"], n_permutations=0)
    >>> table[["auprc", "chance", "violations"]].round(3).to_numpy().tolist()
    [[1.0, 0.111, 0.0]]
    """
    import pandas as pd

    names = item_labels(D)
    matrix = check_dissimilarities(D, min_items=4)[0]
    groups = np.asarray(in_item_order(labels, names, "labels"))
    if groups.shape != (len(matrix),):
        raise ValueError(
            f"labels: found shape {groups.shape}, expected ({len(matrix)},), one per item"
        )
    kinds, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(kinds) < 2:
        raise ValueError(f"labels: found one group ({kinds[0]}), expected at least 2")
    if sizes.min() < 2:
        raise ValueError(
            f"labels: found one item in group {kinds[sizes.argmin()]}, expected at least 2, as "
            "its pairs are scored"
        )
    check_counts(n_permutations=n_permutations)
    check_seed(seed)

    first, second = np.triu_indices(len(matrix), k=1)
    # Halves, whose sum stays within float64.
    distances = 0.5 * matrix[first, second] + 0.5 * matrix[second, first]
    order = np.argsort(distances, kind="stable")
    pairs = _SortedPairs(distances[order], first[order], second[order])
    rng = np.random.default_rng(seed)
    auprc, violations = (float(scores[0]) for scores in pairs.scores(codes[None]))
    step = max(1, _BLOCK // len(order))
    null = np.empty(n_permutations)
    for begin in range(0, n_permutations, step):
        count = min(step, n_permutations - begin)
        permuted = rng.permuted(np.tile(codes, (count, 1)), axis=1)
        null[begin : begin + count] = pairs.scores(permuted)[0]
    within = sizes * (sizes - 1) / 2
    return pd.DataFrame(
        [
            {
                "auprc": auprc,
                "chance": float(np.mean(within / (within + sizes * (len(codes) - sizes)))),
                "null_mean": float(null.mean()) if n_permutations else np.nan,
                "null_high": central_interval(null)[1],
                "p_value": permutation_p_value(auprc, null),
                "violations": violations,
                "n": len(codes),
                "n_groups": len(kinds),
                "n_permutations": n_permutations,
            }
        ]
    )


class _SortedPairs:
    """Pairs of items from the nearest to the farthest, scored for many labellings at once."""

    def __init__(self, distances: NDArray, first: NDArray, second: NDArray) -> None:
        self._first, self._second = first, second
        # Equal distances are retrieved together: positions where each run of them ends, and how
        # many pairs come before the run.
        self._last = np.searchsorted(distances, distances, side="right") - 1
        self._before = np.searchsorted(distances, distances, side="left")

    def scores(self, codes: NDArray[np.int64]) -> tuple[NDArray, NDArray]:
        """Mean AUPRC and rate of violations over groups, for codes of shape (labellings, K)."""
        a, b = codes[:, self._first], codes[:, self._second]
        n_groups = int(codes.max()) + 1
        auprc, violations = np.zeros(len(codes)), np.zeros(len(codes))
        for group in range(n_groups):
            within = (a == group) & (b == group)
            across = (a == group) ^ (b == group)
            n_within = np.cumsum(within, axis=1)
            n_across = np.cumsum(across, axis=1)
            found, wrong = n_within[:, self._last], n_across[:, self._last]
            # Positions before the first pair of all hold none.
            nearer = np.pad(n_across, ((0, 0), (1, 0)))[:, self._before]
            precision = found / np.maximum(found + wrong, 1)
            positives, negatives = n_within[:, -1], n_across[:, -1]
            auprc += np.sum(precision * within, axis=1) / positives
            # Nearer pairs across count one, equally near ones one half.
            violating = np.sum(0.5 * (nearer + wrong) * within, axis=1)
            violations += violating / (positives * negatives)
        return auprc / n_groups, violations / n_groups


def layer_monotonicity(D: ArrayLike, order: ArrayLike | None = None) -> float:
    r"""Share of comparisons in which the nearer of two layers is the more similar one.

    Parameters
    ----------
    D : array of shape (L, L)
        Dissimilarities between the layers of one network, L at least 3, perhaps asymmetric: row i
        and column j hold the one from layer i to layer j.
    order : sequence of length L, optional
        Depth of each layer, all different; by default layers are given in their order.

    Returns
    -------
    float
        1 where every layer is nearer to near layers than to far ones, 0.5 by chance.

    Raises
    ------
    ValueError
        If D is not a square matrix of finite numbers of at least 3 layers, or `order` does not
        hold L different numbers.

    Notes
    -----
    The sixth test of the ReSi benchmark (Klabunde et al. 2024, arXiv:2408.00531): for every layer
    i, and layers j and k to the same side of it, j between i and k, does
    :math:`d_{ij} < d_{ik}` hold? Ties count one half. There are L (L - 1) (L - 2) / 3 comparisons;
    one minus the share is ReSi's rate of violations.

    Examples
    --------
    >>> depth = np.arange(5.0)
    >>> layer_monotonicity(np.abs(depth[:, None] - depth))
    1.0
    """
    names = item_labels(D)
    matrix = check_dissimilarities(D, min_items=3)[0]
    n_layers = len(matrix)
    if order is not None:
        depth = np.asarray(in_item_order(order, names, "order"))
        if depth.shape != (n_layers,) or len(np.unique(depth)) != n_layers:
            raise ValueError(
                f"order: found {depth.tolist()}, expected {n_layers} different numbers, one per "
                "layer"
            )
        sequence = np.argsort(depth)
        matrix = matrix[np.ix_(sequence, sequence)]
    i, j, k = np.mgrid[:n_layers, :n_layers, :n_layers]
    asked = ((i < j) & (j < k)) | ((i > j) & (j > k))
    near, far = matrix[i[asked], j[asked]], matrix[i[asked], k[asked]]
    return float(np.mean((near < far) + 0.5 * (near == far)))
