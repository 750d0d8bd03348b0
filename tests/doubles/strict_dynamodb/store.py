"""Tables in memory: enough of DynamoDB for a whole copy, quick enough for a million items."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from doubles.strict_dynamodb.limits import (
    Keys,
    ValidationError,
    check_item,
    check_key,
    check_vector_indexes,
    item_as_the_service_writes,
)

PAGE_BYTES = 1024 * 1024
ARN = "arn:aws:dynamodb:ap-northeast-2:123456789012:table/"
MAX_GET = 100


class ServiceError(Exception):
    """A refusal by its code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Table:
    """A table: its definition, and its items as JSON in the order in which their keys came first."""

    definition: dict[str, Any]
    keys: Keys
    items: dict[tuple[str, ...], bytes] = field(default_factory=dict)
    places: dict[tuple[str, ...], int] = field(default_factory=dict)
    order: list[tuple[tuple[str, ...], int]] = field(default_factory=list)  # key, and a hash that chooses its segment
    ttl: dict[str, Any] = field(default_factory=dict)
    recovery: dict[str, Any] = field(default_factory=dict)
    tags: list[dict[str, str]] = field(default_factory=list)

    def put(self, item: dict[str, Any]) -> None:
        """Put an item in place of the one with its key."""
        key = self.keys.key_of(item)
        if key not in self.places:
            self.places[key] = len(self.order)
            self.order.append((key, zlib.crc32("\0".join(key).encode())))
        self.items[key] = orjson.dumps(item_as_the_service_writes(item))

    def delete(self, key: dict[str, Any]) -> None:
        """Delete an item; nothing happens when there is none."""
        self.items.pop(self.keys.key_of(key), None)


