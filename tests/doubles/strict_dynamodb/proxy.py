"""The proxy: checks, throws the dice, passes on what is left."""

from __future__ import annotations

import http.client
import json
import random
import threading
import urllib.parse
import zlib
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from doubles.strict_dynamodb import limits

PREFIX = "com.amazonaws.dynamodb.v20120810#"


class StrictDynamo:
    """A running proxy on a free loopback port. Use it as a context manager."""

    def __init__(
        self, upstream: str, *, seed: int = 0, unprocessed: float = 0, refused: float = 0, damaged: float = 0
    ) -> None:
        self.unprocessed, self.refused, self.damaged = unprocessed, refused, damaged
        self.counts: Counter[str] = Counter()
        self._dice = random.Random(seed)
        self._upstream = urllib.parse.urlsplit(upstream)
        self._keys: dict[str, dict[str, str]] = {}
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

    def answer(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        operation = headers["X-Amz-Target"].rpartition(".")[2]
        self.counts[operation] += 1
        if self._falls(self.refused):
            self.counts["refused"] += 1
            return 400, _error("ProvisionedThroughputExceededException", "The level of throughput is exceeded")
        if operation == "BatchWriteItem":
            try:
                return self._batch(headers, json.loads(body), len(body))
            except limits.ValidationError as error:
                self.counts["invalid"] += 1
                return 400, _error("ValidationException", str(error))
        status, text = self._pass_on(headers, body)
        return status, _rewritten(text) if operation == "Scan" and status == 200 else text

    def falls_damaged(self) -> bool:
        return self._falls(self.damaged)

    def _falls(self, share: float) -> bool:
        with self._lock:
            return self._dice.random() < share

    def _batch(self, headers: dict[str, str], body: dict[str, Any], size: int) -> tuple[int, bytes]:
        ((table, requests),) = body["RequestItems"].items()
        keys = self._keys_of(headers, table)
        if not 1 <= len(requests) <= 25 or size > 16 * 1024 * 1024:
            raise limits.ValidationError("A batch holds 1 to 25 requests and 16 MB")
        if len(set(limits.keys_of(requests, keys))) != len(requests):
            raise limits.ValidationError("Provided list of item keys contains duplicates")
        for request in requests:
            if "PutRequest" in request:
                limits.check_item(request["PutRequest"]["Item"], keys)
        left = [request for request in requests if self._falls(self.unprocessed)]
        taken = [request for request in requests if request not in left]
        self.counts["unprocessed"] += len(left)
        self.counts["taken"] += len(taken)
        if taken:
            status, text = self._pass_on(headers, json.dumps({"RequestItems": {table: taken}}).encode())
            if status != 200:
                return status, text
        units = sum(_units(request) for request in taken)
        self.counts["units"] += units
        answer = {
            "UnprocessedItems": {table: left} if left else {},
            "ConsumedCapacity": [{"TableName": table, "CapacityUnits": units}],
        }
        return 200, json.dumps(answer).encode()

    def _keys_of(self, headers: dict[str, str], table: str) -> dict[str, str]:
        if table not in self._keys:
            asked = {**headers, "X-Amz-Target": "DynamoDB_20120810.DescribeTable"}
            _, text = self._pass_on(asked, json.dumps({"TableName": table}).encode())
            schema = json.loads(text)["Table"]["KeySchema"]
            self._keys[table] = {one["AttributeName"]: one["KeyType"] for one in schema}
        return self._keys[table]

    def _pass_on(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._upstream.netloc, timeout=60)
        try:
            connection.request("POST", "/", body, {**headers, "Content-Length": str(len(body))})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def _units(request: dict[str, Any]) -> int:
    if "DeleteRequest" in request:
        return 1
    item = request["PutRequest"]["Item"]
    return -(-sum(len(name.encode()) + limits.size_of(value) for name, value in item.items()) // 1024)


def _rewritten(text: bytes) -> bytes:
    page = json.loads(text)
    page["Items"] = [
        {name: limits.as_the_service_writes(value) for name, value in item.items()} for item in page["Items"]
    ]
    return json.dumps(page).encode()


def _error(kind: str, message: str) -> bytes:
    return json.dumps({"__type": PREFIX + kind, "message": message}).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    double: StrictDynamo


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        kept["X-Amz-Target"] = self.headers["X-Amz-Target"]
        double = self.server.double
        status, text = double.answer({k: v for k, v in kept.items() if k.lower() != "content-length"}, body)
        checksum = zlib.crc32(text) ^ double.falls_damaged()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("x-amz-crc32", str(checksum))
        self.end_headers()
        self.wfile.write(text)
        self.wfile.flush()
