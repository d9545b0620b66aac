"""Two accuracies of the same networks, held against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shapemetrics.learning.resampling import central_interval, check_counts, permutation_p_value
from shapemetrics.pairwise.checks import check_seed, real_numbers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["accuracy_agreement"]


def accuracy_agreement(
    networks: pd.DataFrame,
    *,
    ours: str = "test_accuracy",
    published: str = "published_test_accuracy",
    n_permutations: int = 1000,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Correlate the accuracies reached here with published ones.

    Parameters
    ----------
    networks : pandas.DataFrame
        One row a network, with both columns. Rows with a column ``diverged`` that is true count
        like others: a network that fails in both places is an agreement.
    ours, published : str
        Columns of accuracies.
    n_permutations, n_bootstrap : int
        Permutations of the networks for the p-value, resamples of them for the interval.
    seed : int

    Returns
    -------
    pandas.DataFrame
        One row: ``n``; ``spearman`` with ``spearman_low`` and ``spearman_high``, its 95% bootstrap
        interval, and ``p_value``, one-sided; ``pearson``; ``mean_difference``, ours less
        published; ``rms_difference``.

    Raises
    ------
    ValueError
        If a column is missing, holds a value that is not finite, or only one value, or there are
        fewer than 3 networks.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"test_accuracy": [0.5, 0.6, 0.8, 0.7],
    ...                       "published_test_accuracy": [0.8, 0.85, 0.95, 0.9]})
    >>> found = accuracy_agreement(table).iloc[0]
    >>> round(float(found["spearman"]), 6), round(float(found["mean_difference"]), 3)
    (1.0, -0.225)
    """
    import pandas as pd

    check_counts(n_permutations=n_permutations, n_bootstrap=n_bootstrap)
    check_seed(seed)
    x, y = (_values(networks, name) for name in (ours, published))
    if len(x) < 3:
        raise ValueError(f"networks: found {len(x)}, expected at least 3")
    for name, values in ((ours, x), (published, y)):
        if np.ptp(values) == 0:
            raise ValueError(
                f"networks: found {values[0]:g} in column {name} for all, expected values that vary"
            )
    rng = np.random.default_rng(seed)
    rho = _spearman(x, y)
    null = np.array([_spearman(x, rng.permutation(y)) for _ in range(n_permutations)])
    picks = rng.integers(0, len(x), (n_bootstrap, len(x)))
    resampled = np.array([_spearman(x[pick], y[pick]) for pick in picks])
    low, high = central_interval(resampled[np.isfinite(resampled)])
    difference = x - y
    return pd.DataFrame(
        [
            {
                "n": len(x),
                "spearman": rho,
                "spearman_low": low,
                "spearman_high": high,
                "p_value": permutation_p_value(rho, null),
                "pearson": _pearson(x, y),
                "mean_difference": float(difference.mean()),
                "rms_difference": float(np.sqrt((difference**2).mean())),
            }
        ]
    )


def _values(networks: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in networks:
        raise ValueError(f"networks: found no column {name}, expected one")
    values = real_numbers(networks[name], f"column {name}", finite=False)
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values)))
        raise ValueError(
            f"networks: found {values[row]} in column {name}, row {row}, expected finite numbers"
        )
    return values


def _spearman(x: NDArray, y: NDArray) -> float:
    from scipy.stats import rankdata

    return _pearson(rankdata(x), rankdata(y))


def _pearson(x: NDArray, y: NDArray) -> float:
    """Correlation; NaN if one of the two does not vary."""
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt(np.vdot(x, x) * np.vdot(y, y)))
    return float(np.vdot(x, y)) / scale if scale > 0 else float("nan")
