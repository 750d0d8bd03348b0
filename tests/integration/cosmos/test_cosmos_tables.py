"""Tables: made from the mapping, or checked against it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import cosmos_driver
import pytest
import yaml
from cosmos_clouds import Clouds
from doubles.strict_dynamodb import StrictDynamo

from wkms_migrate.errors import ConfigError, Refused
from wkms_migrate.journal import RunState
from wkms_migrate.report.words import catalogue

pytestmark = pytest.mark.integration


def move(clouds: Clouds, endpoint: str, known: dict[str, str], **options: Any) -> cosmos_driver.Move:
    prepared = cosmos_driver.prepare(clouds.account, endpoint, clouds.folder, database=clouds.database.id, tables=known)
    prepared.configure(**options)
    return prepared


def client(endpoint: str) -> Any:
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return boto3.client("dynamodb", endpoint_url=endpoint, region_name="ap-northeast-2", **keys)


def mapping(folder: Path, **more: Any) -> Path:
    """Write a mapping with an index."""
    rules: dict[str, Any] = {
        "table": "documents",
        "keys": {
            "hash": {"name": "departmentId", "type": "S", "paths": ["/departmentId"]},
            "range": {"name": "id", "type": "S", "paths": ["/id"]},
        },
        "indexes": [{"name": "by-page", "hash": [{"name": "departmentId"}], "range": [{"name": "page", "type": "N"}]}],
        **more,
    }
    path = folder / "mapping.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "containers": {"documents": rules}}), encoding="utf-8")
    return path


ITEMS = [{"id": str(number), "departmentId": "인사", "page": number or None} for number in range(40)]


def told_of_table(state: RunState) -> list[Any]:
    return [one for one in state.findings.values() if one.step == "cosmos/table/documents" and one.code != "write-path"]


def result(state: RunState) -> Any:
    return state.steps["cosmos/table/documents"].result["table/documents"]


def test_a_table_is_made_from_the_mapping_with_all_that_is_asked_for(clouds: Clouds) -> None:
    clouds.container("documents", ["/departmentId"], ITEMS)
    wanted = {"make": True, "capacity": {"read": 50, "write": 4000}, "tags": {"team": "wkms"}, "kms_key": "alias/wkms"}
    with StrictDynamo() as strict:
        state = move(clouds, strict.endpoint, {}, mapping=str(mapping(clouds.folder)), tables=wanted).run()
        found = client(strict.endpoint).describe_table(TableName="wkms-documents")["Table"]
        backups = client(strict.endpoint).describe_continuous_backups(TableName="wkms-documents")
        tags = client(strict.endpoint).list_tags_of_resource(ResourceArn=found["TableArn"])["Tags"]
    assert result(state) == {"name": "wkms-documents", "made": True, "path": "batch"}
    assert found["KeySchema"] == [
        {"AttributeName": "departmentId", "KeyType": "HASH"},
        {"AttributeName": "id", "KeyType": "RANGE"},
    ]
    (index,) = found["GlobalSecondaryIndexes"]
    assert (index["IndexName"], index["KeySchema"][1]) == ("by-page", {"AttributeName": "page", "KeyType": "RANGE"})
    assert found["ProvisionedThroughput"]["WriteCapacityUnits"] == 4000
    assert found["SSEDescription"]["Status"] == "ENABLED"
    assert tags == [{"Key": "team", "Value": "wkms"}]
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    assert found["ItemCount"] == 40


def test_a_second_run_finds_its_own_table_and_makes_nothing(clouds: Clouds) -> None:
    clouds.container("documents", ["/departmentId"], ITEMS)
    with StrictDynamo() as strict:
        first = move(clouds, strict.endpoint, {}, tables={"make": True})
        first.run()
        first.configure(tables={"make": True, "tags": {"a": "b"}})  # makes the step pending again
        state = first.run()
        assert strict.counts["CreateTable"] == 1
    assert result(state) == {"name": "wkms-documents", "made": False, "path": "batch"}


def test_without_leave_a_missing_table_is_refused(clouds: Clouds) -> None:
    clouds.container("documents", ["/departmentId"], ITEMS)
    with StrictDynamo() as strict:
        with pytest.raises(Refused, match="no table gone"):
            move(clouds, strict.endpoint, {"documents": "gone"}).run()
        folder = clouds.folder / "other"
        folder.mkdir()
        other = cosmos_driver.prepare(
            clouds.account, strict.endpoint, folder, database=clouds.database.id, tables={"chat": "chat"}
        )
        with pytest.raises(ConfigError, match="has no documents, but chat"):
            other.run()
        assert strict.counts["CreateTable"] == 0


KEYS: dict[str, Any] = {
    "TableName": "made",
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("departmentId", "id")],
    "KeySchema": [
        {"AttributeName": "departmentId", "KeyType": "HASH"},
        {"AttributeName": "id", "KeyType": "RANGE"},
    ],
}
ON_DEMAND = {"BillingMode": "PAY_PER_REQUEST"}
ENCRYPTED = {"SSESpecification": {"Enabled": True, "SSEType": "KMS"}}
VECTOR = {"path": "/embedding", "form": "float32", "index": {"dimensions": 3, "distance": "COSINE"}}
BY_PAGE = {
    "AttributeDefinitions": [*KEYS["AttributeDefinitions"], {"AttributeName": "page", "AttributeType": "N"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-page",
            "KeySchema": [
                {"AttributeName": "departmentId", "KeyType": "HASH"},
                {"AttributeName": "page", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}
NARROW = {
    "GlobalSecondaryIndexes": [BY_PAGE["GlobalSecondaryIndexes"][0] | {"Projection": {"ProjectionType": "KEYS_ONLY"}}]
}
ARN = "arn:aws:kms:ap-northeast-2:123456789012:key/"


@pytest.mark.parametrize(
    ("made", "options", "told"),
    [
        (ON_DEMAND | ENCRYPTED | BY_PAGE, {}, set()),
        (ON_DEMAND | ENCRYPTED, {}, {"index-missing"}),
        (ON_DEMAND | ENCRYPTED | BY_PAGE | NARROW, {}, {"index-differs"}),
        (ON_DEMAND | BY_PAGE, {}, {"not-encrypted-by-kms"}),
        (ON_DEMAND | ENCRYPTED | BY_PAGE, {"kms_key": ARN + "own"}, {"other-kms-key"}),
        (ON_DEMAND | ENCRYPTED | BY_PAGE, {"kms_key": "aws-managed"}, set()),
        (ON_DEMAND | ENCRYPTED | BY_PAGE, {"tags": {"team": "wkms", "cost": "1"}}, {"tags-differ"}),
        (
            ON_DEMAND | ENCRYPTED | BY_PAGE | {"Tags": [{"Key": "team", "Value": "wkms"}]},
            {"tags": {"team": "wkms"}},
            set(),
        ),
        (ON_DEMAND | ENCRYPTED | BY_PAGE, {"capacity": {"read": 1, "write": 2}}, {"billing-mode"}),
        (
            {"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 4000}} | ENCRYPTED | BY_PAGE,
            {},
            {"billing-mode"},
        ),
    ],
)
def test_what_terraform_made_otherwise_is_told_with_the_fix(
    clouds: Clouds, made: dict[str, Any], options: dict[str, Any], told: set[str]
) -> None:
    clouds.container("documents", ["/departmentId"], ITEMS[:2])
    with StrictDynamo() as strict:
        service = client(strict.endpoint)
        service.create_table(**KEYS | made)
        service.update_continuous_backups(
            TableName="made", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
        place = str(mapping(clouds.folder))
        state = move(clouds, strict.endpoint, {"documents": "made"}, mapping=place, tables=options).run()
        assert strict.counts["TagResource"] == strict.counts["CreateTable"] - 1 == 0, "what is there is not changed"
    found = {one.code: one for one in told_of_table(state)}
    assert set(found) == told
    assert all(one.hint and "made" in one.text for one in found.values())
    assert all(f"finding.{code}.says" in catalogue(language) for code in told for language in ("ko", "en"))
    assert result(state) == {"name": "made", "made": False, "path": "batch"}


def test_a_table_that_cannot_be_restored_is_a_risk(clouds: Clouds) -> None:
    clouds.container("documents", ["/departmentId"], ITEMS[:2])
    with StrictDynamo() as strict:
        client(strict.endpoint).create_table(**KEYS | ON_DEMAND | ENCRYPTED | BY_PAGE)
        place = str(mapping(clouds.folder))
        state = move(clouds, strict.endpoint, {"documents": "made"}, mapping=place).run()
    assert {(one.code, one.kind) for one in state.findings.values()} >= {("not-recoverable", "risk")}


def test_a_vector_index_is_made_and_its_lack_is_told(clouds: Clouds) -> None:
    items = [{"id": str(n), "departmentId": "인사", "embedding": [0.5, -0.25, n / 8]} for n in range(30)]
    clouds.container("documents", ["/departmentId"], items)
    with StrictDynamo() as strict:
        place = str(mapping(clouds.folder, vectors=[VECTOR]))
        state = move(clouds, strict.endpoint, {}, mapping=place, tables={"make": True}).run()
        (index,) = client(strict.endpoint).describe_table(TableName="wkms-documents")["Table"]["VectorIndexes"]
        assert told_of_table(state) == []
        assert all(one.ok for one in state.verified.values())
        (clouds.folder / "other").mkdir()
        client(strict.endpoint).create_table(**KEYS | ON_DEMAND | ENCRYPTED | BY_PAGE)
        other = cosmos_driver.prepare(
            clouds.account,
            strict.endpoint,
            clouds.folder / "other",
            database=clouds.database.id,
            tables={"documents": "made"},
            mapping=place,
        )
        (missing,) = [one for one in other.run().findings.values() if one.code == "vector-index-missing"]
    assert (index["Dimensions"], index["DistanceFunction"], index["IndexStatus"]) == (3, "COSINE", "ACTIVE")
    assert index["VectorAttribute"] == {"AttributeName": "embedding"}
    assert "3 dimensions of embedding by COSINE" in missing.text
    assert "update-table --table-name made" in missing.hint


def test_a_vector_index_with_provisioned_throughput_is_refused_before_anything_is_made(clouds: Clouds) -> None:
    clouds.container("documents", ["/departmentId"], ITEMS)
    with StrictDynamo() as strict:
        wanted = {"make": True, "capacity": {"read": 5, "write": 5}}
        place = str(mapping(clouds.folder, vectors=[VECTOR]))
        with pytest.raises(ConfigError, match="only a table on demand"):
            move(clouds, strict.endpoint, {}, mapping=place, tables=wanted).run()
        assert strict.counts["CreateTable"] == 0


def test_moto_makes_the_table_that_is_asked_for(clouds: Clouds) -> None:
    clouds.container("documents", ["/departmentId"], ITEMS)
    prepared = move(clouds, clouds.endpoint_url, {}, mapping=str(mapping(clouds.folder)))
    prepared.configure(tables={"make": True, "capacity": {"read": 5, "write": 500}, "tags": {"team": "wkms"}})
    prefix = "-".join(clouds.prefix.split("-")[:2])
    values = yaml.safe_load(prepared.file.read_text(encoding="utf-8"))
    prepared.file.write_text(yaml.safe_dump(values | {"name_prefix": prefix}), encoding="utf-8")
    state = prepared.run()
    assert all(one.ok for one in state.verified.values())
    assert told_of_table(state) == []
    name = f"{prefix}-documents"
    found = clouds.dynamo.describe_table(TableName=name)["Table"]
    assert found["GlobalSecondaryIndexes"][0]["KeySchema"] == BY_PAGE["GlobalSecondaryIndexes"][0]["KeySchema"]
    paged = clouds.dynamo.query(
        TableName=name,
        IndexName="by-page",
        KeyConditionExpression="departmentId = :d AND page > :p",
        ExpressionAttributeValues={":d": {"S": "인사"}, ":p": {"N": "35"}},
    )
    assert [item["page"]["N"] for item in paged["Items"]] == ["36", "37", "38", "39"]
    assert clouds.dynamo.list_tags_of_resource(ResourceArn=found["TableArn"])["Tags"] == [
        {"Key": "team", "Value": "wkms"}
    ]
