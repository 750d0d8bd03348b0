"""DynamoDB tables as a whole: described, made, recoverable, and loaded from S3 by the service itself.

Shapes and limits: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html, API_ImportTable
and API_StartBulkPutItems.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import orjson

from wkms_migrate.clients.dynamodb import Dynamo
from wkms_migrate.clients.http_origin import ServiceError
from wkms_migrate.errors import Interrupted, WkmsError

POLL_SECONDS: Final = 2.0
MAKING_SECONDS: Final = 900.0  # indexes take minutes
NOT_THERE: Final = "ResourceNotFoundException"
Specification: TypeAlias = Mapping[str, Any]  # a request body as the service takes it
Way: TypeAlias = Literal["import", "bulk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the service is to load by itself: gzipped DynamoDB JSON of all objects under a prefix.

    `token` makes asking twice harmless for eight hours.
    """

    bucket: str
    prefix: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """How far a load is: `status` as the service calls it, items taken and items refused."""

    status: str
    items: int
    failed: int
    message: str


class Tables:
    """The tables of a region. `poll` is how long to wait between two looks, in seconds."""

    def __init__(self, dynamo: Dynamo, stop: threading.Event, poll: float = POLL_SECONDS) -> None:
        self._dynamo = dynamo
        self._stop = stop
        self._poll = poll

    def describe(self, table: str) -> dict[str, Any] | None:
        """Return the service's description of a table; None when there is none."""
        try:
            found: dict[str, Any] = self._call("DescribeTable", {"TableName": table})["Table"]
        except ServiceError as error:
            if error.code == NOT_THERE:
                return None
            raise
        return found

    def make(self, specification: Specification) -> dict[str, Any]:
        """Make a table and return its description once it can be used."""
        try:
            self._call("CreateTable", specification)
        except ServiceError as error:
            if error.code != "ResourceInUseException":  # a try before this one has begun it
                raise
        return self.ready(specification["TableName"])

    def ready(self, table: str) -> dict[str, Any]:
        """Wait until a table and its indexes can be used; return its description. Raises `WkmsError` after a while."""
        for _ in range(int(MAKING_SECONDS / self._poll)):
            found = self.describe(table)
            kinds = ("GlobalSecondaryIndexes", "VectorIndexes")
            parts = [found or {}, *(part for kind in kinds for part in (found or {}).get(kind, ()))]
            states = [part.get("TableStatus", part.get("IndexStatus")) for part in parts]
            if found is not None and set(states) == {"ACTIVE"}:
                return found
            self._wait()
        raise WkmsError(
            f"Table {table} is not ready after {MAKING_SECONDS / 60:.0f} minutes.",
            hint="Look at it in the console; then run the same command again to go on.",
        )

    def is_recoverable(self, table: str) -> bool:
        """Say whether a table can be restored to any point in time."""
        found = self._call("DescribeContinuousBackups", {"TableName": table})["ContinuousBackupsDescription"]
        status = found.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
        return bool(status == "ENABLED")

    def make_recoverable(self, table: str) -> None:
        """Let a table be restored to any point in time from now on."""
        wanted = {"PointInTimeRecoveryEnabled": True}
        self._call("UpdateContinuousBackups", {"TableName": table, "PointInTimeRecoverySpecification": wanted})

    def tags(self, arn: str) -> dict[str, str]:
        """Return the tags of a table by name."""
        found: dict[str, str] = {}
        asked = {"ResourceArn": arn}
        while True:
            page = self._call("ListTagsOfResource", asked)
            found |= {one["Key"]: one["Value"] for one in page.get("Tags", ())}
            if not page.get("NextToken"):
                return found
            asked["NextToken"] = page["NextToken"]

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Set tags of a table; others stay."""
        wanted = [{"Key": name, "Value": value} for name, value in sorted(tags.items())]
        self._call("TagResource", {"ResourceArn": arn, "Tags": wanted})

    def start_import(self, load: Load, specification: Specification) -> str:
        """Begin to load a new table, which is made by it; return the load's name."""
        created = {name: value for name, value in specification.items() if name != "Tags"}
        asked = {
            "ClientToken": load.token,
            "S3BucketSource": {"S3Bucket": load.bucket, "S3KeyPrefix": load.prefix},
            "InputFormat": "DYNAMODB_JSON",
            "InputCompressionType": "GZIP",
            "TableCreationParameters": created,
        }
        return str(self._call("ImportTable", asked)["ImportTableDescription"]["ImportArn"])

    def start_bulk(self, load: Load, table: str) -> str:
        """Begin to load a table that is there; return the load's name."""
        source = {"S3Bucket": load.bucket, "S3KeyPrefix": load.prefix}
        asked = {
            "ClientToken": load.token,
            "InputS3Configuration": {**source, "InputFormat": "DYNAMODB_JSON", "InputCompressionType": "GZIP"},
            "OutputS3Configuration": {
                "S3Bucket": load.bucket,
                "S3KeyPrefix": f"{load.prefix.rstrip('/')}-errors/",
                "OutputType": ["ERROR"],
            },
            "TableName": table,
        }
        return str(self._call("StartBulkPutItems", asked)["BulkOperationDescription"]["BulkOperationArn"])

    def finished(self, way: Way, name: str) -> Loaded:
        """Wait until a load is over, and return what became of it."""
        while (found := self._loaded(way, name)).status == "IN_PROGRESS":
            self._wait()
        return found

    def _loaded(self, way: Way, name: str) -> Loaded:
        if way == "import":
            found = self._call("DescribeImport", {"ImportArn": name})["ImportTableDescription"]
            status, items = found["ImportStatus"], found.get("ImportedItemCount", 0)
            failed = found.get("ErrorCount", 0)
        else:
            found = self._call("DescribeBulkOperation", {"BulkOperationArn": name})["BulkOperationDescription"]
            status, failed = found["BulkOperationStatus"], found.get("FailedItemCount", 0)
            items = found.get("ProcessedItemCount", 0)
        told = f"{found.get('FailureCode', '')} {found.get('FailureMessage', '')}".strip()
        return Loaded(status=status, items=items, failed=failed, message=told)

    def _call(self, operation: str, asked: Specification) -> Any:
        return self._dynamo.call(operation, orjson.dumps(asked))

    def _wait(self) -> None:
        if self._stop.wait(self._poll):
            raise Interrupted("Stopped by the user.", hint="Run the same command again to go on.")
