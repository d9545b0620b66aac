"""A remote file as a seekable one: reads become HTTP range requests, kept in a small cache."""

from __future__ import annotations

import io
from collections import OrderedDict

from shapemetrics.datasets.http import (
    Retry,
    TransientError,
    check_status,
    content_range,
    translated,
    validator,
)
from shapemetrics.extras import needed_by

with needed_by(__name__):
    import requests

#: Bytes of a read from which it is asked for as it is: a column, or spikes, read once.
_LARGE = 1 << 14


class HttpFile(io.RawIOBase):
    """Read parts of a file on a server that allows byte ranges.

    Parameters
    ----------
    url : str
    block : int
        Bytes asked for at least; neighbouring missing blocks come in one request.
    n_blocks : int
        Blocks kept, the least recently used dropped first.
    retry : Retry, optional
    session : requests.Session, optional

    Attributes
    ----------
    size : int
        Bytes of the whole file.
    n_requests, n_bytes : int
        What was asked of the server so far.
    error : Exception or None
        What went wrong last; libraries that read through this file may hide it.

    Raises
    ------
    ValueError
        If the server does not support byte ranges, or the file changes while it is read.
    """

    def __init__(
        self,
        url: str,
        *,
        block: int = 1 << 16,
        n_blocks: int = 512,
        retry: Retry | None = None,
        session: requests.Session | None = None,
    ) -> None:
        super().__init__()
        self.url, self._block, self._n_blocks = url, block, n_blocks
        self._retry = retry or Retry()
        self._session = session or requests.Session()
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._place = 0
        self.error: Exception | None = None
        self.n_requests = self.n_bytes = 0
        self.size, self._version = -1, None
        # The first block tells the size and the version, and the HDF5 header is in it.
        self._store(0, self._ask(0, block))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._range(self._place, min(self._place + len(view), self.size))
        view[: len(data)] = data
        self._place += len(data)
        return len(data)

    def _range(self, start: int, stop: int) -> bytes:
        if stop <= start:
            return b""
        first, last = start // self._block, (stop - 1) // self._block
        if stop - start >= _LARGE and not any(i in self._blocks for i in range(first, last + 1)):
            # Not rounded to blocks and not kept: it would push out what is read in small parts.
            return self._ask(start, stop)
        have: dict[int, bytes] = {}
        missing: list[int] = []
        for index in range(first, last + 1):
            if index in self._blocks:
                self._blocks.move_to_end(index)
                have[index] = self._blocks[index]
            else:
                missing.append(index)
        for low, high in _runs(missing):
            data = self._ask(low * self._block, min((high + 1) * self._block, self.size))
            for index in range(low, high + 1):
                at = (index - low) * self._block
                have[index] = data[at : at + self._block]
        joined = b"".join(have[index] for index in range(first, last + 1))
        for index in missing[-self._n_blocks :]:
            self._store(index, have[index])
        offset = first * self._block
        return joined[start - offset : stop - offset]

    def _store(self, index: int, data: bytes) -> None:
        self._blocks[index] = data
        while len(self._blocks) > self._n_blocks:
            self._blocks.popitem(last=False)

    def _ask(self, start: int, stop: int) -> bytes:
        try:
            return self._retry.calling()(self._try, start, stop)
        except (ValueError, OSError) as error:
            self.error = error
            raise

    def _try(self, start: int, stop: int) -> bytes:
        headers = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
        # Streamed: a server that ignores the range would send gigabytes.
        with (
            translated(self.url),
            self._session.get(
                self.url, headers=headers, timeout=self._retry.timeout, stream=True
            ) as response,
        ):
            self.n_requests += 1
            if response.status_code == 200:
                raise ValueError(
                    f"{self.url}: the server does not support byte ranges, which streaming needs; "
                    "download the file instead (the Observatory's: use source 'download')"
                )
            check_status(response, self.url, (206,))
            span = content_range(response)
            if span is None or span[0] != start:
                raise TransientError(f"{self.url}: the server sent another range than asked")
            version = (validator(response), span[2])
            if self._version is None:
                self._version, self.size = version, span[2]
            elif version != self._version:
                raise ValueError(
                    f"{self.url}: the file changed while it was read: found {version}, "
                    f"expected {self._version}"
                )
            data = response.content
        expected = min(stop, self.size) - start
        if len(data) != expected:
            raise TransientError(f"{self.url}: found {len(data)} bytes, expected {expected}")
        self.n_bytes += len(data)
        return data


def _runs(indices: list[int]) -> list[tuple[int, int]]:
    """First and last of each run of consecutive numbers."""
    runs: list[tuple[int, int]] = []
    for index in indices:
        if runs and index == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return runs
