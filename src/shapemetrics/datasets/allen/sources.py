"""Where session files come from: one interface, four sources that give the same recordings."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import pandas as pd

from shapemetrics.datasets.allen.nwb import read_recording
from shapemetrics.datasets.allen.recording import Recording, UnitFilters
from shapemetrics.datasets.allen.sdk_scripts import run_script
from shapemetrics.datasets.allen.sessions import (
    read_channel_structures,
    read_manifest,
    read_probes,
    read_sessions,
    session_name,
)
from shapemetrics.datasets.allen.stimuli import Stimulus
from shapemetrics.datasets.download import Remote, download, download_all
from shapemetrics.datasets.http import MissingError, Retry
from shapemetrics.datasets.http_file import HttpFile

#: The public bucket, and what it keeps beside the sessions.
PUBLIC = "https://allen-brain-observatory.s3.amazonaws.com/visual-coding-neuropixels/ecephys-cache/"
TABLES = ("sessions.csv", "probes.csv", "channels.csv")
NAMES = ("simulated", "stream", "download", "allensdk")
#: What reads each table, and refuses what is none: an error page, say, that came with status 200.
TABLE_READERS: Mapping[str, Callable[[Path], Any]] = {
    "sessions.csv": read_sessions,
    "probes.csv": read_probes,
    "channels.csv": read_channel_structures,
}

Progress = Callable[[int, int], None]


class Source(ABC):
    """One way to the recordings."""

    #: Whether no animal produced the data.
    simulated = False
    #: Where the structures of channels come from; known once `structures` was asked.
    annotation = ""

    @abstractmethod
    def table(self, name: str) -> Path:
        """Path of one of the cache's tables, fetched first where that is needed."""

    @abstractmethod
    def recording(
        self, session_id: int, kind: Stimulus, filters: UnitFilters | None = None
    ) -> Recording:
        """One stimulus of one session.

        Raises
        ------
        ValueError
            If the session is unknown, its file damaged, or the stimulus was not shown.
        """

    def structures(self) -> pd.Series | None:
        """Structure by channel id, as the session tables give it; None where there is no table.

        Warns
        -----
        UserWarning
            If there is no table (a server may refuse it, 403, or not have it, 404): structures are
            then those of the session files, which `annotation` says from then on.
        """
        try:
            path = self.table("channels.csv")
        except MissingError as error:
            self.annotation = f"session files, for want of channels.csv ({error})"
            warnings.warn(f"structures are those of the session files: {error}", stacklevel=2)
            return None
        self.annotation = "channels.csv"
        return read_channel_structures(path)


class _Web(Source):
    """Files under a web address in the layout of the public bucket."""

    def __init__(self, folder: str | os.PathLike, url: str, retry: Retry | None) -> None:
        self.folder, self.url = Path(folder), url.rstrip("/") + "/"
        self.retry = retry or Retry()

    def table(self, name: str) -> Path:
        # Parsed before it is kept: what is no table would otherwise be found here for ever.
        return download(
            Remote(self.url + name, self.folder / name),
            retry=self.retry,
            check=TABLE_READERS.get(name),
        )


class Stream(_Web):
    """Read parts of remote session files by HTTP range requests.

    Parameters
    ----------
    folder : path-like
        For the session tables, which are fetched whole.
    url : str
        Address of the bucket.
    retry : Retry, optional

    Attributes
    ----------
    n_bytes, n_requests : int
        Bytes read from session files so far, and requests.
    """

    def __init__(
        self, folder: str | os.PathLike, url: str = PUBLIC, retry: Retry | None = None
    ) -> None:
        super().__init__(folder, url, retry)
        self.n_bytes = self.n_requests = 0

    def recording(
        self, session_id: int, kind: Stimulus, filters: UnitFilters | None = None
    ) -> Recording:
        address = self.url + session_name(session_id)
        with HttpFile(address, retry=self.retry) as remote:
            try:
                with _opened(remote, address) as file:
                    return read_recording(file, kind, filters, address, sparse=True)
            except (ValueError, OSError) as error:
                # HDF5 reports only that a read failed; the file knows why.
                raise (remote.error or error) from error
            finally:
                self.n_bytes += remote.n_bytes
                self.n_requests += remote.n_requests


