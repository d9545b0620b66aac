"""Sources are looked at before anything large is fetched: each way to differ is told."""

from __future__ import annotations

import hashlib

import pytest

from shapemetrics.datasets.check_sources import Probe, check, known_probes, main

TABLE = b"id,session_type,ecephys_structure_acronyms\n1,a,\"['VISp']\"\n"


@pytest.fixture
def served(http_server, rng):
    """A server with a table and a large file."""
    (http_server.folder / "sessions.csv").write_bytes(TABLE)
    (http_server.folder / "session.nwb").write_bytes(b"\x89HDF\r\n\x1a\n" + rng.bytes(3_000_000))
    return http_server


@pytest.fixture
def probes(served):
    return [
        Probe("sessions", served.url + "sessions.csv", columns=("id", "session_type")),
        Probe(
            "session",
            served.url + "session.nwb",
            begins=b"\x89HDF",
            sizes=(2_000_000, 4_000_000),
            ranges=True,
        ),
        Probe("digest", served.url + "sessions.csv", sha256=hashlib.sha256(TABLE).hexdigest()),
    ]


def test_sources_as_expected(served, probes, capsys):
    assert main([], probes) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0].split() == ["source", "status", "MB", "ranges", "If-Range", "MB/s"]
    assert [line.split()[:2] for line in lines[1:4]] == [
        ["sessions", "206"],
        ["session", "206"],
        ["digest", "206"],
    ]
    assert "FAILS" not in out
    # The large file was not fetched.
    assert served.sent < 2_600_000
    assert main(["--only", "digest"], probes) == 0
    assert main(["--only", "nothing"], probes) == 2


def failing(probe):
    return " | ".join(check(probe, timeout=2.0).failing)


def test_each_way_to_differ_is_told(served, probes, capsys):
    table, large, digest = probes
    assert "found status 404" in failing(Probe("x", served.url + "none.csv"))
    served.ranges = False
    assert "found no byte ranges" in failing(large)
    assert failing(table) == ""  # tables are fetched whole
    assert any("no byte ranges" in text for text in check(table).remarks)
    served.ranges, served.if_range = True, False
    found = check(large)
    assert (found.failing, found.if_range) == ([], "no")
    assert any("If-Range is ignored" in text for text in found.remarks)
    served.if_range, served.etag = True, None
    assert any("found no version" in text for text in check(large).remarks)
    served.etag = '"one"'
    (served.folder / "sessions.csv").write_text("<html>log in</html>\n")
    assert "'<html>log in</html>', expected a table with column 'id'" in failing(table)
    assert "found sha256" in failing(digest)
    (served.folder / "session.nwb").write_bytes(b"<html>" + b"x" * 100)
    told = failing(large)
    assert "found 106 bytes, expected 2,000,000 to 4,000,000" in told
    assert "at its beginning, expected b'\\x89HDF'" in told
    assert main([], probes) == 1
    assert "FAILS" in capsys.readouterr().out


@pytest.mark.parametrize("status", [403, 500, 503])
def test_refusals_are_told(served, probes, status):
    served.statuses = [status] * 2
    assert f"found status {status}" in failing(probes[0])


def test_servers_that_do_not_answer_are_told(served, probes):
    assert "no answer" in failing(Probe("x", "http://127.0.0.1:9/x.csv"))
    served.hangs = [3.0]
    found = check(probes[0], timeout=0.3)
    assert "no answer" in found.failing[0]


def test_every_source_has_a_probe():
    probes = known_probes()
    kinds = {probe.name.split()[0] for probe in probes}
    assert kinds == {"allen", "authors_allen", "cifar10", "nasbench"}
    assert len({probe.url for probe in probes}) == len(probes)
    assert sum(probe.sizes[0] for probe in probes if probe.sha256) == 53_214
    other = known_probes("http://127.0.0.1/cache")
    assert other[0].url == "http://127.0.0.1/cache/sessions.csv"
