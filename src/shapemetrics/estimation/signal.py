"""Distances between the signals of networks that were measured in few, noisy trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from shapemetrics.arrays import aligned, as_array, check_finite, scaled
from shapemetrics.estimation.trial_grams import FEWEST_TRIALS, Feature, Session, session_products
from shapemetrics.metrics.base import Metric
from shapemetrics.metrics.cka import AngularCKA
from shapemetrics.metrics.comparisons import Comparison
from shapemetrics.metrics.linear import LinearMetric
from shapemetrics.pairwise.checks import check_seed, scale_exponent
from shapemetrics.pairwise.engine import pairwise_distances
from shapemetrics.pairwise.threads import item_workers
from shapemetrics.validation import check_choice, check_integer, check_number

__all__ = ["SignalDistances", "signal_distances"]

Measure = Literal["cka", "rsa", "procrustes"]
#: The quantity that is estimated without bias, and the metric of trial averages, of each measure.
MEASURES: dict[str, tuple[Feature, Metric]] = {
    "cka": ("gram", AngularCKA()),
    "rsa": ("rdm", Comparison("rsa_correlation", rdm="squared_euclidean")),
    "procrustes": ("gram", LinearMetric(alpha=1.0)),
}
#: Fewest stimuli: of two, centred, all Gram matrices are alike.
FEWEST_STIMULI = 3
#: Share of trials and units that a resample leaves out, where there are enough.
LEFT_OUT = 0.25


@dataclass(frozen=True, eq=False)
class SignalDistances:
    """Distances between signals, and how far they can be trusted.

    Attributes
    ----------
    names : list of str
        The K networks.
    measure : str
    distances : ndarray of shape (K, K)
        Corrected distances; NaN where a network has no reliable signal. Radians for ``"cka"`` and
        ``"procrustes"``, one minus a correlation for ``"rsa"``.
    low, high : ndarray of shape (K, K)
        Ends of their intervals; NaN without resamples.
    plug_in : ndarray of shape (K, K)
        The same distances between trial averages, as if these were noise-free.
    similarity, standard_error : ndarray of shape (K, K)
        Debiased CKA or correlation of dissimilarities, as estimated (it may exceed 1), and its
        standard error.
    signal, signal_error : ndarray of shape (K,)
        Squared norm of each network's signal (of its Gram matrix or its dissimilarities, per unit
        squared), which similarities are divided by, and the standard deviation of such an estimate
        from noise alone (with four trials or fewer, its standard error over units).
    reasons : dict of str to str
        Why networks have no distances, by name.
    resampled : str
        What intervals are taken over: ``"both"``, ``"trials"``, ``"units"``, or ``"nothing"``.
    """

    names: list[str]
    measure: str
    distances: NDArray[np.float64]
    low: NDArray[np.float64] = field(repr=False)
    high: NDArray[np.float64] = field(repr=False)
    plug_in: NDArray[np.float64] = field(repr=False)
    similarity: NDArray[np.float64] = field(repr=False)
    standard_error: NDArray[np.float64] = field(repr=False)
    signal: NDArray[np.float64] = field(repr=False)
    signal_error: NDArray[np.float64] = field(repr=False)
    reasons: dict[str, str]
    resampled: str

    def table(self) -> pd.DataFrame:
        """One row per pair: a, b, distance, low, high, plug_in, similarity, standard_error,
        reason (empty where there is a distance)."""
        rows, columns = np.triu_indices(len(self.names), 1)
        pairs = [(self.names[int(i)], self.names[int(j)]) for i, j in zip(rows, columns)]
        values = {
            "distance": self.distances,
            "low": self.low,
            "high": self.high,
            "plug_in": self.plug_in,
            "similarity": self.similarity,
            "standard_error": self.standard_error,
        }
        return pd.DataFrame(
            {
                "a": [a for a, _ in pairs],
                "b": [b for _, b in pairs],
                **{name: matrix[rows, columns] for name, matrix in values.items()},
                "reason": [
                    "; ".join(f"{x}: {self.reasons[x]}" for x in pair if x in self.reasons)
                    for pair in pairs
                ],
            }
        )


def signal_distances(
    networks: Any,
    measure: Measure = "cka",
    *,
    n_resamples: int = 40,
    over: Literal["both", "trials", "units"] = "both",
    level: float = 0.95,
    min_signal: float = 3.0,
    n_draws: int = 10,
    seed: int = 0,
    n_jobs: int = 1,
) -> SignalDistances:
    r"""Estimate distances between noise-free responses from repeated, noisy trials.

    Parameters
    ----------
    networks : sequence of networks, or mapping from names to them
        Each network's responses of n units to the same m stimuli, in one of three forms:

        - an array of shape (m, r, n): every stimulus in r trials. Trial number t of one stimulus
          may share noise with trial number t of any other, as in repeats of a movie.
        - a list of arrays of shape (r_c, n), one for each stimulus, or (r_c, b_c, n), one for each
          condition, whose trials hold b_c stimuli (time bins): numbers of trials may differ, and
          trials of different entries are independent.
        - a mapping from names of sessions to one of these: units that were recorded in different
          sessions, from stimuli in the same order. Networks that have a session of the same name
          share its trials, and no product of theirs is taken within a trial.
    measure : {"cka", "rsa", "procrustes"}
        Angular CKA with a linear kernel; one minus the correlation of cross-validated squared
        distances between stimuli (crossnobis without whitening); or the Procrustes angle,
        approximated from CKA (see Notes).
    n_resamples : int
        Resamples for intervals, and as many of noise alone; 0 makes none.
    over : {"both", "trials", "units"}
        What resamples leave out a part of.
    level : float
        Coverage aimed at, between 0 and 1.
    min_signal : float
        Standard deviations of noise alone by which a network's squared norm must exceed zero, to be
        divided by. Without resamples it need only be positive.
    n_draws : int
        Random arrangements of trials to average over where conditions are several.
    seed : int
    n_jobs : int
        Threads that share the resamples.

    Returns
    -------
    SignalDistances

    Raises
    ------
    ValueError
        If networks do not fit together, a stimulus has fewer than two trials, a value is not
        finite, or an option is out of range.

    Notes
    -----
    The noise of two trials is independent, so the Gram matrix

    .. math:: \hat K = \frac{1}{R (R - 1)} \sum_{r \ne s} X_r X_s^T

    has the signal's for its mean (cross-validation as in crossnobis distances, Walther et al.
    2016, NeuroImage 137:188). Inner products of two networks' matrices are then unbiased if they
    share no trials. The norms of one network's, and products within a session, are averaged over
    quadruples of *different* trials (r, s, t, u) of :math:`\langle X_r X_s^T, Y_t Y_u^T \rangle`, a
    U-statistic in closed form. So numerator and both denominators of CKA and of RSA's correlation
    are unbiased; their ratio is consistent, and is refused (NaN, with a reason) where a
    denominator is not `min_signal` standard deviations of noise alone above zero: those of the
    same estimate from random contrasts of the trials, which hold no signal (with four trials or
    fewer, the standard error over units).

    With two or three trials no quadruple exists. Then norms are products between halves of the
    trials, each less a noise power that is equal for all stimuli: an assumption that has to hold.

    ``"procrustes"`` is :math:`\arccos \sqrt{\mathrm{CKA}}`, which is exact where the
    cross-covariance of two networks has as many effective dimensions (its nuclear norm squared
    over its Frobenius norm squared) as the networks have themselves (participation ratio). No
    estimator of the nuclear norm that we tried works at the reliability of recorded units
    (see the guide on signal distances), and none was found for CCA, which is not offered.

    A bootstrap would let two copies of a trial count as independent. Resamples leave out a
    quarter instead (delete-d jackknife; Shao and Wu 1989, Annals of Statistics 17:1176): of the
    trials of each session, the same for all of its networks, where at least four remain, and of
    the units of each network. Where trials are too few only units are left out, which
    `resampled` says. With few trials these standard errors are too large, as a jackknife's are
    for products of several trials (Efron and Stein 1981, Annals of Statistics 9:586).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> signal = rng.normal(size=(40, 1, 30))
    >>> a, b = (signal + 2.0 * rng.normal(size=(40, 8, 30)) for _ in range(2))
    >>> found = signal_distances({"a": a, "b": b}, n_resamples=10)
    >>> bool(found.plug_in[0, 1] > 0.5), bool(found.distances[0, 1] < 0.4)
    (True, True)
    """
    check_choice(measure, "measure", tuple(MEASURES))
    check_choice(over, "over", ("both", "trials", "units"))
    check_integer(n_resamples, "n_resamples", 0)
    if n_resamples == 1:
        raise ValueError("n_resamples: found 1, expected 0 or at least 2")
    check_number(level, "level", above=0.0, below=1.0)
    check_number(min_signal, "min_signal", low=0.0)
    check_integer(n_draws, "n_draws", 1)
    check_seed(seed)
    names, sessions, widths = read_sessions(networks)
    feature, metric = MEASURES[measure]
    share, resampled = _share_left_out(sessions, over, n_resamples)

    # Whether there is a signal is a question to noise alone, where trials suffice to ask it.
    least = min(min(session.counts) for session in sessions)
    by_noise = least > FEWEST_TRIALS
    left_out = ["nothing", *[resampled] * n_resamples]
    left_out += ["signal" if by_noise else "units"] * n_resamples

    def products(child: np.random.SeedSequence, of: str) -> NDArray:
        rng = np.random.default_rng(child)
        chosen, units = sessions, widths
        if of == "signal":
            chosen = [_without_signal(session, rng) for session in sessions]
        elif of != "nothing":
            chosen, units = _leave_out(sessions, share, of, len(names), rng)
        found = _products(chosen, feature, n_draws, rng, len(names))
        return found / np.outer(units, units).astype(np.float64)

    children = np.random.SeedSequence(seed).spawn(len(left_out))
    with item_workers(1, n_jobs) as run:
        inner, *samples = run(products, zip(children, left_out))
    signal = np.diagonal(inner).copy()
    similarity = _ratio(inner)
    # A share f is left out: the spread of what remains is (f / (1 - f)) times the variance.
    factor = np.sqrt((1.0 - share) / share)
    K = len(names)
    signal_error, error = np.full(K, np.nan), np.full((K, K), np.nan)
    if samples:
        norms = np.stack([np.diagonal(sample) for sample in samples[n_resamples:]])
        if by_noise:  # of mean zero, and of one trial fewer
            signal_error = np.sqrt(np.mean(norms**2, axis=0) * (1 - FEWEST_TRIALS / least))
        else:
            signal_error = factor * norms.std(axis=0, ddof=1)
        ratios = np.stack([_ratio(sample) for sample in samples[:n_resamples]])
        error = factor * ratios.std(axis=0, ddof=1)  # NaN where one of the norms was negative
    reasons = _reasons(names, signal, signal_error, min_signal)
    unreliable = np.array([name in reasons for name in names])
    for matrix in (similarity, error):
        matrix[unreliable] = matrix[:, unreliable] = np.nan
    np.fill_diagonal(error, np.nan)
    margin = float(ndtri((1 + level) / 2)) * error
    means = {
        name: np.concatenate(
            [s.means(s.members.index(i)) for s in sessions if i in s.members], axis=1
        )
        for i, name in enumerate(names)
    }
    return SignalDistances(
        names=names,
        measure=measure,
        distances=_distances(similarity, measure, own=True),
        low=_distances(similarity + margin, measure),
        high=_distances(similarity - margin, measure),
        plug_in=np.asarray(pairwise_distances(means, metric, n_jobs=n_jobs), dtype=np.float64),
        similarity=similarity,
        standard_error=error,
        signal=signal,
        signal_error=signal_error,
        reasons=reasons,
        resampled=resampled,
    )


# Reading -----------------------------------------------------------------------------------------


def read_sessions(networks: Any) -> tuple[list[str], list[Session], NDArray[np.int64]]:
    """Names, sessions, and numbers of units of networks in any form of `signal_distances`."""
    if isinstance(networks, Mapping):
        names, values = [str(name) for name in networks], list(networks.values())
    else:
        values = list(networks)
        names = [f"array {i}" for i in range(len(values))]
    if len(values) < 2:
        raise ValueError(f"networks: found {len(values)}, expected at least two")
    if len(set(names)) < len(names):
        raise ValueError("networks: found equal names, expected different ones")
    plain = [i for i, value in enumerate(values) if not isinstance(value, Mapping | list | tuple)]
    # Labels of stimuli, where arrays have them, put these in one order.
    for i, X in zip(plain, aligned([values[i] for i in plain], [names[i] for i in plain])):
        values[i] = X.values
    parts: dict[str, tuple[list[int], list[list[NDArray]]]] = {}
    widths = np.zeros(len(names), dtype=np.int64)
    stimuli: dict[str, int] = {}
    for i, (name, value) in enumerate(zip(names, values)):
        own = value if isinstance(value, Mapping) else {f"of {name}": value}
        if not own:
            raise ValueError(f"{name!r}: found no session, expected at least one")
        read = {str(session): _conditions(X, name, str(session)) for session, X in own.items()}
        exponent = max(scale_exponent(X) for conditions in read.values() for X in conditions)
        for session, conditions in read.items():
            key = session if isinstance(value, Mapping) else f"\0{i}"  # nobody else's
            members, found = parts.setdefault(key, ([], []))
            if found and [X.shape[:2] for X in found[0]] != [X.shape[:2] for X in conditions]:
                raise ValueError(
                    f"{name!r}: found other numbers of trials in session {session!r} than "
                    f"{names[members[0]]!r} has, expected the same trials"
                )
            members.append(i)
            found.append([scaled(X, -exponent) for X in conditions])
            widths[i] += conditions[0].shape[2]
            stimuli[f"{name!r}, session {session!r}"] = sum(X.shape[1] for X in conditions)
    first = next(iter(stimuli.values()))
    for where, m in stimuli.items():
        if m != first or m < FEWEST_STIMULI:
            wanted = first if first >= FEWEST_STIMULI else f"at least {FEWEST_STIMULI}"
            raise ValueError(f"{where}: found {m} stimuli, expected {wanted}")
    return names, [Session(key, *part) for key, part in parts.items()], widths


def _conditions(X: Any, name: str, session: str) -> list[NDArray]:
    """Trials of one network and session as (trials, stimuli, units), one array per condition."""
    where = f"{name}, session {session}"
    if isinstance(X, list | tuple):
        conditions = [as_array(part, f"{where}, entry {c}") for c, part in enumerate(X)]
        conditions = [part[:, None] if part.ndim == 2 else part for part in conditions]
        wanted = "(trials, units) or (trials, stimuli, units) in each entry"
    else:
        values = as_array(X, where)
        conditions = [values.swapaxes(0, 1) if values.ndim == 3 else values]
        wanted = "(stimuli, trials, units)"
    if not conditions:
        raise ValueError(f"{where!r}: found no stimuli, expected at least {FEWEST_STIMULI}")
    width = conditions[0].shape[-1:]
    for c, part in enumerate(conditions):
        if part.ndim != 3 or part.size == 0 or part.shape[-1:] != width:
            shape = X[c].shape if isinstance(X, list | tuple) else part.shape
            raise ValueError(f"{where!r}: found shape {shape}, expected {wanted}, equal units")
        if len(part) < 2:
            raise ValueError(
                f"{where!r}: found 1 trial of stimulus {c}, expected at least 2 of every stimulus"
            )
        check_finite(part, where)
    return conditions


# Resampling --------------------------------------------------------------------------------------


def _share_left_out(sessions: Sequence[Session], over: str, n_resamples: int) -> tuple[float, str]:
    """Share of trials and units that resamples leave out, and of which of them."""
    if n_resamples == 0:
        return LEFT_OUT, "nothing"
    least = min(min(session.counts) for session in sessions)
    spared = min(int(least * LEFT_OUT) or 1, least - FEWEST_TRIALS)
    narrowest = min(X[0].shape[2] for s in sessions for X in s.conditions)
    if over == "units" or (over == "both" and spared < 1):
        return LEFT_OUT, "units"
    if spared < 1:
        raise ValueError(
            f"over: found 'trials' with {least} trials of a stimulus, expected at least "
            f"{FEWEST_TRIALS + 1} trials, or 'units'"
        )
    share = spared / least
    return share, over if narrowest > 1 or over == "trials" else "trials"


def _leave_out(
    sessions: Sequence[Session],
    share: float,
    resampled: str,
    n_networks: int,
    rng: np.random.Generator,
) -> tuple[list[Session], NDArray[np.int64]]:
    """Sessions with a share of their trials, of each network's units, or of both left out."""

    def kept(n: int, least: int) -> NDArray:
        # Rounded up or down at random, so that the share is right on average.
        left_out = min(int(n * share + rng.random()), n - least)
        return np.sort(rng.permutation(n)[left_out:])

    found, widths = [], np.zeros(n_networks, dtype=np.int64)
    for session in sessions:
        trials = [np.arange(count) for count in session.counts]
        if resampled in ("both", "trials"):
            trials = [kept(count, FEWEST_TRIALS) for count in session.counts]
        units = [np.arange(own[0].shape[2]) for own in session.conditions]
        if resampled in ("both", "units"):
            units = [kept(len(all_units), 1) for all_units in units]
        found.append(session.subset(trials, units, session.members))
        for i, chosen in zip(session.members, units):
            widths[i] += len(chosen)
    return found, widths


