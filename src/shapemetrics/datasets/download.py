"""Download files so that what arrives is whole: resumed, checked, and renamed into place."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path

from shapemetrics.datasets.http import (
    Retry,
    TransientError,
    check_status,
    content_range,
    translated,
    validator,
)
from shapemetrics.extras import needed_by
from shapemetrics.files import atomic_path
from shapemetrics.progress import ProgressLine

with needed_by(__name__):
    import requests
    from filelock import FileLock

logger = logging.getLogger(__name__)

#: Bytes taken at a time; of a broken connection at most so many are lost.
CHUNK = 1 << 16
#: Called with bytes done and bytes of all files together, as far as known.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Remote:
    """A file to fetch.

    Attributes
    ----------
    url : str
    path : Path
        Where it goes.
    sha256, md5 : str or None
        Published digest, in hexadecimal.
    size : int or None
        Published size in bytes; without one, the size that the server states is checked.
    """

    url: str
    path: Path
    sha256: str | None = None
    md5: str | None = None
    size: int | None = None


class DamagedError(ValueError):
    """A file that arrived whole and is not the one that was published."""


def download(
    remote: Remote,
    *,
    retry: Retry | None = None,
    progress: Progress | None = None,
    session: requests.Session | None = None,
    check: Callable[[Path], None] | None = None,
) -> Path:
    """Fetch one file, or keep the one that is there if it is right.

    Parameters
    ----------
    remote : Remote
    retry : Retry, optional
    progress : callable, optional
        ``progress(bytes done, bytes in all)``.
    session : requests.Session, optional
        To share connections.
    check : callable, optional
        Opens the arrived file and raises ValueError where it is damaged: the only way to find
        altered bytes where nobody published a digest.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ValueError
        If the server refuses, or the file is not the published one (both digests are named).
    TransientError
        If the server stays away.

    Notes
    -----
    What has arrived stays under ``<name>.part`` beside a note of the version it belongs to, so that
    the next call goes on where this one was killed. A server that ignores the range, or whose file
    has changed since, makes it start from zero. The digest of the whole is kept in
    ``<name>.sha256`` and checked when the file is used again. A lock file keeps two processes
    from writing the same file.
    """
    retry = retry or Retry()
    path = Path(remote.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        if path.is_file():
            verify(remote)
            if progress is not None:
                progress(path.stat().st_size, path.stat().st_size)
            return path
        part = _Part(remote, retry, progress, session or requests.Session())
        try:
            digest = _arrived(part, remote)
        except DamagedError:
            # A resumed file may join two versions: once more from zero, then it is the server's.
            if not part.resumed:
                raise
            digest = _arrived(part, remote)
        if check is not None:
            try:
                check(part.path)
            except ValueError as error:
                part.discard()
                raise DamagedError(f"{remote.url}: arrived damaged: {error}") from error
        os.replace(part.path, path)
        part.note.unlink(missing_ok=True)
        with atomic_path(_digest_file(path)) as temporary:
            temporary.write_text(f"{digest}  {path.name}\n")
    return path


def download_from(
    mirrors: Sequence[str],
    remote: Remote,
    *,
    retry: Retry | None = None,
    progress: Progress | None = None,
) -> Path:
    """Fetch one file from the first of several addresses that has it.

    Parameters
    ----------
    mirrors : sequence of str
        Addresses of the same file, tried in this order before that of `remote`.
    remote : Remote
        Its digests and size hold wherever the file comes from.
    retry, progress
        As for :func:`download`.

    Raises
    ------
    ValueError
        If `remote` has no digest, so that a mirror could send anything; else, like
        TransientError, as :func:`download` for the last address.
    """
    if mirrors and not (remote.sha256 or remote.md5):
        raise ValueError(f"mirrors: found no digest of {remote.url}, expected one to check them by")
    for mirror in mirrors:
        try:
            patience = retry or Retry(attempts=3)  # there is another address to try
            return download(replace(remote, url=mirror), retry=patience, progress=progress)
        except (ValueError, TransientError) as error:
            logger.warning("%s; the next address is tried", error)
    return download(remote, retry=retry, progress=progress)


def byte_progress(desc: str) -> ProgressLine:
    """A progress line that counts bytes, with rate and time left."""
    line = ProgressLine(total=0, desc=desc, unit="B")
    line.unit_scale = True
    return line


def verify(remote: Remote) -> None:
    """Check a file on disk against what was published, and against what arrived.

    Raises
    ------
    DamagedError
        If it differs; found and expected are named.
    """
    path = Path(remote.path)
    known = _digest_file(path)
    kept = known.read_text().split()[0] if known.is_file() and known.stat().st_size else None
    sha256 = remote.sha256 or kept
    size = path.stat().st_size
    if remote.size is not None and size != remote.size:
        raise DamagedError(f"{path}: found {size} bytes, expected {remote.size}")
    if sha256 or remote.md5:
        digests = _digests(path, remote.md5 is not None)
        _compare(str(path), digests, sha256, remote.md5)


def download_all(
    remotes: Sequence[Remote],
    *,
    n_jobs: int = 2,
    retry: Retry | None = None,
    progress: Progress | None = None,
    check: Callable[[Path], None] | None = None,
) -> list[Path]:
    """Fetch several files, a few at a time.

    Parameters
    ----------
    remotes : sequence of Remote
    n_jobs : int
        Most downloads at once.
    retry, progress, check
        As for :func:`download`; progress counts all files together.

    Returns
    -------
    list of Path
        In the order of `remotes`.

    Raises
    ------
    ValueError, TransientError
        The first failure; downloads under way stop, and what arrived stays for the next call.
    """
    total = _Total(len(remotes), progress)
    with requests.Session() as session, ThreadPoolExecutor(max(1, n_jobs)) as pool:
        jobs = [
            pool.submit(
                download,
                remote,
                retry=retry,
                progress=total.of(index),
                session=session,
                check=check,
            )
            for index, remote in enumerate(remotes)
        ]
        done, waiting = wait(jobs, return_when=FIRST_EXCEPTION)
        failed = [job for job in jobs if job in done and job.exception() is not None]
        if failed:
            total.stop()
            for job in waiting:
                job.cancel()
            raise failed[0].exception()
        return [job.result() for job in jobs]


class Cancelled(RuntimeError):
    """Another download of the same batch failed."""


class _Total:
    """Progress of several files as one."""

    def __init__(self, number: int, progress: Progress | None) -> None:
        self._done, self._all = [0] * number, [0] * number
        self._progress, self._lock = progress, threading.Lock()
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True

    def of(self, index: int) -> Progress:
        def report(done: int, size: int) -> None:
            if self._stopped:
                raise Cancelled("stopped: another download failed")
            with self._lock:
                self._done[index], self._all[index] = done, size
                if self._progress is not None:
                    self._progress(sum(self._done), sum(self._all))

        return report


class _Part:
    """A file that is arriving."""

    def __init__(
        self, remote: Remote, retry: Retry, progress: Progress | None, session: requests.Session
    ) -> None:
        target = Path(remote.path)
        self.path = target.with_name(target.name + ".part")
        self.note = target.with_name(target.name + ".part.json")
        self.remote, self.retry, self.progress, self.session = remote, retry, progress, session
        self.resumed = False

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def fetch(self) -> None:
        """Fetch what is missing, with as many tries as it takes while something arrives."""
        mark = [self._size()]

        def progressed() -> bool:
            before, mark[0] = mark[0], self._size()
            return mark[0] > before

        self.retry.calling(progressed)(self._try)

    def _try(self) -> None:
        start = self._size()
        known = self._version() if start else None
        if start and known is None:
            # Nothing tells whether the server still has the same file.
            self.discard()
            start = 0
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers |= {"Range": f"bytes={start}-", "If-Range": known["validator"]}
        url, timeout = self.remote.url, self.retry.timeout
        with (
            translated(url),
            self.session.get(url, headers=headers, stream=True, timeout=timeout) as response,
        ):
            if response.status_code == 416:
                # All of it is here, or the file has changed: the size says which.
                if known and known["size"] == start:
                    return
                self.discard()
                raise TransientError(f"{url}: the file has changed, starting over")
            check_status(response, url, (200, 206))
            start, size = self._begin(response, start)
            self._receive(response, start, size)

    def _begin(self, response: requests.Response, start: int) -> tuple[int, int | None]:
        """Where the answer starts, and how large the whole is."""
        length = response.headers.get("Content-Length", "")
        size = int(length) if length.isdigit() else None
        if response.status_code == 206:
            span = content_range(response)
            if span is None or span[0] != start:
                self.discard()
                raise TransientError(f"{self.remote.url}: the server sent another range than asked")
            # Some servers ignore If-Range, and send a part of whatever file they have now.
            begun = self._version() or {}
            found = (validator(response), span[2])
            if found != (begun.get("validator"), begun.get("size") or span[2]):
                self.discard()
                raise TransientError(
                    f"{self.remote.url}: the file has changed: found version and size {found}, "
                    f"expected {(begun.get('validator'), begun.get('size'))}; starting over"
                )
            self.resumed = True
            return start, span[2]
        if size is None and response.headers.get("Transfer-Encoding") != "chunked":
            checked = self.remote.sha256 or self.remote.md5 or self.remote.size
            if checked is None:
                raise ValueError(
                    f"{self.remote.url}: the server states no size and no digest is "
                    "published, so a cut-off file would pass for a whole one"
                )
        if start:
            # The server cannot resume, or the file has changed: all of it comes again.
            self.path.unlink(missing_ok=True)
        version = validator(response)
        self.note.unlink(missing_ok=True)
        if version is not None:
            self.note.write_text(json.dumps({"validator": version, "size": size}))
        return 0, size

    def _receive(self, response: requests.Response, start: int, size: int | None) -> None:
        expected = self.remote.size or size or 0
        done, shown = start, 0.0
        with open(self.path, "ab" if start else "wb") as stream:
            for chunk in response.iter_content(CHUNK):
                stream.write(chunk)
                done += len(chunk)
                if self.progress is not None and time.monotonic() - shown > 0.1:
                    shown = time.monotonic()
                    self.progress(done, max(expected, done))
        if size is not None and done < size:
            raise TransientError(
                f"{self.remote.url}: the connection ended at {done} of {size} bytes"
            )
        if self.progress is not None:
            self.progress(done, done)

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def _version(self) -> dict | None:
        try:
            note = json.loads(self.note.read_text())
            return note if note.get("validator") else None
        except (OSError, ValueError):
            return None


def _arrived(part: _Part, remote: Remote) -> str:
    """Fetch, check, and give the digest; a damaged file is removed."""
    part.resumed = False
    part.fetch()
    size = part.path.stat().st_size
    try:
        if remote.size is not None and size != remote.size:
            raise DamagedError(f"{remote.url}: found {size} bytes, expected {remote.size}")
        digests = _digests(part.path, remote.md5 is not None)
        _compare(remote.url, digests, remote.sha256, remote.md5)
    except DamagedError:
        part.discard()
        raise
    return digests["sha256"]


def _digests(path: Path, with_md5: bool) -> dict[str, str]:
    """SHA-256, and MD5 where it is asked for."""
    kinds = ("sha256", "md5") if with_md5 else ("sha256",)
    with open(path, "rb") as stream:
        found = {}
        for kind in kinds:
            stream.seek(0)
            found[kind] = hashlib.file_digest(stream, kind).hexdigest()
    return found


def _compare(name: str, found: dict[str, str], sha256: str | None, md5: str | None) -> None:
    for kind, expected in (("sha256", sha256), ("md5", md5)):
        if expected is not None and found[kind] != expected.lower():
            raise DamagedError(f"{name}: found {kind} {found[kind]}, expected {expected.lower()}")


def _digest_file(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")