class Store:
    """All tables. Used by one thread at a time."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}

    def answer(self, operation: str, body: bytes) -> bytes:
        """Answer an operation. Raises `ValidationError`, `ServiceError`."""
        known: dict[str, Callable[[dict[str, Any]], dict[str, Any] | bytes]] = {
            "BatchGetItem": self._batch_get,
            "BatchWriteItem": self._batch_write,
            "CreateTable": self._create,
            "DeleteItem": self._delete,
            "DeleteTable": self._drop,
            "DescribeContinuousBackups": self._recovery,
            "DescribeTable": lambda asked: {"Table": self._described(self.table(asked))},
            "DescribeTimeToLive": lambda asked: {"TimeToLiveDescription": self._ttl(self.table(asked))},
            "GetItem": self._get,
            "ListTables": lambda _: {"TableNames": sorted(self.tables)},
            "ListTagsOfResource": lambda asked: {"Tags": self._by_arn(asked).tags},
            "PutItem": self._put,
            "Scan": self._scan,
            "TagResource": self._tag,
            "UpdateContinuousBackups": self._set_recovery,
            "UpdateTimeToLive": self._set_ttl,
        }
        if operation not in known:
            raise ServiceError("UnknownOperationException", f"The double does not know {operation}.")
        found = known[operation](orjson.loads(body))
        return found if isinstance(found, bytes) else orjson.dumps(found)

    def table(self, asked: dict[str, Any]) -> Table:
        """Return the table that a request names."""
        name = asked["TableName"].rpartition("/")[2]
        if name not in self.tables:
            raise ServiceError("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found")
        return self.tables[name]

    def _create(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked["TableName"]
        if name in self.tables:
            raise ServiceError("ResourceInUseException", f"Table already exists: {name}")
        keys = Keys.of(asked)
        used = {one for one, _, _ in keys.table} | {one for index in keys.indexes for one, _ in index}
        if used != {one["AttributeName"] for one in asked["AttributeDefinitions"]}:
            raise ValidationError("Number of attributes in KeySchema does not match AttributeDefinitions")
        throughput = asked.get("ProvisionedThroughput", {})
        if asked.get("BillingMode", "PROVISIONED") == "PROVISIONED" and not throughput:
            raise ValidationError("ReadCapacityUnits and WriteCapacityUnits must be given with BillingMode PROVISIONED")
        check_vector_indexes(asked)
        self.tables[name] = Table({**asked, "CreationDateTime": time.time()}, keys, tags=asked.get("Tags", []))
        return {"TableDescription": self._described(self.tables[name])}

    @staticmethod
    def _described(table: Table) -> dict[str, Any]:
        given = table.definition
        name = given["TableName"]
        kept = ("AttributeDefinitions", "TableName", "KeySchema", "CreationDateTime", "StreamSpecification")
        units = given.get("ProvisionedThroughput", {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0})
        on_demand = given.get("BillingMode") == "PAY_PER_REQUEST"
        found = {
            **{key: given[key] for key in kept if key in given},
            "TableStatus": "ACTIVE",
            "TableArn": ARN + name,
            "TableId": f"{zlib.crc32(name.encode()):08x}-0000-4000-8000-000000000000",
            "ItemCount": len(table.items),
            "TableSizeBytes": sum(map(len, table.items.values())) if len(table.items) < 1000 else 0,
            "ProvisionedThroughput": {**units, "NumberOfDecreasesToday": 0},
            "DeletionProtectionEnabled": given.get("DeletionProtectionEnabled", False),
        }
        if on_demand:
            found["BillingModeSummary"] = {"BillingMode": "PAY_PER_REQUEST"}
        if given.get("SSESpecification", {}).get("Enabled"):
            key = given["SSESpecification"].get("KMSMasterKeyId", "key/aws-managed")
            arn = key if key.startswith("arn:") else f"arn:aws:kms:ap-northeast-2:123456789012:{key}"
            found["SSEDescription"] = {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": arn}
        for one in given.get("VectorIndexes") or ():
            made = {**one, "IndexStatus": "ACTIVE", "IndexArn": f"{ARN}{name}/index/{one['IndexName']}"}
            found.setdefault("VectorIndexes", []).append(made)
        if given.get("GlobalSecondaryIndexes"):
            found["GlobalSecondaryIndexes"] = [
                {**one, "IndexStatus": "ACTIVE", "IndexArn": f"{ARN}{name}/index/{one['IndexName']}"}
                for one in given["GlobalSecondaryIndexes"]
            ]
        return found

    def _drop(self, asked: dict[str, Any]) -> dict[str, Any]:
        described = self._described(self.table(asked))
        del self.tables[described["TableName"]]
        return {"TableDescription": {**described, "TableStatus": "DELETING"}}

    def _put(self, asked: dict[str, Any]) -> dict[str, Any]:
        table = self.table(asked)
        check_item(asked["Item"], table.keys)
        if "ConditionExpression" in asked:
            raise ServiceError("UnknownOperationException", "The double does not know conditions.")
        table.put(asked["Item"])
        return {}

    def _delete(self, asked: dict[str, Any]) -> dict[str, Any]:
        table = self.table(asked)
        check_key(asked["Key"], table.keys)
        table.delete(asked["Key"])
        return {}

    def _batch_write(self, asked: dict[str, Any]) -> dict[str, Any]:
        for name, requests in asked["RequestItems"].items():
            table = self.table({"TableName": name})
            for request in requests:
                if "PutRequest" in request:
                    table.put(request["PutRequest"]["Item"])
                else:
                    table.delete(request["DeleteRequest"]["Key"])
        return {"UnprocessedItems": {}}

    def _get(self, asked: dict[str, Any]) -> dict[str, Any]:
        table = self.table(asked)
        check_key(asked["Key"], table.keys)
        found = table.items.get(table.keys.key_of(asked["Key"]))
        return {} if found is None else {"Item": _projected(orjson.loads(found), asked)}

    def _batch_get(self, asked: dict[str, Any]) -> dict[str, Any]:
        if sum(len(one["Keys"]) for one in asked["RequestItems"].values()) > MAX_GET:
            raise ValidationError("Too many items requested for the BatchGetItem call")
        responses = {}
        for name, one in asked["RequestItems"].items():
            table = self.table({"TableName": name})
            keys = [table.keys.key_of(key) for key in one["Keys"]]
            if len(set(keys)) != len(keys):
                raise ValidationError("Provided list of item keys contains duplicates")
            found = (table.items.get(key) for key in keys)
            responses[name] = [_projected(orjson.loads(item), one) for item in found if item is not None]
        return {"Responses": responses, "UnprocessedKeys": {}}

    def _scan(self, asked: dict[str, Any]) -> bytes:
        table = self.table(asked)
        segment, segments = asked.get("Segment", 0), asked.get("TotalSegments", 1)
        begun = asked.get("ExclusiveStartKey")
        place = table.places[table.keys.key_of(begun)] + 1 if begun else 0
        found: list[bytes] = []
        size, last = 0, None
        while place < len(table.order) and last is None:
            key, mark = table.order[place]
            place += 1
            if mark % segments != segment or (item := table.items.get(key)) is None:
                continue
            found.append(item)
            size += len(item)
            if size >= PAGE_BYTES or len(found) == asked.get("Limit"):
                last = item
        if "ProjectionExpression" in asked:
            shown = [orjson.dumps(_projected(orjson.loads(item), asked)) for item in found]
        else:
            shown = found
        page = b'{"Items":[%b],"Count":%d,"ScannedCount":%d' % (b",".join(shown), len(found), len(found))
        if last is None:
            return page + b"}"
        item = orjson.loads(last)
        return page + b',"LastEvaluatedKey":%b}' % orjson.dumps({name: item[name] for name, _, _ in table.keys.table})

    @staticmethod
    def _ttl(table: Table) -> dict[str, Any]:
        if not table.ttl.get("Enabled"):
            return {"TimeToLiveStatus": "DISABLED"}
        return {"TimeToLiveStatus": "ENABLED", "AttributeName": table.ttl["AttributeName"]}

    def _set_ttl(self, asked: dict[str, Any]) -> dict[str, Any]:
        table, wanted = self.table(asked), asked["TimeToLiveSpecification"]
        if bool(table.ttl.get("Enabled")) == wanted["Enabled"]:
            raise ValidationError(f"TimeToLive is already {'enabled' if wanted['Enabled'] else 'disabled'}")
        table.ttl = wanted
        return {"TimeToLiveSpecification": wanted}

    def _set_recovery(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.table(asked).recovery = asked["PointInTimeRecoverySpecification"]
        return self._recovery(asked)

    def _recovery(self, asked: dict[str, Any]) -> dict[str, Any]:
        on = self.table(asked).recovery.get("PointInTimeRecoveryEnabled", False)
        status = {"PointInTimeRecoveryStatus": "ENABLED" if on else "DISABLED"}
        return {
            "ContinuousBackupsDescription": {
                "ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": status,
            }
        }

    def _by_arn(self, asked: dict[str, Any]) -> Table:
        return self.table({"TableName": asked["ResourceArn"]})

    def _tag(self, asked: dict[str, Any]) -> dict[str, Any]:
        table = self._by_arn(asked)
        new = {one["Key"] for one in asked["Tags"]}
        table.tags = [one for one in table.tags if one["Key"] not in new] + asked["Tags"]
        return {}


def _projected(item: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes that a projection of whole attributes names."""
    if "ProjectionExpression" not in asked:
        return item
    names = asked.get("ExpressionAttributeNames", {})
    wanted = [names.get(one.strip(), one.strip()) for one in asked["ProjectionExpression"].split(",")]
    return {name: item[name] for name in wanted if name in item}