def _without_signal(session: Session, rng: np.random.Generator) -> Session:
    """Noise alone: of R trials R - 1 random orthonormal contrasts, the same for all networks.

    They hold no signal, and noise of the same covariance, independent if it is normal.
    """
    contrasts = []
    for count in session.counts:
        columns = np.column_stack([np.ones(count), rng.normal(size=(count, count - 1))])
        contrasts.append(np.linalg.qr(columns)[0][:, 1:].T)
    conditions = [
        [np.asarray(np.tensordot(Q, X, axes=1), dtype=np.float64) for Q, X in zip(contrasts, own)]
        for own in session.conditions
    ]
    return Session(session.name, session.members, conditions)


# Estimates ---------------------------------------------------------------------------------------


def _products(
    sessions: Sequence[Session],
    feature: Feature,
    n_draws: int,
    rng: np.random.Generator,
    n_networks: int,
) -> NDArray[np.float64]:
    """Estimated inner products of all networks' features: (K, K)."""
    m = sum(X.shape[1] for X in sessions[0].conditions[0])
    total = np.zeros((n_networks, m * m))
    correction = np.zeros((n_networks, n_networks))
    for session in sessions:
        part = session_products(session, feature, n_draws, rng)
        total[session.members] += part.features
        correction[np.ix_(session.members, session.members)] += part.correction
    return total @ total.T + correction


