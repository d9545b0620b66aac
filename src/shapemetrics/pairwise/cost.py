"""How long a pair takes on one core, to size jobs and announce them beforehand."""

from __future__ import annotations

from shapemetrics.metrics.base import Metric
from shapemetrics.validation import check_integer

#: What any pair costs besides, in seconds.
OVERHEAD = 3e-6
#: Trials per stimulus, where their number is not given.
TRIALS = 10


def estimated_pair_seconds(
    metric: Metric,
    m: int,
    n: int,
    *,
    grid: tuple[int, int] | None = None,
    trials: int | None = None,
) -> float:
    r"""Estimate the time that one more pair takes on one core, in float64, by a model.

    Parameters
    ----------
    metric : Metric
        One that knows its time (:meth:`shapemetrics.metrics.Metric.pair_seconds`).
    m : int
        Stimuli; of a layer flattened into a matrix, stimuli times positions.
    n : int
        Units, or channels where `grid` is given.
    grid : tuple of int, optional
        Height and width of a convolutional layer that is not flattened.
    trials : int, optional
        Trials per stimulus, for the stochastic metrics; by default 10.

    Returns
    -------
    float
        Seconds per pair, without the preparation of each network.

    Raises
    ------
    TypeError
        If the metric is none that the model knows.
    ValueError
        If a size is not positive.

    Notes
    -----
    For the linear family with r = n (or ``n_components``, or m where that is less)

    .. math:: t = 2 m r^2 / G + s(r) ,

    with the rate G of matrix products and the time s of singular values
    (:mod:`shapemetrics.metrics.cost`). Families that end in singular
    values or an assignment replace s; those that iterate (the stochastic ones) have a power law
    fitted to 20 to 400 stimuli and 4 to 32 units, good to a factor of about three, since steps
    depend on the data. A constant machine is assumed, so that plans made with it are the same
    everywhere.

    Examples
    --------
    >>> from shapemetrics.metrics import LinearMetric
    >>> few, many = (estimated_pair_seconds(LinearMetric(), 1000, n) for n in (64, 256))
    >>> 1e-4 < few < many < 1e-1
    True
    """
    for value, name in ((m, "m"), (n, "n"), *((side, "grid") for side in grid or ())):
        check_integer(value, name, 1)
    check_integer(trials, "trials", 1, optional=True)
    seconds = metric.pair_seconds(m, n, grid=grid or (1, 1), trials=trials or TRIALS)
    return OVERHEAD + seconds
