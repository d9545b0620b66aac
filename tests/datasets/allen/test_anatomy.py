"""The ontology and the hierarchy scores against what was published."""

from __future__ import annotations

import csv
import re

import pytest

from shapemetrics.datasets.allen.anatomy import (
    HARRIS_VARIANTS,
    at_level,
    division,
    has_structure,
    hierarchy_scores,
    lineage,
    ontology,
    structure,
)
from shapemetrics.datasets.allen.sessions import read_sessions

#: Harris et al. spell the agranular insular areas their own way.
SPELLING = {"Aid": "AId", "Aip": "AIp", "Aiv": "AIv"}


@pytest.mark.parametrize("variant", HARRIS_VARIANTS)
def test_harris_scores_are_the_published_ones(shared, variant):
    with open(shared / "data" / "hierarchy_harris2019.csv") as stream:
        rows = list(csv.DictReader(stream))
    published = {
        SPELLING.get(row["structure_acronym"], row["structure_acronym"]): float(row[variant])
        for row in rows
        if row[variant]
    }
    assert hierarchy_scores("harris2019", variant) == pytest.approx(published, rel=1e-5)
    assert len(published) == (37 if variant in ("cc", "cc_initial") else 61)


def test_siegle_scores_rank_the_visual_areas():
    scores = hierarchy_scores("siegle2021")
    ranked = sorted(scores, key=scores.get)
    assert ranked == ["LGd", "VISp", "VISl", "VISrl", "LP", "VISal", "VISpm", "VISam"]
    assert scores["LGd"] == -0.515


def test_ontology_agrees_with_the_atlas(shared):
    with open(shared / "data" / "allen_structure_tree.csv") as stream:
        atlas = {row["acronym"]: row for row in csv.DictReader(stream)}
    by_id = {row["id"]: row["acronym"] for row in atlas.values()}
    for acronym, entry in ontology().items():
        row = atlas[acronym]
        assert (entry.id, entry.name) == (int(row["id"]), row["name"])
        # That table has lost leading zeros.
        assert entry.color == f"#{row['color_hex_triplet'].zfill(6)}"
        assert entry.parent == by_id.get(row["parent_structure_id"], "")
        assert [by_id[i] for i in row["structure_id_path"].strip("/").split("/")] == lineage(
            acronym
        )


def test_every_structure_that_occurs_or_has_a_score_is_known(shared):
    table = read_sessions(shared / "data" / "allen_ecephys_cache" / "sessions.csv")
    occurring = {acronym for row in table["structures"] for acronym in row}
    for acronym in occurring | set(hierarchy_scores()) | set(hierarchy_scores("siegle2021")):
        assert structure(acronym).name


def test_divisions():
    found = {a: division(a) for a in ("VISp", "CA1", "LGd", "APN", "CP", "root", "ZI")}
    assert found == {
        "VISp": "Isocortex",
        "CA1": "HPF",
        "LGd": "TH",
        "APN": "MB",
        "CP": "STR",
        "root": "",
        "ZI": "HY",
    }


@pytest.mark.parametrize(
    ("acronym", "level", "expected"),
    [
        ("VISp2/3", "structure", "VISp"),
        ("VISp6a", "structure", "VISp"),
        ("VISp6a", "annotated", "VISp6a"),
        ("SCig", "structure", "SCig"),  # a layer of the colliculus is a structure of its own
        ("SSp-bfd", "structure", "SSp-bfd"),
        ("LP", "division", "TH"),
        ("root", "division", "root"),
        ("VISpm", 6, "VIS"),
        ("TH", 40, "TH"),
    ],
)
def test_levels(acronym, level, expected):
    assert at_level(acronym, level) == expected


def test_channels_without_a_structure():
    assert not any(map(has_structure, ["", "nan", "None", "grey", "root", " ", float("nan"), None]))
    assert has_structure("VISp")


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="'VISpp' is not in the ontology; did you mean 'VISp"):
        structure("VISpp")
    with pytest.raises(ValueError, match="ontology level 'layer' is unknown"):
        at_level("VISp", "layer")
    with pytest.raises(ValueError, match="hierarchy 'harris' is unknown"):
        hierarchy_scores("harris")
    with pytest.raises(ValueError, match="variant 'tc' is unknown"):
        hierarchy_scores("harris2019", "tc")


def test_every_colour_is_whole():
    for entry in ontology().values():
        assert re.fullmatch("#[0-9A-F]{6}", entry.color), entry
    assert structure("AUDp").color == "#019399"  # a leading zero is easily lost
