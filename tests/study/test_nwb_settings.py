"""What a study asks of NWB files, and what it says about mistakes in their settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shapemetrics.datasets.recordings import Intervals, TrialRules, UnitColumns
from shapemetrics.study import ConfigError, Study, validated


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Study]:
    for name in ("a/one", "b/two"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / f"{name}.nwb").touch()

    def made(**settings: Any) -> Study:
        own = {
            "kind": "recordings",
            "source": "nwb",
            "files": str(tmp_path),
            "intervals": {"condition": ["picture"], "duration": 0.4},
            **settings,
        }
        config = {"datasets": {"lab": own}, "metrics": {"procrustes": {"family": "linear"}}}
        return Study(validated(config))

    return made


def test_regions_without_atlas_get_every_figure_but_the_atlas(make):
    named, placed = make(), make(regions={"atlas": "allen"})
    assert set(placed.figures("lab")) - set(named.figures("lab")) == {"procrustes/atlas"}
    assert set(named.figures("lab")) > {"noise_floor", "growth", "procrustes/dendrogram"}
    assert named.dataset("lab").targets == ("reliability",)
    assert named.dataset("lab").dendrogram["color"] == "reliability"
    assert placed.dataset("lab").dendrogram["color"] == "ccf_color"
    assert make(color="n_units").dataset("lab").dendrogram["color"] == "n_units"


def test_a_table_about_regions_gives_targets_labels_and_colours(make, tmp_path):
    path = tmp_path / "regions.csv"
    path.write_text("region,lobe,depth\nV1,occipital,1\nPFC,frontal,\nNA,,3\n")
    part = make(regions={"table": str(path)}, target="depth", color="lobe").dataset("lab")
    part.check_names()
    assert part.labels == ("lobe",)
    assert part.targets == ("depth",)
    assert part.table_files == [str(path)]
    with pytest.raises(ValueError, match=r"lab\.target': found 'lobe'"):
        make(regions={"table": str(path)}, target="lobe").dataset("lab").check_names()
    for text, message in (
        ("area,depth\nV1,1\n", "found columns area, depth, expected 'region'"),
        ("region,depth\nV1,1\nV1,2\n", "found region 'V1' twice"),
        ("region,n_units\nV1,1\n", "'n_units', which recordings have themselves"),
        ("", "no table of regions"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"'datasets\.lab\.regions\.table': ") as caught:
            make(regions={"table": str(path)}).dataset("lab").check_names()
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_jobs_are_given_what_the_reader_takes(make, tmp_path):
    part = make(
        intervals={
            "condition": ["picture", "side"],
            "duration": 1,
            "bin_width": 0.5,
            "filters": {"correct": {"values": [True]}, "trial": {"min": 3}},
        },
        units={"filters": {"quality": {"values": ["good"]}}, "rename": {"A": "B"}},
        trials={"balance": "subsample", "min_trials": 3},
    ).dataset("lab")
    assert part.nwb_files == {
        "one": str(tmp_path / "a" / "one.nwb"),
        "two": str(tmp_path / "b" / "two.nwb"),
    }
    choice = part.nwb_choice
    intervals = Intervals(**choice["intervals"])
    assert intervals.n_bins == 2
    assert choice["intervals"]["filters"]["correct"]["values"] == [True]
    assert UnitColumns(**choice["units"]).rename == {"A": "B"}
    rules = TrialRules(**choice["rules"])
    assert (rules.min_trials, rules.balance) == (3, "subsample")
    assert choice["atlas"] == "none"
    assert not part.needs_network


def test_remote_files_are_named_without_asking_for_them(make):
    files = ["https://nowhere.invalid/x/one.nwb", "dandi:000017/sub-Cori/sub-Cori_ses-1.nwb"]
    part = make(files=files).dataset("lab")
    assert part.nwb_files == dict(zip(["one", "sub-Cori_ses-1"], files))
    assert part.needs_network
    assert part.local_files == {}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"files": "nowhere"}, "'datasets.lab.files': nowhere: found no such file"),
        ({"files": []}, "'datasets.lab.files': found none"),
        ({"files": "dandi:000017"}, "'datasets.lab.files': found the whole set 'dandi:000017'"),
        (
            {"trials": {"population": "within_session"}},
            "lab.files': found 2 sessions, expected one",
        ),
        ({"trials": {"min_trials": 1}}, "lab.trials.min_trials': 1 is less than the minimum of 2"),
        ({"trials": {"missing": "drop_sessions"}}, "lab.trials.missing': found 'drop_sessions'"),
        ({"trials": {"balanse": "none"}}, "did you mean 'balance'"),
        ({"intervals": {"condition": ["x"]}}, "key 'duration' is missing"),
        (
            {"intervals": {"condition": ["x"], "duration": 1.0, "bin_width": 0.3}},
            "lab.intervals.bin_width': found 0.3, expected a whole number of bins in 1.0 s",
        ),
        ({"units": {"filters": {"snr": {"mni": 1}}}}, "did you mean 'min'"),
        ({"units": {"filters": {"snr": {}}}}, "lab.units.filters.snr"),
        ({"units": {"several": "all"}}, "lab.units.several'"),
        ({"regions": {"atlas": "waxholm"}}, "lab.regions.atlas'"),
        ({"target": "hierarchi_score"}, "lab.target': found 'hierarchi_score'"),
    ],
)
def test_mistakes_name_the_key_in_one_line(make, settings, message):
    with pytest.raises((ConfigError, ValueError)) as caught:
        make(**settings).dataset("lab").check_names()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
