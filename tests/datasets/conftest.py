"""A loopback HTTP server that misbehaves on request."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@dataclass
class Server:
    """What the server does, and what it was asked.

    `statuses`, `cuts` and `hangs` are used up from the front, one a request: an error status to
    answer, a number of bytes after which to close the connection, seconds to wait with the answer.
    """

    url: str
    folder: Path
    ranges: bool = True
    if_range: bool = True
    etag: str | None = '"one"'
    length: bool = True
    flip: int | None = None
    slow: float = 0.0
    statuses: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    hangs: list[float] = field(default_factory=list)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    sent: int = 0
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ranges_of(self, name: str) -> list[str | None]:
        """Range headers of the requests for a file."""
        return [span for path, span in self.asked if path == f"/{name}"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    state: Server

    def log_message(self, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        state = self.state
        with state.lock:
            state.asked.append((self.path, self.headers.get("Range")))
            status = state.statuses.pop(0) if state.statuses else None
            cut = state.cuts.pop(0) if state.cuts else None
            hang = state.hangs.pop(0) if state.hangs else 0.0
            state.at_once += 1
            state.most_at_once = max(state.most_at_once, state.at_once)
        try:
            time.sleep(hang)
            self._answer(status, cut)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with state.lock:
                state.at_once -= 1

    def _answer(self, status: int | None, cut: int | None) -> None:
        state, path = self.state, self.state.folder / self.path.lstrip("/")
        if status or not path.is_file():
            self.send_response(status or 404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = bytearray(path.read_bytes())
        if state.flip is not None:
            body[state.flip] ^= 1
        first, last = self._span(len(body))
        self.send_response(200 if first is None else 206)
        if first is not None:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(body)}")
            body = body[first : last + 1]
        if state.etag:
            self.send_header("ETag", state.etag)
        if state.length:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "HEAD":
            return
        for start in range(0, len(body), 1 << 16):
            part = body[start : min(start + (1 << 16), len(body) if cut is None else cut)]
            self.wfile.write(part)
            with state.lock:
                state.sent += len(part)
            if cut is not None and start + len(part) >= cut:
                self.close_connection = True
                self.wfile.flush()
                self.connection.close()
                return
            time.sleep(state.slow)

    def _span(self, size: int) -> tuple[int | None, int]:
        asked = self.headers.get("Range")
        fresh = not self.state.if_range or self.headers.get("If-Range") in (None, self.state.etag)
        if not (asked and self.state.ranges and fresh):
            return None, size - 1
        first, _, last = asked.removeprefix("bytes=").partition("-")
        return int(first), min(int(last) if last else size - 1, size - 1)


@pytest.fixture
def http_server(tmp_path: Path):
    """A running :class:`Server` over an empty folder."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    handler.state = Server(f"http://127.0.0.1:{server.server_port}/", folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield handler.state
    server.shutdown()
    server.server_close()
    thread.join()
