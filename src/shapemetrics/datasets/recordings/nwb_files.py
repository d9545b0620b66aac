"""Where NWB files are, on a disk, at a web address or in the DANDI archive; how to open them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import h5py
import requests

from shapemetrics.datasets.http import Retry, check_status, translated
from shapemetrics.datasets.http_file import HttpFile

#: The public interface of the DANDI archive.
DANDI = "https://api.dandiarchive.org/api"
_ASSET = re.compile(r"dandi:(?P<dandiset>\d{6})(?:@(?P<version>[\w.]+))?(?:/(?P<path>.*))?")


def is_remote(place: str | os.PathLike) -> bool:
    """Whether a file is read over a network."""
    return str(place).startswith(("http://", "https://", "dandi:"))


def nwb_sessions(
    files: str | os.PathLike | Sequence[str | os.PathLike], *, retry: Retry | None = None
) -> dict[str, str]:
    """Sessions by name: one file each.

    Parameters
    ----------
    files : path-like, or a sequence of them
        A file; a folder, of which all ``.nwb`` files are taken, also in folders below; an
        ``http(s)://`` address; or ``dandi:000017/path/of/asset.nwb``. ``dandi:000017@VERSION``
        names a version, the draft otherwise. With a path that ends in ``/``, or none, the archive
        is asked for all ``.nwb`` assets below it.
    retry : Retry, optional
        When to give up asking the archive.

    Returns
    -------
    dict of str to str
        Place by name, in the order given, those of a folder by path. The name is the file's
        without suffix, with as many folders in front as tell it from the others; letters, digits,
        ``-``, ``.`` and ``_`` stay as they are, others become ``_``.

    Raises
    ------
    ValueError
        If there is no file, or one occurs twice.

    Examples
    --------
    >>> list(nwb_sessions(["dandi:000017/sub-Cori/sub-Cori_ses-20161214T120000.nwb"]))
    ['sub-Cori_ses-20161214T120000']
    """
    given = [files] if isinstance(files, str | os.PathLike) else list(files)
    places = [place for entry in given for place in _places(entry, retry)]
    if not places:
        raise ValueError("files: found none, expected at least one NWB file")
    repeated = [place for k, place in enumerate(places) if place in places[:k]]
    if repeated:
        raise ValueError(f"files: found {repeated[0]} twice, expected it once")
    for depth in range(1, 1 + max(len(_parts(place)) for place in places)):
        names = [re.sub(r"[^\w.-]", "_", "_".join(_parts(place)[-depth:])) for place in places]
        if len(set(names)) == len(names):
            return dict(zip(names, places))
    raise ValueError(f"files: found places that no name tells apart, such as {places[0]}")


def _places(entry: str | os.PathLike, retry: Retry | None) -> list[str]:
    place = os.fspath(entry)
    if place.startswith("dandi:"):
        match = _matched(place)
        path = match["path"] or ""
        if path and not path.endswith("/"):
            return [place]
        version = f"@{match['version']}" if match["version"] else ""
        found = dandi_assets(match["dandiset"], match["version"], path, retry=retry)
        return [f"dandi:{match['dandiset']}{version}/{name}" for name in found]
    if is_remote(place):
        return [place]
    if os.path.isdir(place):
        found = sorted(
            str(path)
            for path in Path(place).rglob("*.nwb")
            if path.is_file() and not path.name.startswith(".")
        )
        if not found:
            raise ValueError(f"files: {place}: found no .nwb file, expected at least one")
        return found
    if not os.path.isfile(place):
        raise ValueError(f"files: {place}: found no such file, expected an NWB file or a folder")
    return [place]


def _parts(place: str) -> list[str]:
    """Folders and name of a file, without suffix; of an asset's address its id."""
    path = unquote(urlsplit(place).path) if is_remote(place) else place
    parts = [part for part in PurePosixPath(path.replace(os.sep, "/")).parts if part != "/"]
    if is_remote(place) and parts and parts[-1] == "download":
        parts = parts[:-1]  # .../assets/ID/download/
    if not parts:
        return [urlsplit(place).netloc or "session"]
    return [*parts[:-1], parts[-1].removesuffix(".nwb")]


