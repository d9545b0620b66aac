"""The real tables of an ecephys cache, as they are."""

from __future__ import annotations

import json

import pytest

from shapemetrics.datasets.allen.costs import reading_memory
from shapemetrics.datasets.allen.sessions import (
    SESSION_TYPES,
    choose_sessions,
    parse_acronyms,
    read_manifest,
    read_probes,
    read_sessions,
    session_name,
    write_manifest,
)


@pytest.fixture
def real(shared):
    return shared / "data" / "allen_ecephys_cache"


def test_sessions_as_allensdk_saves_them(real):
    table = read_sessions(real / "sessions.csv")
    assert len(table) == 58
    assert table["unit_count"].sum() == 40_010
    assert dict(table["session_type"].value_counts()) == {
        "brain_observatory_1.1": 32,
        "functional_connectivity": 26,
    }
    first = table.loc[715093703, "structures"]
    assert first[:4] == ("CA1", "VISrl", "PO", "LP")
    assert len(first) == 15  # the 16th entry is nan
    assert sum("VISp" in row for row in table["structures"]) == 56


def test_sessions_as_the_warehouse_gives_them(real):
    saved, raw = (read_sessions(real / f"{n}sessions.csv") for n in ("", "warehouse_"))
    assert set(raw.index) == set(saved.index)
    assert (raw["session_type"] == saved["session_type"].loc[raw.index]).all()
    assert (raw["full_genotype"] == saved["full_genotype"].loc[raw.index]).all()
    assert set(raw["structures"]) == {()}


def test_probes(real):
    for name in ("probes.csv", "warehouse_probes.csv"):
        probes = read_probes(real / name)
        assert len(probes) == 332
        assert probes.loc[729445648, "name"] == "probeA"
    saved = read_probes(real / "probes.csv")
    assert saved.loc[729445648, "structures"] == ("APN", "LP", "MB", "DG", "CA1", "VISam")


def test_manifest(real, tmp_path):
    names = read_manifest(real)
    assert names["session_nwb"] == "session_%d/session_%d.nwb"
    assert names["session_nwb"] % (5, 5) == session_name(5)
    written = json.loads(write_manifest(tmp_path).read_text())
    original = json.loads((real / "manifest.json").read_text())
    assert read_manifest(tmp_path) == names
    assert written["manifest"][0] == original["manifest"][0]


def test_choice_of_sessions(real):
    table = read_sessions(real / "sessions.csv")
    assert choose_sessions(table, ids=[721123822, 715093703]) == [721123822, 715093703]
    assert len(choose_sessions(table)) == 58
    some = choose_sessions(table, session_types=["functional_connectivity"], limit=3)
    assert len(some) == 3
    assert set(table.loc[some, "session_type"]) == {"functional_connectivity"}
    with pytest.raises(ValueError, match="session 12 is unknown; the table has 58"):
        choose_sessions(table, ids=[12])
    with pytest.raises(ValueError, match="no session of type"):
        choose_sessions(table, session_types=["behavior"])


def test_lists_of_one_or_none():
    assert parse_acronyms("[nan]") == ()
    assert parse_acronyms("['VISp']") == ("VISp",)
    assert parse_acronyms(float("nan")) == ()


def test_mistakes_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"has no manifest\.json"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text('{"manifest": [{"key": "x", "spec": "y"}]}')
    with pytest.raises(ValueError, match="no manifest of an ecephys cache: 'sessions' is missing"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text("nonsense")
    with pytest.raises(ValueError, match="no manifest of an ecephys cache"):
        read_manifest(tmp_path)
    (tmp_path / "sessions.csv").write_text("id,other\n1,2\n")
    with pytest.raises(ValueError, match=r"sessions\.csv: column 'session_type' is missing"):
        read_sessions(tmp_path / "sessions.csv")
    with pytest.raises(ValueError, match="cannot be read as a table"):
        read_sessions(tmp_path / "none.csv")


def test_types_follow_from_the_stimulus(shared):
    table = read_sessions(shared / "data" / "allen_ecephys_cache" / "sessions.csv")
    assert len(choose_sessions(table)) == 58
    assert len(choose_sessions(table, stimulus="natural_movie_one")) == 58
    for stimulus in ("natural_movie_three", "natural_scenes", "drifting_gratings"):
        assert len(choose_sessions(table, stimulus=stimulus)) == 32
        assert len(choose_sessions(table, session_types=SESSION_TYPES, stimulus=stimulus)) == 32
        with pytest.raises(ValueError, match=f"shows {stimulus}; expected brain_observatory_1.1"):
            choose_sessions(table, session_types=["functional_connectivity"], stimulus=stimulus)
    with pytest.raises(ValueError, match=r"session 766640955: found type functional_connectivity"):
        choose_sessions(table, ids=[715093703, 766640955], stimulus="natural_scenes")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html>log in</html>", "column 'id' is missing: found '<html>log in</html>'"),
        ("id,session_type\n", "found 0 rows"),
        ("id,session_type\nx,y\n", "expected rows with whole numbers as id"),
        ("id,name\n1,y\n", "column 'session_type' is missing"),
        ("", "cannot be read as a table"),
    ],
)
def test_what_is_no_table_of_sessions_is_named(tmp_path, text, message):
    path = tmp_path / "sessions.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_sessions(path)
    assert "\n" not in str(caught.value)


def test_memory_follows_from_the_size_of_a_file():
    assert reading_memory("allensdk", 1_400_000_000) == 7000
    assert reading_memory("allensdk") > 13_000
    assert reading_memory("stream") < 1_500
    with pytest.raises(ValueError, match="source: found 'web', expected one of simulated"):
        reading_memory("web")
