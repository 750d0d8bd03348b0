"""The short ways through moto's DynamoDB give what its own ways give."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from endpoints import AwsEndpoint

pytestmark = pytest.mark.integration

NUMBERS = itertools.count(1)


@pytest.fixture
def dynamo(moto_server: AwsEndpoint) -> Iterator[Any]:
    client = boto3.client(
        "dynamodb",
        endpoint_url=moto_server.endpoint_url,
        region_name=moto_server.region,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    yield client
    client.close()


def table(dynamo: Any, *keys: str, kind: str = "S") -> str:
    name = f"quick-{next(NUMBERS)}"
    dynamo.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": role} for key, role in zip(keys, ("HASH", "RANGE"), strict=False)],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def filled(dynamo: Any, name: str, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for start in range(0, len(items), 25):
        puts = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        dynamo.batch_write_item(RequestItems={name: puts})
    return items


def scanned(dynamo: Any, name: str, **options: Any) -> tuple[list[dict[str, Any]], int]:
    pages = list(dynamo.get_paginator("scan").paginate(TableName=name, **options))
    return [item for page in pages for item in page["Items"]], len(pages)


def items(count: int, size: int = 10) -> list[dict[str, Any]]:
    return [
        {
            "pk": {"S": f"열쇠 {number % 7}"},
            "sk": {"S": f"{number:04d}"},
            "text": {"S": "가" * size},
            "n": {"N": "1.50"},
            "l": {"L": [{"N": "1"}, {"NULL": True}, {"M": {"x": {"BOOL": False}}}]},
            "m": {"M": {}},
        }
        for number in range(count)
    ]


def by_key(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(found, key=lambda item: (item["pk"]["S"], item.get("sk", {}).get("S", "")))


def test_a_scan_gives_what_was_put_page_by_page(dynamo: Any) -> None:
    name = table(dynamo, "pk", "sk")
    put = filled(dynamo, name, items(130, size=10_000))
    found, pages = scanned(dynamo, name)
    assert found == by_key(put)
    assert pages == 4


def test_segments_share_the_table(dynamo: Any) -> None:
    name = table(dynamo, "pk", "sk")
    put = filled(dynamo, name, items(100))
    parts = [scanned(dynamo, name, Segment=one, TotalSegments=3)[0] for one in range(3)]
    assert by_key([item for part in parts for item in part]) == by_key(put)
    assert sum(1 for part in parts if part) > 1


def test_a_limit_and_a_table_without_a_sort_key(dynamo: Any) -> None:
    name = table(dynamo, "pk")
    put = filled(dynamo, name, [{"pk": {"S": str(number)}, "b": {"B": b"\x00\xff"}} for number in range(10)])
    page = dynamo.scan(TableName=name, Limit=4)
    assert page["Count"] == len(page["Items"]) == 4
    assert page["LastEvaluatedKey"] == {"pk": {"S": "3"}}
    assert scanned(dynamo, name, PaginationConfig={"PageSize": 3})[0] == by_key(put)


def test_a_page_goes_on_after_an_item_that_is_gone(dynamo: Any) -> None:
    name = table(dynamo, "pk", "sk")
    put = filled(dynamo, name, [{"pk": {"S": "a"}, "sk": {"S": str(number)}} for number in range(6)])
    dynamo.delete_item(TableName=name, Key=put[2])
    rest = dynamo.scan(TableName=name, ExclusiveStartKey=put[2])["Items"]
    assert rest == put[3:]


def test_conditions_and_number_keys_go_moto_s_own_way(dynamo: Any) -> None:
    name = table(dynamo, "n", kind="N")
    filled(dynamo, name, [{"n": {"N": str(number)}} for number in range(5)])
    assert sorted(item["n"]["N"] for item in scanned(dynamo, name)[0]) == list("01234")
    wanted = {"FilterExpression": "n = :two", "ExpressionAttributeValues": {":two": {"N": "2"}}}
    assert scanned(dynamo, name, **wanted)[0] == [{"n": {"N": "2"}}]


def test_an_item_is_refused_beyond_400_kb(dynamo: Any) -> None:
    name = table(dynamo, "pk")
    fits = 400 * 1024 - len("pk1t")
    dynamo.put_item(TableName=name, Item={"pk": {"S": "1"}, "t": {"S": "x" * fits}})
    with pytest.raises(dynamo.exceptions.ClientError, match="size"):
        dynamo.put_item(TableName=name, Item={"pk": {"S": "1"}, "t": {"S": "x" * (fits + 1)}})


def test_a_batch_still_refuses_a_key_twice(dynamo: Any) -> None:
    name = table(dynamo, "pk")
    with pytest.raises(dynamo.exceptions.ClientError, match="duplicates"):
        filled(dynamo, name, [{"pk": {"S": "1"}}, {"pk": {"S": "1"}}])
