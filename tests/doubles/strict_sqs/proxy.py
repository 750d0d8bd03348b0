"""The proxy: checks, throws the dice, passes on what is left, and breaks what it is told to break."""

from __future__ import annotations

import http.client
import json
import random
import threading
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from doubles.faults import Faults, Kind
from doubles.strict_sqs import limits

OWN_HEADERS = frozenset({"host", "connection", "content-length", "x-amz-target"})
REFUSALS: dict[Kind, tuple[str, int]] = {
    "denied": ("AccessDeniedException", 403),
    "expired": ("ExpiredToken", 403),
    "absent": ("QueueDoesNotExist", 400),
}


class StrictSqs:
    """A running proxy on a free loopback port. Use it as a context manager."""

    def __init__(
        self, upstream: str, *, seed: int = 0, failed: float = 0, throttled: float = 0, replaces: bool = False
    ) -> None:
        self.failed, self.throttled, self.replaces = failed, throttled, replaces
        self.counts: Counter[str] = Counter()
        self.faults = Faults()
        self.most_at_once = 0
        self._at_once = 0
        self._dice = random.Random(seed)
        self._upstream = urllib.parse.urlsplit(upstream)
        self._most_bytes: dict[str, int] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.double = self
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, operation: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        with self._lock:
            self.counts[operation] += 1
        if self._falls(self.throttled):
            return 403, _error("RequestThrottled")
        if operation != "SendMessageBatch":
            return self._pass_on(headers, body)
        with self._counted():
            try:
                return self._batch(headers, json.loads(body))
            except limits.Refused as error:
                return 400, _error(str(error))

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1

    def _falls(self, share: float) -> bool:
        with self._lock:
            return self._dice.random() < share

    def _batch(self, headers: dict[str, str], call: dict[str, Any]) -> tuple[int, bytes]:
        url, entries = call["QueueUrl"], call["Entries"]
        limits.check_batch(entries)
        most = self._limit_of(headers, url)
        good, failed = [], []
        for entry in entries:
            codes = list(limits.faults_of(entry, most, fifo=url.endswith(".fifo"), replaces=self.replaces))
            if codes:
                failed.append({"Id": entry["Id"], "SenderFault": True, "Code": codes[0], "Message": codes[0]})
            elif self._falls(self.failed):
                failed.append({"Id": entry["Id"], "SenderFault": False, "Code": "InternalError"})
            else:
                good.append(self._stored(entry))
        self.counts["failed"] += len(failed)
        if not good:
            return 200, json.dumps({"Successful": [], "Failed": failed}).encode()
        status, text = self._pass_on(headers, json.dumps({"QueueUrl": url, "Entries": good}).encode())
        if status != 200:
            return status, text
        answer = json.loads(text)
        return 200, json.dumps({**answer, "Failed": [*answer.get("Failed", ()), *failed]}).encode()

    def _stored(self, entry: dict[str, Any]) -> dict[str, Any]:
        if not self.replaces:
            return entry
        body = "".join(one if limits.ALLOWED.fullmatch(one) else "\ufffd" for one in entry["MessageBody"])
        return {**entry, "MessageBody": body}

    def _limit_of(self, headers: dict[str, str], url: str) -> int:
        if url not in self._most_bytes:
            asked = {**headers, "X-Amz-Target": "AmazonSQS.GetQueueAttributes"}
            _, text = self._pass_on(asked, json.dumps({"QueueUrl": url, "AttributeNames": ["All"]}).encode())
            self._most_bytes[url] = int(json.loads(text)["Attributes"]["MaximumMessageSize"])
        return self._most_bytes[url]

    def _pass_on(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._upstream.netloc, timeout=60)
        try:
            connection.request("POST", "/", body, {**headers, "Content-Length": str(len(body))})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def _error(code: str) -> bytes:
    return json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": code}).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    double: StrictSqs

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in OWN_HEADERS}
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        double = self.server.double
        met = double.faults.take("POST", operation)
        for kind, (code, status) in REFUSALS.items():
            if met(kind):
                self._write(status, _error(code))
                return
        if met("unavailable"):
            self._write(503, _error("ServiceUnavailable"))
            return
        status, text = double.answer(operation, {**headers, "X-Amz-Target": f"AmazonSQS.{operation}"}, body)
        if met("reset"):
            self.close_connection = True
            return
        self._write(status, text, cut=bool(met("truncate")))

    def _write(self, status: int, text: bytes, *, cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if cut:
            text, self.close_connection = text[: len(text) // 2], True
        self.wfile.write(text)
        self.wfile.flush()
