"""The mapping on dynalite: whatever document there is, its item is taken, and is the document when it is read back."""

from __future__ import annotations

import base64
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import boto3
import dynalite_server
import orjson
import pytest
from external import missing, need
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wkms_migrate.clients.azure_cosmos import Container, decoded
from wkms_migrate.config import Aws
from wkms_migrate.errors import WkmsError
from wkms_migrate.lab import servers
from wkms_migrate.phases.cosmos import table_shape, values
from wkms_migrate.phases.cosmos.items import ItemMap, stripped
from wkms_migrate.phases.cosmos.job import Job
from wkms_migrate.phases.cosmos.keys import keys_of
from wkms_migrate.phases.cosmos.mapping_file import ContainerRules, index_keys
from wkms_migrate.phases.cosmos.settings import Tables
from wkms_migrate.phases.cosmos.size import MAX_ITEM_BYTES, item_bytes

pytestmark = pytest.mark.integration

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = (
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([1e308, 5e-324, -0.0, 0.1, 2**63, 1e22, 9.99e125, 1e126, 1e-130, 1e-131])
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | st.just(""), inner, max_size=4),
    max_leaves=20,
)
RULES = ItemMap(keys=keys_of(("/k",)), default_ttl=60, expiry_name="expireAt")
PLAIN = ItemMap(keys=keys_of(("/k",)), default_ttl=None, expiry_name="expireAt")
IDS = itertools.count()


@pytest.fixture(scope="module")
def dynamo(serve: Callable[[servers.Server], servers.Ports]) -> Iterator[Any]:
    need("node")
    need("npm")
    try:
        installed = dynalite_server.install()
    except WkmsError as error:
        missing(error.message)
    port = serve(dynalite_server.server(installed))["http"]
    client = boto3.client(
        "dynamodb",
        endpoint_url=f"http://{servers.HOST}:{port}",
        region_name=Aws().region,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    client.create_table(
        TableName="documents",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("k", "id")],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName="documents", WaiterConfig={"Delay": 1})
    yield client
    client.close()


def sent(document: dict[str, Any]) -> dict[str, Any]:
    return decoded(json.dumps({"Documents": [document]}).encode())[0]


def raw(item: bytes) -> dict[str, Any]:
    """Return an item as boto3 takes it: binary values in bytes."""
    return _bytes(orjson.loads(item))


def _bytes(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"B"} and isinstance(value["B"], str):
            return {"B": base64.b64decode(value["B"])}
        return {name: _bytes(inner) for name, inner in value.items()}
    return [_bytes(inner) for inner in value] if isinstance(value, list) else value


def _texts(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: _texts(inner) for name, inner in value.items()}
    return [_texts(inner) for inner in value] if isinstance(value, list) else value


def through(dynamo: Any, document: dict[str, Any], rules: ItemMap = RULES) -> dict[str, Any]:
    """Write the item of a document, read it back, and return the document that it is."""
    item = raw(rules.to_item(document).json)
    dynamo.put_item(TableName="documents", Item=item)
    key = {name: item[name] for name in ("k", "id")}
    return rules.from_item(_texts(dynamo.get_item(TableName="documents", Key=key)["Item"]))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(properties=st.dictionaries(TEXT | st.just(""), VALUES, max_size=6), key=VALUES)
def test_what_is_read_back_is_the_document(dynamo: Any, properties: dict[str, Any], key: Any) -> None:
    document = sent({**properties, "k": key, "id": f"문서 {next(IDS)}", "_ts": 1_700_000_000, "_etag": "e"})
    assert values.canonical(through(dynamo, document)) == values.canonical(stripped(document))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(NUMBERS, max_size=20), st.binary(max_size=9))
def test_sizes_are_told_to_the_byte(dynamo: Any, found: list[Any], data: bytes) -> None:
    notes: values.Notes = Counter()
    item = {"k": {"S": "a"}, "id": {"S": "size"}, "binary": values.binary(b"x", data)}
    item["numbers"] = {"L": [values.to_attribute(number, notes) for number in sent({"n": found})["n"]]}
    padding = MAX_ITEM_BYTES - item_bytes(item) - len("text")
    fits = raw(orjson.dumps({**item, "text": {"S": "x" * padding}}))
    dynamo.put_item(TableName="documents", Item=fits)
    with pytest.raises(dynamo.exceptions.ClientError, match="size"):
        dynamo.put_item(TableName="documents", Item=fits | {"text": {"S": "x" * (padding + 1)}})


@pytest.mark.parametrize("more", [0, 1])
def test_an_item_is_left_as_it_is_up_to_the_last_byte(dynamo: Any, more: int) -> None:
    length = MAX_ITEM_BYTES - len("kaid1text") + more
    document = sent({"id": "1", "k": "a", "text": "x" * length, "_ts": 1_700_000_000})
    assert ("~wkms" in orjson.loads(PLAIN.to_item(document).json)) == bool(more)
    assert through(dynamo, document, PLAIN)["text"] == "x" * length


def test_a_table_with_an_index_is_made_from_the_mapping(dynamo: Any) -> None:
    rules = ContainerRules.model_validate(
        {
            "table": "indexed",
            "keys": {"hash": {"name": "k", "paths": ["/k"]}, "range": {"name": "id", "paths": ["/id"]}},
            "indexes": [{"name": "by-page", "hash": [{"name": "k"}], "range": [{"name": "page", "type": "N"}]}],
        }
    )
    container = Container(name="indexed", rid="r", key_paths=("/k",), default_ttl=None, properties={})
    mapping = replace(PLAIN, index_keys=index_keys(rules))
    work = Job(container=container, table_key="indexed", mapping=mapping, rules=rules)
    dynamo.create_table(**table_shape.specification(work, "indexed", Tables()))
    dynamo.get_waiter("table_exists").wait(TableName="indexed", WaiterConfig={"Delay": 1})
    for name, page in {"one": 1, "two": "two", "none": None}.items():
        dynamo.put_item(TableName="indexed", Item=raw(mapping.to_item({"id": name, "k": "부서", "page": page}).json))
    asked = {"KeyConditionExpression": "k = :k", "ExpressionAttributeValues": {":k": {"S": "부서"}}}
    found = dynamo.query(TableName="indexed", IndexName="by-page", **asked)["Items"]
    assert [item["id"] for item in found] == [{"S": "one"}], "the others are in the table, not in the index"
    assert dynamo.scan(TableName="indexed")["Count"] == 3
