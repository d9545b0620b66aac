"""Pool units of all sessions into brain regions, and write them as a representation store."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter1d
from sklearn.decomposition import PCA

from shapemetrics.datasets.allen.anatomy import (
    area,
    at_level,
    division,
    hierarchy_score,
    is_part_of,
    structure,
)
from shapemetrics.datasets.allen.region_table import read_region_table
from shapemetrics.datasets.allen.responses import HALVES, ResponseFile, mean_responses
from shapemetrics.datasets.allen.settings import Pooling, Transform
from shapemetrics.store.writer import StoreWriter

#: What each representation of a region averages: all repeats, or one half of them.
PARTS = ("all", *HALVES)
#: Fewest regions that can be compared.
MIN_REGIONS = 3
#: Units of a structure in a session: the session, the structure, and ids.
Part = tuple[ResponseFile, str, np.ndarray]


def pool_regions(
    files: Sequence[str | os.PathLike],
    store: str | os.PathLike,
    settings: Pooling | None = None,
    *,
    source: str,
    metadata: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Pool sessions into regions and write the store.

    Parameters
    ----------
    files : sequence of path-like
        One file of session responses each.
    store : path-like
        Folder to write. Each region has three representations, told apart by the covariate
        ``half``: ``all`` (id: the acronym), ``odd`` and ``even`` repeats.
    settings : Pooling, optional
    source : str
        Where the data come from, for people.
    metadata : mapping, optional
        More for ``dataset.json``.

    Returns
    -------
    pandas.DataFrame
        One row a region that has units, kept or not: ``n_units``, ``n_sessions``, ``reliability``
        and covariates. ``hierarchy_rule`` says whether the score is the region's own, its area's,
        or the mean of its parts (see :func:`shapemetrics.datasets.allen.anatomy.hierarchy_score`).

    Raises
    ------
    ValueError
        If sessions share no stimuli, or too few regions have enough units.

    Notes
    -----
    At no time more than one region's responses are in memory.
    """
    settings = settings or Pooling()
    everything = [ResponseFile(path) for path in files]
    if not everything:
        raise ValueError("no session to pool")
    sessions = [session for session in everything if session.usable]
    if not sessions:
        raise ValueError(
            f"found no unit in a region and no stimulus in any of {len(everything)} sessions, "
            f"expected some; left out: {_total(session.dropped for session in everything)}"
        )
    stimuli, positions = shared_stimuli(sessions)
    members = region_members(sessions, settings)
    if not members:
        raise ValueError(f"found no region in {len(sessions)} sessions, expected {MIN_REGIONS}")
    units = {region: sum(len(ids) for *_, ids in parts) for region, parts in members.items()}
    kept = [region for region in members if units[region] >= settings.min_units]
    if len(kept) < MIN_REGIONS:
        largest = max(units, key=units.get)
        raise ValueError(
            f"too few units: {len(kept)} of {len(units)} regions have min_units = "
            f"{settings.min_units} (the largest, {largest}, has {units[largest]}); "
            f"expected at least {MIN_REGIONS} regions"
        )
    table = None if settings.table is None else read_region_table(settings.table)
    about = {} if table is None else table.to_dict("index")
    unknown = {} if table is None else dict.fromkeys(table, None)
    rows = []
    header = {
        "pooling": vars(settings),
        "sessions": [session.session_id for session in sessions],
        "sessions_left_out": [s.session_id for s in everything if not s.usable],
        "dropped_units": _total(session.dropped for session in everything),
        "dropped_units_by_session": {str(s.session_id): s.dropped for s in everything},
        "unknown_structures": _total(session.unknown_structures for session in everything),
        "annotation": sorted({session.annotation for session in sessions} - {""}),
        "stimuli_not_shared": len({s for x in sessions for s in x.stimuli}) - len(stimuli),
        **dict(metadata or {}),
    }
    with StoreWriter(
        store,
        source=source,
        simulated=any(session.simulated for session in sessions),
        stimuli=stimuli,
        metadata=header,
    ) as writer:
        for region, parts in members.items():
            row = _with_known(_covariates(region, settings), about.get(region) or unknown)
            row["n_units"] = units[region]
            row["n_sessions"] = len({session.session_id for session, *_ in parts})
            row["kept"] = units[region] >= settings.min_units
            if row["kept"]:
                responses = _responses(parts, positions, settings, region)
                row["reliability"] = reliability(responses[1], responses[2])
                _add(writer, region, responses, settings, row)
            rows.append(row)
    return pd.DataFrame(rows)


