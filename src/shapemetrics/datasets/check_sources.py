"""Look at every source of real data before anything large is downloaded.

    python -m shapemetrics.datasets.check_sources

asks each source for its head, one range, one range with a wrong version, and compares the answers
with what the code expects: sizes, beginnings of files, columns of tables, digests of small files. A
table of what was found takes about a minute and less than 20 MB; the exit code is 1 where something
would fail.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from shapemetrics.extras import needed_by

with needed_by("shapemetrics.datasets.check_sources", "study"):
    import requests

    from shapemetrics.datasets.allen import ccf, sources
    from shapemetrics.datasets.allen.sessions import session_name
    from shapemetrics.datasets.distances import authors_allen
    from shapemetrics.datasets.http import content_range, validator
    from shapemetrics.datasets.nasbench import cifar10
    from shapemetrics.datasets.nasbench.published import PUBLISHED_FILES

__all__ = ["Finding", "Probe", "check", "known_probes", "main"]

#: Bytes of the range that shows a file's beginning, and of the one whose time is taken.
HEAD_BYTES, SPEED_BYTES = 1 << 16, 1 << 20
#: Most bytes of a file that is fetched whole for its digest.
WHOLE_BYTES = 1 << 20
TIMEOUT = 20.0


@dataclass(frozen=True)
class Probe:
    """A file on a server, and what the code expects of it.

    Attributes
    ----------
    name : str
        What the file is for.
    url : str
    begins : bytes
        First bytes of the file.
    sizes : (int, int) or None
        Least and most bytes.
    columns : tuple of str
        Of a table: names that its first line must have.
    sha256 : str or None
        Digest of a small file, which is then fetched whole.
    ranges : bool
        Whether it is read in parts, so that a server without byte ranges would not do.
    """

    name: str
    url: str
    begins: bytes = b""
    sizes: tuple[int, int] | None = None
    columns: tuple[str, ...] = ()
    sha256: str | None = None
    ranges: bool = False


@dataclass
class Finding:
    """What a server said of a file.

    Attributes
    ----------
    name, url : str
    status : str
        Of the first answer: "200", "403", or what went wrong.
    size : int or None
        Bytes of the whole file, as the server states them.
    ranges, if_range : str
        "yes" or "no": whether parts can be asked for, and whether a wrong version is noticed.
    speed : float or None
        Megabytes (10^6 bytes) per second.
    failing : list of str
        What would make a download or a stream fail.
    remarks : list of str
        What differs and does no harm.
    """

    name: str
    url: str
    status: str = ""
    size: int | None = None
    ranges: str = "?"
    if_range: str = "?"
    speed: float | None = None
    failing: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def row(self) -> list[str]:
        """The cells of this source's line."""
        size = "?" if self.size is None else f"{self.size / 1e6:,.2f}"
        speed = "?" if self.speed is None else f"{self.speed:.1f}"
        return [self.name, self.status, size, self.ranges, self.if_range, speed]


def known_probes(allen: str = sources.PUBLIC, session: int = 715093703) -> list[Probe]:
    """Every file that the package fetches, or one of each kind.

    Parameters
    ----------
    allen : str
        Address in the layout of the public bucket of recordings.
    session : int
        Session whose file is looked at.

    Returns
    -------
    list of Probe
    """
    allen = allen.rstrip("/") + "/"
    probes = [
        Probe(f"allen {name}", allen + name, columns=("id", *columns))
        for name, columns in (
            ("sessions.csv", ("session_type", "ecephys_structure_acronyms")),
            ("probes.csv", ("ecephys_session_id", "name")),
            ("channels.csv", ("ecephys_structure_acronym", *ccf.COORDINATES)),
        )
    ]
    probes += [
        Probe(
            "allen session",
            allen + session_name(session),
            begins=b"\x89HDF\r\n\x1a\n",
            sizes=(500_000_000, 3_500_000_000),
            ranges=True,
        ),
        Probe("allen annotation", ccf.PUBLIC, begins=b"NRRD"),
    ]
    probes += [
        Probe(
            f"authors_allen {name}",
            authors_allen.PUBLIC + name,
            begins=b"%PDF-",
            sizes=(size, size),
            sha256=sha256,
        )
        for name, (size, sha256) in authors_allen.FILES.items()
    ]
    probes.append(
        Probe("cifar10", cifar10.URL, begins=b"\x1f\x8b", sizes=(cifar10.SIZE, cifar10.SIZE))
    )
    probes += [
        Probe(
            f"nasbench {name}",
            file.url,
            sizes=(int(0.9e6 * file.megabytes), int(1.1e6 * file.megabytes)),
        )
        for name, file in PUBLISHED_FILES.items()
    ]
    return probes


