"""Where a unit was recorded: the Allen ontology, and anatomical hierarchy scores."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import pandas as pd

from shapemetrics.datasets.allen.settings import Level

#: What stands where a channel has no structure. 'grey' and 'root' are the whole brain.
NO_STRUCTURE = frozenset({"", "nan", "None", "null", "grey", "root", "void"})
#: Parts of the ontology that hold no grey matter, and why a unit that is placed there is left out.
NOT_GREY_MATTER = {
    "fiber tracts": "fiber_tract",
    "VS": "ventricle",
    "grv": "groove",
    "retina": "retina",
}

#: Major divisions, by acronym.
DIVISIONS = (
    "Isocortex",
    "OLF",
    "HPF",
    "CTXsp",
    "STR",
    "PAL",
    "TH",
    "HY",
    "MB",
    "P",
    "MY",
    "CB",
)

#: Hierarchy scores that can be chosen.
HARRIS_VARIANTS = ("cc_initial", "cc", "cc_tc_initial", "cc_tc", "cc_tc_ct_initial", "cc_tc_ct")
HIERARCHIES = ("harris2019", "siegle2021")

#: Some names lack a space ("arealayer 5"), some structures are several layers.
_LAYER = re.compile(r"(?:\b|area)layers? [1-6]", re.IGNORECASE)
_LAYER_SUFFIX = re.compile(r"[1-6](?:/[1-6])?[ab]?")
#: Fewest scored parts whose mean may stand for a structure that has no score of its own.
MIN_PARTS = 2


@dataclass(frozen=True)
class Structure:
    """One structure of the ontology.

    Attributes
    ----------
    id : int
        Number in the Allen ontology.
    acronym, name : str
        Short and full name.
    parent : str
        Acronym of the parent, empty for the root.
    color : str
        CCF colour, ``#RRGGBB``.
    """

    id: int
    acronym: str
    name: str
    parent: str
    color: str


@cache
def ontology() -> dict[str, Structure]:
    """Structures by acronym: the whole ontology, in its own order.

    Notes
    -----
    Allen Reference Atlas, CCFv3 (Wang et al. 2020, Cell 181:936).
    """
    table = _read("structures.csv")
    return {row.acronym: Structure(*row) for row in table.itertuples(index=False)}


def structure(acronym: str) -> Structure:
    """The structure of an acronym.

    Raises
    ------
    ValueError
        If the ontology has no such acronym; the nearest one is named.
    """
    try:
        return ontology()[acronym]
    except KeyError:
        near = difflib.get_close_matches(acronym, ontology(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"structure {acronym!r} is not in the ontology{hint}") from None


def lineage(acronym: str) -> list[str]:
    """Acronyms from the root down to a structure.

    Examples
    --------
    >>> lineage("VISp")
    ['root', 'grey', 'CH', 'CTX', 'CTXpl', 'Isocortex', 'VIS', 'VISp']
    """
    path = []
    while acronym:
        path.append(acronym)
        acronym = structure(acronym).parent
    return path[::-1]


def division(acronym: str) -> str:
    """Acronym of the major division that holds a structure, empty where none does.

    Examples
    --------
    >>> division("CA1"), division("LGd"), division("grey")
    ('HPF', 'TH', '')
    """
    above = [name for name in lineage(acronym) if name in DIVISIONS]
    return above[-1] if above else ""


def has_structure(acronym: object) -> bool:
    """Whether an annotation names a part of the brain at all."""
    return isinstance(acronym, str) and acronym.strip() not in NO_STRUCTURE


def reason_left_out(acronym: object) -> str:
    """Why a unit that is annotated so belongs to no region; empty where it belongs to one.

    Returns
    -------
    str
        "no_structure" (blank, or none), "grey" (recorded, but not annotated further), "root",
        "unknown_structure" (in no ontology), "fiber_tract", "ventricle", "groove", "retina", or "".

    Examples
    --------
    >>> [reason_left_out(a) for a in ("VISp", "", "grey", "VL", "cc", "VISq")]
    ['', 'no_structure', 'grey', 'ventricle', 'fiber_tract', 'unknown_structure']
    """
    if not has_structure(acronym):
        text = acronym.strip() if isinstance(acronym, str) else ""
        return text if text in ("grey", "root") else "no_structure"
    if acronym not in ontology():
        return "unknown_structure"
    above = [name for name in lineage(str(acronym)) if name in NOT_GREY_MATTER]
    return NOT_GREY_MATTER[above[0]] if above else ""


def is_layer(acronym: str) -> bool:
    """Whether a structure is a layer of a cortical area.

    Examples
    --------
    >>> [is_layer(a) for a in ("VISp2/3", "ACAv6a", "VISm5", "CA1", "SCig")]
    [True, True, True, False, False]
    """
    entry = structure(acronym)
    if _LAYER.search(entry.name):
        return True
    suffix = acronym.removeprefix(entry.parent)
    # Some layers of the isocortex are named "Anterior cingulate area ventral part 6a".
    return bool(_LAYER_SUFFIX.fullmatch(suffix)) and division(acronym) == "Isocortex"


def is_part_of(acronym: str, whole: str) -> bool:
    """Whether a structure lies within another, and is not that one itself.

    Examples
    --------
    >>> is_part_of("VISp", "VIS"), is_part_of("VISp", "VISp")
    (True, False)
    """
    return acronym != whole and whole in lineage(acronym)


def at_level(acronym: str, level: Level) -> str:
    """The structure that holds `acronym` at a level of the ontology.

    Parameters
    ----------
    acronym : str
        A structure of the ontology.
    level : {"annotated", "structure", "division"} or int
        ``annotated``: as it is; ``structure``: layers of the cortex joined into their area;
        ``division``: the major division (itself where none holds it); a number: the ancestor at
        that depth below the root, itself where it is less deep.

    Returns
    -------
    str

    Examples
    --------
    >>> at_level("VISp2/3", "structure"), at_level("VISp", "division"), at_level("VISp", 6)
    ('VISp', 'Isocortex', 'VIS')
    """
    if level == "annotated":
        return structure(acronym).acronym
    if level == "structure":
        while is_layer(acronym):
            acronym = structure(acronym).parent
        return acronym
    if level == "division":
        return division(acronym) or acronym
    if isinstance(level, int) and not isinstance(level, bool) and level >= 0:
        path = lineage(acronym)
        return path[min(level, len(path) - 1)]
    raise ValueError(
        f"ontology level {level!r} is unknown, expected 'annotated', 'structure', 'division' "
        "or a depth of 0 and more"
    )


@cache
def hierarchy_scores(source: str = "harris2019", variant: str = "cc_tc_ct") -> dict[str, float]:
    """Anatomical hierarchy score by acronym: low near the sense organs, high far from them.

    Parameters
    ----------
    source : {"harris2019", "siegle2021"}
        61 cortical and thalamic structures, or eight visual areas.
    variant : str
        For ``harris2019``, the connections that count: cortico-cortical (``cc``), with
        thalamo-cortical (``cc_tc``), with cortico-thalamic too (``cc_tc_ct``); ``_initial``
        before iteration. The first two leave out the thalamus.

    Returns
    -------
    dict of str to float

    Notes
    -----
    Harris et al. 2019, Nature 575:195; Siegle et al. 2021, Nature 592:86.

    Examples
    --------
    >>> scores = hierarchy_scores()
    >>> len(scores), scores["VISp"] < scores["VISam"]
    (61, True)
    """
    if source not in HIERARCHIES:
        raise ValueError(f"hierarchy {source!r} is unknown, expected one of {HIERARCHIES}")
    if source == "harris2019" and variant not in HARRIS_VARIANTS:
        raise ValueError(f"hierarchy variant {variant!r} is unknown, expected {HARRIS_VARIANTS}")
    column = variant if source == "harris2019" else "score"
    table = _read(f"hierarchy_{source}.csv")
    scores = pd.to_numeric(table[column].replace("", None)).to_numpy(dtype=float)
    return {a: float(s) for a, s in zip(table["structure_acronym"], scores) if s == s}


def area(acronym: str) -> str:
    """The structure whose layers and parts are not independent of one another.

    That is the nearest structure, itself among them, that has a published hierarchy score, which
    its parts share; elsewhere the structure without its layers, also those of the hippocampal
    formation.

    Examples
    --------
    >>> [area(a) for a in ("VISp2/3", "LGd-sh", "DG-mo", "CA1", "APN")]
    ['VISp', 'LGd', 'DG', 'CA1', 'APN']
    """
    scored = [name for name in lineage(acronym)[::-1] if name in hierarchy_scores()]
    if scored:
        return scored[0]
    found = at_level(acronym, "structure")
    # "Dentate gyrus granule cell layer" is a part, too.
    while "layer" in structure(found).name.casefold():
        found = structure(found).parent
    return found


@dataclass(frozen=True)
class HierarchyScore:
    """A hierarchy score, and where it comes from.

    Attributes
    ----------
    value : float
        NaN where no rule gives one.
    rule : {"published", "of_area", "mean_of_parts", ""}
        The structure's own; that of the nearest structure that holds it and has one (layers of an
        area have the area's); the mean of the published scores of its direct parts; or none.
    """

    value: float
    rule: str


def hierarchy_score(
    acronym: str, source: str = "harris2019", variant: str = "cc_tc_ct"
) -> HierarchyScore:
    """The hierarchy score of a structure, by the first of these rules that gives one.

    1. The published score of the structure itself.
    2. The published score of the nearest structure that holds it: a cortical layer has its area's.
    3. The mean of the published scores of its direct parts, where two or more have one: that of
       AUD is the mean of AUDd, AUDp and AUDpo. Parts of parts do not count, and a whole division of
       the brain has no score.

    Parameters
    ----------
    acronym : str
        A structure of the ontology.
    source, variant : str
        As for :func:`hierarchy_scores`.

    Returns
    -------
    HierarchyScore

    Examples
    --------
    >>> [hierarchy_score(a).rule for a in ("AUDp", "AUDp5", "AUD", "CA1")]
    ['published', 'of_area', 'mean_of_parts', '']
    """
    scores = hierarchy_scores(source, variant)
    holding = [name for name in lineage(acronym)[::-1] if name in scores]
    if holding:
        return HierarchyScore(
            scores[holding[0]], "published" if holding[0] == acronym else "of_area"
        )
    parts = [
        scores[name]
        for name, entry in ontology().items()
        if entry.parent == acronym and name in scores
    ]
    if len(parts) >= MIN_PARTS and division(acronym) not in ("", acronym):
        return HierarchyScore(sum(parts) / len(parts), "mean_of_parts")
    return HierarchyScore(float("nan"), "")


def _read(name: str) -> pd.DataFrame:
    # Text stays text: an acronym that reads 'NA' or a blank parent is no missing value.
    source = files("shapemetrics.datasets.allen").joinpath("data", name)
    with source.open(encoding="utf-8") as stream:
        return pd.read_csv(stream, keep_default_na=False)