def reliability(odd: np.ndarray, even: np.ndarray) -> float:
    """Split-half reliability of a region's units, corrected to all repeats.

    Parameters
    ----------
    odd, even : ndarray of shape (m, n)
        Responses from the two halves.

    Returns
    -------
    float
        2 r / (1 + r) (Spearman 1910, Brown 1910), where r is the mean over units of the correlation
        between halves; a unit that does not vary in one half has correlation 0.
    """
    a, b = odd - odd.mean(axis=0), even - even.mean(axis=0)
    norms = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    products = (a * b).sum(axis=0)
    r = float(np.divide(products, norms, out=np.zeros_like(norms), where=norms > 0).mean())
    return 2 * r / (1 + r)


def shared_stimuli(
    sessions: Sequence[ResponseFile],
) -> tuple[list[str], dict[int | str, np.ndarray]]:
    """Stimuli that every session has, and where each session keeps them."""
    common = set(sessions[0].stimuli).intersection(*(s.stimuli for s in sessions))
    stimuli = [s for s in sessions[0].stimuli if s in common]
    if len(stimuli) < 2:
        raise ValueError(
            f"sessions {', '.join(str(s.session_id) for s in sessions[:3])} ... share "
            f"{len(stimuli)} stimuli, expected at least 2"
        )
    positions = {}
    for session in sessions:
        place = {s: i for i, s in enumerate(session.stimuli)}
        positions[session.session_id] = np.array([place[s] for s in stimuli])
    return stimuli, positions


def region_members(
    sessions: Sequence[ResponseFile], settings: Pooling, *, all_regions: bool = False
) -> dict[str, list[Part]]:
    """For each region that is asked for, or for all: sessions, structures in them, unit ids."""
    members: dict[str, list[Part]] = {}
    known = settings.atlas == "allen"
    for session in sessions:
        for acronym, ids in session.units_of.items():
            region = at_level(acronym, settings.level) if known else acronym
            members.setdefault(region, []).append((session, acronym, ids))
    if all_regions:
        return members
    if settings.parents == "drop" and known:
        for whole in [m for m in members if any(is_part_of(part, m) for part in members)]:
            del members[whole]
    wanted = settings.structures or tuple(m for m in members if m not in settings.exclude)
    for region in wanted:
        if (structure(region).acronym if known else region) not in members:
            level = f" at level {settings.level!r}" if known else ""
            raise ValueError(
                f"structure {region!r}: no unit in any of {len(sessions)} sessions{level}; "
                f"there are: {', '.join(sorted(members))}"
            )
    return {region: members[region] for region in sorted(wanted)}


def _responses(
    parts: Sequence[tuple[ResponseFile, str, np.ndarray]],
    positions: Mapping[int | str, np.ndarray],
    settings: Pooling,
    region: str,
) -> np.ndarray:
    """Transformed mean responses (3, m, n) of one region."""
    blocks = []
    for session, acronym, _ in parts:
        counts, repeats = session.read(acronym)
        chosen = positions[session.session_id]
        blocks.append(mean_responses(counts[..., chosen], repeats[..., chosen]))
    responses = np.concatenate(blocks, axis=2)
    chosen = chosen_units(parts, settings, region)
    if chosen is not None:
        responses = responses[..., chosen]
    return transformed(smoothed(responses, settings.smoothing), settings.transform)


