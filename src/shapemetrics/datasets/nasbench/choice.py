"""Which networks a study trains: uniformly, spread over published accuracy, or by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from .cells import MAX_VERTICES, Cell
from .space import enumerate_cells, sample_cells
from .tables import networks_table

_WAYS = ("uniform", "stratified", "explicit")


@dataclass(frozen=True)
class ChoiceSettings:
    """How networks are chosen.

    Parameters
    ----------
    how : {"uniform", "stratified", "explicit"}
        Every cell of the space equally likely; equally many from each stratum of the published
        error; or those that `networks` names.
    n : int, optional
        Number of networks; for "explicit" it is that of `networks`.
    max_vertices : int, default 7
        Most vertices of a cell.
    networks : tuple of str
        Hashes, for "explicit".
    budget : int, default 108
        Epochs of the published runs that the strata and the recorded accuracies come from.
    n_strata : int, default 10
        Number of strata.
    lowest : float, default 0.01
        Share of the worst networks that strata leave out: a few diverged, at chance level, and
        would have strata of their own.
    """

    how: str = "uniform"
    n: int | None = None
    max_vertices: int = MAX_VERTICES
    networks: tuple[str, ...] = ()
    budget: int = 108
    n_strata: int = 10
    lowest: float = 0.01

    def __post_init__(self) -> None:
        object.__setattr__(self, "networks", tuple(self.networks))
        if self.how not in _WAYS:
            raise ValueError(f"choice {self.how!r} is unknown, expected one of {', '.join(_WAYS)}")
        if self.how == "explicit":
            if not self.networks:
                raise ValueError("choice 'explicit' needs networks, found none")
            if self.n not in (None, len(self.networks)):
                raise ValueError(f"n is {self.n}, but {len(self.networks)} networks are named")
        elif self.networks or self.n is None:
            raise ValueError(f"choice {self.how!r} needs n and takes no networks")
        if self.n is not None and self.n < 1:
            raise ValueError(f"n must be at least 1, found {self.n}")
        if self.n_strata < 1 or not 0 <= self.lowest < 1:
            raise ValueError(
                "n_strata must be at least 1 and lowest at least 0 and below 1, "
                f"found {self.n_strata} and {self.lowest}"
            )

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> ChoiceSettings:
        """Read settings from a mapping, such as a part of a configuration file."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ValueError(f"unknown choice settings {unknown}, expected some of {known}")
        return cls(**values)


