"""Structures by coordinates, from a volume that is small enough to check by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from annotation_volume import write_volume

from shapemetrics.datasets.allen.anatomy import structure
from shapemetrics.datasets.allen.ccf import (
    COORDINATES,
    channel_structures,
    channel_table,
    fetch_annotation,
    open_annotation,
    read_channel_table,
    structure_ids,
)
from shapemetrics.datasets.download import DamagedError
from shapemetrics.datasets.http import Retry

QUICK = Retry(attempts=3, first_wait=0.01, longest_wait=0.05, timeout=2.0)


@pytest.fixture
def volume(rng):
    return rng.integers(0, 1000, (7, 5, 6))


@pytest.mark.parametrize("encoding", ["gzip", "raw"])
@pytest.mark.parametrize("endian", ["little", "big"])
def test_points_are_looked_up_in_their_voxels(tmp_path, volume, rng, encoding, endian):
    path = write_volume(tmp_path / "v.nrrd", volume, encoding=encoding, endian=endian)
    points = rng.random((200, 3)) * np.array(volume.shape) * 10.0
    a, b, c = (points // 10).astype(int).T
    np.testing.assert_array_equal(structure_ids(path, points), volume[a, b, c])
    # Edges of voxels, and another resolution.
    assert structure_ids(path, [[0, 0, 0], [69.999, 49.999, 59.999], [10, 0, 0]]).tolist() == [
        volume[0, 0, 0],
        volume[6, 4, 5],
        volume[1, 0, 0],
    ]
    assert structure_ids(path, [[25, 25, 25]], resolution=25).tolist() == [volume[1, 1, 1]]


def test_points_without_coordinates_have_no_structure(tmp_path, volume):
    path = write_volume(tmp_path / "v.nrrd", volume + 1)
    found = structure_ids(path, [[np.nan, 1, 1], [-1, -1, -1], [5, 5, np.nan], [5, 5, 5]])
    assert found.tolist() == [0, 0, 0, volume[0, 0, 0] + 1]
    with pytest.raises(ValueError, match=r"found the point \[70.0, 0.0, 0.0\] um, expected points"):
        structure_ids(path, [[70.0, 0.0, 0.0]])
    with pytest.raises(ValueError, match=r"coordinates: found shape \(3,\)"):
        structure_ids(path, [1.0, 2.0, 3.0])


def test_channels_get_the_finest_structure_at_their_coordinates(tmp_path):
    volume = np.zeros((4, 4, 4), dtype=int)
    volume[1, 1, 1] = structure("VISp2/3").id
    volume[2, 1, 3] = structure("LGd-sh").id
    volume[3, 3, 3] = 5  # in no ontology
    path = write_volume(tmp_path / "v.nrrd", volume)
    lines = [
        f"id,{','.join(COORDINATES)}",
        "7,15,15,15",
        "3,25,15,35",
        "9,35,35,35",
        "8,,,",
        "2,0,0,0",
    ]
    (tmp_path / "channels.csv").write_text("\n".join(lines) + "\n")
    found = channel_structures(tmp_path / "channels.csv", path)
    assert found.to_dict() == {7: "VISp2/3", 3: "LGd-sh", 9: "5", 8: None, 2: ""}
    channel_table(found).to_csv(tmp_path / "located.csv", index=False)
    pd.testing.assert_series_equal(
        read_channel_table(tmp_path / "located.csv"), found, check_names=False
    )
    (tmp_path / "channels.csv").write_text("id,x\n1,2\n")
    with pytest.raises(ValueError, match="column 'anterior_posterior_ccf_coordinate' is missing"):
        channel_structures(tmp_path / "channels.csv", path)


def test_volume_is_fetched_once_and_whole(http_server, tmp_path, volume):
    served = write_volume(http_server.folder / "annotation_10.nrrd", volume)
    url = http_server.url + served.name
    path = fetch_annotation(tmp_path, url, retry=QUICK)
    assert path.with_name(path.name + ".sha256").is_file()
    assert fetch_annotation(tmp_path, url, retry=QUICK) == path
    assert open_annotation(url, tmp_path, retry=QUICK) == path
    assert len(http_server.asked) == 1
    assert open_annotation(str(served), tmp_path) == served
    with pytest.raises(ValueError, match=r"annotation: found no file .*none\.nrrd, expected"):
        open_annotation("none.nrrd", tmp_path)
    content = served.read_bytes()
    for damaged in (b"<html>log in</html>\n", content[:-20], content.replace(b"gzip", b"bzip")):
        served.write_bytes(damaged)
        with pytest.raises(DamagedError, match="arrived damaged"):
            fetch_annotation(tmp_path / "other", url, retry=QUICK)
    path.write_bytes(content[:-1] + b"x")
    with pytest.raises(DamagedError, match="found sha256"):
        fetch_annotation(tmp_path, url, retry=QUICK)