def check(
    probe: Probe, *, session: requests.Session | None = None, timeout: float = TIMEOUT
) -> Finding:
    """Ask a server about a file: its head, a range, and a range of another version.

    Parameters
    ----------
    probe : Probe
    session : requests.Session, optional
        To share connections.
    timeout : float
        Seconds without a byte after which a connection counts as hung.

    Returns
    -------
    Finding
    """
    session = session or requests.Session()
    finding = Finding(probe.name, probe.url)
    try:
        _check_head(probe, finding, session, timeout)
        content = _check_range(probe, finding, session, timeout)
        if content is not None:
            _check_content(probe, finding, content)
            _check_if_range(probe, finding, session, timeout)
            _check_speed(probe, finding, session, timeout)
            _check_digest(probe, finding, session, timeout)
    except requests.RequestException as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:160]
        finding.status = finding.status or type(error).__name__
        finding.failing.append(f"no answer: {reason}")
    return finding


def _check_head(probe: Probe, finding: Finding, session: requests.Session, timeout: float) -> None:
    answer = session.head(probe.url, timeout=timeout, allow_redirects=True)
    if answer.status_code != 200:
        finding.remarks.append(f"HEAD: found status {answer.status_code}, expected 200")
        return
    length = answer.headers.get("Content-Length", "")
    finding.size = int(length) if length.isdigit() else None
    if validator(answer) is None:
        finding.remarks.append("found no version (ETag, date): downloads cannot be resumed")


def _check_range(
    probe: Probe, finding: Finding, session: requests.Session, timeout: float
) -> bytes | None:
    """The beginning of the file; None where there is none."""
    with _asked(probe, session, timeout, 0, HEAD_BYTES) as answer:
        finding.status = str(answer.status_code)
        finding.ranges = "yes" if answer.status_code == 206 else "no"
        if answer.status_code not in (200, 206):
            finding.failing.append(
                f"found status {answer.status_code} {answer.reason}, expected the file"
            )
            return None
        content = _begun(answer, HEAD_BYTES)
        span = content_range(answer)
        if answer.status_code == 206 and (span is None or span[0] != 0):
            finding.failing.append(
                f"found Content-Range {answer.headers.get('Content-Range')!r}, expected bytes 0-"
            )
        elif span is not None:
            if finding.size not in (None, span[2]):
                finding.failing.append(
                    f"found {span[2]} and {finding.size} bytes, expected one size"
                )
            finding.size = span[2]
        elif finding.size is None:
            length = answer.headers.get("Content-Length", "")
            finding.size = int(length) if length.isdigit() else None
    if finding.ranges == "no":
        told = finding.failing if probe.ranges else finding.remarks
        told.append("found no byte ranges, expected them: nothing can be streamed or resumed")
    if probe.sizes and finding.size is not None:
        least, most = probe.sizes
        if not least <= finding.size <= most:
            expected = f"{least:,}" if least == most else f"{least:,} to {most:,}"
            finding.failing.append(f"found {finding.size:,} bytes, expected {expected}")
    return content


