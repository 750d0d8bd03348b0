"""Loading from S3: ImportTable into a new table, StartBulkPutItems into one that is there."""

from __future__ import annotations

import gzip
import io
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import zstandard
from doubles.strict_dynamodb.limits import Keys, ValidationError, check_item, size_of_item
from doubles.strict_dynamodb.store import ARN, ServiceError

MAX_IMPORTS = 50
MAX_OBJECTS = 50_000
LEAST_UNITS = 1024
Call = Callable[[str, dict[str, Any]], dict[str, Any]]


class Imports:
    """The loads under way and over. `call` asks the tables for an operation; `s3` is a client of boto3."""

    def __init__(self, call: Call, s3: Any) -> None:
        self._call = call
        self._s3 = s3
        self._tokens: dict[str, tuple[dict[str, Any], str]] = {}
        self._known: dict[str, dict[str, Any]] = {}
        self._threads: list[threading.Thread] = []

    def answer(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Answer an operation on loads."""
        match operation:
            case "ImportTable":
                return {"ImportTableDescription": self._once(asked, self._import)}
            case "DescribeImport":
                return {"ImportTableDescription": self._found(asked["ImportArn"])}
            case "ListImports":
                return {"ImportSummaryList": [one for arn, one in self._known.items() if "/import/" in arn]}
            case "StartBulkPutItems":
                return {"BulkOperationDescription": self._once(asked, self._bulk_put)}
            case "DescribeBulkOperation":
                return {"BulkOperationDescription": self._found(asked["BulkOperationArn"])}
            case _:
                return {"BulkOperationSummaries": [one for arn, one in self._known.items() if "/bulk/" in arn]}

    def close(self) -> None:
        """Wait until nothing is under way."""
        for thread in self._threads:
            thread.join()

    def _once(self, asked: dict[str, Any], begin: Callable[[dict[str, Any]], str]) -> dict[str, Any]:
        """Begin a load, but not twice for one token."""
        token = asked.get("ClientToken", "")
        without = {name: value for name, value in asked.items() if name != "ClientToken"}
        if token in self._tokens:
            known, arn = self._tokens[token]
            if known != without:
                raise ServiceError("IdempotentParameterMismatchException", "The token was used for something else")
            return self._known[arn]
        arn = begin(asked)
        if token:
            self._tokens[token] = (without, arn)
        return dict(self._known[arn])

    def _found(self, arn: str) -> dict[str, Any]:
        if arn not in self._known:
            raise ServiceError("ImportNotFoundException", f"There is no load {arn}")
        return dict(self._known[arn])

    def _import(self, asked: dict[str, Any]) -> str:
        if sum(one.get("ImportStatus") == "IN_PROGRESS" for one in self._known.values()) >= MAX_IMPORTS:
            raise ServiceError("LimitExceededException", "At most 50 imports at once")
        if asked["InputFormat"] != "DYNAMODB_JSON":
            raise ServiceError("UnknownOperationException", "The double reads DYNAMODB_JSON only.")
        made = asked["TableCreationParameters"]
        keys = Keys.of(made)
        self._call("CreateTable", made)
        arn = f"{ARN}{made['TableName']}/import/{uuid.uuid4()}"
        self._known[arn] = {
            **asked,
            "ImportArn": arn,
            "ImportStatus": "IN_PROGRESS",
            "TableArn": ARN + made["TableName"],
            "StartTime": time.time(),
        }
        self._begin(arn, asked["S3BucketSource"], asked.get("InputCompressionType", "NONE"), made["TableName"], keys)
        return arn

    def _bulk_put(self, asked: dict[str, Any]) -> str:
        source = asked["InputS3Configuration"]
        if source["InputFormat"] != "DYNAMODB_JSON":
            raise ServiceError("UnknownOperationException", "The double reads DYNAMODB_JSON only.")
        if asked.get("MaxWriteRequestUnits", LEAST_UNITS) < LEAST_UNITS:
            raise ValidationError(f"MaxWriteRequestUnits must be at least {LEAST_UNITS}")
        table = self._call("DescribeTable", {"TableName": asked["TableName"]})["Table"]
        arn = f"{table['TableArn']}/bulk/{uuid.uuid4()}"
        self._known[arn] = {
            **{name: value for name, value in asked.items() if name != "TableName"},
            "BulkOperationArn": arn,
            "BulkOperationStatus": "IN_PROGRESS",
            "TableDetails": [{"TableName": table["TableName"]}],
            "StartTime": time.time(),
        }
        self._begin(arn, source, source.get("InputCompressionType", "NONE"), table["TableName"], Keys.of(table))
        return arn

    def _begin(self, arn: str, source: dict[str, Any], compression: str, table: str, keys: Keys) -> None:
        """Look for the objects at once, and read them on a thread."""
        try:
            found = self._s3.list_objects_v2(Bucket=source["S3Bucket"], Prefix=source.get("S3KeyPrefix", ""))
        except self._s3.exceptions.NoSuchBucket as error:
            raise ValidationError(f"The bucket {source['S3Bucket']} does not exist") from error
        names = [one["Key"] for one in found.get("Contents", ())]
        if len(names) > MAX_OBJECTS:
            raise ValidationError("At most 50000 objects")
        thread = threading.Thread(target=self._load, args=(arn, source["S3Bucket"], names, compression, table, keys))
        self._threads.append(thread)
        thread.start()

    def _load(self, arn: str, bucket: str, names: list[str], compression: str, table: str, keys: Keys) -> None:
        state = {"items": 0, "errors": 0, "bytes": 0, "put": 0}
        code = ""
        try:
            for name in names:
                body = self._s3.get_object(Bucket=bucket, Key=name)["Body"].read()
                state["bytes"] += len(body)
                self._items(_lines(body, compression), table, keys, state)
        except (OSError, EOFError, zstandard.ZstdError, ValueError) as error:
            code = f"{type(error).__name__}: {error}"
        self._end(arn, state, code)

    def _items(self, lines: Iterator[bytes], table: str, keys: Keys, state: dict[str, int]) -> None:
        for line in filter(None, lines):
            state["items"] += 1
            try:
                item = orjson.loads(line)["Item"]
                check_item(item, keys)
            except (ValidationError, KeyError):
                state["errors"] += 1
                continue
            state["put"] += size_of_item(item)
            self._call("BatchWriteItem", {"RequestItems": {table: [{"PutRequest": {"Item": item}}]}})

    def _end(self, arn: str, state: dict[str, int], failure: str) -> None:
        known = self._known[arn]
        good = state["items"] - state["errors"]
        if "/import/" in arn:
            told = {"ProcessedItemCount": state["items"], "ImportedItemCount": good, "ErrorCount": state["errors"]}
            told["ProcessedSizeBytes"] = state["bytes"]
            status = {"ImportStatus": "FAILED" if failure else "COMPLETED"}
        else:
            told = {"ProcessedItemCount": good, "FailedItemCount": state["errors"]}
            told |= {"ProcessedInputBytes": state["bytes"], "TotalInputBytes": state["bytes"]}
            usage = {"TableName": known["TableDetails"][0]["TableName"], "BulkPutBytes": state["put"]}
            told["BulkOperationUsage"] = [usage]  # type: ignore[assignment] # the one that is no number
            done = "COMPLETED_WITH_ERRORS" if state["errors"] else "COMPLETED"
            status = {"BulkOperationStatus": "FAILED" if failure else done}
        if failure:
            known |= {"FailureCode": "ItemValidationError", "FailureMessage": failure}
        self._known[arn] = {**known, **told, "EndTime": time.time(), **status}


def _lines(body: bytes, compression: str) -> Iterator[bytes]:
    match compression:
        case "GZIP":
            body = gzip.decompress(body)
        case "ZSTD":
            body = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(body), read_across_frames=True).read()
    yield from body.splitlines()