def _ratio(inner: NDArray) -> NDArray[np.float64]:
    """Similarities from inner products; NaN where a norm is not positive."""
    squares = np.diagonal(inner)
    norms = np.sqrt(np.where(squares > 0, squares, np.nan))
    return inner / np.outer(norms, norms)


def _reasons(
    names: Sequence[str], signal: NDArray, error: NDArray, min_signal: float
) -> dict[str, str]:
    found = {}
    for name, value, sd in zip(names, signal, error):
        if np.isnan(sd):
            if not value > 0:
                found[name] = f"found a squared signal norm of {value:.2g}, expected more than 0"
        elif not value > min_signal * sd:
            found[name] = (
                f"found a squared signal norm of {value:.2g} with a standard deviation of "
                f"{sd:.2g} by noise, expected at least {min_signal:g} of these"
            )
    return found


def _distances(similarity: NDArray, measure: str, own: bool = False) -> NDArray[np.float64]:
    """Distances of similarities, which are clipped to what signals can have."""
    if measure == "rsa":
        found = 1.0 - np.clip(similarity, -1.0, 1.0)
    else:
        cosine = np.clip(similarity, 0.0, 1.0)
        found = np.arccos(np.sqrt(cosine) if measure == "procrustes" else cosine)
    diagonal = np.diagonal(found)
    if own:
        np.fill_diagonal(found, np.where(np.isnan(diagonal), np.nan, 0.0))
    else:
        np.fill_diagonal(found, np.nan)
    return found