@contextmanager
def opened(
    place: str | os.PathLike, *, retry: Retry | None = None, api: str = DANDI
) -> Iterator[h5py.File]:
    """Open an NWB file wherever it is; a remote one is read by HTTP ranges.

    Parameters
    ----------
    place : path-like
        A path, an address, or ``dandi:`` and an asset. Redirects are followed.
    retry : Retry, optional
    api : str
        Address of the archive's interface.

    Yields
    ------
    h5py.File

    Raises
    ------
    ValueError
        If there is no such file, or it is no HDF5.
    """
    name = os.fspath(place)
    if not is_remote(name):
        if not os.path.isfile(name):
            raise ValueError(f"{name}: found no such file, expected an NWB file")
        with _hdf5(name, name) as file:
            yield file
        return
    address = dandi_address(name, retry=retry, api=api) if name.startswith("dandi:") else name
    with HttpFile(address, retry=retry) as remote:
        try:
            with _hdf5(remote, name) as file:
                yield file
        except (ValueError, OSError, RuntimeError) as error:
            # HDF5 reports only that a read failed; the file knows why.
            raise (remote.error or error) from error


def _hdf5(file: Any, name: str) -> h5py.File:
    try:
        return h5py.File(file, "r")
    except (OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{name}: damaged or not an NWB file: {reason}") from error


def dandi_assets(
    dandiset: str,
    version: str | None = None,
    prefix: str = "",
    *,
    retry: Retry | None = None,
    api: str = DANDI,
) -> dict[str, str]:
    """NWB files of a set of the DANDI archive.

    Parameters
    ----------
    dandiset : str
        Six digits.
    version : str, optional
        A published version; the draft otherwise, which its authors may still change.
    prefix : str
        Only assets whose path begins so.
    retry : Retry, optional
    api : str
        Address of the archive's interface.

    Returns
    -------
    dict of str to str
        Asset id by path, ascending.

    Raises
    ------
    ValueError
        If there is no such set or version, or no such file in it.

    Examples
    --------
    >>> dandi_assets("000017", prefix="sub-Cori/")  # doctest: +SKIP
    {'sub-Cori/sub-Cori_ses-20161214T120000.nwb': '...', ...}
    """
    address = f"{api}/dandisets/{dandiset}/versions/{version or 'draft'}/assets/"
    found: dict[str, str] = {}
    page: str | None = address
    parameters: Mapping[str, str] | None = {"path": prefix, "page_size": "1000"}
    while page:
        answer = _json(page, parameters, retry)
        try:
            found |= {str(row["path"]): str(row["asset_id"]) for row in answer["results"]}
            page, parameters = answer.get("next"), None
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{page}: found no list of assets: {error!r}") from None
    chosen = {
        path: found[path] for path in sorted(found) if path.startswith(prefix) and _is_nwb(path)
    }
    if not chosen:
        raise ValueError(f"{address}: found no .nwb asset below {prefix!r}, expected at least one")
    return chosen


def dandi_address(place: str, *, retry: Retry | None = None, api: str = DANDI) -> str:
    """Address from which an asset ``dandi:SET[@VERSION]/PATH`` is read.

    Raises
    ------
    ValueError
        If there is no such asset.
    """
    match = _matched(place)
    path = match["path"] or ""
    assets = dandi_assets(match["dandiset"], match["version"], path, retry=retry, api=api)
    if path not in assets:
        raise ValueError(f"{place}: found no asset of this path, expected one of {list(assets)}")
    return f"{api}/assets/{assets[path]}/download/"


def _matched(place: str) -> re.Match[str]:
    match = _ASSET.fullmatch(place)
    if match is None:
        raise ValueError(f"{place}: expected dandi:, six digits, and the path of an asset")
    return match


def _is_nwb(path: str) -> bool:
    return path.endswith(".nwb")


def _json(address: str, parameters: Mapping[str, str] | None, retry: Retry | None) -> Any:
    retry = retry or Retry()

    def ask() -> Any:
        with (
            translated(address),
            requests.get(address, params=parameters, timeout=retry.timeout) as response,
        ):
            check_status(response, address, (200,))
            try:
                return response.json()
            except ValueError as error:
                raise ValueError(f"{address}: found no JSON, expected a list of assets") from error

    return retry.calling()(ask)