class Download(_Web):
    """Fetch whole session files, then read them from disk.

    Parameters
    ----------
    folder : path-like
        Where they go, in the layout of an ecephys cache.
    url : str
        Address of the bucket.
    retry : Retry, optional
    digests : mapping of int to str, optional
        SHA-256 by session id, where somebody published it. Otherwise the size is checked, and the
        file must open as a session file.
    progress : callable, optional
        ``progress(bytes done, bytes in all)``.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        url: str = PUBLIC,
        retry: Retry | None = None,
        digests: Mapping[int, str] | None = None,
        progress: Progress | None = None,
    ) -> None:
        super().__init__(folder, url, retry)
        self.progress = progress
        self.digests = dict(digests or {})

    def recording(
        self, session_id: int, kind: Stimulus, filters: UnitFilters | None = None
    ) -> Recording:
        path = download(
            self._remote(session_id),
            retry=self.retry,
            progress=self.progress,
            check=check_session_file,
        )
        with _opened(path, str(path)) as file:
            return read_recording(file, kind, filters, str(path))

    def fetch(self, session_ids: list[int], *, n_jobs: int = 2) -> list[Path]:
        """Fetch several session files, a few at a time."""
        return download_all(
            [self._remote(i) for i in session_ids],
            n_jobs=n_jobs,
            retry=self.retry,
            progress=self.progress,
            check=check_session_file,
        )

    def _remote(self, session_id: int) -> Remote:
        name = session_name(session_id)
        return Remote(self.url + name, self.folder / name, sha256=self.digests.get(session_id))


class AllenSDK(Source):
    """Read a cache on disk with AllenSDK, in its own environment.

    Parameters
    ----------
    cache : path-like
        Folder with ``manifest.json``, as EcephysProjectCache keeps it, or the manifest itself.
    interpreter : path-like
        Python of AllenSDK's environment.

    Raises
    ------
    ValueError
        If the cache has no manifest.
    """

    def __init__(self, cache: str | os.PathLike, interpreter: str | os.PathLike) -> None:
        cache = Path(cache)
        self.manifest = cache if cache.suffix == ".json" else cache / "manifest.json"
        self._files = read_manifest(self.manifest)
        self.interpreter = Path(interpreter)

    def table(self, name: str) -> Path:
        spec = self._files.get(name.removesuffix(".csv"), name)
        path = self.manifest.parent / spec
        if not path.is_file():
            raise MissingError(f"cache {self.manifest.parent} has no {spec}")
        return path

    def recording(
        self, session_id: int, kind: Stimulus, filters: UnitFilters | None = None
    ) -> Recording:
        request = {
            "session_id": int(session_id),
            "manifest": str(self.manifest.absolute()),
            "stimulus": kind.name,
            "tables": list(kind.tables),
            "conditions": list(kind.conditions),
            "filters": asdict(filters or UnitFilters()),
        }
        with tempfile.TemporaryDirectory() as folder:
            question, answer = Path(folder) / "request.json", Path(folder) / "recording.npz"
            question.write_text(json.dumps(request))
            run_script(self.interpreter, "export_session.py", question, answer)
            return Recording.load(answer)


class Simulated(AllenSDK):
    """A cache of simulated sessions, read by the real AllenSDK."""

    simulated = True


def open_source(
    name: str,
    folder: str | os.PathLike,
    *,
    interpreter: str | os.PathLike | None = None,
    url: str | None = None,
    retry: Retry | None = None,
    progress: Progress | None = None,
) -> Source:
    """The source of this name.

    Parameters
    ----------
    name : {"simulated", "stream", "download", "allensdk"}
    folder : path-like
        The cache (``simulated``, ``allensdk``), or where fetched files go.
    interpreter : path-like, optional
        Python of AllenSDK's environment, for ``simulated`` and ``allensdk``.
    url : str, optional
        Address of the bucket, for ``stream`` and ``download``.
    retry : Retry, optional
    progress : callable, optional
        For ``download``: ``progress(bytes done, bytes in all)``.

    Returns
    -------
    Source
    """
    if name in ("simulated", "allensdk"):
        if interpreter is None:
            raise ValueError(f"source {name!r} needs the interpreter of AllenSDK's environment")
        return (Simulated if name == "simulated" else AllenSDK)(folder, interpreter)
    if name == "stream":
        return Stream(folder, url or PUBLIC, retry)
    if name == "download":
        return Download(folder, url or PUBLIC, retry, progress=progress)
    raise ValueError(f"source {name!r} is unknown, expected one of {', '.join(NAMES)}")


def check_session_file(path: str | os.PathLike) -> None:
    """Open a session file and look at its ends; ValueError where it is damaged."""
    with _opened(path, str(path)) as file:
        try:
            ends = file["units/spike_times_index"][()]
            times = file["units/spike_times"]
            if len(ends) and (int(ends[-1]) != len(times) or times[-1:].size != 1):
                raise ValueError(f"{path}: {len(times)} spike times, expected {int(ends[-1])}")
            identifier = file["identifier"][()]
        except (KeyError, OSError, RuntimeError) as error:
            raise ValueError(f"{path}: no session file of the Observatory: {error}") from None
        if not identifier:
            raise ValueError(f"{path}: a session file without identifier")


def _opened(file: Any, name: str) -> h5py.File:
    try:
        return h5py.File(file, "r")
    except (OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{name}: damaged or not an NWB file: {reason}") from error