def chosen_units(parts: Sequence[Part], settings: Pooling, region: str) -> np.ndarray | None:
    """Positions of the units that a large region is reduced to; None where it keeps all."""
    number = sum(len(ids) for *_, ids in parts)
    if settings.max_units is None or number <= settings.max_units:
        return None
    # The seed depends on the region's name, so that others cannot change its choice.
    rng = np.random.default_rng([settings.seed, *region.encode()])
    return np.sort(rng.choice(number, settings.max_units, replace=False))


def smoothed(responses: np.ndarray, width: float) -> np.ndarray:
    """Smooth mean responses (3, m, n) along the stimuli by a Gaussian of this standard deviation.

    At both ends the responses are continued by their mirror image.
    """
    return gaussian_filter1d(responses, width, axis=1) if width > 0 else responses


def of_unit_norm(responses: np.ndarray, name: str) -> np.ndarray:
    """Centre the columns of responses (m, n), and scale them to a Frobenius norm of 1.

    Raises
    ------
    ValueError
        If the responses do not vary.
    """
    centred = responses - responses.mean(axis=0)
    norm = np.linalg.norm(centred)
    if not norm > 0:
        raise ValueError(f"{name}: found responses that do not vary, expected some variance")
    return centred / norm


def transformed(responses: np.ndarray, transform: Transform) -> np.ndarray:
    """Transform mean responses (3, m, n); `zscore` scales all parts by the spread of the first."""
    if transform == "sqrt":
        return np.sqrt(responses)
    if transform == "zscore":
        spread = responses[0].std(axis=0)
        return (responses - responses[0].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return responses


def principal_components(responses: np.ndarray, number: int) -> tuple[np.ndarray, float]:
    """Scores on the leading components (m, k), and the share of variance that they hold."""
    k = min(number, *responses.shape)
    pca = PCA(n_components=k, svd_solver="full")
    scores = pca.fit_transform(responses)
    return scores, float(pca.explained_variance_ratio_.sum())


def _add(
    writer: StoreWriter,
    region: str,
    responses: np.ndarray,
    settings: Pooling,
    row: Mapping[str, Any],
) -> None:
    # Each half is reduced by its own components: as a measurement of its own would be.
    name = region.replace("/", "-").replace("\\", "-")
    name = f"_{name}" if name.startswith(".") else name
    covariates = {key: value for key, value in row.items() if key != "kept"}
    for part, matrix in zip(PARTS, responses):
        share = 1.0
        if settings.n_components is not None:
            matrix, share = principal_components(matrix, settings.n_components)
        if settings.unit_norm:
            matrix = of_unit_norm(matrix, f"region {region}, {part} repeats")
        id = name if part == "all" else f"{name}_{part}"
        writer.add(id, matrix, half=part, variance_kept=round(share, 6), **covariates)


def _covariates(region: str, settings: Pooling) -> dict[str, Any]:
    if settings.atlas == "none":
        return {
            "structure_acronym": region,
            "structure_name": region,
            "area": region,
            "division": None,
            "ccf_color": None,
            "hierarchy_score": float("nan"),
            "hierarchy_rule": None,
        }
    where = structure(region)
    score = hierarchy_score(region, settings.hierarchy, settings.variant)
    return {
        "structure_acronym": region,
        "structure_name": where.name,
        "area": area(region),
        "division": division(region),
        "ccf_color": where.color,
        "hierarchy_score": score.value,
        "hierarchy_rule": score.rule,
    }


def _with_known(row: dict[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Covariates of a region with what the user's table says; its unknowns replace nothing."""
    known = {name: value for name, value in told.items() if not pd.isna(value)}
    if "hierarchy_score" in known:
        known["hierarchy_rule"] = "table"
    return {**dict.fromkeys(told, None), **row, **known}


def _total(tables: Any) -> dict[str, int]:
    total: dict[str, int] = {}
    for table in tables:
        for reason, number in table.items():
            total[reason] = total.get(reason, 0) + number
    return total