def _check_content(probe: Probe, finding: Finding, content: bytes) -> None:
    if not content.startswith(probe.begins):
        finding.failing.append(
            f"found {content[: max(len(probe.begins), 16)]!r} at its beginning, expected "
            f"{probe.begins!r}"
        )
    if probe.columns:
        line = content.split(b"\n", 1)[0].decode("utf-8", "replace").strip()
        found = [cell.strip().strip('"') for cell in line.split(",")]
        missing = [name for name in probe.columns if name not in found]
        if missing:
            finding.failing.append(
                f"found the first line {line[:80]!r}, expected a table with column {missing[0]!r}"
            )


def _check_if_range(
    probe: Probe, finding: Finding, session: requests.Session, timeout: float
) -> None:
    """Whether the server sends the whole file where a part of another version is asked for."""
    headers = {"If-Range": '"no version that it ever had"'}
    with _asked(probe, session, timeout, 1, 2, headers) as answer:
        finding.if_range = "yes" if answer.status_code == 200 else "no"
    if finding.if_range == "no" and finding.ranges == "yes":
        finding.remarks.append("If-Range is ignored: versions are told apart by what it sends")


def _check_speed(probe: Probe, finding: Finding, session: requests.Session, timeout: float) -> None:
    size = min(SPEED_BYTES, finding.size or SPEED_BYTES)
    began = time.monotonic()
    with _asked(probe, session, timeout, 0, size) as answer:
        content = _begun(answer, size)
    finding.speed = len(content) / 1e6 / max(time.monotonic() - began, 1e-6)


def _check_digest(
    probe: Probe, finding: Finding, session: requests.Session, timeout: float
) -> None:
    if probe.sha256 is None or (finding.size or 0) > WHOLE_BYTES:
        return
    found = hashlib.sha256(session.get(probe.url, timeout=timeout).content).hexdigest()
    if found != probe.sha256:
        finding.failing.append(f"found sha256 {found}, expected {probe.sha256}")


def _asked(
    probe: Probe,
    session: requests.Session,
    timeout: float,
    start: int,
    stop: int,
    headers: dict[str, str] | None = None,
) -> requests.Response:
    """Ask for bytes; streamed, since a server may send all of a large file."""
    wanted = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
    return session.get(
        probe.url, headers={**wanted, **(headers or {})}, timeout=timeout, stream=True
    )


def _begun(answer: requests.Response, size: int) -> bytes:
    """The first bytes of an answer; the rest is not read."""
    content = b""
    for chunk in answer.iter_content(1 << 14):
        content += chunk
        if len(content) >= size:
            break
    return content[:size]


def table(findings: Sequence[Finding]) -> str:
    """Findings as text: one line each, and beneath what differs."""
    header = ["source", "status", "MB", "ranges", "If-Range", "MB/s"]
    rows = [header, *(finding.row() for finding in findings)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(header))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in rows]
    for finding in findings:
        lines += [f"{finding.name}: FAILS: {text} ({finding.url})" for text in finding.failing]
        lines += [f"{finding.name}: {text}" for text in finding.remarks]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None, probes: Sequence[Probe] | None = None) -> int:
    """Check the sources and print the table.

    Parameters
    ----------
    arguments : sequence of str, optional
        Of the command line.
    probes : sequence of Probe, optional
        Instead of the known ones.

    Returns
    -------
    int
        1 where something would fail, else 0.
    """
    parser = argparse.ArgumentParser(
        prog="python -m shapemetrics.datasets.check_sources",
        description="Look at every source of real data before anything large is downloaded.",
    )
    parser.add_argument("--only", help="sources whose name contains this")
    parser.add_argument("--allen", default=sources.PUBLIC, help="address of the recordings")
    parser.add_argument("--timeout", type=float, default=TIMEOUT, help="seconds (default: 20)")
    chosen = parser.parse_args(arguments)
    probes = list(known_probes(chosen.allen) if probes is None else probes)
    probes = [probe for probe in probes if chosen.only is None or chosen.only in probe.name]
    if not probes:
        print(f"--only: found no source of {chosen.only!r}, expected one", file=sys.stderr)
        return 2
    with requests.Session() as session:
        findings = [check(probe, session=session, timeout=chosen.timeout) for probe in probes]
    print(table(findings))
    return int(any(finding.failing for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
