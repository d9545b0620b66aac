"""Downloads from a server that misbehaves: what arrives is whole and right, or it is not there."""

from __future__ import annotations

import hashlib
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from shapemetrics.datasets.download import DamagedError, Remote, download, download_all
from shapemetrics.datasets.http import MissingError, Retry, TransientError

QUICK = Retry(attempts=3, first_wait=0.01, longest_wait=0.05, timeout=0.5)
SIZE = 3_000_001


@pytest.fixture
def content(rng) -> bytes:
    return rng.bytes(SIZE)


@pytest.fixture
def served(http_server, content, tmp_path):
    """The server with one file, and where it goes."""
    (http_server.folder / "a.bin").write_bytes(content)
    return http_server, Remote(http_server.url + "a.bin", tmp_path / "here" / "a.bin")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def nothing_left(remote: Remote) -> bool:
    """No file and no part of one (a lock file may stay)."""
    return not [p for p in remote.path.parent.iterdir() if p.suffix != ".lock"]


def test_file_arrives_whole_with_its_digest_beside_it(served, content):
    server, remote = served
    seen = []
    path = download(remote, retry=QUICK, progress=lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == content
    assert seen[-1] == (SIZE, SIZE)
    assert path.with_name("a.bin.sha256").read_text().split() == [sha256(content), "a.bin"]
    download(remote, retry=QUICK)
    assert len(server.asked) == 1  # the second call finds it


def test_cut_connections_are_resumed_where_they_broke(served, content):
    server, remote = served
    server.cuts = [1_200_000, 900_000]
    assert download(remote, retry=QUICK).read_bytes() == content
    starts = [int(re.match(r"bytes=(\d+)-", span)[1]) for span in server.ranges_of("a.bin")[1:]]
    assert len(starts) == 2
    assert 0 < starts[0] < starts[1]
    assert server.sent < 2 * SIZE


def test_progress_starts_the_count_of_attempts_anew(served, content):
    server, remote = served
    server.cuts = [500_000] * 5  # more failures than attempts, each after some progress
    assert download(remote, retry=QUICK).read_bytes() == content


def test_killed_process_resumes(served, content):
    server, remote = served
    server.slow = 0.05
    code = (
        "import sys; from pathlib import Path\n"
        "from shapemetrics.datasets.download import Remote, download\n"
        "download(Remote(sys.argv[1], Path(sys.argv[2])))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, remote.url, str(remote.path)])
    part = remote.path.with_name("a.bin.part")
    deadline = time.monotonic() + 60
    while not (part.is_file() and part.stat().st_size > 0):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    arrived = part.stat().st_size
    assert 0 < arrived < SIZE
    assert not remote.path.exists()
    server.slow = 0.0
    assert download(remote, retry=QUICK).read_bytes() == content
    assert server.ranges_of("a.bin")[-1] == f"bytes={arrived}-"


@pytest.mark.parametrize("change", [{"ranges": False}, {"etag": None}])
def test_server_without_ranges_or_version_starts_over(served, content, change):
    server, remote = served
    for name, value in change.items():
        setattr(server, name, value)
    server.cuts = [1_500_000]
    assert download(remote, retry=QUICK).read_bytes() == content


def test_file_that_changed_meanwhile_is_fetched_anew(served, content, rng):
    server, remote = served
    server.cuts, server.hangs = [2_000_000], [0.0, 1.0]
    with pytest.raises(TransientError):
        # One fruitful attempt, then the server goes away.
        download(remote, retry=Retry(attempts=1, first_wait=0.01, timeout=0.2))
    assert remote.path.with_name("a.bin.part").stat().st_size > 1_000_000
    new = rng.bytes(SIZE)
    (server.folder / "a.bin").write_bytes(new)
    server.etag, server.hangs = '"two"', []
    assert download(remote, retry=QUICK).read_bytes() == new
    assert server.ranges_of("a.bin")[-1] is not None


def test_server_that_ignores_if_range_never_mixes_two_versions(served, content, rng):
    server, remote = served
    server.cuts, server.hangs = [2_000_000], [0.0, 1.0]
    with pytest.raises(TransientError):
        download(remote, retry=Retry(attempts=1, first_wait=0.01, timeout=0.2))
    assert remote.path.with_name("a.bin.part").stat().st_size > 1_000_000
    new = rng.bytes(SIZE)
    (server.folder / "a.bin").write_bytes(new)
    # It sends a part of the new file, of the same size, as if nothing had happened.
    server.etag, server.hangs, server.if_range = '"two"', [], False
    assert download(remote, retry=QUICK).read_bytes() == new
    resumed, anew = server.ranges_of("a.bin")[-2:]
    assert resumed is not None
    assert anew is None


def test_errors_that_pass_are_tried_again_and_those_that_do_not_are_not(served, content):
    server, remote = served
    server.statuses = [500, 503]
    assert download(remote, retry=QUICK).read_bytes() == content
    assert len(server.asked) == 3
    with pytest.raises(MissingError, match=r"b\.bin: the server answered 404"):
        download(Remote(server.url + "b.bin", remote.path.with_name("b.bin")), retry=QUICK)
    assert len(server.ranges_of("b.bin")) == 1
    server.statuses = [503] * 9
    with pytest.raises(TransientError, match="503"):
        download(Remote(remote.url, remote.path.with_name("c.bin")), retry=QUICK)
    assert len(server.statuses) == 9 - QUICK.attempts


def test_hung_connection_times_out_and_is_tried_again(served, content):
    server, remote = served
    server.hangs = [3.0]
    assert download(remote, retry=QUICK).read_bytes() == content
    assert len(server.asked) == 2


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_altered_bytes_are_refused_with_both_digests(served, content, kind):
    server, remote = served
    server.flip = 1_234_567
    right = getattr(hashlib, kind)(content).hexdigest()
    altered = bytearray(content)
    altered[server.flip] ^= 1
    found = getattr(hashlib, kind)(altered).hexdigest()
    with pytest.raises(DamagedError, match=f"found {kind} {found}, expected {right}"):
        download(Remote(remote.url, remote.path, **{kind: right}), retry=QUICK)
    assert nothing_left(remote)
    server.flip = None
    download(Remote(remote.url, remote.path, **{kind: right}), retry=QUICK)
    assert remote.path.read_bytes() == content


def test_altered_bytes_are_found_by_opening_the_file(served):
    _, remote = served

    def check(path):
        raise ValueError("does not open")

    with pytest.raises(DamagedError, match=r"a\.bin: arrived damaged: does not open"):
        download(remote, retry=QUICK, check=check)
    assert nothing_left(remote)


def test_wrong_size_is_refused(served):
    _, remote = served
    with pytest.raises(DamagedError, match=f"found {SIZE} bytes, expected 17"):
        download(Remote(remote.url, remote.path, size=17), retry=QUICK)
    assert nothing_left(remote)


def test_file_altered_on_disk_is_found(served, content):
    _, remote = served
    path = download(remote, retry=QUICK)
    path.write_bytes(content[:-1] + b"!")
    with pytest.raises(DamagedError, match=f"expected {sha256(content)}"):
        download(remote, retry=QUICK)


def test_answer_that_may_be_cut_off_unnoticed_is_refused(served, content):
    server, remote = served
    server.length = False
    with pytest.raises(ValueError, match="states no size"):
        download(remote, retry=QUICK)
    whole = Remote(remote.url, remote.path, sha256=sha256(content))
    assert download(whole, retry=QUICK).read_bytes() == content


def test_several_files_a_few_at_a_time(http_server, rng, tmp_path):
    contents = {f"{i}.bin": rng.bytes(300_000) for i in range(6)}
    for name, content in contents.items():
        (http_server.folder / name).write_bytes(content)
    http_server.slow = 0.01
    remotes = [Remote(http_server.url + name, tmp_path / "x" / name) for name in contents]
    seen = []
    paths = download_all(
        remotes, n_jobs=2, retry=QUICK, progress=lambda done, total: seen.append((done, total))
    )
    assert [path.read_bytes() for path in paths] == list(contents.values())
    assert http_server.most_at_once == 2
    assert seen[-1] == (1_800_000, 1_800_000)
    assert all(done <= total for done, total in seen)


def test_one_failure_ends_the_batch(http_server, rng, tmp_path):
    (http_server.folder / "a.bin").write_bytes(rng.bytes(1000))
    remotes = [Remote(http_server.url + n, tmp_path / n) for n in ("gone.bin", "a.bin")]
    with pytest.raises(MissingError, match="gone"):
        download_all(remotes, n_jobs=1, retry=QUICK)


def test_two_callers_fetch_a_file_once(served, content):
    server, remote = served
    server.slow = 0.005
    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(lambda _: download(remote, retry=QUICK), range(2)))
    assert paths[0].read_bytes() == content
    assert len(server.asked) == 1
