"""DynamoDB tables: their definition, scans, batched writes, time to live.

The service is spoken to in its own JSON over `http_origin`: through boto3 an item costs several times the CPU that
it costs here. Limits and shapes: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import random
import threading
import time
import urllib.parse
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import orjson

from wkms_migrate.clients import aws as aws_client
from wkms_migrate.clients.http_origin import Origin, Request
from wkms_migrate.clients.http_wire import Response
from wkms_migrate.clients.sigv4 import Credentials, sigv4
from wkms_migrate.errors import ConfigError, Interrupted, TransientError
from wkms_migrate.transfer import Window

if TYPE_CHECKING:
    from wkms_migrate.config import Aws

Item: TypeAlias = dict[str, Any]  # attribute name to typed value, e.g. {"id": {"S": "1"}}

MAX_BATCH_ITEMS: Final = 25
MAX_BATCH_BYTES: Final = 16 * 1024 * 1024
MAX_ITEM_BYTES: Final = 400 * 1024
CAPACITY_UNIT: Final = 1024
FIRST_WAIT: Final = 0.05
LONGEST_WAIT: Final = 10.0
PATIENCE_SECONDS: Final = 600.0  # without a single item taken


class Meter(Protocol):
    """What capacity units are taken off from."""

    def spend(self, units: float) -> None:
        """Take units off, and wait until they are there."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The answer to a batch of writes: the capacity units it took, and the requests that were not processed."""

    units: float
    left: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A table's keys: (name, type) of HASH and perhaps RANGE; `status` is ACTIVE when it can be used."""

    name: str
    status: str
    hash_key: tuple[str, str]
    range_key: tuple[str, str] | None


class Dynamo:
    """DynamoDB in one region. Thread-safe; every call tries again while the failure may pass."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def call(self, operation: str, body: bytes) -> Any:
        """Call an operation with a JSON body and return its answer. Raises `ServiceError` on a refusal for good."""
        return self._origin.stream(_request(operation, body), _checked)

    def write(self, table: str, requests: Sequence[bytes]) -> Batch:
        """Send at most 25 put or delete requests once. Raises `TransientError` where sending them again may help."""
        body = b'{"RequestItems":{%b:[%b]},"ReturnConsumedCapacity":"TOTAL"}' % (
            orjson.dumps(table),
            b",".join(requests),
        )
        answer = self._origin.once(_request("BatchWriteItem", body), _checked)
        units = sum(float(one["CapacityUnits"]) for one in answer.get("ConsumedCapacity", ()))
        return Batch(units, answer.get("UnprocessedItems", {}).get(table, []))

    def define(self, table: str) -> Definition:
        """Describe a table."""
        found = self.call("DescribeTable", orjson.dumps({"TableName": table}))["Table"]
        types = {one["AttributeName"]: one["AttributeType"] for one in found["AttributeDefinitions"]}
        keys = {one["KeyType"]: (one["AttributeName"], types[one["AttributeName"]]) for one in found["KeySchema"]}
        return Definition(name=table, status=found["TableStatus"], hash_key=keys["HASH"], range_key=keys.get("RANGE"))

    def is_empty(self, table: str) -> bool:
        """Say whether a table holds no item, by a strongly consistent look."""
        asked = {"TableName": table, "Limit": 1, "ConsistentRead": True}
        return not self.call("Scan", orjson.dumps(asked))["Items"]

    def scan(self, table: str, segment: int, segments: int, names: Sequence[str] = ()) -> Iterator[list[Item]]:
        """Yield the pages of one segment of a strongly consistent scan; `names` restricts the attributes."""
        asked: dict[str, Any] = {
            "TableName": table,
            "Segment": segment,
            "TotalSegments": segments,
            "ConsistentRead": True,
        }
        if names:
            asked["ExpressionAttributeNames"] = {f"#{index}": name for index, name in enumerate(names)}
            asked["ProjectionExpression"] = ", ".join(asked["ExpressionAttributeNames"])
        while True:
            page = self.call("Scan", orjson.dumps(asked))
            yield page["Items"]
            if not page.get("LastEvaluatedKey"):
                return
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def expiry_attribute(self, table: str) -> str | None:
        """Return the attribute that a table's items expire by; None while expiry is off."""
        found = self.call("DescribeTimeToLive", orjson.dumps({"TableName": table}))["TimeToLiveDescription"]
        on = found.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
        return str(found["AttributeName"]) if on else None

    def set_expiry(self, table: str, attribute: str) -> None:
        """Let a table's items expire by an attribute that holds seconds since 1970."""
        wanted = {"AttributeName": attribute, "Enabled": True}
        self.call("UpdateTimeToLive", orjson.dumps({"TableName": table, "TimeToLiveSpecification": wanted}))


