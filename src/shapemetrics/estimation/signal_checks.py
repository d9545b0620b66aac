"""Whether corrected distances are right: on simulated signals, and between halves of the trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shapemetrics.arrays import as_array
from shapemetrics.estimation.signal import MEASURES, Measure, read_sessions, signal_distances
from shapemetrics.pairwise.checks import check_seed
from shapemetrics.pairwise.engine import pairwise_distances
from shapemetrics.validation import check_choice, check_integer, check_number

__all__ = ["signal_bias", "signal_identification"]


def signal_bias(
    n_stimuli: int,
    n_units: int,
    n_trials: int,
    measure: Measure = "cka",
    *,
    reliabilities: Sequence[float] = (0.03, 0.1, 0.3),
    shared: Sequence[float] = (0.0, 0.5, 0.9),
    decay: float = 1.0,
    n_pairs: int = 10,
    n_resamples: int = 20,
    seed: int = 0,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Measure the bias of plug-in and corrected distances on simulated pairs of known distance.

    Parameters
    ----------
    n_stimuli, n_units, n_trials : int
        Of each of two networks.
    measure : {"cka", "rsa", "procrustes"}
    reliabilities : sequence of float
        Share of the signal in the variance of a unit's mean over all trials, between 0 and 1.
    shared : sequence of float
        Shares of the latent variance that both networks have in common, from 0 to 1.
    decay : float
        Variances of the latent variables fall as k to the power of minus this.
    n_pairs : int
        Simulated pairs for each reliability and share.
    n_resamples : int
        As in `signal_distances`.
    seed : int
    n_jobs : int

    Returns
    -------
    pandas.DataFrame
        One row per pair: reliability, shared, pair, truth (distance between the noise-free
        responses to these stimuli), plug_in (between averages), corrected, low, high, reason
        (why there is no corrected distance).

    Notes
    -----
    Latent variables are normal, half as many as stimuli, and mixed into units by random normal
    weights; noise is independent and of equal variance. Real noise is neither.

    Examples
    --------
    >>> table = signal_bias(30, 40, 8, reliabilities=[0.5], shared=[0.5], n_pairs=2)
    >>> bool((abs(table["corrected"] - table["truth"]) < 0.3).all())
    True
    """
    check_integer(n_stimuli, "n_stimuli", 4)
    check_integer(n_units, "n_units", 2)
    check_integer(n_trials, "n_trials", 2)
    check_integer(n_pairs, "n_pairs", 1)
    check_choice(measure, "measure", tuple(MEASURES))
    check_seed(seed)
    for name, values, low in (("reliabilities", reliabilities, None), ("shared", shared, 0.0)):
        for value in values:
            check_number(value, name, low=low or 0.0, high=1.0)
    rows = []
    metric = MEASURES[measure][1]
    for reliability in reliabilities:
        if not 0 < reliability <= 1:
            raise ValueError(f"reliabilities: found {reliability}, expected more than 0")
        for share in shared:
            for pair in range(n_pairs):
                # The same signals and noise at every reliability, so that columns compare.
                rng = np.random.default_rng([seed, pair])
                signals = _two_signals(rng, n_stimuli, n_units, share, decay)
                scale = np.sqrt(n_trials * (1 - reliability) / reliability)
                trials = [
                    X[:, None] + scale * X.std() * rng.normal(size=(n_stimuli, n_trials, n_units))
                    for X in signals
                ]
                found = signal_distances(
                    {"a": trials[0], "b": trials[1]},
                    measure,
                    n_resamples=n_resamples,
                    seed=pair,
                    n_jobs=n_jobs,
                )
                rows.append(
                    {
                        "reliability": reliability,
                        "shared": share,
                        "pair": pair,
                        "truth": metric.distance(*signals),
                        "plug_in": found.plug_in[0, 1],
                        "corrected": found.distances[0, 1],
                        "low": found.low[0, 1],
                        "high": found.high[0, 1],
                        "reason": found.table()["reason"].iloc[0],
                    }
                )
    return pd.DataFrame(rows)


def _two_signals(
    rng: np.random.Generator, m: int, n: int, share: float, decay: float
) -> list[NDArray[np.float64]]:
    d = m // 2
    spectrum = np.arange(1, d + 1) ** (-decay / 2)
    Z = rng.normal(size=(3, m, d)) * spectrum
    mixed = [np.sqrt(share) * Z[0] + np.sqrt(1 - share) * Z[k] for k in (1, 2)]
    return [L @ rng.normal(size=(d, n)) for L in mixed]