def choose_networks(
    settings: ChoiceSettings, seed: int, published: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Choose the networks of a study.

    Parameters
    ----------
    settings : ChoiceSettings
    seed : int
        Seed of the choice.
    published : pandas.DataFrame, optional
        Published results, see `read_published`; "stratified" needs them.

    Returns
    -------
    pandas.DataFrame
        As from `networks_table`. With published results also the columns of `published_summary`,
        such as ``published_test_accuracy`` and ``published_log_error``, and, for "stratified",
        ``stratum``, counted from 0 for the largest error.

    Raises
    ------
    ValueError
        If there are fewer networks than asked for, a hash is not that of a cell, or the published
        results do not hold a chosen network.

    Notes
    -----
    A choice without strata and published results is that of `sample_networks` with the same seed.
    Strata divide the range of the log of the published mean test error into equal parts. Each
    gives as many networks, drawn at random without replacement, as the others, or all it has; what
    is then missing comes evenly from those that have more. So a rare accuracy is as frequent as
    the commonest, which a regression on accuracy needs, and the sample is not one of the space.
    """
    if settings.how == "stratified":
        if published is None:
            raise ValueError("choice 'stratified' needs the published results, found none")
        return _stratified(settings, seed, published)
    if settings.how == "explicit":
        table = networks_table(_named(settings, published))
    else:
        table = networks_table(sample_cells(settings.n, seed, settings.max_vertices))
    return table if published is None else _with_published(table, published, settings.budget)


def find_cells(networks: Iterable[str], max_vertices: int = MAX_VERTICES) -> list[Cell]:
    """Find cells by their hashes, in the order asked for.

    Raises
    ------
    ValueError
        If a hash is not that of a cell of the space.

    Notes
    -----
    A hash tells nothing of its cell: the space is listed until all are found, which for a cell of
    7 vertices may take a minute or two.
    """
    wanted = list(networks)
    missing, found = set(wanted), {}
    for cell in enumerate_cells(max_vertices) if missing else ():
        if cell.hash in missing:
            found[cell.hash] = cell
            missing.discard(cell.hash)
            if not missing:
                break
    if missing:
        raise ValueError(
            f"network {sorted(missing)[0]} is not in the search space of at most {max_vertices} "
            f"vertices ({len(missing)} of {len(wanted)} hashes are not)"
        )
    return [found[name] for name in wanted]


def _named(settings: ChoiceSettings, published: pd.DataFrame | None) -> list[Cell]:
    if published is None:
        return find_cells(settings.networks, settings.max_vertices)
    return _cells(published, settings.networks)


def _cells(published: pd.DataFrame, networks: Sequence[str]) -> list[Cell]:
    spelling = published.set_index("hash")[["adjacency", "operations"]]
    _check_known(networks, spelling.index)
    chosen = spelling.loc[list(networks)]
    return [Cell.from_strings(*row) for row in chosen.itertuples(index=False)]


def _check_known(networks: Iterable[str], known: pd.Index) -> None:
    missing = [name for name in networks if name not in known]
    if missing:
        raise ValueError(
            f"network {missing[0]} is not among the {len(known)} published ones "
            f"({len(missing)} of those chosen are not)"
        )


def _with_published(table: pd.DataFrame, published: pd.DataFrame, budget: int) -> pd.DataFrame:
    from .published import published_summary

    summary = published_summary(published, budget)
    _check_known(table["network"], summary.index)
    found = summary.loc[list(table["network"])].reset_index(drop=True)
    return pd.concat([table, found], axis=1)


def _stratified(settings: ChoiceSettings, seed: int, published: pd.DataFrame) -> pd.DataFrame:
    from .published import published_summary

    sizes = published["operations"].str.count(",") + 1
    summary = published_summary(published[sizes <= settings.max_vertices], settings.budget)
    accuracy = summary["published_test_accuracy"].dropna()
    accuracy = accuracy[accuracy >= accuracy.quantile(settings.lowest)]
    if len(accuracy) < settings.n:
        raise ValueError(
            f"{settings.n} networks asked for, but only {len(accuracy)} have published results at "
            f"{settings.budget} epochs, at most {settings.max_vertices} vertices and are not among "
            "the worst"
        )
    # Half a wrong answer of the 9,984 test images at least, so that the logarithm is finite.
    errors = np.log10(np.maximum(1 - accuracy.to_numpy(), 0.5 / 9984))
    edges = np.linspace(errors.max(), errors.min(), settings.n_strata + 1)
    strata = np.clip(np.searchsorted(-edges, -errors, side="right") - 1, 0, settings.n_strata - 1)
    counts = even_shares(np.bincount(strata, minlength=settings.n_strata), settings.n)
    rng = np.random.default_rng(seed)
    chosen = [
        rng.permutation(np.flatnonzero(strata == stratum))[:count]
        for stratum, count in enumerate(counts)
    ]
    # Shuffled, so that a job's block of networks is a sample of all strata.
    order = rng.permutation(np.concatenate(chosen))
    table = networks_table(_cells(published, list(accuracy.index[order])))
    table["stratum"] = strata[order]
    return _with_published(table, published, settings.budget)


def even_shares(sizes: np.ndarray, total: int) -> list[int]:
    """Share a number among groups as evenly as their sizes allow.

    Parameters
    ----------
    sizes : ndarray of int
        The most that each group can give.
    total : int
        At most the sum of `sizes`.

    Returns
    -------
    list of int
        Shares that add up to `total`; what does not divide goes to the first groups.

    Examples
    --------
    >>> even_shares(np.array([2, 100, 9]), 30)
    [2, 19, 9]
    """
    shares = np.zeros(len(sizes), dtype=np.int64)
    while (left := total - int(shares.sum())) > 0:
        open_ = np.flatnonzero(shares < sizes)
        if not len(open_):
            raise ValueError(f"{total} asked for, but the groups hold {int(np.sum(sizes))}")
        more = max(left // len(open_), 1)
        for group in open_[: left if left < len(open_) else None]:
            shares[group] += min(more, sizes[group] - shares[group])
    return shares.tolist()
