"""A proxy in front of Azurite with faults and structured bodies; see README.md."""

from __future__ import annotations

import http.client
import struct
import threading
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from awscrt import checksums
from doubles.azure_proxy.archive import Archive
from doubles.azure_proxy.lake import Lake
from doubles.azure_proxy.versions import Versions
from doubles.faults import Fault, Faults, Kind

SEGMENT = 4 << 20
PAUSE_SECONDS = 60
REFUSALS: dict[Kind, tuple[int, str]] = {
    "denied": (403, "AuthorizationPermissionMismatch"),
    "expired": (403, "AuthenticationFailed"),
    "token_ended": (401, "InvalidAuthenticationInfo"),
    "changed": (412, "ConditionNotMet"),
    "absent": (404, "QueueNotFound"),
}
HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class AzureProxy:
    """A running proxy on a free loopback port. Use it as a context manager."""

    def __init__(self, upstream: str, *, structured: bool = False, key: str = "") -> None:
        parts = urllib.parse.urlsplit(upstream)
        self.upstream = parts.netloc
        self.structured = structured
        self.faults = Faults()
        self.archive = Archive(self.upstream)
        self.versions = Versions(upstream, key)
        self.lake = Lake()
        self.requests: list[tuple[str, str]] = []
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.proxy = self
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}{parts.path}"

    def count(self, method: str, where: str = "") -> int:
        """Return how many requests with this method had `where` in path or query."""
        return sum(1 for verb, target in self.requests if verb == method and where in target)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.versions.close()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    proxy: AzureProxy

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean; `AzureProxy.requests` is the log."""

    def setup(self) -> None:
        super().setup()
        self.upstream = http.client.HTTPConnection(self.server.proxy.upstream, timeout=60)

    def finish(self) -> None:
        self.upstream.close()
        super().finish()

    def pass_on(self) -> None:
        proxy = self.server.proxy
        target = urllib.parse.unquote(self.path)
        proxy.requests.append((self.command, target))
        met = proxy.faults.take(self.command, target)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if own := self.own_answer(met):
            self.answer(*own, b"")
            return
        path, sent = proxy.versions.rewritten(self.command, self.path, self.headers) or (self.path, self.headers)
        self.upstream.request(self.command, path, body, dict(sent.items()))
        response = self.upstream.getresponse()
        data = response.read()
        if met("reset"):
            self.close_connection = True
            return
        headers = {name: value for name, value in response.getheaders() if name.lower() not in HOP_HEADERS}
        if proxy.structured and response.status in {200, 206} and self.headers.get("x-ms-structured-body"):
            data = _structured(data)
            headers["x-ms-structured-body"] = "XSM/1.0; properties=crc64"
        if "comp=list" in self.path:
            data = proxy.lake.shown(self.path, proxy.versions.shown(self.path, proxy.archive.shown(data)))
        if fault := met("pause"):
            _hold(fault)
        self.answer(response.status, headers, data, damage=bool(met("damage_out")), cut=bool(met("truncate")))

    def own_answer(self, met: Callable[[Kind], Fault | None]) -> tuple[int, dict[str, str]] | None:
        """Return what is answered without asking Azurite."""
        if met("unavailable"):
            return 503, {"x-ms-error-code": "ServerBusy", "Retry-After": "0"}
        for kind, (status, code) in REFUSALS.items():
            if met(kind):
                return status, {"x-ms-error-code": code}
        if self.server.proxy.versions.is_gone(self.path):
            return 404, {"x-ms-error-code": "BlobNotFound"}
        return (202, {}) if self.server.proxy.archive.asked(self.command, self.path, self.headers) else None

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = pass_on  # noqa: N815 - the names that http.server calls

    def answer(
        self, status: int, headers: dict[str, str], data: bytes, *, damage: bool = False, cut: bool = False
    ) -> None:
        length = len(data)
        if damage and data:
            middle = length // 2
            data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        if cut:
            data, self.close_connection = data[: length // 2], True
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _hold(fault: Fault) -> None:
    fault.reached.set()
    fault.release.wait(PAUSE_SECONDS)


def _structured(data: bytes) -> bytes:
    pieces = [data[at : at + SEGMENT] for at in range(0, len(data), SEGMENT)] or [b""]
    body = b"".join(
        struct.pack("<HQ", number, len(piece)) + piece + struct.pack("<Q", checksums.crc64nvme(piece))
        for number, piece in enumerate(pieces, 1)
    )
    length = 13 + len(body) + 8
    return struct.pack("<BQHH", 1, length, 1, len(pieces)) + body + struct.pack("<Q", checksums.crc64nvme(data))