def signal_identification(
    networks: Mapping[str, Any],
    measure: Measure = "cka",
    *,
    n_resamples: int = 20,
    min_signal: float = 3.0,
    n_draws: int = 10,
    seed: int = 0,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Identify each network among all from the other half of its trials, plug-in and corrected.

    Parameters
    ----------
    networks : mapping from names to networks
        As in `signal_distances`, with at least four trials of every stimulus. Odd and even trials
        make the two halves, which share no trial.
    measure : {"cka", "rsa", "procrustes"}
    n_resamples, min_signal, n_draws, seed, n_jobs
        As in `signal_distances`.

    Returns
    -------
    pandas.DataFrame
        One row per estimate (``plug_in``, ``corrected``, ``noise``), set of networks and network:
        estimate, among (``all``, or ``reliable``: those with a reliable signal in both halves;
        corrected distances have these alone), item, n (networks in the set), floor (distance
        between its own halves), median (to the other halves of the others), identified (share of
        its halves whose nearest other half is its own; by chance 1 / n), reason (why it is not
        reliable).

    Raises
    ------
    ValueError
        As `signal_distances`.

    Notes
    -----
    Nearest is by the similarity as estimated, before it is clipped. Plug-in distances between
    halves compare the noise too: its power, its correlations and the numbers of trials, whatever
    is alike in both halves of a recording, help to tell networks apart without being signal. How
    much they do is what ``noise`` shows: plug-in distances between means of trials that are added
    and subtracted in turn, which hold the same noise and no signal. There is none where trials do
    not differ.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> networks = {
    ...     name: rng.normal(size=(20, 1, 30)) + rng.normal(size=(20, 10, 30)) for name in "abcd"
    ... }
    >>> table = signal_identification(networks)
    >>> table.groupby("estimate")["identified"].mean().to_dict()
    {'corrected': 1.0, 'noise': 0.375, 'plug_in': 1.0}
    """
    if not isinstance(networks, Mapping) or len(networks) < 2:
        raise ValueError("networks: found no mapping of two or more, expected names of networks")
    names = [str(name) for name in networks]
    halves = {
        f"{name}, half {h + 1}": _half(value, h, str(name))
        for h in (0, 1)
        for name, value in networks.items()
    }
    found = signal_distances(
        halves,
        measure,
        n_resamples=n_resamples,
        min_signal=min_signal,
        n_draws=n_draws,
        seed=seed,
        n_jobs=n_jobs,
    )
    K = len(names)
    reasons = [
        "; ".join(found.reasons[key] for key in (list(halves)[i], list(halves)[K + i])
                  if key in found.reasons)
        for i in range(K)
    ]  # fmt: skip
    every = np.arange(K)
    reliable = np.array([i for i in range(K) if not reasons[i]], dtype=int)
    matrices = {"plug_in": (found.plug_in, -found.plug_in)}
    noise = _noise_distances(halves, measure, n_jobs)
    if noise is not None:
        matrices["noise"] = noise, -noise
    parts = [_identified(*both, estimate, "all", every) for estimate, both in matrices.items()]
    if len(reliable) > 1:
        matrices["corrected"] = found.distances, found.similarity
        parts += [
            _identified(*both, estimate, "reliable", reliable)
            for estimate, both in matrices.items()
        ]
    table = pd.concat(parts, ignore_index=True)
    place = table.pop("place")
    table.insert(2, "item", [names[i] for i in place])
    table["reason"] = [reasons[i] for i in place]
    return table


def _half(value: Any, h: int, name: str) -> Any:
    """Every second trial of each session and stimulus, from the first or the second on."""
    if isinstance(value, Mapping):
        # Halves of a session are sessions of their own: they share no trial.
        return {f"{key}, half {h + 1}": _half(part, h, name) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [as_array(part, name)[h::2] for part in value]
    return as_array(value, name)[:, h::2]


def _noise_distances(
    networks: Mapping[str, Any], measure: Measure, n_jobs: int
) -> NDArray[np.float64] | None:
    """Plug-in distances between means without signal; None where a network has no noise."""
    names, sessions, _ = read_sessions(networks)
    means = {}
    for i, name in enumerate(names):
        parts = []
        for session in sessions:
            if i in session.members:
                conditions = session.conditions[session.members.index(i)]
                even = [X[: len(X) // 2 * 2] for X in conditions]
                parts.append(np.concatenate([(X[::2] - X[1::2]).mean(axis=0) for X in even]))
        means[name] = np.concatenate(parts, axis=1)
    if not all(np.ptp(X, axis=0).any() for X in means.values()):
        return None
    distances = pairwise_distances(means, MEASURES[measure][1], n_jobs=n_jobs)
    return np.asarray(distances, dtype=np.float64)


def _identified(
    matrix: NDArray, nearness: NDArray, estimate: str, among: str, items: NDArray[np.int64]
) -> pd.DataFrame:
    """Identification of some networks among each other, by one estimate."""
    K = len(matrix) // 2
    across = np.ix_(items, K + items)
    distances, nearness = matrix[across], nearness[across]
    own = np.arange(len(items))
    hits = (nearness.argmax(axis=1) == own).astype(float) + (nearness.argmax(axis=0) == own)
    others = np.where(np.eye(len(items), dtype=bool), np.nan, distances)
    return pd.DataFrame(
        {
            "estimate": estimate,
            "among": among,
            "place": items,
            "n": len(items),
            "floor": np.diagonal(distances),
            "median": np.nanmedian(np.concatenate([others, others.T], axis=1), axis=1),
            "identified": hits / 2,
        }
    )
