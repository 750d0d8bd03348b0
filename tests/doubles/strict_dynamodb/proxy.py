"""The server: checks, throws the dice, measures, and has what is left done by moto or by the tables in memory."""

from __future__ import annotations

import http.client
import random
import threading
import urllib.parse
import zlib
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import orjson
from doubles.strict_dynamodb import limits
from doubles.strict_dynamodb.imports import Imports
from doubles.strict_dynamodb.meter import Bucket
from doubles.strict_dynamodb.store import ServiceError, Store

PREFIX = "com.amazonaws.dynamodb.v20120810#"
THROTTLED = ServiceError("ProvisionedThroughputExceededException", "The level of configured throughput was exceeded")
LOADS = frozenset(
    {
        "ImportTable",
        "DescribeImport",
        "ListImports",
        "StartBulkPutItems",
        "DescribeBulkOperation",
        "ListBulkOperations",
    }
)
WRITES = frozenset({"PutItem", "DeleteItem", "UpdateItem"})
READS = frozenset({"Scan", "Query", "GetItem", "BatchGetItem"})


class StrictDynamo:
    """A running server on a free loopback port; without `upstream` it keeps tables of its own. A context manager.

    Shares, by dice that `seed` sets: `unprocessed` of a batch's requests come back, `refused` of the calls are
    throttled, `damaged` of the answers carry a wrong checksum. `capacity` is in write units per second, with `burst`
    seconds of it saved up. `s3` is a boto3 client to load from.
    """

    def __init__(  # each is one knob of a test
        self,
        upstream: str | None = None,
        *,
        seed: int = 0,
        unprocessed: float = 0,
        refused: float = 0,
        damaged: float = 0,
        capacity: float | None = None,
        burst: float = 0.1,
        s3: Any = None,
    ) -> None:
        self.unprocessed, self.refused, self.damaged = unprocessed, refused, damaged
        self.counts: Counter[str] = Counter()
        self.bucket = Bucket(capacity, burst)
        self.store = Store()
        self._imports = Imports(self._internally, s3)
        self._dice = random.Random(seed)
        self._upstream = urllib.parse.urlsplit(upstream) if upstream else None
        self._headers: dict[str, str] = {}
        self._keys: dict[str, limits.Keys] = {}
        self._lock = threading.RLock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.double = self
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._imports.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Answer a request: its status and body."""
        operation = headers["X-Amz-Target"].rpartition(".")[2]
        self._headers = headers
        self.counts[operation] += 1
        try:
            if self._falls(self.refused):
                self.counts["refused"] += 1
                raise THROTTLED
            return self._answer(operation, body)
        except limits.ValidationError as error:
            self.counts["invalid"] += 1
            return 400, _error("ValidationException", str(error))
        except ServiceError as error:
            return 400, _error(error.code, str(error))

    def falls_damaged(self) -> bool:
        """Throw the dice for an answer."""
        return self._falls(self.damaged)

    def _answer(self, operation: str, body: bytes) -> tuple[int, bytes]:
        if operation in LOADS:
            with self._lock:
                return 200, orjson.dumps(self._imports.answer(operation, orjson.loads(body)))
        if operation == "BatchWriteItem":
            return self._batch(orjson.loads(body), len(body))
        if operation in WRITES:
            return self._write(operation, orjson.loads(body), body)
        if operation == "DeleteTable":
            self._keys.pop(orjson.loads(body)["TableName"], None)
        status, text = self._do(operation, body)
        if operation in READS and status == 200:
            return status, self._read(operation, orjson.loads(body), text)
        return status, text

    def _falls(self, share: float) -> bool:
        if not share:
            return False
        with self._lock:
            return self._dice.random() < share

    def _batch(self, asked: dict[str, Any], size: int) -> tuple[int, bytes]:
        if len(asked["RequestItems"]) != 1:
            raise limits.ValidationError("The double takes one table at a time")
        ((table, requests),) = asked["RequestItems"].items()
        costs = limits.check_batch(requests, size, self._keys_of(table))
        taken: list[dict[str, Any]] = []
        left: list[dict[str, Any]] = []
        units = 0
        with self._lock:
            for request, cost in zip(requests, costs, strict=True):
                if self._falls(self.unprocessed) or not self.bucket.take(cost):
                    left.append(request)
                else:
                    taken.append(request)
                    units += cost
        self.counts["unprocessed"] += len(left)
        self.counts["taken"] += len(taken)
        self.counts["units"] += units
        if not taken and self.bucket.rate is not None:
            self.counts["throttled"] += 1
            raise THROTTLED
        if taken:
            status, text = self._do("BatchWriteItem", orjson.dumps({"RequestItems": {table: taken}}))
            if status != 200:
                return status, text
        answer: dict[str, Any] = {"UnprocessedItems": {table: left} if left else {}}
        if asked.get("ReturnConsumedCapacity", "NONE") != "NONE":
            answer["ConsumedCapacity"] = [{"TableName": table, "CapacityUnits": float(units)}]
        return 200, orjson.dumps(answer)

    def _write(self, operation: str, asked: dict[str, Any], body: bytes) -> tuple[int, bytes]:
        keys = self._keys_of(asked["TableName"])
        cost = 1
        if operation == "PutItem":
            (cost,) = limits.check_batch([{"PutRequest": {"Item": asked["Item"]}}], len(body), keys)
        else:
            limits.check_key(asked["Key"], keys)
        with self._lock:
            if not self.bucket.take(cost):
                self.counts["throttled"] += 1
                raise THROTTLED
        self.counts["units"] += cost
        status, text = self._do(operation, body)
        if status == 200 and asked.get("ReturnConsumedCapacity", "NONE") != "NONE":
            used = {"TableName": asked["TableName"], "CapacityUnits": float(cost)}
            text = orjson.dumps({**orjson.loads(text), "ConsumedCapacity": used})
        return status, text

    def _read(self, operation: str, asked: dict[str, Any], text: bytes) -> bytes:
        """Let what moto keeps come back as the service writes it, with what reading it cost."""
        counted = asked.get("ReturnConsumedCapacity", "NONE") != "NONE"
        if self._upstream is None and not counted:
            return text
        page = orjson.loads(text)
        groups = page["Responses"].values() if operation == "BatchGetItem" else [page.get("Items", [])]
        for items in groups:
            items[:] = map(limits.item_as_the_service_writes, items)
        if "Item" in page:
            page["Item"] = limits.item_as_the_service_writes(page["Item"])
        if counted and "TableName" in asked:
            found = page.get("Items", [page["Item"]] if "Item" in page else [])
            steps = -(-max(1, sum(map(limits.size_of_item, found))) // 4096)
            used = {"TableName": asked["TableName"], "CapacityUnits": steps / (1 if asked.get("ConsistentRead") else 2)}
            page["ConsumedCapacity"] = used
        return orjson.dumps(page)

    def _keys_of(self, table: str) -> limits.Keys:
        if self._upstream is None:
            return self.store.table({"TableName": table}).keys
        if table not in self._keys:
            status, text = self._do("DescribeTable", orjson.dumps({"TableName": table}))
            if status != 200:
                raise ServiceError("ResourceNotFoundException", f"Requested resource not found: {table}")
            self._keys[table] = limits.Keys.of(orjson.loads(text)["Table"])
        return self._keys[table]

    def _internally(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        status, text = self._do(operation, orjson.dumps(asked))
        if status != 200:
            raise ServiceError("ValidationException", text.decode())
        found: dict[str, Any] = orjson.loads(text)
        return found

    def _do(self, operation: str, body: bytes) -> tuple[int, bytes]:
        if self._upstream is None:
            with self._lock:
                return 200, self.store.answer(operation, body)
        target = {"X-Amz-Target": f"DynamoDB_20120810.{operation}", "Content-Length": str(len(body))}
        connection = http.client.HTTPConnection(self._upstream.netloc, timeout=60)
        try:
            connection.request("POST", "/", body, {**self._headers, **target})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def _error(kind: str, message: str) -> bytes:
    return orjson.dumps({"__type": PREFIX + kind, "message": message})


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

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        left_out = ("host", "connection", "content-length", "x-amz-target")
        kept = {name: value for name, value in self.headers.items() if name.lower() not in left_out}
        kept["X-Amz-Target"] = self.headers["X-Amz-Target"]
        double = self.server.double
        status, text = double.answer(kept, body)
        checksum = zlib.crc32(text) ^ double.falls_damaged()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("x-amz-crc32", str(checksum))
        self.end_headers()
        self.wfile.write(text)
        self.wfile.flush()
