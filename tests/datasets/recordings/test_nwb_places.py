"""NWB files on a disk, behind HTTP ranges and redirects, and in an archive like DANDI's."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from nwb_writer import simulated_session, write_nwb

from shapemetrics.datasets.http import Retry
from shapemetrics.datasets.recordings import Intervals, dandi_assets, nwb_sessions, read_nwb

STIMULUS = Intervals(("stimulus",), duration=0.4, bin_width=0.1)
FAST = Retry(attempts=2, first_wait=0.0, longest_wait=0.01, timeout=5.0)


def test_sessions_are_named_after_their_files(tmp_path):
    for name in ("b/two.nwb", "a/one.nwb", "a/._one.nwb", "c/one.nwb", "c/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert list(nwb_sessions(tmp_path / "b")) == ["two"]
    assert list(nwb_sessions(tmp_path)) == ["a_one", "b_two", "c_one"]
    address = "https://somewhere.org/api/assets/f0-1/download/"
    assert nwb_sessions([address, tmp_path / "a" / "one.nwb"]) == {
        "f0-1": address,
        "one": str(tmp_path / "a" / "one.nwb"),
    }
    assert list(nwb_sessions("https://somewhere.org/x%20y.nwb?version=3")) == ["x_y"]
    for wrong, message in (
        ([], "found none"),
        (tmp_path / "d", "found no such file"),
        ([tmp_path / "b", tmp_path / "b" / "two.nwb"], "twice"),
        ("dandi:17/a.nwb", "expected dandi:, six digits"),
    ):
        with pytest.raises(ValueError, match=message):
            nwb_sessions(wrong)
    (tmp_path / "e").mkdir()
    with pytest.raises(ValueError, match=r"found no \.nwb file"):
        nwb_sessions(tmp_path / "e")


def test_a_remote_file_is_read_by_ranges(tmp_path, http_server):
    content = simulated_session(rate=400.0)
    local = read_nwb(write_nwb(http_server.folder / "a.nwb", content), STIMULUS)
    remote = read_nwb(f"{http_server.url}a.nwb", STIMULUS, retry=FAST)
    np.testing.assert_array_equal(local.counts, remote.counts)
    assert remote.session == "a"
    assert all(http_server.ranges_of("a.nwb"))
    with pytest.raises(ValueError, match=r"b\.nwb: the server answered 404"):
        read_nwb(f"{http_server.url}b.nwb", STIMULUS, retry=FAST)
    http_server.ranges = False
    with pytest.raises(ValueError, match="does not support byte ranges"):
        read_nwb(f"{http_server.url}a.nwb", STIMULUS, retry=FAST)


@pytest.fixture
def archive(http_server):
    """A loopback server that answers as the DANDI archive does: pages of assets, and redirects."""
    assets = {"sub-A/one.nwb": "id-1", "sub-A/one_video.mp4": "id-2", "sub-B/two.nwb": "id-3"}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def do_GET(self):
            url = urlsplit(self.path)
            if url.path.startswith("/api/assets/"):
                file = {"id-1": "one.nwb", "id-3": "two.nwb"}[url.path.split("/")[3]]
                return self.answer(302, b"", ("Location", f"{http_server.url}{file}"))
            if url.path != "/api/dandisets/000099/versions/draft/assets/":
                return self.answer(404, b"")
            asked = parse_qs(url.query)
            page, prefix = int(asked.get("page", ["1"])[0]), asked.get("path", [""])[0]
            rows = [{"path": p, "asset_id": i} for p, i in assets.items() if p.startswith(prefix)]
            more = f"{url.path}?page={page + 1}&path={prefix}" if page < len(rows) else None
            answer = {
                "next": more and f"http://127.0.0.1:{self.server.server_port}{more}",
                "results": rows[page - 1 : page],
            }
            return self.answer(200, json.dumps(answer).encode())

        def answer(self, status, body, *headers):
            self.send_response(status)
            for header in (("Content-Length", str(len(body))), *headers):
                self.send_header(*header)
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api"
    server.shutdown()
    server.server_close()
    thread.join()


def test_assets_of_the_archive_are_found_and_read(archive, http_server):
    assert dandi_assets("000099", api=archive, retry=FAST) == {
        "sub-A/one.nwb": "id-1",
        "sub-B/two.nwb": "id-3",
    }
    local = read_nwb(write_nwb(http_server.folder / "two.nwb", simulated_session(1)), STIMULUS)
    found = read_nwb("dandi:000099/sub-B/two.nwb", STIMULUS, api=archive, retry=FAST)
    np.testing.assert_array_equal(found.counts, local.counts)
    assert found.session == "two"
    by_address = read_nwb(f"{archive}/assets/id-3/download/", STIMULUS, retry=FAST)
    np.testing.assert_array_equal(by_address.counts, local.counts)
    assert by_address.session == "id-3"
    for place, message in (
        ("dandi:000099/sub-B/tw.nwb", "found no .nwb asset below 'sub-B/tw.nwb'"),
        ("dandi:000098/sub-B/two.nwb", "the server answered 404"),
    ):
        with pytest.raises(ValueError, match=message):
            read_nwb(place, STIMULUS, api=archive, retry=FAST)
