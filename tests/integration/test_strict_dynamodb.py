"""The strict DynamoDB double, spoken to by boto3."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
import zstandard
from botocore.config import Config
from botocore.exceptions import ClientError
from doubles.strict_dynamodb import StrictDynamo
from endpoints import AwsEndpoint

pytestmark = pytest.mark.integration

KEYS = {
    "AttributeDefinitions": [
        {"AttributeName": "d", "AttributeType": "S"},
        {"AttributeName": "n", "AttributeType": "N"},
    ],
    "KeySchema": [{"AttributeName": "d", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def client(endpoint: str, service: str = "dynamodb") -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="ap-northeast-2",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    )


@pytest.fixture(params=["own tables", "moto"])
def dynamo(request: pytest.FixtureRequest, moto_server: AwsEndpoint) -> Iterator[Any]:
    upstream = None if request.param == "own tables" else moto_server.endpoint_url
    with StrictDynamo(upstream, s3=client(moto_server.endpoint_url, "s3")) as double:
        made = client(double.endpoint)
        made.create_table(TableName="t", **KEYS)
        yield made
        made.delete_table(TableName="t")
        made.close()


def item(number: int = 1, **attributes: Any) -> dict[str, Any]:
    return {"d": {"S": "x"}, "n": {"N": str(number)}, **attributes}


def refused(call: Callable[..., Any], **asked: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**asked)
    return str(caught.value.response["Error"]["Code"])


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"S": "bottom"}
    for level in range(levels - 1):
        value = {"L": [value]} if level % 2 else {"M": {"v": value}}
    return value


@pytest.mark.parametrize(
    "wrong",
    [
        {"d": {"S": ""}, "n": {"N": "1"}},
        {"d": {"S": "x"}},
        {"d": {"N": "1"}, "n": {"N": "1"}},
        {"d": {"S": "x" * 2049}, "n": {"N": "1"}},
        item(v={"N": "1" * 39}),
        item(v={"N": "1e126"}),
        item(v={"N": "1e-131"}),
        item(v={"N": "NaN"}),
        item(v={"N": "one"}),
        item(v=nested(33)),
        item(v={"M": {"": {"S": "x"}}}),
        item(v={"SS": ["a", "a"]}),
        item(v={"NS": ["1", "1.0"]}),
        item(v={"SS": []}),
        item(v={"S": "x", "N": "1"}),
        item(v={"S": "x" * (400 * 1024 - 5)}),
    ],
)
def test_items_that_the_service_refuses(dynamo: Any, wrong: dict[str, Any]) -> None:
    assert refused(dynamo.put_item, TableName="t", Item=wrong) == "ValidationException"
    batch = {"t": [{"PutRequest": {"Item": wrong}}]}
    assert refused(dynamo.batch_write_item, RequestItems=batch) == "ValidationException"


@pytest.mark.parametrize(
    "right",
    [
        item(v={"N": "1" * 38}),
        item(v={"N": "-9.9999999999999999999999999999999999999E+125"}),
        item(v={"N": "1E-130"}),
        item(v=nested(32)),
        item(v={"S": ""}, w={"NULL": True}, b={"B": b""}, l={"L": []}, m={"M": {}}, k={"BOOL": False}),
        item(v={"S": "x" * (400 * 1024 - 6)}),  # d x n 1 (2 bytes) v: 2 + 3 + 1
        {"d": {"S": "가" * 682 + "xx"}, "n": {"N": "0"}},
    ],
)
def test_items_at_the_limits_come_back(dynamo: Any, right: dict[str, Any]) -> None:
    dynamo.batch_write_item(RequestItems={"t": [{"PutRequest": {"Item": right}}]})
    (found,) = dynamo.scan(TableName="t")["Items"]
    assert set(found) == set(right)
    key = {name: right[name] for name in ("d", "n")}
    assert dynamo.get_item(TableName="t", Key=key)["Item"] == found
    dynamo.delete_item(TableName="t", Key=key)
    assert dynamo.scan(TableName="t")["Items"] == []


@pytest.mark.parametrize(
    ("sent", "kept"), [("1.10", "1.1"), ("1E-7", "0.0000001"), ("-0", "0"), ("1e3", "1000"), ("007", "7")]
)
def test_numbers_come_back_as_the_service_writes_them(dynamo: Any, sent: str, kept: str) -> None:
    dynamo.put_item(TableName="t", Item=item(v={"M": {"deep": {"L": [{"N": sent}]}}}))
    assert dynamo.scan(TableName="t")["Items"][0]["v"]["M"]["deep"]["L"] == [{"N": kept}]


def test_batches_are_held_to_their_limits(dynamo: Any) -> None:
    puts = [{"PutRequest": {"Item": item(number)}} for number in range(26)]
    assert refused(dynamo.batch_write_item, RequestItems={"t": puts}) == "ValidationException"
    assert refused(dynamo.batch_write_item, RequestItems={"t": []}) == "ValidationException"
    twice = [*puts[:2], {"DeleteRequest": {"Key": {"d": {"S": "x"}, "n": {"N": "1.0"}}}}]
    assert refused(dynamo.batch_write_item, RequestItems={"t": twice}) == "ValidationException"
    heavy = [{"PutRequest": {"Item": item(number, v={"B": b"x" * 409_000})}} for number in range(25)]
    assert not dynamo.batch_write_item(RequestItems={"t": heavy[:20]})["UnprocessedItems"]
    # a control character takes six bytes in JSON
    heavier = [{"PutRequest": {"Item": item(number, v={"S": "\x01" * 200_000})}} for number in range(25)]
    assert refused(dynamo.batch_write_item, RequestItems={"t": heavier}) == "ValidationException"
    assert dynamo.scan(TableName="t", Select="COUNT")["ScannedCount"] < 20  # a page ends at 1 MB


def test_capacity_is_counted(dynamo: Any) -> None:
    puts = [{"PutRequest": {"Item": item(n, v={"S": "x" * size})}} for n, size in enumerate((10, 1018, 1024, 4000))]
    answer = dynamo.batch_write_item(RequestItems={"t": puts}, ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"] == [{"TableName": "t", "CapacityUnits": 1 + 1 + 2 + 4}]
    assert "ConsumedCapacity" not in dynamo.batch_write_item(RequestItems={"t": puts})
    read = dynamo.scan(TableName="t", ReturnConsumedCapacity="TOTAL", ConsistentRead=True)
    assert read["ConsumedCapacity"]["CapacityUnits"] == 2


def test_unprocessed_items_come_by_the_seed() -> None:
    def left(seed: int) -> list[int]:
        with StrictDynamo(seed=seed, unprocessed=0.3) as double:
            made = client(double.endpoint)
            made.create_table(TableName="t", **KEYS)
            puts = [{"PutRequest": {"Item": item(number)}} for number in range(25)]
            answer = made.batch_write_item(RequestItems={"t": puts})["UnprocessedItems"]
            assert made.scan(TableName="t")["Count"] == 25 - len(answer["t"])
            return [int(one["PutRequest"]["Item"]["n"]["N"]) for one in answer["t"]]

    assert left(1) == left(1) != left(2)


def test_a_bucket_throttles_and_refills() -> None:
    with StrictDynamo(capacity=40, burst=1.0) as double:
        made = client(double.endpoint)
        made.create_table(TableName="t", **KEYS)
        began, done, throttled = time.monotonic(), 0, 0
        left = [{"PutRequest": {"Item": item(number)}} for number in range(100)]
        while left:
            try:
                answer = made.batch_write_item(RequestItems={"t": left[:25]})
            except made.exceptions.ProvisionedThroughputExceededException:
                throttled += 1
                time.sleep(0.02)
                continue
            back = answer["UnprocessedItems"].get("t", [])
            done += min(25, len(left)) - len(back)
            left = back + left[25:]
        seconds = time.monotonic() - began
        assert done == 100
        assert throttled > 0
        assert seconds > (100 - 41) / 40 * 0.9
        assert double.counts["units"] == 100


def test_indexes_refuse_keys_of_another_type_and_cost_units() -> None:
    index = {
        "IndexName": "by",
        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    kinds = [*KEYS["AttributeDefinitions"], {"AttributeName": "g", "AttributeType": "S"}]
    with StrictDynamo() as double:
        made = client(double.endpoint)
        made.create_table(TableName="t", **{**KEYS, "AttributeDefinitions": kinds}, GlobalSecondaryIndexes=[index])
        assert refused(made.put_item, TableName="t", Item=item(g={"NULL": True})) == "ValidationException"
        assert refused(made.put_item, TableName="t", Item=item(g={"S": ""})) == "ValidationException"
        put = {"t": [{"PutRequest": {"Item": item(g={"S": "x"})}}, {"PutRequest": {"Item": item(2)}}]}
        answer = made.batch_write_item(RequestItems=put, ReturnConsumedCapacity="TOTAL")
        assert answer["ConsumedCapacity"][0]["CapacityUnits"] == 3


def test_scans_by_segments_are_the_whole_and_pages_go_on() -> None:
    with StrictDynamo() as double:
        made = client(double.endpoint)
        made.create_table(TableName="t", **KEYS)
        for start in range(0, 200, 25):
            puts = [{"PutRequest": {"Item": item(n, v={"S": "x" * 30_000})}} for n in range(start, start + 25)]
            made.batch_write_item(RequestItems={"t": puts})
        found = []
        for segment in range(3):
            pages = made.get_paginator("scan").paginate(TableName="t", Segment=segment, TotalSegments=3)
            found += [int(one["n"]["N"]) for page in pages for one in page["Items"]]
        assert sorted(found) == list(range(200))
        shape = {"ProjectionExpression": "#n", "ExpressionAttributeNames": {"#n": "n"}}
        assert all(set(one) == {"n"} for one in made.scan(TableName="t", **shape)["Items"])


def test_tables_have_expiry_recovery_and_tags() -> None:
    with StrictDynamo() as double:
        made = client(double.endpoint)
        made.create_table(TableName="t", Tags=[{"Key": "a", "Value": "1"}], **KEYS)
        assert refused(made.create_table, TableName="t", **KEYS) == "ResourceInUseException"
        assert refused(made.describe_table, TableName="other") == "ResourceNotFoundException"
        assert refused(made.transact_write_items, TransactItems=[]) == "UnknownOperationException"
        on = {"Enabled": True, "AttributeName": "expireAt"}
        made.update_time_to_live(TableName="t", TimeToLiveSpecification=on)
        assert refused(made.update_time_to_live, TableName="t", TimeToLiveSpecification=on) == "ValidationException"
        told = made.describe_time_to_live(TableName="t")["TimeToLiveDescription"]
        assert told == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expireAt"}
        made.update_continuous_backups(
            TableName="t", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
        kept = made.describe_continuous_backups(TableName="t")["ContinuousBackupsDescription"]
        assert kept["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
        arn = made.describe_table(TableName="t")["Table"]["TableArn"]
        made.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
        assert {one["Key"] for one in made.list_tags_of_resource(ResourceArn=arn)["Tags"]} == {"a", "b"}
        assert made.waiter_names
        made.get_waiter("table_exists").wait(TableName="t")


def lines(*items: dict[str, Any]) -> bytes:
    return b"".join(json.dumps({"Item": one}).encode() + b"\n" for one in items)


def ended(ask: Callable[[], dict[str, Any]], status: str) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while (found := ask())[status] == "IN_PROGRESS":
        assert time.monotonic() < deadline, "it does not end"
        time.sleep(0.02)
    return found


@pytest.fixture
def bucket(moto_server: AwsEndpoint) -> Iterator[tuple[Any, str]]:
    s3 = client(moto_server.endpoint_url, "s3")
    name = f"loads-{time.time_ns()}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    good = [item(n, v={"N": "1.50"}) for n in range(30)]
    s3.put_object(Bucket=name, Key="plain/1.json", Body=lines(*good[:10]))
    s3.put_object(Bucket=name, Key="gzip/1.json.gz", Body=gzip.compress(lines(*good)))
    s3.put_object(Bucket=name, Key="zstd/1", Body=zstandard.compress(lines(*good, item(v={"N": "1" * 39}))))
    yield s3, name
    s3.close()


@pytest.mark.parametrize(
    ("prefix", "compression", "good", "bad"),
    [("plain/", "NONE", 10, 0), ("gzip/", "GZIP", 30, 0), ("zstd/", "ZSTD", 30, 1)],
)
def test_import_table_makes_a_table_from_s3(
    dynamo: Any, bucket: tuple[Any, str], prefix: str, compression: str, good: int, bad: int
) -> None:
    asked = {
        "ClientToken": prefix,
        "S3BucketSource": {"S3Bucket": bucket[1], "S3KeyPrefix": prefix},
        "InputFormat": "DYNAMODB_JSON",
        "InputCompressionType": compression,
        "TableCreationParameters": {"TableName": "made", **KEYS},
    }
    begun = dynamo.import_table(**asked)["ImportTableDescription"]
    assert dynamo.import_table(**asked)["ImportTableDescription"]["ImportArn"] == begun["ImportArn"]
    other = {**asked, "InputCompressionType": "ION"}
    assert refused(dynamo.import_table, **other) == "IdempotentParameterMismatchException"

    def ask() -> dict[str, Any]:
        found: dict[str, Any] = dynamo.describe_import(ImportArn=begun["ImportArn"])["ImportTableDescription"]
        return found

    done = ended(ask, "ImportStatus")
    assert (done["ImportStatus"], done["ImportedItemCount"], done["ErrorCount"]) == ("COMPLETED", good, bad)
    assert dynamo.scan(TableName="made")["Count"] == good
    again = {**asked, "ClientToken": "another"}
    assert refused(dynamo.import_table, **again) in ("ResourceInUseException", "ValidationException")
    dynamo.delete_table(TableName="made")


def test_bulk_put_goes_into_a_table_that_is_there(dynamo: Any, bucket: tuple[Any, str]) -> None:
    dynamo.put_item(TableName="t", Item=item(1, v={"S": "old"}))
    asked = {
        "TableName": "t",
        "InputS3Configuration": {
            "S3Bucket": bucket[1],
            "S3KeyPrefix": "zstd/",
            "InputFormat": "DYNAMODB_JSON",
            "InputCompressionType": "ZSTD",
        },
        "OutputS3Configuration": {"S3Bucket": bucket[1], "OutputType": []},
    }
    assert refused(dynamo.start_bulk_put_items, **asked, MaxWriteRequestUnits=1000) == "ValidationException"
    begun = dynamo.start_bulk_put_items(**asked)["BulkOperationDescription"]

    def ask() -> dict[str, Any]:
        arn = begun["BulkOperationArn"]
        found: dict[str, Any] = dynamo.describe_bulk_operation(BulkOperationArn=arn)["BulkOperationDescription"]
        return found

    done = ended(ask, "BulkOperationStatus")
    assert (done["BulkOperationStatus"], done["FailedItemCount"]) == ("COMPLETED_WITH_ERRORS", 1)
    found = {one["n"]["N"]: one["v"] for one in dynamo.scan(TableName="t")["Items"]}
    assert len(found) == 30
    assert found["1"] == {"N": "1.5"}
    missing = {**asked, "TableName": "none"}
    assert refused(dynamo.start_bulk_put_items, **missing) in ("ResourceNotFoundException", "ValidationException")
