"""A remote file read in parts equals the file."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapemetrics.datasets.http import Retry, TransientError
from shapemetrics.datasets.http_file import HttpFile

QUICK = Retry(attempts=3, first_wait=0.01, longest_wait=0.05, timeout=0.5)
SIZE = 100_003
CONTENT = np.random.default_rng(7).bytes(SIZE)


@pytest.fixture
def served(http_server):
    (http_server.folder / "a.bin").write_bytes(CONTENT)
    return http_server


@given(
    reads=st.lists(st.tuples(st.integers(0, SIZE + 10), st.integers(0, 30_000)), max_size=6),
    block=st.sampled_from([1000, 4096, 65536]),
    n_blocks=st.sampled_from([1, 3, 100]),
)
def test_any_reads_give_the_bytes_of_the_file(served, reads, block, n_blocks):
    remote = HttpFile(served.url + "a.bin", block=block, n_blocks=n_blocks, retry=QUICK)
    assert remote.size == SIZE
    for start, length in reads:
        remote.seek(start)
        assert remote.read(length) == CONTENT[start : start + length]


def test_seeks_from_everywhere(served):
    remote = HttpFile(served.url + "a.bin", retry=QUICK)
    remote.seek(-5, io.SEEK_END)
    assert remote.read() == CONTENT[-5:]
    remote.seek(100)
    remote.seek(10, io.SEEK_CUR)
    assert remote.tell() == 110


def test_only_what_is_read_is_fetched_and_only_once(served):
    remote = HttpFile(served.url + "a.bin", block=1000, retry=QUICK)
    remote.seek(50_000)
    remote.read(2_500)
    assert remote.n_bytes == 1_000 + 3_000
    before = remote.n_requests
    remote.seek(50_100)
    remote.read(2_000)
    assert remote.n_requests == before


def test_failures_that_pass_are_tried_again(served):
    served.statuses = [500]
    served.cuts = [10, 500]
    served.hangs = [0.0, 0.0, 0.0, 2.0]
    remote = HttpFile(served.url + "a.bin", block=1000, retry=Retry(5, 0.01, 0.05, 0.5))
    remote.seek(40_000)
    assert remote.read(3_000) == CONTENT[40_000:43_000]


def test_server_without_ranges_is_refused(served):
    served.ranges = False
    with pytest.raises(ValueError, match="does not support byte ranges"):
        HttpFile(served.url + "a.bin", retry=QUICK)


def test_file_that_changes_while_it_is_read_is_refused(served):
    remote = HttpFile(served.url + "a.bin", block=1000, retry=QUICK)
    served.etag = '"two"'
    remote.seek(50_000)
    with pytest.raises(ValueError, match="changed while it was read"):
        remote.read(10)
    assert "changed" in str(remote.error)


def test_server_that_stays_away_is_named(served):
    served.statuses = [503] * 10
    with pytest.raises(TransientError, match=r"a\.bin: the server answered 503"):
        HttpFile(served.url + "a.bin", retry=QUICK)
