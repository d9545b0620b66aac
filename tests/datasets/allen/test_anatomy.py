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
    hierarchy_score,
    hierarchy_scores,
    is_part_of,
    lineage,
    ontology,
    reason_left_out,
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
    assert set(ontology()) == set(atlas) - {"void"}  # its name of what lies outside of the brain
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


def test_every_layer_of_the_isocortex_belongs_to_an_area():
    layers = [
        acronym
        for acronym in ontology()
        if division(acronym) == "Isocortex" and re.search(r"(?:2/3|[456][ab]?)$", acronym)
    ]
    assert len(layers) > 200
    for acronym in layers:
        area = at_level(acronym, "structure")
        assert is_part_of(acronym, area)
        assert not re.search(r"\d[ab]?$", area), acronym


def test_structures_that_the_unseen_sessions_hold_are_known():
    # Of the multi-region recordings of Steinmetz et al. 2019.
    assert [reason_left_out(a) for a in ("NB", "BLA", "SI", "ACB", "SPF", "LH")] == [""] * 6


@pytest.mark.parametrize(
    ("acronym", "reason"),
    [
        ("VISp", ""),
        ("TH", ""),
        (" ", "no_structure"),
        (None, "no_structure"),
        ("grey", "grey"),
        ("root", "root"),
        ("VL", "ventricle"),
        ("alv", "fiber_tract"),
        ("fiber tracts", "fiber_tract"),
        ("retina", "retina"),
        ("VISq", "unknown_structure"),
    ],
)
def test_reasons_to_leave_a_unit_out(acronym, reason):
    assert reason_left_out(acronym) == reason


def test_scores_of_parents_and_layers_follow_the_rule():
    scores = hierarchy_scores()
    assert hierarchy_score("VISp") == hierarchy_score("VISp", "harris2019", "cc_tc_ct")
    assert hierarchy_score("VISp").value == scores["VISp"]
    layer = hierarchy_score("VISp2/3")
    assert (layer.value, layer.rule) == (scores["VISp"], "of_area")
    assert hierarchy_score("MGd").value == scores["MG"]
    parent = hierarchy_score("AUD")
    assert parent.rule == "mean_of_parts"
    assert parent.value == pytest.approx(
        (scores["AUDd"] + scores["AUDp"] + scores["AUDpo"]) / 3, rel=1e-12
    )
    # Cortico-cortical scores leave out the thalamus, and divisions get none in any case.
    for acronym, variant in (("LP", "cc"), ("TH", "cc_tc_ct"), ("Isocortex", "cc"), ("CA1", "cc")):
        found = hierarchy_score(acronym, "harris2019", variant)
        assert found.value != found.value
        assert found.rule == ""


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