def _request(operation: str, body: bytes) -> Request:
    headers = {"X-Amz-Target": f"DynamoDB_20120810.{operation}", "Content-Type": "application/x-amz-json-1.0"}
    return Request(method="POST", path="/", headers=headers, body=body)


def _checked(response: Response) -> Any:
    """Read an answer, and ask again when it is not what was sent."""
    body = response.read()
    checksum = response.getheader("x-amz-crc32")
    if checksum is not None and int(checksum) != zlib.crc32(body):
        raise TransientError("An answer of DynamoDB arrived damaged.", hint="Run the same command again to go on.")
    return orjson.loads(body)


@contextmanager
def connect(aws: Aws, stop: threading.Event) -> Iterator[Dynamo]:
    """Sign in to DynamoDB. `stop` ends waits between tries."""
    session = aws_client.session(aws)
    found = session.get_credentials()
    if found is None:
        raise ConfigError(
            "No AWS credentials were found.",
            hint="Set aws.profile, or aws.access_key_id and aws.secret_access_key, or run on a machine with a role.",
        )

    def current() -> Credentials:
        frozen = found.get_frozen_credentials()  # renews what is about to end
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    endpoint = aws.endpoint_url or str(session.client("dynamodb").meta.endpoint_url)
    sign = sigv4(current, region=aws.region, service="dynamodb", host=urllib.parse.urlsplit(endpoint).netloc)
    origin = Origin("DynamoDB", endpoint, sign, stop)
    try:
        yield Dynamo(origin)
    finally:
        origin.close()


class Writer:
    """Writes to one table in batches, several at a time, until the service has taken every one."""

    def __init__(self, dynamo: Dynamo, table: str, *, workers: int, budget: Meter, stop: threading.Event) -> None:
        self._dynamo = dynamo
        self._table = table
        self._window = Window(workers)
        self._budget = budget
        self._stop = stop
        self._pool = ThreadPoolExecutor(workers, "write")

    def close(self) -> None:
        """End the writing threads."""
        self._pool.shutdown()

    def put(self, items: Iterable[bytes]) -> None:
        """Put items, each as JSON of its attributes, of different keys; return when all have landed."""
        self._write(b'{"PutRequest":{"Item":%b}}' % item for item in items)

    def delete(self, keys: Iterable[Item]) -> None:
        """Delete items by their keys; return when all are gone."""
        self._write(b'{"DeleteRequest":{"Key":%b}}' % orjson.dumps(key) for key in keys)

    def _write(self, requests: Iterable[bytes]) -> None:
        running = [self._pool.submit(self._batch, batch) for batch in _batches(requests)]
        failures = [error for one in running if (error := one.exception()) is not None]
        if failures:
            raise failures[0]

    def _batch(self, requests: list[bytes]) -> None:
        """Send a batch, and what was not taken of it again after a wait that grows while nothing is taken."""
        tries, since = 0, time.monotonic()
        while requests:
            with self._window.slot() as throttled:
                left = self._send(requests)
                if left:
                    throttled()
            if len(left) < len(requests):
                tries, since = 0, time.monotonic()
            requests = left
            if requests:
                self._pause(tries, since)
                tries += 1

    def _send(self, requests: list[bytes]) -> list[bytes]:
        body = b'{"RequestItems":{%b:[%b]},"ReturnConsumedCapacity":"TOTAL"}' % (
            orjson.dumps(self._table),
            b",".join(requests),
        )
        answer = self._dynamo.call("BatchWriteItem", body)
        self._budget.spend(sum(float(one["CapacityUnits"]) for one in answer.get("ConsumedCapacity", ())))
        return [orjson.dumps(one) for one in answer.get("UnprocessedItems", {}).get(self._table, ())]

    def _pause(self, tries: int, since: float) -> None:
        if time.monotonic() - since > PATIENCE_SECONDS:
            raise TransientError(
                f"DynamoDB took no item of a batch for {self._table} in {PATIENCE_SECONDS:.0f} s.",
                hint="Raise the table's write capacity or lower phases.cosmos.wcu_budget; then run again to go on.",
            )
        if self._stop.wait(random.uniform(0, min(LONGEST_WAIT, FIRST_WAIT * 2**tries))):
            raise Interrupted("Stopped by the user.", hint="Run the same command again to go on.")


def _batches(requests: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Cut requests into what one call takes, by number and by bytes."""
    batch: list[bytes] = []
    size = 0
    for request in requests:
        if batch and (len(batch) == MAX_BATCH_ITEMS or size + len(request) > MAX_BATCH_BYTES // 2):
            yield batch
            batch, size = [], 0
        batch.append(request)
        size += len(request)
    if batch:
        yield batch
