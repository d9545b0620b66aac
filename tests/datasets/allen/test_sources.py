"""Four sources, one answer; and what each says of a session that is not there or is damaged."""

from __future__ import annotations

import json
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest

from shapemetrics.datasets.allen import nwb
from shapemetrics.datasets.allen.extraction import extract, spike_counts
from shapemetrics.datasets.allen.recording import Recording, UnitFilters
from shapemetrics.datasets.allen.sdk_scripts import run_script
from shapemetrics.datasets.allen.sessions import read_sessions, session_name
from shapemetrics.datasets.allen.sources import AllenSDK, Download, Stream, open_source
from shapemetrics.datasets.allen.stimuli import STIMULI, bins
from shapemetrics.datasets.download import DamagedError
from shapemetrics.datasets.http import MissingError, Retry

MOVIE = STIMULI["natural_movie_one"]
QUICK = Retry(attempts=3, first_wait=0.01, longest_wait=0.05, timeout=2.0)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exported(cache, allensdk_python, session_ids) -> list[Recording]:
    """Both sessions as AllenSDK reads them."""
    source = open_source("simulated", cache, interpreter=allensdk_python)
    assert source.simulated
    return [source.recording(i, MOVIE) for i in session_ids]


@pytest.fixture
def bucket(http_server, cache):
    """The simulated cache behind HTTP."""
    http_server.folder.rmdir()
    http_server.folder.symlink_to(cache)
    return http_server


def same(a: Recording, b: Recording) -> None:
    """Two sources gave the same representations."""
    pd.testing.assert_frame_equal(a.units, b.units, check_dtype=False)
    left, right = (extract(r, MOVIE, bins(MOVIE)) for r in (a, b))
    assert left.stimuli == right.stimuli
    assert left.dropped == right.dropped
    assert left.units.equals(right.units)
    np.testing.assert_array_equal(left.counts, right.counts)
    np.testing.assert_array_equal(left.repeats, right.repeats)
    assert left.counts.sum() > 1000


def test_all_sources_give_the_same_representations(
    exported, bucket, cache, tmp_path, session_ids, allensdk_python
):
    stream = Stream(tmp_path / "stream", bucket.url, QUICK)
    download = Download(tmp_path / "download", bucket.url, QUICK)
    for session, by_allensdk in zip(session_ids, exported):
        same(by_allensdk, stream.recording(session, MOVIE))
        same(by_allensdk, download.recording(session, MOVIE))
        with h5py.File(cache / session_name(session)) as file:
            same(by_allensdk, nwb.read_recording(file, MOVIE))
    tables = [s.structures() for s in (stream, download)]
    for table in tables:
        pd.testing.assert_series_equal(table, AllenSDK(cache, allensdk_python).structures())
    assert len(read_sessions(stream.table("sessions.csv"))) == 2


def test_invalid_times_and_unplaced_units_are_in_the_simulation(exported):
    first = extract(exported[0], MOVIE, bins(MOVIE))
    assert set(exported[0].invalid_times["tags"].str.split(",").str[-1]) == {"stimulus", "probeA"}
    assert first.dropped["quality"] > 50
    assert first.dropped["no_structure"] > 5
    assert first.repeats.min() < first.repeats.max()


def test_counts_equal_presentationwise_spike_counts(cache, allensdk_python, session_ids, tmp_path):
    edges = [0.0, 0.01, 1 / 30, 0.1]
    request = {
        "session_id": session_ids[0],
        "manifest": str(cache / "manifest.json"),
        "stimulus": MOVIE.name,
        "tables": list(MOVIE.tables),
        "conditions": list(MOVIE.conditions),
        "filters": {},
        "check_counts": edges,
    }
    (tmp_path / "request.json").write_text(json.dumps(request))
    run_script(
        allensdk_python, "export_session.py", tmp_path / "request.json", tmp_path / "answer.npz"
    )
    ours = Recording.load(tmp_path / "answer.npz")
    with np.load(tmp_path / "answer.npz") as file:
        theirs = file["check_counts"]
    onsets = ours.presentations["start_time"].to_numpy()
    counts = spike_counts(ours.spike_times, onsets, np.array(edges))
    np.testing.assert_array_equal(counts.transpose(1, 2, 0), theirs)
    assert theirs.sum() > 1000


def test_filters_reach_allensdk(cache, allensdk_python, session_ids, exported):
    lax = UnitFilters(None, None, None, filter_by_validity=False)
    with h5py.File(cache / session_name(session_ids[0])) as file:
        direct = nwb.read_recording(file, MOVIE, lax)
    by_allensdk = AllenSDK(cache, allensdk_python).recording(session_ids[0], MOVIE, lax)
    same(by_allensdk, direct)
    assert len(direct.units) > len(exported[0].units)


