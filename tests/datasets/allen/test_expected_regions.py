"""How many regions to expect, from the real tables and from small ones that can be counted."""

from __future__ import annotations

import pandas as pd
import pytest

from shapemetrics.datasets.allen.expected import (
    announced,
    expected_from_tables,
    expected_of_release,
    recorded_frequencies,
)
from shapemetrics.datasets.allen.sessions import SESSION_TYPES, choose_sessions, read_sessions
from shapemetrics.datasets.allen.settings import Pooling

CHOICE = {
    "ids": None,
    "session_types": ["brain_observatory_1.1"],
    "stimulus": "natural_movie_three",
    "limit": None,
}


@pytest.fixture
def real(shared):
    return shared / "data" / "allen_ecephys_cache"


def test_facts_are_those_of_the_real_tables(real):
    table = read_sessions(real / "sessions.csv")
    facts = recorded_frequencies()
    for kind in SESSION_TYPES:
        rows = table.loc[table["session_type"] == kind, "structures"]
        number = pd.Series([name for row in rows for name in set(row)]).value_counts()
        pd.testing.assert_series_equal(
            facts[kind][facts[kind] > 0].sort_index(),
            number.sort_index(),
            check_names=False,
        )
    assert len(facts) == 61


@pytest.mark.parametrize("stimulus", ["natural_movie_one", "natural_movie_three"])
def test_what_is_known_without_tables_agrees_with_the_tables(real, stimulus):
    ids = choose_sessions(read_sessions(real / "sessions.csv"), stimulus=stimulus)
    known = expected_of_release(stimulus=stimulus)
    read = expected_from_tables(real, ids)
    columns = ["structure_acronym", "n_sessions", "left_out", "has_score"]
    pd.testing.assert_frame_equal(known.table[columns], read.table[columns])
    assert known.n_sessions == read.n_sessions == len(ids)
    assert known.interval == (0, read.at_most if stimulus == "natural_movie_three" else 59)


def test_shares_of_probes_hold_the_published_numbers_of_units(real, shared):
    ids = choose_sessions(read_sessions(real / "sessions.csv"))
    expected = expected_from_tables(real, ids, Pooling(min_units=100))
    assert expected.basis == "probes"
    low, high = expected.interval
    assert 0 < low < high < expected.at_most <= len(expected.possible) == 59
    units = pd.read_csv(shared / "data" / "units_per_session_and_area_siegle2021.csv")
    total = units.groupby("structure_acronym")["units"].sum()
    rows = expected.table.set_index("structure_acronym").loc[total.index]
    assert (total <= rows["most"]).all()
    # Within the factor of two for seven of eight areas; LGd holds more than its share.
    within = (rows["fewest"] <= total) & (total <= 2 * rows["expected"])
    assert within.drop("LGd").all()


def test_counted_units_give_one_number(tmp_path):
    (tmp_path / "sessions.csv").write_text("id,session_type\n7,brain_observatory_1.1\n")
    (tmp_path / "probes.csv").write_text("id,ecephys_session_id,name\n70,7,probeA\n80,8,probeA\n")
    acronyms = ["VISp", "VISp", "TH", "LP", "", "grey"]
    channels = pd.DataFrame(
        {"id": range(6), "ecephys_probe_id": 70, "ecephys_structure_acronym": acronyms}
    )
    channels.loc[6] = [6, 80, "CA1"]  # of a session that is not chosen
    channels.to_csv(tmp_path / "channels.csv", index=False)
    units = pd.DataFrame({"ecephys_channel_id": [0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 6, 6]})
    units = units.assign(quality="good", amplitude_cutoff=0.0, presence_ratio=1.0)
    units["isi_violations"] = [0.0] * 3 + [9.0] + [0.0] * 8
    units.rename_axis("id").reset_index().to_csv(tmp_path / "units.csv", index=False)
    found = expected_from_tables(tmp_path, [7], Pooling(min_units=2))
    assert found.basis == "units"
    rows = found.table.set_index("structure_acronym")
    assert rows["most"].to_dict() == {"LP": 1, "TH": 2, "VISp": 3, "grey": 1}
    assert found.interval == (2, 2)
    assert "K at most 2: regions with at least 2 units" in found.lines()[1]
    dropped = expected_from_tables(tmp_path, [7], Pooling(min_units=2, parents="drop"))
    assert dropped.table.set_index("structure_acronym")["left_out"].to_dict() == {
        "LP": "",
        "TH": "parent",
        "VISp": "",
        "grey": "grey",
    }
    joined = expected_from_tables(tmp_path, [7], Pooling(min_units=2, level="division"))
    assert joined.table.set_index("structure_acronym").loc["TH", "most"] == 3
    excluded = expected_from_tables(tmp_path, [7], Pooling(min_units=2, exclude=("VISp",)))
    assert excluded.interval == (1, 1)
    # A table of units that is none is named, and what else is known is said.
    (tmp_path / "units.csv").write_text("id,x\n1,2\n")
    lines = expected_from_tables(tmp_path, [7]).lines()
    assert lines[0].startswith("units are not counted: ")
    assert "the tables of 1 sessions list no structure: K unknown" in lines


def test_it_is_announced_with_the_tables_and_without(real, tmp_path):
    given = {"pooling": {"min_units": 100}, "filters": {}}
    lines = announced(tmp_path, CHOICE, **given)
    assert lines[0] == (
        "32 sessions list 48 structures, of which 46 can be regions (left out: grey, VL)"
    )
    assert lines[1].startswith("K at most 46; how many of them have at least 100 units")
    assert any("VISp 32, VISrl 28, CA1 26" in line for line in lines)
    assert "K between 16 and 30" in announced(real, CHOICE, **given)[1]
    some = announced(tmp_path, {**CHOICE, "limit": 3}, **given)
    assert some[0].startswith("some sessions are chosen")
    assert announced(tmp_path, CHOICE, **given, released=False) == [
        "regions to expect are said once the tables of sessions are fetched"
    ]
    (tmp_path / "sessions.csv").write_text("<html>log in</html>")
    (line,) = announced(tmp_path, CHOICE, **given)
    assert line.startswith("regions to expect are unknown: ")
