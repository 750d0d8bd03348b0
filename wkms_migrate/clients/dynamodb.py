"""DynamoDB tables: their definition, scans, single batches of writes, time to live.

The service is spoken to in its own JSON over `http_origin`: through boto3 an item costs several times the CPU that
it costs here. Limits and shapes: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import threading
import urllib.parse
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from wkms_migrate.clients import aws as aws_client
from wkms_migrate.clients.http_origin import Origin, Request
from wkms_migrate.clients.http_wire import Response
from wkms_migrate.clients.sigv4 import Credentials, sigv4
from wkms_migrate.errors import ConfigError, TransientError

if TYPE_CHECKING:
    from wkms_migrate.config import Aws

Item: TypeAlias = dict[str, Any]  # attribute name to typed value, e.g. {"id": {"S": "1"}}


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
        return definition(self.call("DescribeTable", orjson.dumps({"TableName": table}))["Table"])

    def write_capacity(self, table: str) -> float | None:
        """Return the write units per second that a table is provisioned with; None on demand."""
        found = self.call("DescribeTable", orjson.dumps({"TableName": table}))["Table"]
        units = found.get("ProvisionedThroughput", {}).get("WriteCapacityUnits", 0)
        return float(units) or None

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


def definition(found: Mapping[str, Any]) -> Definition:
    """Return the keys of a table from the service's description of it."""
    types = {one["AttributeName"]: one["AttributeType"] for one in found["AttributeDefinitions"]}
    keys = {one["KeyType"]: (one["AttributeName"], types[one["AttributeName"]]) for one in found["KeySchema"]}
    return Definition(
        name=found["TableName"], status=found["TableStatus"], hash_key=keys["HASH"], range_key=keys.get("RANGE")
    )


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