def test_streaming_keeps_the_spikes_around_the_stimulus(cache, session_ids):
    with h5py.File(cache / session_name(session_ids[0])) as file:
        presentations = nwb.read_presentations(file, MOVIE, "")
        sparse = nwb.read_recording(file, MOVIE, sparse=True)
        whole = nwb.read_recording(file, MOVIE)
    same(sparse, whole)
    assert len(nwb.blocks(presentations)) == 2  # the simulation pauses between two blocks
    assert sum(map(len, sparse.spike_times)) < 0.8 * sum(map(len, whole.spike_times))


def test_faults_of_the_network_while_streaming(bucket, exported, tmp_path, session_ids):
    source = Stream(tmp_path, bucket.url, QUICK)
    bucket.statuses = [503]
    bucket.cuts = [100, 2_000]
    same(exported[0], source.recording(session_ids[0], MOVIE))
    bucket.ranges = False
    with pytest.raises(ValueError, match=r"does not support byte ranges.*use source 'download'"):
        source.recording(session_ids[0], MOVIE)
    bucket.ranges = True
    with pytest.raises(MissingError, match=r"session_7\.nwb: the server answered 404"):
        source.recording(7, MOVIE)


def test_server_that_dies_while_streaming_is_named(bucket, tmp_path, session_ids):
    source = Stream(tmp_path, bucket.url, Retry(1, 0.01, 0.05, 2.0))
    # The first answer opens the file, the others fail inside HDF5's own reads.
    bucket.statuses = [0] + [500] * 50
    with pytest.raises(OSError, match="the server answered 500"):
        source.recording(session_ids[0], MOVIE)


def test_damaged_downloads_are_refused(bucket, cache_copy, tmp_path, session_ids):
    bucket.folder.unlink()
    bucket.folder.symlink_to(cache_copy)
    file = cache_copy / session_name(session_ids[0])
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    source = Download(tmp_path / "d", bucket.url, QUICK)
    with pytest.raises(DamagedError, match=r"\.nwb: arrived damaged: .*damaged or not an NWB file"):
        source.recording(session_ids[0], MOVIE)
    file.write_bytes(content)
    source.recording(session_ids[0], MOVIE)
    arrived = tmp_path / "d" / session_name(session_ids[0])
    altered = bytearray(content)
    altered[len(content) // 3] ^= 1
    arrived.write_bytes(altered)
    with pytest.raises(DamagedError, match=r"found sha256 [0-9a-f]{64}, expected [0-9a-f]{64}"):
        source.recording(session_ids[0], MOVIE)
    published = Download(tmp_path / "e", bucket.url, QUICK, digests={session_ids[0]: "0" * 64})
    with pytest.raises(DamagedError, match="expected 0000"):
        published.recording(session_ids[0], MOVIE)


def test_downloads_in_parallel_make_a_cache(bucket, tmp_path, session_ids):
    seen = []
    source = Download(
        tmp_path / "d", bucket.url, QUICK, progress=lambda done, total: seen.append((done, total))
    )
    paths = source.fetch(session_ids, n_jobs=2)
    assert [p.relative_to(tmp_path / "d").as_posix() for p in paths] == [
        session_name(i) for i in session_ids
    ]
    assert seen[-1][0] == seen[-1][1] == sum(p.stat().st_size for p in paths)


def test_bad_caches_are_named(cache_copy, allensdk_python, session_ids, tmp_path):
    with pytest.raises(ValueError, match=r"has no manifest\.json"):
        AllenSDK(tmp_path / "nowhere", allensdk_python)
    source = AllenSDK(cache_copy, allensdk_python)
    with pytest.raises(ValueError, match=r"session 7: cache .* has no session_7"):
        source.recording(7, MOVIE)
    scenes = STIMULI["natural_scenes"]
    message = "'natural_scenes' was not shown; there are: natural_movie_one, spontaneous"
    with pytest.raises(ValueError, match=message):
        source.recording(session_ids[0], scenes)
    file = cache_copy / session_name(session_ids[0])
    with h5py.File(file) as opened, pytest.raises(ValueError, match=message):
        nwb.read_recording(opened, scenes)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"999000001\.nwb: damaged or not an NWB file"):
        source.recording(session_ids[0], MOVIE)
    # EcephysProjectCache would have deleted it.
    assert file.is_file()
    with pytest.raises(ValueError, match="has no interpreter"):
        AllenSDK(cache_copy, tmp_path / "python").recording(session_ids[1], MOVIE)


def test_file_that_is_no_session(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["identifier"] = "5"
    with (
        h5py.File(tmp_path / "x.h5") as file,
        pytest.raises(ValueError, match=r"x\.h5: no session file of the Observatory"),
    ):
        nwb.read_recording(file, MOVIE)


def test_sources_by_name(tmp_path):
    with pytest.raises(ValueError, match="source 'web' is unknown, expected one of simulated"):
        open_source("web", tmp_path)
    with pytest.raises(ValueError, match="needs the interpreter"):
        open_source("simulated", tmp_path)
    shutil.rmtree(tmp_path)
    assert open_source("stream", tmp_path).url.startswith("https://allen-brain-observatory.s3")
